"""What happened, as the engines see it: SILVER rows with the moment at which each counts."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.clocks import LONGEST, OFFSET
from features.declaration import (
    DAY,
    MINUTE,
    CalendarPart,
    EntityName,
    FeatureSet,
    Kind,
    LocalPart,
    Prefix,
    needs,
)
from features.entities import IDENTIFIERS
from features.fraud import FRAUD, LABEL_PATIENCE
from features.payment import CONTROL, LONGEST_IDENTIFIER
from features.places import MICRO
from features.state import AUTHORISED
from features.values import BLANKS, MISSING
from glue.transforms.windows import APART, FIRST, PLACE, cell, part_of, tile_of, with_open_windows

Happened = dict[EntityName, dict[Kind, DataFrame]]

# By what entities are known, and what of payments is looked at.
KEYS = tuple(dict.fromkeys(IDENTIFIERS[entity] for entity in FRAUD.nightly))
FURTHER_KEYS = tuple(key for key in KEYS if key not in ("customer_id", "merchant_id"))
CELLS = tuple(dict.fromkeys(of for entity in IDENTIFIERS for of in FRAUD.cells(entity)))

# The flags that labels carry and what they compare, without the rest of the set.
_COMPARED = {name for flag in FRAUD.carried for name in needs(flag)}
_COMPARED |= {recurrence.among.name for recurrence in FRAUD.recurrences if recurrence.name in _COMPARED}
FLAGS = FeatureSet(
    "flags",
    tuple(f for f in FRAUD.features if f in FRAUD.carried or f.name in _COMPARED),
    columns=tuple(flag.name for flag in FRAUD.carried),
    declines="decline" in FRAUD.apart,
    blocks="block" in FRAUD.apart,
)


def payments(transactions: DataFrame, late: DataFrame | None = None, earlier: DataFrame | None = None) -> DataFrame:
    """SILVER transactions with `at`, `counted_at`, `count`, `amount` and what features look at of a payment besides.

    A payment counts at its event time, or a moment later where another one of its customer counts there. One that a
    door met late, or ahead, counts at the moment the door says (`late`: `transaction_id, counted_at, blocked,
    decided_at`), and as a block where the door's last decision says so: the lake must not know it otherwise than the
    decisions of that time did. Whole days give what each of them gives alone.
    `earlier` is what `first_payments` gives of the days that are not among them.
    """
    rows = with_first(with_moments(with_told(transactions, late)), earlier)
    return rows.select(
        "transaction_id",
        "customer_id",
        "merchant_id",
        "event_time",
        "event_date",
        "at",
        "counted_at",
        one().alias("count"),
        F.col("amount_cents").alias("amount"),
        *([FIRST] if FRAUD.since_first else []),
        *(where_made(rows) if FRAUD.travels else []),
        *(of_kind(rows, kind).alias(APART[kind]) for kind in FRAUD.apart),
        *(identifier(naming(rows, key)).alias(key) for key in FURTHER_KEYS),
        *(cell_of(rows, of).alias(cell(of)) for of in CELLS),
    )


def with_told(transactions: DataFrame, late: DataFrame | None) -> DataFrame:
    """Adds `at`, `_told`: when a payment counts as a door has told, null where none has or that is its stamp; and
    `_blocked`: 1 where the last decision of a door is that it counts as a block, else 0 or null."""
    rows = transactions.withColumn("at", F.unix_millis("event_time"))
    if late is None:
        return rows.withColumns({"_told": F.lit(None).cast("bigint"), "_blocked": F.lit(0)})
    said = F.col("blocked") if "blocked" in late.columns else F.lit(0)
    when = F.col("decided_at") if "decided_at" in late.columns else F.lit(0)
    told = {"_told": F.max("counted_at"), "_blocked": F.max_by(F.coalesce(said, F.lit(0)), F.coalesce(when, F.lit(0)))}
    known = late.groupBy("transaction_id").agg(*(found.alias(name) for name, found in told.items()))
    joined = rows.join(F.broadcast(known), "transaction_id", "left")
    return joined.withColumn("_told", F.when(F.col("_told") != F.col("at"), F.col("_told")))


def first_payments(transactions: DataFrame, late: DataFrame | None = None) -> DataFrame:
    """`customer_id` and FIRST: when the first of each customer's payments counted. Nothing counts before it happened,
    and of those that no door met the first one counts at its stamp."""
    rows = with_told(transactions, late)
    for kind in FRAUD.apart:
        rows = rows.where(of_kind(rows, kind) == 0)
    return rows.groupBy("customer_id").agg(F.min(F.coalesce("_told", "at")).alias(FIRST))


def with_first(rows: DataFrame, earlier: DataFrame | None) -> DataFrame:
    if not FRAUD.since_first:
        return rows
    if earlier is None:
        return rows.withColumn(FIRST, F.lit(None).cast("bigint"))
    return rows.join(earlier, "customer_id", "left")


def cell_of(rows: DataFrame, of: str) -> Column:
    """What payments say in a column, as `features.vector.cells_of` has it: a fingerprint of a text, or a part of the
    calendar; null where they say nothing."""
    part = next((part for part in FRAUD.calendar if part.name == of), None)
    if isinstance(part, CalendarPart):
        return part_of(part)
    local = next((local for local in FRAUD.local if local.name == of), None)
    if local is not None:
        then = F.col("at") + minutes_east(said(rows, local.column), local) * MINUTE
        return F.pmod(tile_of(then, local.unit) + local.shift, F.lit(local.modulo))
    prefix = next((prefix for prefix in FRAUD.prefixes if prefix.name == of), None)
    if prefix is not None:
        return F.crc32(cut(said(rows, prefix.column), prefix).cast("binary"))
    return F.crc32(said(rows, of).cast("binary"))


def minutes_east(text: Column, local: LocalPart) -> Column:
    """As `features.clocks.minutes_east`."""
    if local.offsets:
        return F.create_map(*(F.lit(told) for offset in local.offsets for told in offset))[text]
    whole = f"^(?:{OFFSET})\\z"  # Java's dollar would let a line end follow
    sign, hours, minutes = (F.regexp_extract(text, whole, group) for group in (1, 2, 3))
    told = hours.cast("int") * 60 + minutes.cast("int")
    read = F.when(sign == "-", -told).when(sign == "+", told).otherwise(0)
    return F.when((F.length(text) <= LONGEST) & text.rlike(whole), read)


def cut(text: Column, prefix: Prefix) -> Column:
    """As `Prefix.cut`, and null of nothing."""
    if not prefix.separator:
        return F.substring(text, 1, prefix.parts)
    return F.nullif(F.substring_index(text, prefix.separator, prefix.parts), F.lit(""))


def where_made(rows: DataFrame) -> list[Column]:
    """PLACE, both or none, as `features.places.place_of` has it."""
    sides = [F.col(name) if name in rows.columns else F.lit(None).cast("int") for name in PLACE]
    there = sides[0].isNotNull() & sides[1].isNotNull() & (F.abs(sides[0]) <= 90 * MICRO)
    return [F.when(there, side).cast("bigint").alias(name) for name, side in zip(PLACE, sides, strict=True)]


def of_kind(rows: DataFrame, kind: Kind) -> Column:
    """1 of what `features.state.kind_of` takes for one of a kind that is apart, else 0. Rows as `with_told` gives."""
    declined = said(rows, AUTHORISED).cast("int") == 0
    if kind == "decline":
        found = declined
    else:
        found = F.col("_blocked") == 1
        if "decline" in FRAUD.apart:
            found = found & ~F.coalesce(declined, F.lit(False))
    return F.coalesce(found.cast("bigint"), F.lit(0).cast("bigint"))


def naming(rows: DataFrame, key: str) -> Column:
    """What payments say in a column that names an entity, or what it begins with, as `features.entities` has it."""
    prefix = next((prefix for prefix in FRAUD.prefixes if prefix.name == key), None)
    return said(rows, key) if prefix is None else cut(said(rows, prefix.column), prefix)


def identifier(said: Column) -> Column:
    """As `Payment.identifier`: null where it could be nobody's."""
    return F.when((F.length(said) <= LONGEST_IDENTIFIER) & ~said.rlike(CONTROL), said)


