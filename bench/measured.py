"""Runs one formulation in a process of its own and tells how long it took and how much memory it held."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench import formulations, population, processor
from local.memory import Watch


@dataclass(frozen=True)
class Cost:
    """`seconds` and `cpu_seconds` of the work alone; `memory_gb` the most that the process and its children held."""

    seconds: float
    cpu_seconds: float
    memory_gb: float


def measured(what: str, rows: int, folder: Path) -> Cost:
    """Raises CalledProcessError when the formulation fails."""
    command = [sys.executable, "-m", "bench.measured", what, str(rows), str(folder)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        Watch(process.pid) as watch,
    ):
        output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(**json.loads(output.splitlines()[-1]), memory_gb=watch.peak / 2**30)


def session(memory: str = "2g"):
    """`memory` is that of all of Spark, which runs in one process; only the first session of a process is asked."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", memory)
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")  # results too large for a message are fetched from here
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "50000")
        .getOrCreate()
    )


def main(what: str, rows: int, folder: Path) -> None:
    target = folder / f"out-{what}"
    spark = None if what in formulations.PEERS else session()
    started, used = time.perf_counter(), processor.total()
    if what == "population":
        population.make(spark, rows, folder)
    elif what.startswith("hot_"):
        getattr(formulations, what)(spark, rows)
    elif what in formulations.PEERS:
        formulations.PEERS[what](folder, target)
    else:
        getattr(formulations, what)(spark, folder, target)
    print(json.dumps({"seconds": time.perf_counter() - started, "cpu_seconds": processor.total() - used}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
