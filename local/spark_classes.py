"""The Java classes that Spark loads, archived once at set-up: Java machines start faster.

This is the Java machine's class data sharing. The archive is good for one class path and one Java: a machine that finds
it made for another leaves it alone.

    python -m local.spark_classes     makes the archive
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from local.spark_home import SUBMIT

ARCHIVE = Path(sys.prefix) / "share" / "spark-classes.jsa"
JARS = Path(sys.prefix) / "share" / "s3a-jars"
QUIET = "-Xlog:disable"  # else warnings about single classes come between the job's lines

# What nearly every job does: a frame from Python, a shuffle, a window, Parquet written and read.
JOB = """
import sys
from pyspark.sql import SparkSession, Window, functions as F
spark = SparkSession.builder.getOrCreate()
rows = spark.createDataFrame([(n % 7, n) for n in range(100)], "key int, number int")
summed = rows.withColumn("sum", F.sum("number").over(Window.partitionBy("key").orderBy("number")))
summed.repartition(2, "key").write.partitionBy("key").parquet(sys.argv[1])
spark.read.parquet(sys.argv[1]).groupBy("key").agg(F.max("sum")).join(rows, "key").collect()
spark.stop()
"""


def options(archive: Path = ARCHIVE) -> str:
    """For the Java machine: use the archive, where there is one."""
    return f'"-XX:SharedArchiveFile={archive}" {QUIET}' if archive.is_file() else QUIET


def make(archive: Path = ARCHIVE) -> None:
    """Run a small job and archive what it has loaded. Raises subprocess.CalledProcessError."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "job.py"
        script.write_text(JOB)
        settings = {
            "spark.master": "local[2]",
            "spark.driver.extraClassPath": f"{JARS}/*",
            "spark.driver.extraJavaOptions": f'"-XX:ArchiveClassesAtExit={archive}" {QUIET}',
            "spark.ui.enabled": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
        }
        words = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
        subprocess.run(
            [str(SUBMIT), *words, str(script), f"{folder}/rows"],
            env={
                **os.environ,
                "PYSPARK_PYTHON": sys.executable,
                "PYSPARK_DRIVER_PYTHON": sys.executable,
            },
            check=True,
            capture_output=True,
            text=True,
        )


if __name__ == "__main__":
    make()
