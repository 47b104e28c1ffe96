"""BRONZE to SILVER: one row per key, one schema, business rules. What does not fit is returned with its reason."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from features.contract import Contract
from glue.tables import PATTERNS, SILVER
from glue.transforms.cells import Split

FUTURE_GRACE = "1 day"  # clocks differ; a payment further ahead than this is an error of the source


def conformed(bronze: DataFrame, contract: Contract, already: DataFrame) -> Split:
    """`already` holds the keys of earlier batches. First come, first kept.

    A repetition with the same content is dropped as `duplicate`, one with other content as `conflicting_duplicate`;
    both are returned among the bad rows, so that a batch's rows always add up.
    """
    silver = SILVER[contract.entity]
    content = [c for c in silver.column_names if c not in contract.key and c != "attributes"]
    fingerprint = F.xxhash64(*(F.col(c) for c in content), F.sort_array(F.map_entries("attributes")).cast("string"))
    in_order = Window.partitionBy(*contract.key).orderBy("source_file", "row_number")
    ranked = (
        bronze.withColumn("_content", fingerprint)
        .withColumn("_rank", F.row_number().over(in_order))
        .withColumn("_first", F.first("_content").over(in_order))
        .join(already.select(*contract.key).distinct().withColumn("_known", F.lit(True)), list(contract.key), "left")
    )
    repeated = F.when(F.col("_known"), F.lit("already_ingested")).when(
        F.col("_rank") > 1,
        F.when(F.col("_content") == F.col("_first"), F.lit("duplicate")).otherwise(F.lit("conflicting_duplicate")),
    )
    too_early = F.col(contract.dated_by) > F.col("ingested_at") + F.expr(f"INTERVAL {FUTURE_GRACE}")
    judged = ranked.withColumn(
        "reasons", F.array_compact(F.array(repeated, F.when(too_early, F.lit(f"future_{contract.dated_by}"))))
    ).drop("_rank", "_known", "_content", "_first")
    good = judged.where(F.size("reasons") == 0).select(
        *silver.column_names,
        F.date_format(contract.dated_by, PATTERNS[silver.division]).alias(silver.division),
    )
    return Split(good, judged.where(F.size("reasons") > 0))
