"""RAW files as they are written: whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.unusable import Unusable


class Target:
    """Parquet files of one folder. They appear under their names when everything is written; an error leaves none."""

    def __init__(self, folder: Path, entities: tuple[str, ...]) -> None:
        """Raises Unusable when the folder holds one of the entities in another format: a reader could not choose."""
        other = [p.name for p in (folder / f"{entity}.csv" for entity in entities) if p.exists()]
        if other:
            raise Unusable(f"{folder}: expected an empty folder or files to replace, found {', '.join(other)}")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.rows = dict.fromkeys(entities, 0)
        self._writers: dict[str, pq.ParquetWriter] = {}

    def write(self, entity: str, table: pa.Table) -> None:
        """Appends. Raises Unusable when a column has another type than it had in the file before."""
        if entity not in self._writers:
            self._writers[entity] = pq.ParquetWriter(self._partial(entity), table.schema, compression="zstd")
        try:
            table = table.cast(self._writers[entity].schema)
        except (pa.ArrowException, ValueError) as broken:
            reason = str(broken).splitlines()[0][:200]
            raise Unusable(f"{entity}: expected every source file to have the same columns, found: {reason}") from None
        self._writers[entity].write_table(table)
        self.rows[entity] += len(table)

    def _partial(self, entity: str) -> Path:
        return self.folder / f".{entity}.parquet.partial"

    def __enter__(self) -> Target:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for writer in self._writers.values():
            writer.close()
        for entity in self._writers:
            if kind is None:
                os.replace(self._partial(entity), self.folder / f"{entity}.parquet")
            else:
                self._partial(entity).unlink(missing_ok=True)
