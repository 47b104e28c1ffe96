"""SILVER to GOLD: point-in-time vectors of payments and of loan applications."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.credit import PAYMENT_BEHAVIOUR
from features.entities import IDENTIFIERS
from features.fraud import FRAUD
from glue.tables import FURTHER, LOAN_FEATURES, TRANSACTION_FEATURES
from glue.transforms.events import Happened, paid_alone
from glue.transforms.windows import cell, with_calendar, with_closed_windows, with_open_windows, with_ratios

VECTOR_COLUMNS = [name for name in TRANSACTION_FEATURES.column_names if name not in {f.name for f in FURTHER}]


def transaction_features(paid: DataFrame, happened: Happened) -> DataFrame:
    """Vectors of the rows of `paid` (see `events.payments`) whose column `wanted` is true.

    `paid` and `happened` (events of those whose windows are closed, by kind) must reach back FRAUD.lookback before
    the first wanted row.
    """
    rows, asks = with_open_windows(paid, FRAUD, "customer_id", wanted="wanted"), paid.where("wanted")
    for entity in FRAUD.nightly:
        rows = with_closed_windows(rows, happened.get(entity, {}), FRAUD, entity, IDENTIFIERS[entity], asks)
    rows = with_ratios(with_calendar(rows, FRAUD), FRAUD)
    return rows.select(
        "transaction_id",
        "customer_id",
        "merchant_id",
        "event_time",
        F.lit(FRAUD.version).alias("feature_version"),
        F.lit(0).alias("blocked"),  # `marked` knows better
        *(F.col(name).cast("double").alias(name) for name in FRAUD.columns),
        "event_date",
    ).select(*VECTOR_COLUMNS, TRANSACTION_FEATURES.division)


def with_further(vectors: DataFrame, transactions: DataFrame) -> DataFrame:
    """Vectors as GOLD holds them: with what SILVER's `transactions` say besides of the same payments."""
    attributes = F.when(F.size("attributes") > 0, F.to_json("attributes"))
    told = [attributes.alias(f.name) if f.name == "attributes" else F.col(f.name) for f in FURTHER]
    besides = transactions.select("transaction_id", *told).dropDuplicates(["transaction_id"])  # the gate tells of them
    rows = vectors.join(besides, "transaction_id", "left")
    return rows.select(*TRANSACTION_FEATURES.column_names, TRANSACTION_FEATURES.division)


def marked(vectors: DataFrame, blocked: DataFrame) -> DataFrame:
    """Vectors that say whether their payment was blocked. `blocked` has a few of their `transaction_id`, each once."""
    found = F.broadcast(blocked.withColumn("_blocked", F.lit(1)))
    rows = vectors.join(found, "transaction_id", "left")
    return rows.withColumn("blocked", F.coalesce("_blocked", "blocked")).select(*vectors.columns)


def loan_features(applications: DataFrame, paid: DataFrame) -> DataFrame:
    """One row per loan application (SILVER) with what the customer's payments said when it was made."""
    zero = F.lit(0).cast("bigint")
    cells = [cell(of) for of in PAYMENT_BEHAVIOUR.cells()]
    history = (
        paid_alone(paid, PAYMENT_BEHAVIOUR)
        .select("customer_id", "counted_at", "count", "amount", *cells)
        .withColumn("loan_id", F.lit(None).cast("string"))
    )
    asked = applications.select(
        "customer_id",
        F.unix_millis("applied_at").alias("counted_at"),
        zero.alias("count"),
        zero.alias("amount"),
        *(zero.alias(name) for name in cells),
        "loan_id",
    )
    customers = asked.select("customer_id").distinct()
    timeline = history.join(customers, "customer_id", "left_semi").unionByName(asked)
    timeline = timeline.withColumn("wanted", F.col("loan_id").isNotNull())
    rows = with_open_windows(timeline, PAYMENT_BEHAVIOUR, "customer_id", wanted="wanted")
    behaviour = with_ratios(rows, PAYMENT_BEHAVIOUR).select(
        "loan_id", *(F.col(name).cast("double").alias(name) for name in PAYMENT_BEHAVIOUR.columns)
    )
    return (
        applications.join(behaviour, "loan_id", "left")
        .withColumn("attributes", F.to_json("attributes"))
        .withColumn("feature_version", F.lit(PAYMENT_BEHAVIOUR.version))
        .select(*LOAN_FEATURES.column_names, LOAN_FEATURES.division)
    )
