"""What every kind of test may use."""

from __future__ import annotations

import os
import sys

import pytest

# Read once, when the first library with OpenMP is loaded: waiting threads that spin take the other tests' time.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """One local Spark session for the whole run: starting it costs seconds."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    scratch = tmp_path_factory.mktemp("spark")
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.hadoop.fs.file.impl", "org.apache.hadoop.fs.RawLocalFileSystem")  # no checksum files
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        .config("spark.local.dir", str(scratch / "local"))
        .config(
            "spark.driver.extraJavaOptions",
            f"-Dderby.system.home={scratch} -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m",
        )
        .getOrCreate()
    )
    from glue import lake
    from tests.plain import keep_at_hand

    lake.session()  # the jobs' own settings, for all tests
    keep_at_hand(session)
    yield session
    session.stop()
