"""The lake's jobs as a plain script would do them: no contract, no quarantine, no gate, no history, one batch.

Spark's are what a Glue job without this platform runs; DuckDB's are the same in one process without a cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import Window as SparkWindow
from pyspark.sql import functions as F

from bench import formulations

ENTITIES = ("transactions", "fraud_labels")
Jobs = dict[str, Callable[[], None]]


def spark(session: SparkSession, raw: Path, folder: Path) -> Jobs:
    """By the lake's names; each reads what the one before has written."""

    def bronze() -> None:
        for entity in ENTITIES:
            rows = session.read.option("header", "true").csv(str(raw / entity))
            rows.write.mode("overwrite").parquet(str(folder / "bronze" / entity))

    def silver() -> None:
        paid = session.read.parquet(str(folder / "bronze" / "transactions")).select(
            "transaction_id",
            F.to_timestamp("event_time").alias("event_time"),
            "customer_id",
            "merchant_id",
            (F.col("amount").cast("decimal(18,2)") * 100).cast("bigint").alias("amount_cents"),
        )
        told = session.read.parquet(str(folder / "bronze" / "fraud_labels")).select(
            "transaction_id", F.col("is_fraud").cast("int"), F.to_timestamp("reported_at").alias("reported_at")
        )
        dated = once(paid, "event_time").withColumn("event_date", F.date_format("event_time", "yyyy-MM-dd"))
        dated.repartition("event_date").write.mode("overwrite").partitionBy("event_date").parquet(
            str(folder / "transactions")
        )
        once(told, "reported_at").write.mode("overwrite").parquet(str(folder / "fraud_labels"))

    return {"raw_to_bronze": bronze, "bronze_to_silver": silver}


def once(rows, by: str):
    """The newest row of each transaction."""
    newest = SparkWindow.partitionBy("transaction_id").orderBy(F.col(by).desc())
    return rows.withColumn("place", F.row_number().over(newest)).where("place = 1").drop("place")


def duckdb(raw: Path, folder: Path) -> Jobs:
    import duckdb as engine

    connection = engine.connect()
    connection.execute("SET threads = 2; SET memory_limit = '4GB'; SET TimeZone = 'UTC'")

    def written(sql: str, target: Path, by: str = "") -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        connection.execute(f"COPY ({sql}) TO '{target}' (FORMAT parquet, COMPRESSION zstd{by})")

    def bronze() -> None:
        for entity in ENTITIES:
            rows = f"SELECT * FROM read_csv('{raw}/{entity}/*/*.csv', all_varchar = true, header = true)"
            written(rows, folder / "bronze" / f"{entity}.parquet")

    def silver() -> None:
        paid = f"""
            SELECT transaction_id, event_time::TIMESTAMPTZ AS event_time, customer_id, merchant_id,
              (amount::DECIMAL(18, 2) * 100)::BIGINT AS amount_cents, left(event_time, 10) AS event_date
            FROM read_parquet('{folder}/bronze/transactions.parquet')
            QUALIFY row_number() OVER (PARTITION BY transaction_id ORDER BY event_time DESC) = 1
        """
        told = f"""
            SELECT transaction_id, is_fraud::INT AS is_fraud, reported_at::TIMESTAMPTZ AS reported_at
            FROM read_parquet('{folder}/bronze/fraud_labels.parquet')
            QUALIFY row_number() OVER (PARTITION BY transaction_id ORDER BY reported_at DESC) = 1
        """
        written(paid, folder / "transactions", ", PARTITION_BY (event_date)")
        (folder / "fraud_labels").mkdir(exist_ok=True)
        written(told, folder / "fraud_labels" / "0.parquet")

    def gold() -> None:
        formulations.duckdb(folder, folder / "gold")

    return {"raw_to_bronze": bronze, "bronze_to_silver": silver, "silver_to_gold": gold}
