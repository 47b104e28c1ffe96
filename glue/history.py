"""How far back the lake is read: the events that the vectors of some days depend on."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.declaration import DAY, EntityName, Kind
from features.entities import IDENTIFIERS
from features.fraud import FRAUD, LABEL_PATIENCE
from features.values import instant
from glue.arguments import days, days_before
from glue.lake import Lake, schema
from glue.tables import LATE, SILVER
from glue.transforms.events import (
    FLAGS,
    FURTHER_KEYS,
    Happened,
    by_entity,
    day,
    first_payments,
    located,
    payments,
    reach,
)

TRANSACTIONS = SILVER["transactions"]


@dataclass(frozen=True)
class History:
    """`paid` is what `events.payments` gives; `happened` what else happened to merchants and accounts."""

    paid: DataFrame
    happened: Happened


def read_history(spark: SparkSession, lake: Lake, first: str, last: str) -> History | None:
    """Everything that the vectors of the days from `first` to `last` depend on; none without a payment."""
    late = late_payments(spark, lake)
    start = days_before(first, reach("payment") + 1)
    near = set(days(start, last)) | days_of_late(late, start, first, last)
    transactions = lake.read(spark, TRANSACTIONS, near)
    if transactions is None:
        return None
    # Read once, since many windows ask for it; and no part of their plans, which Spark would spell out again and again.
    paid = payments(transactions, late, first_moments(spark, lake, near, late)).localCheckpoint()

    told_from = days_before(first, reach("label") + 1)
    until = max(near)  # a late payment of the last day counts later, and sees what was told until then
    # However old: a label that is stamped long before its payment counts at its payment, whatever days are asked for.
    stamped = [month for month in lake.divisions(SILVER["fraud_labels"]) if month <= until[:7]]
    labels = lake.read(spark, SILVER["fraud_labels"], stamped)
    told = None
    if labels is not None:
        flags_reach = -(-FLAGS.lookback("payment") // DAY)
        start = days_before(told_from, LABEL_PATIENCE // DAY + flags_reach + 1)
        # A payment has its flags at the moment at which it counts, however late, and its label may be there before.
        deep = near | set(days(start, until)) | days_of_late(late, start, start, until)
        held = set(lake.divisions(TRANSACTIONS))
        further = None if deep & held == near & held else lake.read(spark, TRANSACTIONS, deep)
        since = instant(max(told_from, "1970-01-01"))  # nothing happened before, as the platform counts time
        told = located(labels, paid if further is None else payments(further, late), since).localCheckpoint()

    applications = lake.read(spark, SILVER["loan_applications"])
    observed = lake.read(spark, SILVER["loan_outcomes"])
    happened = by_entity(paid, told, applications, observed)
    return History(paid, {entity: met(entity, kinds) for entity, kinds in happened.items()})


def first_moments(spark: SparkSession, lake: Lake, near: set[str], late: DataFrame | None) -> DataFrame | None:
    """What `first_payments` gives of all days before the last of `near` that are not read anyway; none where no feature
    asks for it. It needs three columns of them."""
    if not FRAUD.since_first:
        return None
    others = [held for held in lake.divisions(TRANSACTIONS) if held < max(near) and held not in near]
    transactions = lake.read(spark, TRANSACTIONS, others)
    return None if transactions is None else first_payments(transactions, late)


def met(entity: EntityName, kinds: dict[Kind, DataFrame]) -> dict[Kind, DataFrame]:
    """Nothing where no payment names such an entity: then nobody asks about one, and Spark need not look for it."""
    may_be_absent = IDENTIFIERS[entity] in FURTHER_KEYS
    return {} if may_be_absent and all(rows.isEmpty() for rows in kinds.values()) else kinds


def late_payments(spark: SparkSession, lake: Lake) -> DataFrame | None:
    """What the doors told of late payments, each note with `put_at`: when S3 took it."""
    if not lake.keys(f"{LATE.prefix}/"):
        return None
    told = spark.read.schema(schema(LATE)).json(lake.path(f"{LATE.prefix}/"))
    names = [c.name for c in LATE.columns]
    return told.select(*names, F.col("_metadata.file_modification_time").alias("put_at"))


def days_of_late(late: DataFrame | None, start: str, first: str, last: str) -> set[str]:
    """Days to read besides those from `start` to `last`: of late payments that count among them, and up to where those
    that happened from `first` to `last` count."""
    if late is None:
        return set()
    happened, counts = F.substring("event_time", 1, 10), day(F.col("counted_at"))
    rows = late.select(happened.alias("happened"), counts.alias("counts")).distinct().collect()
    earlier = {row["happened"] for row in rows if row["happened"] < start and start <= row["counts"] <= last}
    ends = [row["counts"] for row in rows if first <= row["happened"] <= last < row["counts"]]
    return earlier | set(days(last, max(ends)) if ends else ())
