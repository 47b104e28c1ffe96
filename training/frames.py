"""Parquet folders as data frames: the only module of training that reads and writes tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds


class NoRows(ValueError):
    """A channel holds no Parquet file."""


def read_folder(folder: Path) -> pd.DataFrame:
    """Every Parquet file below a folder; times come back in UTC. Raises NoRows."""
    files = sorted(str(p) for p in folder.rglob("*.parquet"))
    if not files:
        raise NoRows(f"{folder} holds no Parquet file; did the jobs before this one write to where it reads?")
    frame = ds.dataset(files, format="parquet").to_table().to_pandas()
    for name in frame.select_dtypes(include=["datetime", "datetimetz"]).columns:
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path, index=False)
