"""The feature job, and what others would write for the same windows."""

from __future__ import annotations

import os
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import Window as SparkWindow
from pyspark.sql import functions as F

from features.declaration import DAY, HOUR, MINUTE
from features.fraud import FRAUD
from glue.transforms.events import by_entity, located, payments
from glue.transforms.vectors import transaction_features
from glue.transforms.windows import with_closed_windows

CUSTOMER_SPANS = {"10m": 10 * MINUTE, "1h": HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
MERCHANT_SPANS = {"1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}


def platform(spark: SparkSession, folder: Path, target: Path) -> None:
    """The platform's own feature job: every feature of the set, labels and loans included."""
    late = folder / "late"  # what the doors told of late payments, when doors took part
    met = spark.read.schema("transaction_id string, counted_at bigint").json(str(late)) if late.exists() else None
    paid = payments(spark.read.parquet(str(folder / "transactions")), met).withColumn("wanted", F.lit(True))
    applications = spark.read.parquet(str(folder / "loan_applications"))
    observed = spark.read.parquet(str(folder / "loan_outcomes"))
    told = located(spark.read.parquet(str(folder / "fraud_labels")), paid).cache()
    rows = transaction_features(paid, by_entity(paid, told, applications, observed))
    rows.write.mode("overwrite").parquet(str(target))


def plain_range(spark: SparkSession, folder: Path, target: Path) -> None:
    """Count, sum, maximum and mean over RANGE frames, as the Spark documentation shows them: customers' five windows
    and merchants' three, and the merchants' labels as one more RANGE over payments and labels. Fewer features than the
    platform computes."""
    paid = spark.read.parquet(str(folder / "transactions")).withColumn("at", F.unix_millis("event_time"))
    told = spark.read.parquet(str(folder / "fraud_labels"))
    rows = paid
    for name, span in CUSTOMER_SPANS.items():
        frame = SparkWindow.partitionBy("customer_id").orderBy("at").rangeBetween(-span, -1)
        rows = rows.withColumn(f"customer_count_{name}", F.count("*").over(frame))
        rows = rows.withColumn(f"customer_amount_{name}", F.sum("amount_cents").over(frame))
    month = SparkWindow.partitionBy("customer_id").orderBy("at").rangeBetween(-30 * DAY, -1)
    rows = rows.withColumn("customer_max_30d", F.max("amount_cents").over(month))
    rows = rows.withColumn("mean_30d", F.col("amount_cents") / F.avg("amount_cents").over(month))
    labels = told.join(paid.select("transaction_id", "merchant_id"), "transaction_id").select(
        "merchant_id", F.unix_millis("reported_at").alias("at"), F.lit(1).alias("label"), "is_fraud"
    )
    both = rows.unionByName(labels, allowMissingColumns=True)
    for name, span in MERCHANT_SPANS.items():
        frame = SparkWindow.partitionBy("merchant_id").orderBy("at").rangeBetween(-span, -1)
        both = both.withColumn(f"merchant_count_{name}", F.count("transaction_id").over(frame))
        both = both.withColumn(f"merchant_amount_{name}", F.sum("amount_cents").over(frame))
        both = both.withColumn(f"merchant_labels_{name}", F.sum("label").over(frame))
        both = both.withColumn(f"merchant_frauds_{name}", F.sum("is_fraud").over(frame))
    both.where("transaction_id is not null").write.mode("overwrite").parquet(str(target))


def hot_merchant(spark: SparkSession, rows: int) -> DataFrame:
    """One merchant that takes every payment of `plain` SILVER rows."""
    ids = spark.range(0, rows, 1, 2)
    at = 1_748_736_000_000 + (F.col("id") * (60 * DAY // rows))
    return ids.select(
        F.col("id").cast("string").alias("transaction_id"),
        F.concat(F.lit("c"), (F.col("id") % 5_000).cast("string")).alias("customer_id"),
        F.lit("m").alias("merchant_id"),
        F.timestamp_millis(at).alias("event_time"),
        (F.col("id") % 10_000).alias("amount_cents"),
    ).withColumn("event_date", F.date_format("event_time", "yyyy-MM-dd"))


def hot_platform(spark: SparkSession, rows: int) -> None:
    """The merchant's windows for each of its payments, as the feature job computes them."""
    paid = payments(hot_merchant(spark, rows))
    consume(with_closed_windows(paid, {"payment": paid}, FRAUD, "merchant", "merchant_id"))


def hot_range(spark: SparkSession, rows: int) -> None:
    """The same windows over RANGE frames."""
    paid = hot_merchant(spark, rows).withColumn("at", F.unix_millis("event_time"))
    for name, span in MERCHANT_SPANS.items():
        frame = SparkWindow.partitionBy("merchant_id").orderBy("at").rangeBetween(-span, -1)
        paid = paid.withColumn(f"count_{name}", F.count("*").over(frame))
        paid = paid.withColumn(f"amount_{name}", F.sum("amount_cents").over(frame))
    consume(paid)


def consume(rows: DataFrame) -> None:
    rows.write.format("noop").mode("overwrite").save()


def duckdb(folder: Path, target: Path) -> None:
    """The same windows as `plain_range`, in DuckDB: RANGE frames, which it computes by segment trees."""
    import duckdb

    customer = ",\n".join(
        f"count(*) OVER c{n} AS customer_count_{n}, sum(amount_cents) OVER c{n} AS customer_amount_{n}"
        for n in CUSTOMER_SPANS
    )
    merchant = ",\n".join(
        f"count(transaction_id) OVER m{n} AS merchant_count_{n}, sum(amount_cents) OVER m{n} AS merchant_amount_{n}, "
        f"sum(label) OVER m{n} AS merchant_labels_{n}, sum(is_fraud) OVER m{n} AS merchant_frauds_{n}"
        for n in MERCHANT_SPANS
    )
    connection = duckdb.connect()
    connection.execute("SET threads = 2; SET memory_limit = '4GB'")
    connection.execute(
        f"""
        COPY (
          WITH paid AS (
            SELECT *, epoch_ms(event_time) AS ms FROM read_parquet('{folder}/transactions/*/*.parquet')
          ), customers AS (
            SELECT *, {customer},
              max(amount_cents) OVER c30d AS customer_max_30d, amount_cents / avg(amount_cents) OVER c30d AS mean_30d
            FROM paid WINDOW {frames("c", "customer_id", CUSTOMER_SPANS)}
          ), both_ AS (
            SELECT *, NULL AS label, NULL AS is_fraud FROM customers
            UNION ALL BY NAME
            SELECT merchant_id, epoch_ms(reported_at) AS ms, 1 AS label, is_fraud
            FROM read_parquet('{folder}/fraud_labels/*.parquet') JOIN paid USING (transaction_id)
          ), merchants AS (
            SELECT *, {merchant} FROM both_ WINDOW {frames("m", "merchant_id", MERCHANT_SPANS)}
          )
          SELECT * FROM merchants WHERE transaction_id IS NOT NULL
        ) TO '{target}.parquet' (FORMAT parquet, COMPRESSION zstd)
        """
    )


def polars(folder: Path, target: Path) -> None:
    """The same windows as `plain_range`, in Polars: rolling sums by time, per key."""
    os.environ["POLARS_MAX_THREADS"] = "2"
    import polars as pl

    def windows(prefix: str, key: str, spans: dict[str, int], measures: dict[str, str]) -> list[pl.Expr]:
        return [
            pl.col(column)
            .rolling_sum_by("ms", window_size=f"{span}i", closed="left")
            .over(key)
            .alias(f"{prefix}_{measure}_{name}")
            for name, span in spans.items()
            for measure, column in measures.items()
        ]

    month = f"{30 * DAY}i"
    paid = (
        pl.scan_parquet(f"{folder}/transactions/*/*.parquet")
        .with_columns(ms=pl.col("event_time").dt.timestamp("ms"), one=1)
        .sort("ms")
        .with_columns(
            *windows("customer", "customer_id", CUSTOMER_SPANS, {"count": "one", "amount": "amount_cents"}),
            customer_max_30d=pl.col("amount_cents").rolling_max_by("ms", month, closed="left").over("customer_id"),
            mean=pl.col("amount_cents").rolling_mean_by("ms", month, closed="left").over("customer_id"),
        )
        .with_columns(mean_30d=pl.col("amount_cents") / pl.col("mean"))
        .collect()
    )
    labels = (
        pl.scan_parquet(f"{folder}/fraud_labels/*.parquet")
        .join(paid.lazy().select("transaction_id", "merchant_id"), on="transaction_id")
        .select("merchant_id", pl.col("reported_at").dt.timestamp("ms").alias("ms"), "is_fraud", label=1)
        .collect()
    )
    both = pl.concat([paid, labels], how="diagonal_relaxed").sort("ms")
    measures = {"count": "one", "amount": "amount_cents", "labels": "label", "frauds": "is_fraud"}
    merchants = both.with_columns(*windows("merchant", "merchant_id", MERCHANT_SPANS, measures))
    merchants.filter(pl.col("transaction_id").is_not_null()).write_parquet(f"{target}.parquet", compression="zstd")


def frames(prefix: str, key: str, spans: dict[str, int]) -> str:
    return ", ".join(
        f"{prefix}{n} AS (PARTITION BY {key} ORDER BY ms RANGE BETWEEN {span} PRECEDING AND 1 PRECEDING)"
        for n, span in spans.items()
    )


PEERS = {"duckdb": duckdb, "polars": polars}  # need no Spark
