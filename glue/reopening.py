"""Which days of GOLD a batch of SILVER makes old: its own, and those whose vectors would have seen its late rows."""

from __future__ import annotations

from collections.abc import Iterator

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import DAY
from glue.lake import Lake
from glue.tables import SILVER, Table
from glue.transforms.events import day as day_of
from glue.transforms.events import reach

LABELLED = ("customer_id", "merchant_id")  # whose records labels enter


def reopened(spark: SparkSession, lake: Lake, batch: str) -> dict[str, list[str]]:
    """Days of `transaction_features` and months (by their first day) of `loan_features` to make again.

    Under `happened`, the days of what the batch brought or changed: whose records of customers and merchants are old.
    """
    held = {name: lake.divisions_with(table, batch) for name, table in SILVER.items()}
    new = {name: of_batch(spark, lake, SILVER[name], batch, divisions) for name, divisions in held.items()}
    days, months = set(held["transactions"]), set(held["loan_applications"])
    # Only what lies after the batch's first row can be old: of an ordinary night, nothing.
    earliest = min((division for divisions in held.values() for division in divisions), default="9999")
    days_after = [d for d in lake.divisions(SILVER["transactions"]) if d[:7] >= earliest[:7] and d not in days]
    months_after = [m for m in lake.divisions(SILVER["loan_applications"]) if m >= earliest[:7] and m not in months]
    happened = {day for rows in new.values() if rows is not None for day in days_in(rows)}
    if days_after:
        for key, rows, seen_for in changes(spark, lake, new, [*days, *days_after]):
            happened |= {row[0] for row in rows.select(day_of(F.col("since"))).distinct().collect()}
            met = later(spark, lake, SILVER["transactions"], days_after, key, rows, seen_for)
            days |= divisions_of(met, "event_date")
    if months_after and new["transactions"] is not None:
        rows = since(new["transactions"], "customer_id", "event_time")
        seen_for = -(-PAYMENT_BEHAVIOUR.lookback("payment") // DAY)
        met = later(spark, lake, SILVER["loan_applications"], months_after, "customer_id", rows, seen_for)
        months |= divisions_of(met, "event_month")
    return {
        "happened": sorted(happened),
        "transaction_features": sorted(days),
        "loan_features": sorted(f"{month}-01" for month in months),
    }


def changes(
    spark: SparkSession, lake: Lake, new: dict[str, DataFrame | None], after: list[str]
) -> Iterator[tuple[str, DataFrame, int]]:
    """What a batch changes in payments' vectors: a key, rows of it and `since`, and for how many days it is seen."""
    paid, labels, applications = new["transactions"], new["fraud_labels"], new["loan_applications"]
    transactions = lake.read(spark, SILVER["transactions"])
    if paid is not None:
        yield "customer_id", since(paid, "customer_id", "event_time"), reach("payment")
        yield "merchant_id", since(paid, "merchant_id", "event_time"), reach("payment")
        # A late payment changes the flags of later ones, and what is known of those who paid and were paid in fraud.
        rows = since(paid, "customer_id", "event_time")
        flagged = later(spark, lake, SILVER["transactions"], after, "customer_id", rows, reach("payment"))
        frauds = lake.read(spark, SILVER["fraud_labels"])
        if flagged is not None and frauds is not None:
            told = frauds.where("is_fraud = 1").join(flagged.select("transaction_id", *LABELLED), "transaction_id")
            yield from told_of(told, "reported_at")
    if labels is not None and transactions is not None:
        yield from told_of(
            labels.join(transactions.select("transaction_id", *LABELLED), "transaction_id"), "reported_at"
        )
    if applications is not None:
        yield "customer_id", since(applications, "customer_id", "applied_at"), reach("loan")
    # What waited for the row that it is about: labels for their payment, outcomes for their application.
    waiting, seen = lake.read(spark, SILVER["fraud_labels"]), lake.read(spark, SILVER["loan_outcomes"])
    if paid is not None and waiting is not None:
        told = waiting.join(paid.select("transaction_id", *LABELLED, "event_time"), "transaction_id")
        yield from told_of(told.withColumn("told_at", F.greatest("reported_at", "event_time")), "told_at")
    if applications is not None and seen is not None:
        known_now = seen.join(applications.select("loan_id", "customer_id", "applied_at"), "loan_id")
        known_now = known_now.withColumn("known_at", F.greatest("observed_at", "applied_at"))
        yield "customer_id", since(known_now, "customer_id", "known_at"), reach("outcome")
    observed, known = new["loan_outcomes"], lake.read(spark, SILVER["loan_applications"])
    if observed is not None and known is not None:
        seen = observed.join(known.select("loan_id", "customer_id"), "loan_id")
        yield "customer_id", since(seen, "customer_id", "observed_at"), reach("outcome")


def told_of(labels: DataFrame, dated: str) -> Iterator[tuple[str, DataFrame, int]]:
    """Labels change what is known of both sides of their payments."""
    for key in LABELLED:
        yield key, since(labels, key, dated), reach("label")


def since(rows: DataFrame, key: str, dated: str) -> DataFrame:
    return rows.select(key, F.unix_millis(dated).alias("since"))


def of_batch(spark: SparkSession, lake: Lake, table: Table, batch: str, divisions: list[str]) -> DataFrame | None:
    """The batch's rows of a SILVER table, from the divisions that hold some."""
    rows = lake.read(spark, table, divisions) if divisions else None
    return None if rows is None else rows.where(F.col("batch") == batch)


def later(
    spark: SparkSession, lake: Lake, table: Table, among: list[str], key: str, changed: DataFrame, seen_for: int
) -> DataFrame | None:
    """SILVER rows of the same keys, among some divisions, that come after a change while it is still seen."""
    rows = lake.read(spark, table, among)
    if rows is None:
        return None
    spans = changed.groupBy(key).agg(F.min("since").alias("begin"), F.max("since").alias("end"))
    at = F.unix_millis("event_time" if table.name == "transactions" else "applied_at")
    return rows.join(spans, key).where((at > F.col("begin")) & (at <= F.col("end") + seen_for * DAY))


def days_in(rows: DataFrame) -> set[str]:
    (dated,) = {"event_time", "reported_at", "applied_at", "observed_at"} & set(rows.columns)
    return {row[0] for row in rows.select(F.date_format(dated, "yyyy-MM-dd")).distinct().collect()}


def divisions_of(rows: DataFrame | None, column: str) -> set[str]:
    return {row[0] for row in rows.select(column).distinct().collect()} if rows is not None else set()
