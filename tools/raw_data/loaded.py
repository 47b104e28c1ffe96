"""RAW files of a folder, read once by the platform's one reader into a database that answers questions about them."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from features.contract import CONTRACTS, Contract
from raw.form import Form
from raw.meanings import BY_NAME
from raw.reader import rows
from raw.refusal import Unreadable
from raw.understanding import form_of
from tools.raw_data.copying import PLACES, copied, stretches
from tools.raw_data.declared import declared_beside
from tools.raw_data.files import Unusable, raw_files

NUMBER, PART = (f'"{name}"' for name in PLACES)


@dataclass
class Faults:
    """Rows that are no rows: how many by reason, where the first of each stands, and their lines as they came."""

    lines: Path
    counts: Counter = field(default_factory=Counter)
    first: dict[str, tuple[str, int]] = field(default_factory=dict)


class Loaded:
    """Tables of text cells by entity. `files` and `forms` are those of an entity's parts, `declared` is what
    `columns.yaml` says of it."""

    def __init__(self, folder: Path, told: Callable[[str], None] = lambda line: None) -> None:
        """`told` hears of each file that is read. Raises Unusable for a folder or a file that cannot be taken in."""
        self.files = raw_files(folder)
        self.declared = declared_beside(folder, self.files)
        self.forms: dict[str, list[Form]] = {}
        self._tables: dict[str, list[Path]] = {}
        self.faults: dict[str, Faults] = {}
        self.database = duckdb.connect()
        self.database.execute("SET GLOBAL TimeZone = 'UTC'")  # an instant without an offset is UTC, wherever this runs
        self._scratch = tempfile.TemporaryDirectory(prefix="raw-")
        for entity, paths in self.files.items():
            told(f"reading {', '.join(path.name for path in paths[:3])}{' ...' if len(paths) > 3 else ''}")
            try:
                self._load(CONTRACTS[entity], paths)
            except Unreadable as refused:
                raise Unusable(str(refused)) from None

    def _load(self, contract: Contract, paths: list[Path]) -> None:
        entity = contract.entity
        declared = self.declared[entity]
        self.forms[entity] = forms = [form_of(str(path), contract, declared=declared) for path in paths]
        faults = self.faults[entity] = Faults(self._place(f"{entity}.lines"))
        names = columns_of(paths, forms)
        if clash := [name for name in names if name in PLACES]:
            raise Unreadable(f"{paths[0]}: column {', '.join(clash)}: expected another name")
        agree(paths, forms)
        folder = self._place(entity)
        folder.mkdir()
        work = stretches(paths, forms, names, folder)
        with faults.lines.open("wb") as lines:
            for stretch, found in zip(work, copied(work), strict=True):
                faults.counts += found.counts
                for fault, row in found.first.items():
                    faults.first.setdefault(fault, (stretch.path.name, row))
                lines.write(stretch.lines.read_bytes())
        self._tables[entity] = [stretch.target for stretch in work]

    def _place(self, name: str) -> Path:
        return Path(self._scratch.name) / name

    def table(self, entity: str) -> str:
        """SQL that reads an entity's rows, in no order: by PART and NUMBER they stand as in the files."""
        places = ", ".join(f"'{quoted(path)}'" for path in self._tables[entity])
        return f"read_parquet([{places}])"

    def columns(self, entity: str) -> list[str]:
        return pq.read_schema(self._tables[entity][0]).names[len(PLACES) :]

    def ask(self, query: str) -> list[tuple]:
        return self.asked(query).fetchall()

    def asked(self, query: str) -> duckdb.DuckDBPyConnection:
        """A cursor of its own: threads may ask side by side."""
        return self.database.cursor().execute(query)


def columns_of(paths: list[Path], forms: list[Form]) -> list[str]:
    """Names over all parts. An object of a JSON file may bring one that none before it had, so these are read whole."""

    def found() -> Iterator[str]:
        for path, form in zip(paths, forms, strict=True):
            yield from form.names
            if form.kind == "jsonl":
                yield from (name for batch in rows(str(path), form) for name in batch.cells)

    first: dict[str, str] = {}
    for name in found():
        first.setdefault(name.lower(), name)  # a name is spelt as it came first, whatever its case in other parts
    return list(first.values())


def agree(paths: list[Path], forms: list[Form]) -> None:
    """Raises Unreadable where a column means one thing in one part and another in another."""
    meant: dict[str, tuple[str, Path]] = {}
    for path, form in zip(paths, forms, strict=True):
        for name, meaning in form.meanings:
            other, before = meant.setdefault(name, (meaning, path))
            if other != meaning:
                raise Unreadable(
                    f"{path}: column {name} is read as {BY_NAME[meaning].reading}, and in {before.name} as "
                    f"{BY_NAME[other].reading}; bring parts that are spelt alike"
                )


def quoted(path: Path) -> str:
    """A path inside a SQL text."""
    return str(path).replace("'", "''")
