"""Which days of GOLD a batch of SILVER makes old: its own, and those whose vectors would have seen its late rows.

What the doors told of late payments since the batch before makes days old, too: a payment that lies in the lake already
counts at another moment from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.contract import CONTRACTS
from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import DAY
from features.fraud import LABEL_PATIENCE
from features.values import day as day_named
from glue.history import late_payments
from glue.lake import Lake
from glue.tables import LATE, SILVER, Table
from glue.transforms.events import counted_labels, loans, outcomes, payments, reach
from glue.transforms.events import day as day_of

SIDES = ("customer_id", "merchant_id")  # whose records payments and labels enter
NOTES = "quality/late_notes.json"  # by batch, up to when its GOLD knows what the doors told of late payments
SLACK = timedelta(minutes=5)  # S3 dates an object by the beginning of its upload


# Entities that vectors are made of, each with what dates a row. Rates are in the amounts of payments already.
FELT = {
    name: CONTRACTS[name].dated_by for name in ("transactions", "fraud_labels", "loan_applications", "loan_outcomes")
}


def reopened(spark: SparkSession, lake: Lake, batch: str) -> dict[str, list[str]]:
    """Days of `transaction_features` and months (by their first day) of `loan_features` to make again.

    Under `happened`, the days of what the batch brought or changed: whose records of customers and merchants are old.
    """
    silver = Silver(spark, lake, late_payments(spark, lake))
    held = {name: lake.divisions_with(SILVER[name], batch) for name in FELT}
    new = {name: of_batch(spark, lake, SILVER[name], batch, divisions) for name, divisions in held.items()}
    moved = silver.moved(notes_since(lake, batch))
    days, months = set(held["transactions"]), set(held["loan_applications"])
    if moved is not None:
        days |= divisions_of(moved, "event_date")
    happened = {found for name, rows in new.items() if rows is not None for found in days_in(rows, FELT[name])}
    for change in changes(silver, new, moved, days):
        found = change.found()
        if found is None:
            continue
        happened |= found.days
        for key in change.keys:
            days |= divisions_of(silver.later(change, found, key, leave_out=days), "event_date")
        if change.of_payments:
            months |= divisions_of(silver.later_loans(change, found, leave_out=months), "event_month")
    return {
        "happened": sorted(happened),
        "transaction_features": sorted(days),
        "loan_features": sorted(f"{month}-01" for month in months),
    }


def notes_since(lake: Lake, batch: str) -> datetime | None:
    """Up to when the GOLD of the batches before knew what the doors told; none when there is no such batch.

    The batch's own mark is left aside, so that its days are the same when it is run again.
    """
    marks = {name: datetime.fromisoformat(at) for name, at in (lake.get_json(NOTES) or {}).items()}
    own = marks.get(batch)
    return max((at for name, at in marks.items() if name != batch and (own is None or at < own)), default=None)


def newest_note(lake: Lake) -> datetime | None:
    """When the doors last told of a late payment, by S3's clock. To be asked before GOLD is made."""
    return max(lake.objects(f"{LATE.prefix}/").values(), default=None)


def keep_mark(lake: Lake, batch: str, newest: datetime | None) -> None:
    """To be called when the batch's GOLD is written."""
    if newest is not None:
        lake.put_json(NOTES, {**(lake.get_json(NOTES) or {}), batch: newest.isoformat()})


@dataclass(frozen=True)
class Found:
    """The first and the last moment (ms) of a change, and all its days."""

    first: int
    last: int
    days: set[str]


@dataclass(frozen=True)
class Change:
    """Events that are there anew, or count at another moment: rows of some keys, of which vectors between `since` and
    `until` (ms), and for some days more, know something else than before."""

    rows: DataFrame
    keys: tuple[str, ...]
    seen_for: int
    of_payments: bool = False

    def found(self) -> Found | None:
        ends = F.collect_set(day_of(F.col("since"))), F.collect_set(day_of(F.col("until")))
        (row,) = self.rows.agg(F.min("since"), F.max("until"), *ends).collect()
        return None if row[0] is None else Found(row[0], row[1], {*row[2], *row[3]})


