"""Files that a user downloaded, read batch by batch. A cell of a CSV file stays text until a reader takes it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from datasets.unusable import Unusable

ROWS = 65_536  # rows held at once
BLOCK = 1 << 20  # bytes of CSV parsed at once; Arrow reads some 32 of them ahead
SUFFIXES = (".parquet", ".csv")
ADVICE = {
    ".pkl": "a pickle runs code when it is opened: export it as Parquet or CSV",
    ".pickle": "a pickle runs code when it is opened: export it as Parquet or CSV",
    ".zip": "unpack it first",
    ".gz": "unpack it first",
    ".xls": "export the sheet as CSV, with one line of column names",
    ".xlsx": "export the sheet as CSV, with one line of column names",
}


@dataclass(frozen=True)
class Source:
    """One file. `header` names the columns of a publisher's file that has no line of names."""

    path: Path
    missing: tuple[str, ...] = ("",)
    header: tuple[str, ...] = ()
    delimiter: str = field(default=",")

    @property
    def is_parquet(self) -> bool:
        return self.path.suffix == ".parquet"

    def columns(self) -> list[str]:
        """Raises Unusable for a file that cannot be read."""
        if self.header:
            return list(self.header)
        try:
            if self.is_parquet:
                return pq.read_schema(self.path).names
            with self.path.open(encoding="utf-8-sig", newline="") as lines:
                names = next(csv.reader(lines), [])
        except (OSError, pa.ArrowException, UnicodeDecodeError, csv.Error) as broken:
            raise self.unreadable(broken) from None
        if not names:
            raise Unusable(f"{self.path}: expected a line of column names, found an empty file")
        return names

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """The wanted columns, at most ROWS rows at a time. Raises Unusable."""
        try:
            if self.is_parquet:
                with pq.ParquetFile(self.path, pre_buffer=False) as file:  # else a row group is held whole
                    yield from file.iter_batches(ROWS, columns=columns)
            else:
                yield from self._lines(columns)
        except (OSError, pa.ArrowException) as broken:
            raise self.unreadable(broken) from None

    def _lines(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        names = self.columns()
        reader = pacsv.open_csv(
            self.path,
            read_options=pacsv.ReadOptions(
                column_names=names, skip_rows=0 if self.header else 1, block_size=BLOCK, use_threads=False
            ),
            parse_options=pacsv.ParseOptions(delimiter=self.delimiter),
            convert_options=pacsv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                include_columns=columns,
                null_values=list(self.missing),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        yield from evenly(reader)

    def count(self) -> int:
        """Rows of the file."""
        if self.is_parquet:
            return pq.read_metadata(self.path).num_rows
        return sum(len(batch) for batch in self.batches(self.columns()[:1]))

    def about(self) -> int:
        """Rows as far as a glance tells: the lines of a CSV file, of which a quoted cell may hold several."""
        if self.is_parquet:
            return self.count()
        with self.path.open("rb") as lines:
            return sum(block.count(b"\n") for block in iter(partial(lines.read, BLOCK), b""))

    def unreadable(self, broken: Exception) -> Unusable:
        """Arrow ends its complaint about a line with the line itself, which may hold a card number: that is cut."""
        found = re.sub(r"(got \d+).*", r"\1", str(broken).strip().splitlines()[0] if str(broken).strip() else "nothing")
        kind = "Parquet" if self.is_parquet else "UTF-8 CSV"
        return Unusable(f"{self.path}: expected a readable {kind} file, found: {type(broken).__name__}: {found[:200]}")


def evenly(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows, ROWS at a time: a block of wide lines has few, and a Parquet file of small groups is slow."""
    held = 0
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        held += len(batch)
        if held >= ROWS:
            joined = pa.concat_batches(waiting)
            whole = held - held % ROWS
            yield from (joined.slice(start, ROWS) for start in range(0, whole, ROWS))
            waiting, held = [joined.slice(whole)], held - whole
    if held:
        yield pa.concat_batches(waiting)


def find(source: str, stem: str, missing: tuple[str, ...], headless: Mapping[str, tuple[str, ...]]) -> list[Source]:
    """The files of a set: SOURCE itself, or those of the folder, in order of their names. Raises Unusable."""
    path = Path(source)
    suffixes = (*SUFFIXES, *headless)
    if path.is_dir():
        inside = sorted(p for p in path.iterdir() if p.is_file())
        paths = [p for p in inside if p.suffix in suffixes and (not stem or p.stem == stem)]
        # A folder may hold the publisher's file and a copy of it: that one is taken which needs no guessing.
        with_names = [p for p in paths if p.suffix in SUFFIXES] or paths
        kinds = {p.suffix for p in with_names}
        if not paths or len(kinds) > 1:
            wanted = f"{stem or '*'} as {' or '.join(suffixes)}, of one kind"
            found = ", ".join(p.name for p in inside[:10]) or "nothing"
            advice = next((f" ({ADVICE[p.suffix]})" for p in inside if p.suffix in ADVICE), "")
            raise Unusable(f"{path}: expected {wanted}, found {found}{advice}")
        paths = with_names
    elif path.is_file():
        if path.suffix not in suffixes:
            advice = f": {ADVICE[path.suffix]}" if path.suffix in ADVICE else ""
            raise Unusable(f"{path}: expected a file ending in {' or '.join(suffixes)}, found {path.suffix}{advice}")
        paths = [path]
    else:
        raise Unusable(f"{path}: expected a file or a folder, found none")
    return [Source(p, missing, headless.get(p.suffix, ()), " " if p.suffix in headless else ",") for p in paths]
