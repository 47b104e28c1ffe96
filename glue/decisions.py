"""The doors' log of decisions, as the lake's jobs read it."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from glue.lake import Lake
from glue.tables import DECISIONS
from glue.transforms.parity import last_decisions

REPORT = "quality/check_parity/{first}_{last}.json"  # what the night has found about the decisions of those days


def decisions(spark: SparkSession, lake: Lake, asked: Iterable[str]) -> DataFrame:
    """All that was logged of the payments of those days."""
    present = [prefix(day) for day in days_decided(lake, asked)]
    logged = ", ".join(f"{c.name} {c.type}" for c in DECISIONS.columns)
    if not present:
        return spark.createDataFrame([], logged)
    return spark.read.schema(logged).json([lake.path(folder) for folder in present])


def days_decided(lake: Lake, asked: Iterable[str]) -> list[str]:
    """Those of the days of whose payments the doors have decided any."""
    return [day for day in asked if lake.keys(prefix(day))]


def prefix(day: str) -> str:
    return f"{DECISIONS.prefix}/decision_date={day}/"


def with_decided(spark: SparkSession, lake: Lake, paid: DataFrame, asked: list[str]) -> DataFrame:
    """Payments (`transaction_id, event_date`) with `decided`: whether a door has decided on them. Payments of other
    days than those are taken as decided."""
    met = decisions(spark, lake, asked).select("transaction_id").distinct().withColumn("decided", F.lit(True))
    other = ~F.col("event_date").cast("string").isin(asked)
    return paid.join(met, "transaction_id", "left").withColumn("decided", F.coalesce("decided", other))


def blocked(spark: SparkSession, lake: Lake, asked: Iterable[str]) -> DataFrame:
    """`transaction_id` of the payments of those days that were blocked in the end."""
    return last_decisions(decisions(spark, lake, asked)).where("action = 'BLOCK'").select("transaction_id")
