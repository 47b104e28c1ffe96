"""RAW files as DataFrames of text, whatever their format, with every row's origin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import BinaryIO

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from features.contract import Contract
from features.payment import holds_pan
from features.values import BLANKS
from glue.csv_files import LONGEST_LINE, NotReadable, columns_of

FORMATS = (".parquet", ".csv")
HIDDEN = ("_", ".")  # what names begin with that Spark does not read
WHOLE = 2.0**63  # whole numbers below it are written without a point


class ContractBroken(ValueError):
    """A RAW file cannot be taken in at all. The text names file, column, what was expected and what came."""


def here(uri: str) -> BinaryIO:
    return open(uri, "rb")


def read_raw(
    spark: SparkSession,
    uris: Sequence[str],
    contract: Contract,
    put_at: Mapping[str, datetime] | None = None,
    opened: Callable[[str], BinaryIO] = here,
    longest_line: int = LONGEST_LINE,
) -> DataFrame:
    """The rows of some files, each of which was put in its place at `put_at`. All cells are text:

    the contract's columns, `attributes` (a map of the further ones), `source_file`, `row_number`, `ingested_at`; and of
    a row that is no row, `fault` with the reason and `line` with the text instead of cells. Raises ContractBroken for
    an unusable file.
    """
    frames = [read_file(spark, uri, contract, (put_at or {}).get(uri), opened, longest_line) for uri in uris]
    result = frames[0]
    for frame in frames[1:]:
        result = result.unionByName(frame)
    return result


def read_file(
    spark: SparkSession,
    uri: str,
    contract: Contract,
    put_at: datetime | None,
    opened: Callable[[str], BinaryIO],
    longest_line: int,
) -> DataFrame:
    name = uri.rpartition("/")[2]
    if not name.endswith(FORMATS) or name.startswith(HIDDEN):
        raise ContractBroken(f"{uri}: expected a file ending in {' or '.join(FORMATS)}, not hidden by `_` or `.`")
    try:
        if name.endswith(".parquet"):
            names, rows = parquet_cells(spark, uri)
        else:
            with opened(uri) as file:
                names = columns_of(file.read, longest_line)
            rows = csv_cells(spark, uri, len(names), longest_line)
    except NotReadable as broken:
        raise ContractBroken(f"{uri}: {broken}") from None
    except Exception as broken:
        raise ContractBroken(f"{uri}: cannot be read as {name.rpartition('.')[2]}: {first_line(broken)}") from broken
    names = spelt(names, contract)
    check_columns(uri, names, contract)
    cell = {name: F.when(F.col("fault").isNull(), F.col("cells")[position]) for position, name in enumerate(names)}
    known = [column.name for column in contract.columns]
    further = [part for name in sorted(set(names) - set(known)) for part in (F.lit(name), cell[name])]
    attributes = F.create_map(*further) if further else F.create_map()
    return rows.select(
        *(cell.get(name, F.lit(None).cast("string")).alias(name) for name in known),
        attributes.cast("map<string,string>").alias("attributes"),
        F.lit(uri).alias("source_file"),
        "row_number",
        F.lit(put_at).cast("timestamp").alias("ingested_at"),
        "fault",
        F.when(F.col("fault").isNotNull(), F.col("line")).alias("line"),
    )


def spelt(names: list[str], contract: Contract) -> list[str]:
    """The contract's columns are known in any case; further columns keep their own."""
    known = {column.name.lower(): column.name for column in contract.columns}
    return [known.get(name.strip().lower(), name.strip()) for name in names]


def check_columns(uri: str, names: list[str], contract: Contract) -> None:
    """Names that could be card numbers are not repeated: in a file without a header they are cells."""
    shown = {name: name if not holds_pan(name) else "(a card number)" for name in names}
    missing = [name for name in contract.required if name not in names]
    if missing:
        raise ContractBroken(
            f"{uri}: column {', '.join(missing)} is missing; {contract.entity} needs {', '.join(contract.required)}; "
            f"the file has {', '.join(shown[name] for name in names)}"
        )
    times = Counter(name.lower() for name in names)
    twice = [shown[name] for name in names if times[name.lower()] > 1]
    if twice:
        raise ContractBroken(f"{uri}: expected every column once, whatever its case; the file has {', '.join(twice)}")


def csv_cells(spark: SparkSession, uri: str, width: int, longest_line: int) -> DataFrame:
    """`cells`, `line`, `row_number`, `fault`. One line is one row: a quote that is not closed ends with its line, and
    cannot swallow the rows behind it. `row_number` counts lines behind the header, blank ones too."""
    lines = with_row_number(spark.read.text(uri).withColumnRenamed("value", "line"))
    rows = lines.where((F.col("row_number") > 1) & (F.btrim("line", F.lit(BLANKS)) != ""))
    positions = [f"c{n}" for n in range(width)]
    schema = ", ".join(f"{name} string" for name in (*positions, "ragged"))
    options = {
        "escape": '"',
        "mode": "PERMISSIVE",
        "columnNameOfCorruptRecord": "ragged",
        "maxColumns": str(max(width, longest_line) + 1),
    }
    quotes = F.length("line") - F.length(F.replace(F.col("line"), F.lit('"'), F.lit("")))
    fault = F.coalesce(
        text_fault(F.col("line")),
        F.when(quotes % 2 == 1, F.lit("unclosed_quote")),
        F.when(F.col("row.ragged").isNotNull(), F.lit("ragged_row")),
    )
    parsed = rows.withColumn("row", F.from_csv("line", schema, options))  # type: ignore[arg-type]
    return parsed.select(
        F.array(*(F.col(f"row.{name}") for name in positions)).alias("cells"),
        "line",
        (F.col("row_number") - 1).alias("row_number"),
        fault.alias("fault"),
    )


def parquet_cells(spark: SparkSession, uri: str) -> tuple[list[str], DataFrame]:
    """The names of the columns, and the same as `csv_cells` gives; types are forgotten, so that they may change."""
    rows = spark.read.parquet(uri)
    names = rows.columns
    renamed = with_row_number(rows.toDF(*(f"c{n}" for n in range(len(names)))))
    cells = F.array(*(as_text(f"c{n}", type_) for n, (_, type_) in enumerate(rows.dtypes)))
    listed = renamed.select(cells.alias("cells"), "row_number")
    line = F.array_join("cells", ",")
    return names, listed.withColumns({"line": line, "fault": text_fault(line)})


def as_text(name: str, type_: str) -> Column:
    """A number that came as a float because of an empty cell beside it is written as the whole number that it is."""
    value = F.col(name)
    if type_ in ("float", "double"):
        whole = (F.abs(value) < WHOLE) & (value == F.floor(value))
        return F.when(whole, value.cast("bigint").cast("string")).otherwise(value.cast("string"))
    return value.cast("string")


def text_fault(text: Column) -> Column:
    """Bytes that are no text: a reader further on would replace them, or stop at them."""
    damaged = text.cast("binary") != F.encode(text, "UTF-8")
    return F.when(damaged, F.lit("not_utf8")).when(text.contains("\0"), F.lit("nul_byte"))


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
    """What went wrong, of all that Spark says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return next((line for line in lines if "while reading file" in line), lines[0])
