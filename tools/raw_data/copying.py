"""RAW files as Parquet of text cells. Stretches of large files are copied side by side, in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from raw.form import Form
from raw.reader import PART, Batch, Part, parts, rows

PLACES = (
    "#row",
    "#part",
)  # columns beside the cells: a row's place in its file, and which of an entity's files that is


@dataclass(frozen=True)
class Stretch:
    """What one process copies: a part of an entity's file `number`, with the columns `names`."""

    path: Path
    form: Form
    number: int
    part: Part
    names: tuple[str, ...]
    target: Path

    @property
    def lines(self) -> Path:
        """Where lines go that are no rows."""
        return self.target.with_suffix(".lines")


@dataclass
class Copied:
    """Lines that were no rows, by reason, and the place of the first of each."""

    counts: Counter = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)


def stretches(
    paths: Sequence[Path], forms: Sequence[Form], names: Sequence[str], folder: Path, size: int = PART
) -> list[Stretch]:
    """In the order of the files, of `size` bytes or more where a file can be divided. Raises Unreadable."""
    found = [
        (path, form, number, part)
        for number, (path, form) in enumerate(zip(paths, forms, strict=True))
        for part in parts(str(path), form, size=size)
    ]
    return [Stretch(*what, tuple(names), folder / f"{n:05d}.parquet") for n, what in enumerate(found)]


def copied(work: Sequence[Stretch]) -> list[Copied]:
    """One for each stretch. Raises Unreadable, of the first stretch that cannot be read."""
    large = sum(stretch.part.end > 0 for stretch in work)
    workers = min(large, os.cpu_count() or 1)
    if workers < 2:
        return [copy(stretch) for stretch in work]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(copy, work))


def copy(stretch: Stretch) -> Copied:
    told = Copied()
    schema = pa.schema(
        [*zip(PLACES, (pa.int64(), pa.int32()), strict=True), *((n, pa.string()) for n in stretch.names)]
    )
    # Read a few times and thrown away: what a file that is kept would gain by dictionaries and statistics costs more.
    made = pq.ParquetWriter(stretch.target, schema, compression="snappy", use_dictionary=False, write_statistics=False)
    with made as target, stretch.lines.open("wb") as lines:
        for batch in rows(str(stretch.path), stretch.form, stretch.part):
            for number, fault, line in batch.faulty:
                told.counts[fault] += 1
                told.first.setdefault(fault, int(number))
                lines.write(line.encode(errors="surrogateescape") + b"\n")
            target.write_batch(pa.RecordBatch.from_arrays(arrays(batch, stretch), schema=schema))
    return told


def arrays(batch: Batch, stretch: Stretch) -> list[pa.Array]:
    count = len(batch.numbers)
    spelt = {name.lower(): column for name, column in batch.cells.items()}
    cells = [spelt.get(name.lower(), pa.nulls(count, pa.string())) for name in stretch.names]
    return [pa.array(batch.numbers, pa.int64()), pa.array(np.full(count, stretch.number, np.int32)), *cells]
