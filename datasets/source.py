"""Files that a user downloaded, read batch by batch. A cell of a CSV file stays text until a reader takes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.unusable import Unusable
from raw.form import Form, table_layout
from raw.packing import PLAIN
from raw.reader import rows
from raw.refusal import Unreadable

ROWS = 65_536  # rows held at once
BLOCK = 1 << 20  # bytes looked at at once, to count lines
SUFFIXES = (".parquet", ".csv", ".csv.gz", ".csv.zip")
ADVICE = {
    ".pkl": "a pickle runs code when it is opened: export it as Parquet or CSV",
    ".pickle": "a pickle runs code when it is opened: export it as Parquet or CSV",
    ".zip": "unpack it, or name it .csv.zip where one CSV file is in it",
    ".gz": "unpack it, or name it .csv.gz where a CSV file is in it",
    ".xls": "export the sheet as CSV, with one line of column names",
    ".xlsx": "export the sheet as CSV, with one line of column names",
}
FAULTS = {
    "ragged_row": "has another number of cells than the file has columns",
    "unclosed_quote": "has a quote that is not closed",
    "not_utf8": "is not UTF-8",
    "nul_byte": "has a NUL byte",
}


@dataclass(frozen=True)
class Source:
    """One file. `header` names the columns of a publisher's file that has no line of names; `known` are names by which
    such a line is told from a note before it."""

    path: Path
    missing: tuple[str, ...] = ("",)
    header: tuple[str, ...] = ()
    delimiter: str = ","
    known: frozenset[str] = frozenset()

    @property
    def is_parquet(self) -> bool:
        return self.path.suffix == ".parquet"

    def columns(self) -> list[str]:
        """Raises Unusable for a file that cannot be read."""
        if not self.is_parquet:
            return list(self.form.names)
        try:
            return pq.read_schema(self.path).names
        except (OSError, pa.ArrowException) as broken:
            raise self.unreadable(broken) from None

    @cached_property
    def form(self) -> Form:
        """Of a file that is no Parquet. Raises Unusable."""
        if self.header:
            return Form("csv", self.header, PLAIN, self.delimiter, header_line=-1)
        try:
            return table_layout(str(self.path), self.known)
        except (Unreadable, OSError) as broken:
            raise self.unreadable(broken) from None

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """The wanted columns, at most ROWS rows at a time. Raises Unusable."""
        try:
            if self.is_parquet:
                with pq.ParquetFile(self.path, pre_buffer=False) as file:  # else a row group is held whole
                    yield from file.iter_batches(ROWS, columns=columns)
            else:
                yield from evenly(self._lines(columns))
        except (OSError, pa.ArrowException, Unreadable) as broken:
            raise self.unreadable(broken) from None

    def _lines(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        words = pa.array(self.missing, pa.string())
        for batch in rows(str(self.path), self.form):
            for number, fault, line in batch.faulty:
                if self.form.separator in line or fault != "ragged_row":  # else a publisher's note below the rows
                    said = f"expected {len(self.form.names)} cells in every row, but row {number}"
                    raise Unusable(f"{self.path}: {said} {FAULTS.get(fault, fault)}")
            cells = {name: batch.cells[name] for name in columns}
            yield pa.RecordBatch.from_pydict(
                {name: pc.if_else(pc.is_in(c, words), pa.scalar(None, pa.string()), c) for name, c in cells.items()}
            )

    def count(self) -> int:
        """Rows of the file."""
        if self.is_parquet:
            return pq.read_metadata(self.path).num_rows
        return sum(len(batch) for batch in self.batches(self.columns()[:1]))

    def about(self) -> int:
        """Rows as far as a glance tells: the lines of a CSV file, of which a quoted cell may hold several."""
        if self.is_parquet or not self.form.wrapping.none:
            return self.count()
        with self.path.open("rb") as lines:
            return sum(block.count(b"\n") for block in iter(partial(lines.read, BLOCK), b""))

    def unreadable(self, broken: Exception) -> Unusable:
        if isinstance(broken, Unreadable):
            return Unusable(f"{self.path}: {str(broken).removeprefix(f'{self.path}: ')}")
        said = str(broken).strip().splitlines() or ["nothing"]
        kind = "Parquet" if self.is_parquet else "CSV"
        return Unusable(
            f"{self.path}: expected a readable {kind} file, found: {type(broken).__name__}: {said[0][:200]}"
        )


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


def find(
    source: str,
    stem: str,
    missing: tuple[str, ...],
    headless: Mapping[str, tuple[str, ...]],
    known: frozenset[str] = frozenset(),
) -> list[Source]:
    """The files of a set: SOURCE itself, or those of the folder, in order of their names. Raises Unusable."""
    path = Path(source)
    suffixes = (*SUFFIXES, *headless)
    if path.is_dir():
        inside = sorted(p for p in path.iterdir() if p.is_file())
        paths = [p for p in inside if (end := ending(p, suffixes)) and (not stem or p.name.removesuffix(end) == stem)]
        # A folder may hold the publisher's file and a copy of it: that one is taken which needs no guessing.
        with_names = [p for p in paths if ending(p, SUFFIXES)] or paths
        kinds = {ending(p, suffixes) for p in with_names}
        if not paths or len(kinds) > 1:
            wanted = f"{stem or '*'} as {' or '.join(suffixes)}, of one kind"
            found = ", ".join(p.name for p in inside[:10]) or "nothing"
            advice = next((f" ({ADVICE[p.suffix]})" for p in inside if p.suffix in ADVICE), "")
            raise Unusable(f"{path}: expected {wanted}, found {found}{advice}")
        paths = with_names
    elif path.is_file():
        if not ending(path, suffixes):
            advice = f": {ADVICE[path.suffix]}" if path.suffix in ADVICE else ""
            raise Unusable(f"{path}: expected a file ending in {' or '.join(suffixes)}, found {path.suffix}{advice}")
        paths = [path]
    else:
        raise Unusable(f"{path}: expected a file or a folder, found none")
    return [Source(p, missing, headless.get(p.suffix, ()), " " if p.suffix in headless else ",", known) for p in paths]


def ending(path: Path, suffixes: Iterable[str]) -> str:
    return next((suffix for suffix in suffixes if path.name.endswith(suffix)), "")
