"""Point-in-time joins with the offline feature store: what was known of an entity just before each moment.

The offline store keeps every record that was published. A row of the spine gets the newest record whose event time lies
strictly before its own: a record holds the event that made it, so one of the same millisecond would tell the future.
Records of one event time may have been published several times: the last one written counts. After a deletion nothing
is known until the next record.

`joined` is for Spark, `athena_sql` says the same to Athena.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

EVENT_TIME, WRITTEN, DELETED = "event_time", "write_time", "is_deleted"


def joined(spine: DataFrame, records: DataFrame, key: str, at: str, features: Sequence[str]) -> DataFrame:
    """`spine` (with `key` and the timestamp `at`) with the `features` of `records`, the offline store's rows.

    Adds `features_at`, the record's event time; all are null where nothing was known yet. One pass over both, sorted
    together: a join by range would pair every row with a key's whole past.
    """
    held = records.withColumn("features_at", F.to_timestamp(EVENT_TIME))
    there = ~F.coalesce(F.col(DELETED), F.lit(False))
    known = held.select(
        key,
        F.col("features_at").alias(at),
        F.lit(1).alias("_order"),
        F.col(WRITTEN).alias("_written"),
        F.struct(*(F.when(there, F.col(name)).alias(name) for name in ("features_at", *features))).alias("_known"),
    )
    asked = spine.withColumn("_order", F.lit(0))  # before the records of its own instant
    before = Window.partitionBy(key).orderBy(at, "_order", "_written").rowsBetween(Window.unboundedPreceding, -1)
    together = asked.unionByName(known, allowMissingColumns=True)
    rows = together.withColumn("_seen", F.last("_known", ignorenulls=True).over(before)).where("_order = 0")
    return rows.select(*spine.columns, F.col("_seen.features_at"), *(F.col(f"_seen.{name}") for name in features))


def athena_sql(spine: str, records: str, key: str, at: str, features: Sequence[str]) -> str:
    """The same for Athena: `spine` and `records` are tables, or queries in brackets; `at` is the spine's timestamp."""
    kept = ", ".join(("features_at", *features))
    if_there = ", ".join(f"CASE WHEN NOT coalesce({DELETED}, false) THEN {name} END AS {name}" for name in features)
    return f"""
WITH asked AS (
  SELECT s.*, row_number() OVER (ORDER BY {key}, {at}) AS question FROM {spine} s
),
known AS (
  SELECT {key}, CAST(from_iso8601_timestamp({EVENT_TIME}) AS timestamp) AS recorded_at, {WRITTEN},
    CASE WHEN NOT coalesce({DELETED}, false) THEN CAST(from_iso8601_timestamp({EVENT_TIME}) AS timestamp) END
      AS features_at, {if_there}
  FROM {records}
),
paired AS (
  SELECT a.question, {", ".join(f"k.{name}" for name in ("features_at", *features))},
    row_number() OVER (PARTITION BY a.question ORDER BY k.recorded_at DESC, k.{WRITTEN} DESC) AS place
  FROM asked a
  LEFT JOIN known k ON k.{key} = a.{key} AND k.recorded_at < a.{at}
)
SELECT a.*, {kept} FROM paired p JOIN asked a ON a.question = p.question WHERE p.place = 1
""".strip()
