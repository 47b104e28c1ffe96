"""RAW files as DataFrames of text, whatever their format, with every row's origin."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import BinaryIO
from urllib.parse import unquote

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from features.contract import Contract
from features.payment import holds_pan
from features.values import BLANKS
from glue.csv_files import LONGEST_LINE, NotReadable, columns_of

FORMATS = (".parquet", ".csv")
HIDDEN = ("_", ".")  # what names begin with that Spark does not read
ADDRESS = re.compile(r"^(?:\w+:(?://[^/]*)?)?/*")
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
    together: dict[Form, list[str]] = defaultdict(list)
    for uri in uris:
        together[form_of(spark, uri, contract, opened, longest_line)].append(uri)
    times = put_at or {}
    frames = [
        read_files(spark, form, {uri: times.get(uri) for uri in alike}, contract, longest_line)
        for form, alike in together.items()
    ]
    return reduce(DataFrame.unionByName, frames)


@dataclass(frozen=True)
class Form:
    """What files have in common that are read as one: a door writes thousands a day, a Spark job hundreds of parts."""

    kind: str
    names: tuple[str, ...]
    types: tuple[str, ...] = ()


def form_of(
    spark: SparkSession, uri: str, contract: Contract, opened: Callable[[str], BinaryIO], longest_line: int
) -> Form:
    """Raises ContractBroken for a file that cannot be taken in."""
    name = uri.rpartition("/")[2]
    if not name.endswith(FORMATS) or name.startswith(HIDDEN):
        raise ContractBroken(f"{uri}: expected a file ending in {' or '.join(FORMATS)}, not hidden by `_` or `.`")
    kind = name.rpartition(".")[2]
    try:
        if kind == "parquet":
            types = spark.read.parquet(uri).dtypes
            form = Form(kind, tuple(name for name, _ in types), tuple(type_ for _, type_ in types))
        else:
            with opened(uri) as file:
                form = Form(kind, tuple(columns_of(file.read, longest_line)))
    except NotReadable as broken:
        raise ContractBroken(f"{uri}: {broken}") from None
    except Exception as broken:
        raise ContractBroken(f"{uri}: cannot be read as {kind}: {first_line(broken)}") from broken
    check_columns(uri, spelt(form.names, contract), contract)
    return form


def read_files(
    spark: SparkSession, form: Form, put_at: Mapping[str, datetime | None], contract: Contract, longest_line: int
) -> DataFrame:
    """The rows of files of one form, each with its own file and its place in it."""
    uris = list(put_at)
    try:
        rows = (
            parquet_cells(spark, uris, form, put_at)
            if form.kind == "parquet"
            else csv_cells(spark, uris, form, put_at, longest_line)
        )
    except Exception as broken:
        named = uris[0] if len(uris) == 1 else f"one of {uris[0]} and {len(uris) - 1} more"
        raise ContractBroken(f"{named}: cannot be read as {form.kind}: {first_line(broken)}") from broken
    names = spelt(form.names, contract)
    cell = {name: F.when(F.col("fault").isNull(), F.col("cells")[position]) for position, name in enumerate(names)}
    known = [column.name for column in contract.columns]
    further = [part for name in sorted(set(names) - set(known)) for part in (F.lit(name), cell[name])]
    attributes = F.create_map(*further) if further else F.create_map()
    return rows.select(
        *(cell.get(name, F.lit(None).cast("string")).alias(name) for name in known),
        attributes.cast("map<string,string>").alias("attributes"),
        "source_file",
        "row_number",
        "ingested_at",
        "fault",
        F.when(F.col("fault").isNotNull(), F.col("line")).alias("line"),
    )


def spelt(names: Sequence[str], contract: Contract) -> list[str]:
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


def csv_cells(
    spark: SparkSession, uris: list[str], form: Form, put_at: Mapping[str, datetime | None], longest_line: int
) -> DataFrame:
    """`cells`, `line`, `fault` and where the row came from. One line is one row: a quote that is not closed ends with
    its line, and cannot swallow the rows behind it. `row_number` counts lines behind the header, blank ones too."""
    width = len(form.names)
    lines = with_origin(spark.read.text(uris).withColumnRenamed("value", "line"), put_at)
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
        "source_file",
        "ingested_at",
        fault.alias("fault"),
    )


def parquet_cells(spark: SparkSession, uris: list[str], form: Form, put_at: Mapping[str, datetime | None]) -> DataFrame:
    """The same as `csv_cells` gives; types are forgotten, so that they may change from one form to the next."""
    rows = spark.read.parquet(*uris).toDF(*(f"c{n}" for n in range(len(form.names))))
    cells = F.array(*(as_text(f"c{n}", type_) for n, type_ in enumerate(form.types)))
    listed = with_origin(rows, put_at).select(cells.alias("cells"), "row_number", "source_file", "ingested_at")
    line = F.array_join("cells", ",")
    return listed.withColumns({"line": line, "fault": text_fault(line)})


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


def with_origin(rows: DataFrame, put_at: Mapping[str, datetime | None]) -> DataFrame:
    """Adds `source_file`, `row_number`, the position in the file from 1, and `ingested_at` to rows that come straight
    from files, without bringing a file to one worker.

    Spark numbers rows as partition * 2**33 + position. It reads a file in blocks, each whole and in its order, so a row
    stands as far behind its block's first row as its number does, and that stands behind all blocks before.
    """
    seen = rows.withColumns(
        {
            "_id": F.monotonically_increasing_id(),
            "_path": F.input_file_name(),
            "_start": F.input_file_block_start(),
        }
    ).withColumn("_part", F.shiftright("_id", 33))
    block = ["_path", "_start", "_part"]
    blocks = seen.groupBy(*block).agg(F.count(F.lit(1)).alias("rows"), F.min("_id").alias("first")).collect()
    uri_of = {place(uri): uri for uri in put_at}
    found, following = [], dict.fromkeys(put_at, 1)
    for path, start, part, count, first in sorted(blocks):
        uri = next(iter(put_at)) if len(put_at) == 1 else uri_of[place(unquote(path))]
        found.append((path, start, part, uri, following[uri] - first, put_at[uri]))
        following[uri] += count
    columns = "_path string, _start bigint, _part bigint, source_file string, _shift bigint, ingested_at timestamp"
    # A join and no literals in the plan: it is as long for thousands of files as for one.
    origins = F.broadcast(rows.sparkSession.createDataFrame(found, columns))
    numbered = seen.join(origins, block, "left").withColumn("row_number", F.col("_id") + F.col("_shift"))
    return numbered.drop(*block, "_id", "_shift")


def place(uri: str) -> str:
    """Where a file lies, without the scheme, and the bucket, that its address begins with."""
    return ADDRESS.sub("", uri, count=1)


def first_line(error: Exception) -> str:
    """What went wrong, of all that Spark says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return next((line for line in lines if "while reading file" in line), lines[0])
