"""RAW files as DataFrames of text, whatever their format, with every row's origin."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.contract import Contract

FORMATS = (".parquet", ".csv")


class ContractBroken(ValueError):
    """A RAW file cannot be taken in at all. The text names file, column, what was expected and what came."""


def read_raw(spark: SparkSession, uris: list[str], contract: Contract) -> DataFrame:
    """All cells as text, plus `source_file` and `row_number`. Raises ContractBroken for an unusable file."""
    frames = [read_file(spark, uri, contract) for uri in uris]
    result = frames[0]
    for frame in frames[1:]:
        result = result.unionByName(frame, allowMissingColumns=True)
    return result


def read_file(spark: SparkSession, uri: str, contract: Contract) -> DataFrame:
    if not uri.endswith(FORMATS):
        raise ContractBroken(f"{uri}: expected a file ending in {' or '.join(FORMATS)}")
    try:
        if uri.endswith(".parquet"):
            rows = spark.read.parquet(uri)
        else:
            rows = spark.read.csv(uri, header=True, escape='"', multiLine=False, mode="PERMISSIVE", encoding="UTF-8")
    except Exception as broken:
        raise ContractBroken(f"{uri}: cannot be read as {uri.rpartition('.')[2]}: {first_line(broken)}") from broken
    missing = [name for name in contract.required if name not in rows.columns]
    if missing:
        raise ContractBroken(
            f"{uri}: column {', '.join(missing)} is missing; {contract.entity} needs {', '.join(contract.required)}; "
            f"the file has {', '.join(rows.columns)}"
        )
    texts = [F.col(f"`{name}`").cast("string").alias(name) for name in rows.columns]
    return with_row_number(rows.select(*texts)).withColumn("source_file", F.lit(uri))


def with_row_number(rows: DataFrame) -> DataFrame:
    """Adds `row_number`, the position in the file from 1, without bringing the file to one worker.

    Spark numbers rows as partition * 2**33 + position, and partitions of one file follow each other.
    """
    numbered = rows.withColumn("_id", F.monotonically_increasing_id())
    part = F.shiftright("_id", 33)
    sizes = {row["part"]: row["count"] for row in numbered.groupBy(part.alias("part")).count().collect()}
    start, offsets = 1, []
    for index in sorted(sizes):
        offsets += [F.lit(index).cast("bigint"), F.lit(start).cast("bigint")]
        start += sizes[index]
    if not offsets:
        return rows.withColumn("row_number", F.lit(1).cast("bigint"))
    position = F.col("_id").bitwiseAND(F.lit((1 << 33) - 1))
    return numbered.withColumn("row_number", F.create_map(*offsets)[part] + position).drop("_id")


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
