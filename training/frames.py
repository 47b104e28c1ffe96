"""Parquet folders as data frames: the only module of training that reads and writes tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq


class NoRows(ValueError):
    """A channel holds no Parquet file."""


def read_folder(
    folder: Path, names: Collection[str] | None = None, without: str = "", only: str = "*.parquet"
) -> pd.DataFrame:
    """Every Parquet file below a folder, or `only` those of a name, or all `without` those of one; all columns or those
    of some names; times come back in UTC. Raises NoRows."""
    files = sorted(str(p) for p in folder.rglob(only) if p.name != without)
    if not files:
        raise NoRows(f"{folder} holds no Parquet file; did the jobs before this one write to where it reads?")
    data = ds.dataset(files, format="parquet")
    columns = None if names is None else [name for name in data.schema.names if name in names]
    return in_utc(data.to_table(columns).to_pandas())


def read_kinds(folder: Path, kinds: Mapping[str, Sequence[str]]) -> dict[str, pd.DataFrame]:
    """Parquet files of several tables below a folder, told apart by their columns: a file is of the first kind of which
    it has every column, and only these are read. Kinds without a file are absent, other files are passed over.

    Raises NoRows when no file is of any kind.
    """
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.parquet")):
        names = set(pq.read_schema(path).names)
        kind = next((kind for kind, columns in kinds.items() if names.issuperset(columns)), None)
        if kind is not None:
            found.setdefault(kind, []).append(str(path))
    if not found:
        raise NoRows(f"{folder} holds no file of {' or '.join(kinds)}; did the jobs before this one write there?")
    return {kind: in_utc(ds.dataset(paths).to_table(list(kinds[kind])).to_pandas()) for kind, paths in found.items()}


def in_utc(frame: pd.DataFrame) -> pd.DataFrame:
    for name in frame.select_dtypes(include=["datetime", "datetimetz"]).columns:
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path, index=False)
