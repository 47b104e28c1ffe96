"""RAW to GOLD of one batch of payments and their labels, through the jobs' own functions, over a lake in a folder.

`spark_ratio` and `duckdb_ratio` are a job's processor seconds over those of a plain script that makes the same layer
without contract, quarantine, gate or history (`bench/bare_jobs.py`), in a process of its own that begins as cold as
ours. What plain Spark needs for GOLD's windows is in the features part.

Spark has 8 GB here, where a Glue G.1X worker gives its executor 10 GB: with the 2 GB of the other parts, five million
rows spend their time on garbage collection.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from bench import bare_jobs, population, processor
from bench.folder_lake import FolderLake
from bench.measured import session
from local.memory import Watch
from tools.telling import Teller

BATCH = "bench"
MEMORY = "8g"
JOBS = ("raw_to_bronze", "bronze_to_silver", "silver_to_gold")
PEERS = ("spark", "duckdb")


def measure(rows: int, teller: Teller) -> dict:
    """Seconds by job, rows per second end to end, and by job the share of its seconds that the quality gate took."""
    folder = Path(tempfile.mkdtemp(prefix="bench-lake-"))
    try:
        with teller.phase(f"batch of {rows:,} payments", (*JOBS, *PEERS)):
            alone("batch", rows, folder)
        with Watch(os.getpid()) as watch:
            found = ours(session(memory=MEMORY), rows, folder / "lake", teller)
        for peer, taken in teller.through({peer: partial(alone, peer, rows, folder) for peer in PEERS}).items():
            seconds, cpu = apart(taken)
            ratio = ratios(found["cpu_seconds"], cpu)
            found |= {f"{peer}_seconds": seconds, f"{peer}_cpu_seconds": cpu, f"{peer}_ratio": ratio}
        return {**found, "peak_memory_gb": watch.peak / 2**30}
    finally:
        shutil.rmtree(folder)


def alone(what: str, rows: int, folder: Path) -> dict[str, tuple[float, float]]:
    """`main` in a process of its own. Raises CalledProcessError when it fails."""
    command = [sys.executable, "-m", "bench.lake", what, str(rows), str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main(what: str, rows: int, folder: Path) -> None:
    """Brings the batch, or makes its layers as a peer does; prints what each job took."""
    raw = folder / "lake" / "raw"
    jobs: bare_jobs.Jobs = {}
    if what == "batch":
        brought(session(memory=MEMORY), rows, raw)
    elif what == "spark":
        jobs = bare_jobs.spark(session(memory=MEMORY), raw, folder / what)
    else:
        jobs = bare_jobs.duckdb(raw, folder / what)
    print(json.dumps({name: took(job) for name, job in jobs.items()}))


def ours(spark: SparkSession, rows: int, root: Path, teller: Teller) -> dict:
    started = time.perf_counter()
    from glue import lake as settings
    from glue.jobs import bronze_to_silver, raw_to_bronze, silver_to_gold

    imported = time.perf_counter() - started  # nearly all of it is Great Expectations, so the gate's
    settings.session()
    held = FolderLake(spark, root)

    def silver() -> None:
        spark.catalog.clearCache()  # each job has a session of its own: nothing that an earlier one has cached
        bronze_to_silver.run(spark, held.lake, BATCH, held.metrics)

    def gold() -> None:
        spark.catalog.clearCache()
        touched = silver_to_gold.touched(spark, held.lake, BATCH)
        silver_to_gold.run(spark, held.lake, BATCH, touched, held.metrics)

    jobs: dict[str, Callable[[], None]] = {
        "raw_to_bronze": lambda: raw_to_bronze.run(spark, held.lake, BATCH),
        "bronze_to_silver": silver,
        "silver_to_gold": gold,
    }
    taken = teller.through({name: partial(took, job) for name, job in jobs.items()})
    seconds, cpu = apart(taken)
    gates = {
        "bronze_to_silver": judged_for(root, "transactions", "fraud_labels"),
        "silver_to_gold": judged_for(root, "transaction_features", "loan_features"),
    }
    shares = {job: (gates[job] + imported) / (seconds[job] + imported) for job in gates}
    return {
        "rows": rows,
        "gold_rows": held.json(f"quality/silver_to_gold/{BATCH}.json")["transaction_features"],
        "seconds": seconds,
        "cpu_seconds": cpu,
        "rows_per_s": rows / sum(seconds.values()),
        "gate_seconds": gates,
        "gate_import_seconds": imported,
        "gate_share_by_job": shares,
        "gate_share": max(shares.values()),
    }


def ratios(ours: dict[str, float], theirs: dict[str, float]) -> dict[str, float]:
    """Our processor seconds over a peer's, by job that it has, and of all of those together."""
    jobs = {job: ours[job] / seconds for job, seconds in theirs.items()}
    return {**jobs, "all": sum(ours[job] for job in theirs) / sum(theirs.values())}


def brought(spark: SparkSession, rows: int, raw: Path) -> None:
    made = raw.parent / "made"
    made.mkdir(parents=True)
    population.make(spark, rows, made)
    bring(spark, made, raw)
    shutil.rmtree(made)


def bring(spark: SparkSession, made: Path, raw: Path) -> None:
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
        target = raw / entity / f"batch={BATCH}"
        target.mkdir(parents=True)
        for number, part in enumerate(sorted(written.glob("part-*.csv"))):
            part.rename(target / f"{number}.csv")


def took(job: Callable[[], None]) -> tuple[float, float]:
    """Seconds and processor seconds of one run."""
    started, used = time.perf_counter(), processor.total()
    job()
    return time.perf_counter() - started, processor.total() - used


def apart(taken: dict[str, tuple[float, float]]) -> tuple[dict[str, float], dict[str, float]]:
    return {job: seconds for job, (seconds, _) in taken.items()}, {job: cpu for job, (_, cpu) in taken.items()}


def judged_for(root: Path, *tables: str) -> float:
    verdicts = [root / "quality" / "gate" / table / f"{BATCH}.json" for table in tables]
    return sum(json.loads(path.read_text())["seconds"] for path in verdicts)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
