"""RAW to GOLD of one batch of payments and their labels, through the jobs' own functions, over a lake in a folder.

Spark has 8 GB here, where a Glue G.1X worker gives its executor 10 GB: with the 2 GB of the other parts, five million
rows spend their time on garbage collection.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from bench import population
from bench.folder_lake import FolderLake
from bench.measured import session
from local.memory import Watch

BATCH = "bench"
MEMORY = "8g"
JOBS = ("raw_to_bronze", "bronze_to_silver", "silver_to_gold")


def measure(rows: int) -> dict:
    """Seconds by job, rows per second end to end, and by job the share of its seconds that the quality gate took."""
    folder = Path(tempfile.mkdtemp(prefix="bench-lake-"))
    try:
        spark = session(memory=MEMORY)
        with Watch(os.getpid()) as watch:
            found = measured_in(spark, rows, folder)
        return {**found, "peak_memory_gb": watch.peak / 2**30}
    finally:
        shutil.rmtree(folder)


def measured_in(spark: SparkSession, rows: int, folder: Path) -> dict:
    made, root = folder / "made", folder / "lake"
    made.mkdir()
    root.mkdir()
    population.make(spark, rows, made)
    bring(spark, made, root)
    shutil.rmtree(made)

    started = time.perf_counter()
    from glue import lake as settings
    from glue.jobs import bronze_to_silver, raw_to_bronze, silver_to_gold

    imported = time.perf_counter() - started  # nearly all of it is Great Expectations, so the gate's
    settings.session()
    held = FolderLake(spark, root)
    seconds = {
        "raw_to_bronze": took(spark, lambda: raw_to_bronze.run(spark, held.lake, BATCH)),
        "bronze_to_silver": took(spark, lambda: bronze_to_silver.run(spark, held.lake, BATCH, held.metrics)),
        "silver_to_gold": took(
            spark,
            lambda: silver_to_gold.run(
                spark, held.lake, BATCH, silver_to_gold.touched(spark, held.lake, BATCH), held.metrics
            ),
        ),
    }
    gates = {
        "bronze_to_silver": judged_for(root, "transactions", "fraud_labels"),
        "silver_to_gold": judged_for(root, "transaction_features", "loan_features"),
    }
    shares = {job: (gates[job] + imported) / (seconds[job] + imported) for job in gates}
    return {
        "rows": rows,
        "gold_rows": held.json(f"quality/silver_to_gold/{BATCH}.json")["transaction_features"],
        "seconds": seconds,
        "rows_per_s": rows / sum(seconds.values()),
        "gate_seconds": gates,
        "gate_import_seconds": imported,
        "gate_share_by_job": shares,
        "gate_share": max(shares.values()),
    }


def bring(spark: SparkSession, made: Path, root: Path) -> None:
    """The population as a bank brings it: CSV files of text."""
    paid = spark.read.parquet(str(made / "transactions"))
    rows = {
        "transactions": paid.select(
            "transaction_id",
            F.date_format("event_time", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").alias("event_time"),
            "customer_id",
            "merchant_id",
            (F.col("amount_cents") / 100).cast("decimal(18,2)").alias("amount"),
        ),
        "fraud_labels": spark.read.parquet(str(made / "fraud_labels")).select(
            "transaction_id",
            "is_fraud",
            F.date_format("reported_at", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").alias("reported_at"),
        ),
    }
    for entity, frame in rows.items():
        written = made / f"{entity}.csv"
        frame.coalesce(4).write.option("header", "true").csv(str(written))
        target = root / "raw" / entity / f"batch={BATCH}"
        target.mkdir(parents=True)
        for number, part in enumerate(sorted(written.glob("part-*.csv"))):
            part.rename(target / f"{number}.csv")


def took(spark: SparkSession, job: Callable[[], None]) -> float:
    """Seconds of one run, which begins without anything that an earlier one has cached: it has a session of its own."""
    spark.catalog.clearCache()
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def judged_for(root: Path, *tables: str) -> float:
    verdicts = [root / "quality" / "gate" / table / f"{BATCH}.json" for table in tables]
    return sum(json.loads(path.read_text())["seconds"] for path in verdicts)


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1])), indent=1))