@dataclass(frozen=True)
class Silver:
    """SILVER with the moments at which its rows count. `late` is what `late_payments` gives."""

    spark: SparkSession
    lake: Lake
    late: DataFrame | None

    @cached_property
    def days(self) -> list[str]:
        return self.lake.divisions(SILVER["transactions"])

    @cached_property
    def late_days(self) -> list[tuple[str, str]]:
        """The days on which late payments happened and count."""
        if self.late is None:
            return []
        pairs = self.late.select(F.substring("event_time", 1, 10), day_of(F.col("counted_at"))).distinct()
        return [(happened, counts) for happened, counts in pairs.collect()]

    def rows(self, entity: str) -> DataFrame | None:
        return self.lake.read(self.spark, SILVER[entity])

    def paid(self, days: Iterable[str]) -> DataFrame | None:
        rows = self.lake.read(self.spark, SILVER["transactions"], days)
        return None if rows is None else payments(rows, self.late)

    def moved(self, since: datetime | None) -> DataFrame | None:
        """Payments of which the doors told after a moment that they count later than they happened."""
        if self.late is None:
            return None
        told = self.late if since is None else self.late.where(F.col("put_at") >= F.lit(since - SLACK))
        days = {row[0] for row in told.select(F.substring("event_time", 1, 10)).distinct().collect()}
        paid = self.paid(days & set(self.days))
        if paid is None:
            return None
        return paid.join(F.broadcast(told.select("transaction_id").distinct()), "transaction_id", "left_semi").cache()

    def counting(self, first: int, last: int) -> set[str]:
        """The divisions that hold all payments which count between two moments (ms)."""
        begin, end = day_named(first), day_named(last)
        late = {happened for happened, counts in self.late_days if begin <= counts <= end}
        return {d for d in self.days if begin <= d <= end or d in late}

    def later(self, change: Change, found: Found, key: str, leave_out: Iterable[str] = ()) -> DataFrame | None:
        """Payments of a change's keys that come after it while it is still seen, some divisions aside."""
        among = self.counting(found.first, found.last + change.seen_for * DAY) - set(leave_out)
        paid = self.paid(among) if among else None
        return None if paid is None else after(paid, "counted_at", change, key, change.seen_for)

    def later_loans(self, change: Change, found: Found, leave_out: Iterable[str] = ()) -> DataFrame | None:
        """Loan applications of customers of changed payments, made while these are still seen."""
        seen_for = -(-PAYMENT_BEHAVIOUR.lookback("payment") // DAY)
        begin, end = day_named(found.first)[:7], day_named(found.last + seen_for * DAY)[:7]
        held = self.lake.divisions(SILVER["loan_applications"])
        among = {month for month in held if begin <= month <= end} - set(leave_out)
        rows = self.lake.read(self.spark, SILVER["loan_applications"], among) if among else None
        if rows is None:
            return None
        return after(rows.withColumn("at", F.unix_millis("applied_at")), "at", change, "customer_id", seen_for)


def after(rows: DataFrame, at: str, change: Change, key: str, seen_for: int) -> DataFrame:
    spans = change.rows.groupBy(key).agg(F.min("since").alias("_begin"), F.max("until").alias("_end"))
    while_seen = (F.col(at) > F.col("_begin")) & (F.col(at) <= F.col("_end") + seen_for * DAY)
    return rows.join(spans, key).where(while_seen).drop("_begin", "_end")


def changes(
    silver: Silver, new: dict[str, DataFrame | None], moved: DataFrame | None, days: set[str]
) -> Iterator[Change]:
    """What a batch changes in payments' vectors. `days` are made again in any case."""
    paid = None if new["transactions"] is None else payments(new["transactions"], silver.late)
    shifted = together(
        None if paid is None else spanning(paid, SIDES, "counted_at"),
        None if moved is None else spanning(moved, SIDES, "at"),
    )
    others = set(silver.days) - days
    told = []
    if shifted is not None:
        change = Change(shifted.cache(), SIDES, reach("payment"), of_payments=True)
        yield change
        if others:
            told.append(frauds_flagged_anew(silver, change, moved))
    if others:
        told += [labels_of_old_payments(silver, new["fraud_labels"]), labels_that_waited(silver, paid)]
    labels = together(*(None if rows is None else spanning(rows, SIDES, "since") for rows in told))
    if labels is not None:
        yield Change(labels.cache(), SIDES, reach("label"))
    applications, observed = new["loan_applications"], new["loan_outcomes"]
    if applications is not None:
        yield of_customers(loans(applications), reach("loan"))
        seen = silver.rows("loan_outcomes")
        if seen is not None:
            yield of_customers(outcomes(seen, applications), reach("outcome"))
    known = silver.rows("loan_applications")
    if observed is not None and known is not None:
        yield of_customers(outcomes(observed, known), reach("outcome"))


def frauds_flagged_anew(silver: Silver, change: Change, moved: DataFrame | None) -> DataFrame | None:
    """A payment that comes late, or counts later, changes the flags of those after it and its own: what is known of
    those who paid and were paid in fraud is then something else."""
    found, labels = change.found(), silver.rows("fraud_labels")
    if found is None or labels is None:
        return None
    flagged = together(silver.later(change, found, "customer_id"), moved)
    return None if flagged is None else since_told(labels.where("is_fraud = 1"), flagged.dropDuplicates())


def since_told(labels: DataFrame, paid: DataFrame) -> DataFrame:
    return counted_labels(labels, paid).withColumn("since", F.col("counted_at"))


def labels_of_old_payments(silver: Silver, labels: DataFrame | None) -> DataFrame | None:
    """Where another report says the same of the payment only the first counts: between both something else is known,
    and as long as the later one would have been seen."""
    if labels is None:
        return None
    (row,) = labels.agg(F.min(F.unix_millis("reported_at"))).collect()
    first = day_named(max(0, (row[0] or 0) - LABEL_PATIENCE))
    paid = silver.paid([d for d in silver.days if d >= first])
    known = silver.rows("fraud_labels")
    if paid is None or known is None:
        return None
    told = since_told(labels, paid)
    same = known.join(labels.select("transaction_id", "is_fraud"), ["transaction_id", "is_fraud"], "left_semi")
    last = same.groupBy("transaction_id", F.col("is_fraud").cast("bigint").alias("fraud")).agg(
        F.max(F.unix_millis("reported_at")).alias("_last")
    )
    ended = F.greatest("counted_at", "_last")
    return told.join(last, ["transaction_id", "fraud"], "left").withColumn("counted_at", ended).drop("_last")


def labels_that_waited(silver: Silver, paid: DataFrame | None) -> DataFrame | None:
    """Labels that were there before the payment that they are about."""
    labels = silver.rows("fraud_labels")
    return None if paid is None or labels is None else since_told(labels, paid)


def of_customers(events: DataFrame, seen_for: int) -> Change:
    return Change(spanning(events, ("customer_id",), "counted_at").cache(), ("customer_id",), seen_for)


def spanning(events: DataFrame, keys: tuple[str, ...], since: str) -> DataFrame:
    """Keys of what counts, from a moment on that says what vectors know until the event counts."""
    return events.select(*keys, F.col(since).alias("since"), F.col("counted_at").alias("until"))


def together(*frames: DataFrame | None) -> DataFrame | None:
    there = [rows for rows in frames if rows is not None]
    return reduce(DataFrame.unionByName, there) if there else None


def of_batch(spark: SparkSession, lake: Lake, table: Table, batch: str, divisions: list[str]) -> DataFrame | None:
    """The batch's rows of a SILVER table, from the divisions that hold some."""
    rows = lake.read(spark, table, divisions) if divisions else None
    return None if rows is None else rows.where(F.col("batch") == batch)


def days_in(rows: DataFrame, dated: str) -> set[str]:
    return {row[0] for row in rows.select(F.date_format(dated, "yyyy-MM-dd")).distinct().collect()}


def divisions_of(rows: DataFrame | None, column: str) -> set[str]:
    return {row[0] for row in rows.select(column).distinct().collect()} if rows is not None else set()
