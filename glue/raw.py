"""RAW files as DataFrames of text, whatever their form, with every row's origin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.contract import Contract
from features.declared import UNDECLARED, Declared
from features.values import MISSING
from raw import storage
from raw.blocks import LONGEST_LINE
from raw.form import Form
from raw.reader import PART, Batch, Part, parts, rows
from raw.refusal import Unreadable
from raw.understanding import form_of

OPENED_AT_ONCE = 8  # files that the driver looks into side by side: it waits for S3 most of the time
ROWS_AT_ONCE = 20_000  # that go to Spark in one message
NOTHING = pa.array(["", *sorted(MISSING)])


class ContractBroken(ValueError):
    """A RAW file cannot be taken in at all. The text names file, column, what was expected and what came."""


def read_raw(
    spark: SparkSession,
    uris: Sequence[str],
    contract: Contract,
    put_at: Mapping[str, datetime] | None = None,
    places: Mapping[str, str] | None = None,
    longest_line: int = LONGEST_LINE,
    part_size: int = PART,
    declared: Declared = UNDECLARED,
) -> DataFrame:
    """The rows of some files, each of which was put in its place at `put_at`, and is read at its address or another
    one that `places` knows. All cells are text:

    the contract's columns, `attributes` (a map of the further ones), `source_file`, `row_number`, `ingested_at`; and of
    a row that is no row, `fault` with the reason and `line` with the text instead of cells. Raises ContractBroken for
    an unusable file.
    """
    read_at = {uri: (places or {}).get(uri, uri) for uri in uris}
    forms, stretches = looked_into(read_at, contract, longest_line, part_size, declared)
    numbered: dict[Form, int] = {}
    tasks = [
        (file, read_at[uri], numbered.setdefault(form, len(numbered)), part.start, part.end, part.first)
        for file, (uri, form) in enumerate(zip(uris, forms, strict=True))
        for part in stretches[file]
    ]
    known = tuple(column.name for column in contract.columns)
    listed = spark.createDataFrame(
        spark.sparkContext.parallelize(tasks, slices(tasks, spark.sparkContext.defaultParallelism)),
        "file int, uri string, form int, start bigint, `end` bigint, first bigint",
    )
    cells = ", ".join(f"`{name}` string" for name in known)
    region = storage.region() if any(uri.startswith("s3://") for uri in read_at.values()) else None
    read = listed.mapInArrow(
        reading(tuple(numbered), known, longest_line, region),  # type: ignore[arg-type]
        f"{cells}, attributes map<string,string>, row_number bigint, fault string, line string, _file int",
    )
    times = put_at or {}
    # A join and no literals in the plan: it is as long for thousands of files as for one.
    origins = spark.createDataFrame(
        [(file, uri, times.get(uri)) for file, uri in enumerate(uris)],
        "_file int, source_file string, ingested_at timestamp",
    )
    return read.join(F.broadcast(origins), "_file").select(
        *known, "attributes", "source_file", "row_number", "ingested_at", "fault", "line"
    )


def looked_into(
    read_at: Mapping[str, str], contract: Contract, longest_line: int, part_size: int, declared: Declared
) -> tuple[list[Form], list[list[Part]]]:
    """Each file's form, and the stretches of it that can be read side by side."""

    def look(uri: str) -> tuple[Form, list[Part]]:
        place = read_at[uri]
        try:
            form = form_of(place, contract, longest_line, declared)
            return form, parts(place, form, longest_line, part_size)
        except Unreadable as refused:
            raise ContractBroken(str(refused).replace(place, uri)) from None

    with ThreadPoolExecutor(OPENED_AT_ONCE) as pool:
        found = list(pool.map(look, read_at))
    return [form for form, _ in found], [stretches for _, stretches in found]


def slices(tasks: Sequence[tuple], workers: int) -> int:
    """Partitions: one each for large stretches, a few for many small files."""
    return max(1, min(len(tasks), 4 * workers if all(task[4] == 0 for task in tasks) else len(tasks)))


def reading(
    forms: tuple[Form, ...], known: tuple[str, ...], longest_line: int, region: str | None
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What a worker does with the stretches that it is given."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        storage.in_region(region)
        for batch in batches:
            for task in batch.to_pylist():
                part = Part(task["start"], task["end"], task["first"])
                for found in rows(task["uri"], forms[task["form"]], part, longest_line):
                    for start in range(0, len(found.numbers), ROWS_AT_ONCE):
                        yield good_rows(found, start, known, task["file"])
                    if found.faulty:
                        yield faulty_rows(found, known, task["file"])

    return read


def good_rows(found: Batch, start: int, known: tuple[str, ...], file: int) -> pa.RecordBatch:
    numbers = found.numbers[start : start + ROWS_AT_ONCE]
    count = len(numbers)
    cells = {name: column.slice(start, count) for name, column in found.cells.items()}
    nothing = pa.nulls(count, pa.string())
    further = sorted(set(cells) - set(known))
    columns = {
        **{name: present(cells[name]) if name in cells else nothing for name in known},
        "attributes": attributes(further, [cells[name] for name in further], count),
        "row_number": pa.array(numbers, pa.int64()),
        "fault": nothing,
        "line": nothing,
        "_file": pa.array(np.full(count, file, np.int32)),
    }
    return pa.RecordBatch.from_pydict(columns)


def present(column: pa.Array) -> pa.Array:
    """Cells, null where nothing or a tool's word for nothing stands."""
    return pc.if_else(pc.is_in(column, NOTHING), None, column)


def attributes(names: list[str], columns: list[pa.Array], count: int) -> pa.Array:
    """A map per row: every further column's name with its cell, where there is one."""
    if not names:
        return pa.MapArray.from_arrays(
            pa.array(np.zeros(count + 1, np.int32)), pa.array([], pa.string()), pa.array([], pa.string())
        )
    filled = np.array([pc.greater(pc.binary_length(c), 0).fill_null(False).to_numpy(False) for c in columns])
    column, row = np.nonzero(filled)
    by_row = np.lexsort((column, row))
    across = (column * count + row)[by_row]
    keys = pa.array(names, pa.string()).take(pa.array(column[by_row]))
    values = pa.concat_arrays(columns).take(pa.array(across))
    offsets = np.concatenate(([0], np.cumsum(filled.sum(axis=0)))).astype(np.int32)
    return pa.MapArray.from_arrays(pa.array(offsets), keys, values)


def faulty_rows(found: Batch, known: tuple[str, ...], file: int) -> pa.RecordBatch:
    count = len(found.faulty)
    numbers, faults, lines = zip(*found.faulty, strict=True)
    columns = {
        **{name: pa.nulls(count, pa.string()) for name in known},
        "attributes": attributes([], [], count),
        "row_number": pa.array([int(n) for n in numbers], pa.int64()),
        "fault": pa.array(faults, pa.string()),
        "line": pa.array([line.encode(errors="surrogateescape").decode(errors="replace") for line in lines]),
        "_file": pa.array(np.full(count, file, np.int32)),
    }
    return pa.RecordBatch.from_pydict(columns)


def unreadable(error: Exception) -> str:
    """What a reader has said of a file, of all that Spark says; empty of any other error."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line.partition(": ")[2] for line in lines if line.startswith("raw.refusal.Unreadable: ")), "")
