"""What every kind of test may use."""

from __future__ import annotations

import os
import sys

import hypothesis
import pytest

from local.memory import Watch

# Hypothesis fails an example that takes longer than a fifth of a second, and data that is drawn slowly: both are the
# machine's, not the code's.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

# Read once, when the first library with OpenMP is loaded: waiting threads that spin take the other tests' time.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """One local Spark session for the whole run: starting it costs seconds."""
    from pyspark.sql import SparkSession

    from local import spark_classes
    from local.spark_home import DAEMON, DAEMON_FOLDER
    from tests.plain import FORGETFUL, keep_at_hand

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(DAEMON_FOLDER))))
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
            f"-Dderby.system.home={scratch} -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m "
            "-Xmn320m -XX:MetaspaceSize=256m "  # fewer collections, and none only because classes were loaded
            f"{spark_classes.options()}",
        )
        .config("spark.driver.extraClassPath", f"{spark_classes.JARS}/*")  # the archive of classes is for this path
        .config(map=DAEMON)
        .config(map=FORGETFUL)
        .config("spark.sql.ui.explainMode", "simple")  # a plan is described for each query, and nobody reads it
        .getOrCreate()
    )
    from glue import lake

    lake.session()  # the jobs' own settings, for all tests
    keep_at_hand(session)
    yield session
    session.stop()


MEMORY = pytest.StashKey[Watch]()


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # the process that everything else is a child of
        config.stash[MEMORY] = Watch(os.getpid(), every=5).__enter__()
        if os.environ.get("BACKEND") == "localstack" and not config.option.collectonly:
            have_localstack(config)


def have_localstack(config):
    """The one that runs here, from Docker or from its package, else one from its package for as long as this run."""
    from tools import localstack

    if "LOCALSTACK_HOST" in os.environ or localstack.answers(f"localhost:{localstack.PORT}"):
        return
    brought = localstack.running()
    try:
        os.environ["LOCALSTACK_HOST"] = brought.__enter__()  # workers inherit it
    except localstack.Unavailable as missing:
        raise pytest.UsageError(str(missing)) from None
    config.add_cleanup(lambda: brought.__exit__(None, None, None))


def pytest_terminal_summary(terminalreporter, config):
    if MEMORY in config.stash:
        config.stash[MEMORY].__exit__()
        terminalreporter.write_line(f"Peak resident memory of all processes: {config.stash[MEMORY].peak / 1e9:.1f} GB")


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist there is nothing to schedule
def pytest_xdist_make_scheduler(config, log):
    from tests.scheduling import LongestFirst

    return LongestFirst(config, log)
