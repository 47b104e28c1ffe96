"""Spark for tests: their queries see a few rows once, so that preparing them takes most of the time."""

from __future__ import annotations

from pyspark.sql import SparkSession

# Neither code for a query is made and compiled, nor is it planned anew while it runs. The jobs' own settings are what
# the tests of parity, but for the broken lines, and those of integration run with.
PLAINLY = {
    "spark.sql.shuffle.partitions": "1",  # parity is proven with several
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}


# What Spark keeps of queries that are over, for its UI.
FORGETFUL = {
    "spark.ui.retainedJobs": "10",
    "spark.ui.retainedStages": "10",
    "spark.ui.retainedTasks": "100",
    "spark.sql.ui.retainedExecutions": "10",
}


def keep_at_hand(spark: SparkSession) -> None:
    """Names that PySpark looks up at each `F.col()` and the like: each time Java searches all of Spark's jars."""
    jvm = spark.sparkContext._jvm
    for name in ("functions", "PythonUtils", "Column", "org"):
        setattr(jvm, name, getattr(jvm, name))