def said(rows: DataFrame, column: str) -> Column:
    """What SILVER has of a column, the contract's or one that a bank brings besides."""
    if column in rows.columns:
        return F.col(column)
    if "attributes" in rows.columns:
        text = F.btrim(F.col("attributes")[column], F.lit(BLANKS))
        return F.when(~text.isin("", *MISSING), text)
    return F.lit(None).cast("string")


def with_moments(rows: DataFrame) -> DataFrame:
    """Adds `counted_at` to rows with `customer_id, event_date, at, transaction_id, _told`: what a door has told, and of
    the others `features.moments.met_by_no_door`."""
    alone = Window.partitionBy("customer_id", "event_date", F.col("_told").isNull()).orderBy("at", "transaction_id")
    so_far = alone.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    # A moment after the one before, or the stamp: seen from its place, the latest stamp so far.
    placed = rows.withColumn("_place", F.row_number().over(alone))
    spread = F.max(F.col("at") - F.col("_place")).over(so_far) + F.col("_place")
    of_day = F.least(spread, F.expr(f"(at div {DAY}) * {DAY} + {DAY - 1}"))
    return placed.withColumn("counted_at", F.coalesce("_told", of_day)).drop("_place")


def counted_labels(labels: DataFrame, paid: DataFrame) -> DataFrame:
    """Labels (SILVER) of the payments in `paid` as events of both sides, without the flags.

    A label counts when it was reported, and not before its payment. Told again, maybe by another channel, it is the
    same label: of those that say the same of a payment the first counts, so `labels` must reach back to it. One that
    came later than LABEL_PATIENCE is left out: it still teaches, but history must end somewhere.
    """
    return (
        first_told(labels)
        .join(paid.select("transaction_id", *KEYS, "at"), "transaction_id")
        .where(F.unix_millis("reported_at") - F.col("at") <= LABEL_PATIENCE)
        .select(
            "transaction_id",
            *KEYS,
            F.greatest(F.unix_millis("reported_at"), F.col("at")).alias("counted_at"),
            one().alias("count"),
            F.col("is_fraud").cast("bigint").alias("fraud"),
        )
    )


