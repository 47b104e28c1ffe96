"""Synthetic SILVER in a local folder, made by Spark: the same rows for the same size, on any machine."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

DAYS = 60
FIRST = 1_748_736_000_000  # 2025-06-01T00:00:00Z
DAY = 86_400_000


def make(spark: SparkSession, rows: int, folder: Path) -> None:
    """Parquet: `transactions`, `fraud_labels` (for every payment, 1 % fraud, reported within 14 days), and
    `loan_applications` with `loan_outcomes`, a fifth as many as there are customers."""
    ids = spark.range(0, rows, 1, 8)
    at = FIRST + (uniform(1) * DAYS * DAY).cast("bigint")
    paid = ids.select(
        F.concat(F.lit("t"), F.lpad(F.col("id").cast("string"), 9, "0")).alias("transaction_id"),
        # Squared: some customers and merchants have many times the payments of others.
        F.concat(F.lit("c"), (uniform(2) * uniform(2) * rows / 100).cast("bigint")).alias("customer_id"),
        F.concat(F.lit("m"), (uniform(3) * uniform(3) * rows / 500).cast("bigint")).alias("merchant_id"),
        F.timestamp_millis(at).alias("event_time"),
        (F.pow(uniform(4), 3) * 50_000).cast("bigint").alias("amount_cents"),
    ).withColumn("event_date", F.date_format("event_time", "yyyy-MM-dd"))
    write(paid, folder / "transactions", "event_date")
    told = spark.read.parquet(str(folder / "transactions")).select(
        "transaction_id",
        (F.pmod(F.xxhash64("transaction_id"), F.lit(100)) == 0).cast("int").alias("is_fraud"),
        (F.col("event_time").cast("double") + F.pmod(F.xxhash64(F.lit(1), "transaction_id"), F.lit(14 * 86_400)))
        .cast("timestamp")
        .alias("reported_at"),
    )
    told.coalesce(8).write.mode("overwrite").parquet(str(folder / "fraud_labels"))
    applied = spark.range(0, rows // 500, 1, 2).select(
        F.concat(F.lit("l"), F.col("id").cast("string")).alias("loan_id"),
        F.concat(F.lit("c"), (uniform(5) * rows / 100).cast("bigint")).alias("customer_id"),
        F.timestamp_millis(FIRST + (uniform(6) * DAYS * DAY).cast("bigint")).alias("applied_at"),
        (uniform(7) * 1_000_000).cast("bigint").alias("amount_cents"),
    )
    applied.write.mode("overwrite").parquet(str(folder / "loan_applications"))
    applied.select(
        "loan_id",
        (F.pmod(F.xxhash64("loan_id"), F.lit(10)) == 0).cast("int").alias("defaulted"),
        (F.col("applied_at") + F.expr("INTERVAL 20 DAYS")).alias("observed_at"),
    ).write.mode("overwrite").parquet(str(folder / "loan_outcomes"))


def write(rows: DataFrame, folder: Path, by: str) -> None:
    rows.repartition(8, by).write.mode("overwrite").partitionBy(by).parquet(str(folder))


def uniform(salt: int) -> Column:
    """A number in [0, 1) that depends on the row and the salt alone."""
    return F.pmod(F.xxhash64(F.lit(salt), F.col("id")), F.lit(1_000_003)) / F.lit(1_000_003.0)