def first_told(labels: DataFrame) -> DataFrame:
    """`transaction_id, is_fraud, reported_at`: each judgement once, when it was first told."""
    return labels.groupBy("transaction_id", "is_fraud").agg(F.min("reported_at").alias("reported_at"))


def located(labels: DataFrame, paid: DataFrame, since: int = 0) -> DataFrame:
    """Labels (SILVER) as events of all sides: whom they are about, `counted_at, count, fraud`, and flags.

    Of those that count from `since` (ms) on. `paid` is what `payments` gives, and reaches back LABEL_PATIENCE and the
    flags' own windows before that. Flags are asked of frauds only: the others' count for nothing.
    """
    told = counted_labels(labels, paid).where(F.col("counted_at") >= since)
    frauds = told.where("fraud = 1").select("transaction_id", "customer_id").distinct()
    theirs = paid.join(frauds.select("customer_id").distinct(), "customer_id", "left_semi")
    flagged = with_open_windows(theirs, FLAGS, "customer_id").select("transaction_id", *FLAGS.columns)
    known = flagged.join(frauds.select("transaction_id"), "transaction_id", "left_semi")
    return told.join(known, "transaction_id", "left").fillna(0, list(FLAGS.columns))


def loans(applications: DataFrame) -> DataFrame:
    """SILVER loan applications as events of the account."""
    return applications.select(
        "customer_id",
        F.unix_millis("applied_at").alias("counted_at"),
        one().alias("count"),
        F.coalesce("amount_cents", F.lit(0).cast("bigint")).alias("amount"),
    )


def outcomes(observed: DataFrame, applications: DataFrame) -> DataFrame:
    """SILVER loan outcomes as events of the account, when they were observed and not before the application."""
    return observed.join(applications.select("loan_id", "customer_id", "applied_at"), "loan_id").select(
        "customer_id",
        F.greatest(F.unix_millis("observed_at"), F.unix_millis("applied_at")).alias("counted_at"),
        one().alias("count"),
        F.col("defaulted").cast("bigint").alias("default"),
    )


def by_entity(
    paid: DataFrame,
    told: DataFrame | None = None,
    applications: DataFrame | None = None,
    observed: DataFrame | None = None,
) -> Happened:
    """What happened to those whose windows are closed, by kind: `paid` and `told` are what `payments` and `located`
    give, the others SILVER's loan applications and outcomes. Accounts do not count their own payments."""
    found: Happened = {}
    for entity in FRAUD.nightly:
        named = F.col(IDENTIFIERS[entity]).isNotNull()
        found[entity] = {} if entity == "account" else attempts(paid.where(named), entity)
        if told is not None:
            found[entity]["label"] = told.where(named)
    if applications is not None:
        found["account"]["loan"] = loans(applications)
        if observed is not None:
            found["account"]["outcome"] = outcomes(observed, applications)
    return found


def attempts(paid: DataFrame, entity: EntityName) -> dict[Kind, DataFrame]:
    """Payments by the kinds that the entity's windows count."""
    found: dict[Kind, DataFrame] = {"payment": paid_alone(paid, FRAUD)}
    for kind in FRAUD.apart:
        if counts(entity, kind) or counts(entity, "attempt"):
            found[kind] = paid.where(F.col(APART[kind]) == 1)
    if counts(entity, "attempt"):
        found["attempt"] = paid
    return found


def paid_alone(paid: DataFrame, features: FeatureSet) -> DataFrame:
    """What `payments` gives without what the set has as kinds of their own."""
    for kind in features.apart:
        paid = paid.where(F.col(APART[kind]) == 0)
    return paid


def counts(entity: EntityName, kind: Kind) -> bool:
    return any((w.entity, w.kind) == (entity, kind) for w in FRAUD.windows)


def before(rows: DataFrame, instant: int) -> DataFrame:
    """What counted before an instant (ms)."""
    return rows.where(F.col("counted_at") < instant)


def day(milliseconds: Column) -> Column:
    return F.date_format(F.timestamp_millis(milliseconds), "yyyy-MM-dd")


def reach(*kinds: Kind) -> int:
    """Whole days of events that the vectors of a day look back on."""
    return -(-FRAUD.lookback(*kinds) // DAY)


def one() -> Column:
    return F.lit(1).cast("bigint")
