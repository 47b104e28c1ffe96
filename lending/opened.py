"""A model's archive that is opened here, as what decides asks it: rows become a matrix once."""

from __future__ import annotations

import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from features.encoding import Encoding
from inference.archive import UnsafeArchive, unpack
from inference.model import BrokenArchive, Model
from lending.deciding import Cells, WrongRun


@contextmanager
def opened(packed: Path) -> Iterator[Model]:
    """The model of an archive as training packs it. Raises WrongRun."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with tarfile.open(packed) as archive:
                unpack(archive, Path(folder))
            model = Model(Path(folder))
        except (tarfile.TarError, zlib.error, EOFError, OSError, UnsafeArchive, BrokenArchive) as wrong:
            raise WrongRun(f"{packed.name}: {wrong}") from None
        except (LookupError, TypeError, AttributeError, ValueError) as wrong:
            raise WrongRun(f"{packed.name}: expected an archive that training wrote: {wrong!r}") from None
        if not all(isinstance(name, str) for name in model.encoding.names):
            raise WrongRun(f"{packed.name}: expected columns with names")
        yield model


class Opened:
    """A `lending.deciding.Scorer` of an opened archive."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._last: tuple[list[Cells], np.ndarray] | None = None

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def feature_version(self) -> str:
        return self.model.feature_version

    @property
    def encoding(self) -> Encoding:
        return self.model.encoding

    @property
    def manifest(self) -> Mapping[str, Any]:
        return self.model.manifest

    @property
    def baseline(self) -> bytes | None:
        path = self.model.folder / "baseline.json"
        return path.read_bytes() if path.is_file() else None

    def said(self, rows: Sequence[Cells]) -> list[float]:
        return self.model.probabilities(self.matrix(rows)).tolist()

    def contributions(self, rows: Sequence[Cells]) -> list[list[float]]:
        return self.model.contributions(rows).tolist()

    def changed(self, rows: Sequence[Cells], changes: Sequence[Mapping[int, float]]) -> list[list[float]]:
        return [self._with(rows, change) for change in changes]

    def _with(self, rows: Sequence[Cells], change: Mapping[int, float]) -> list[float]:
        matrix = self.matrix(rows).copy()
        matrix[:, list(change)] = list(change.values())
        return self.model.probabilities(matrix).tolist()

    def matrix(self, rows: Sequence[Cells]) -> np.ndarray:
        """Of shape (rows, columns). The last one is kept: the same rows are asked about once for each concept. Threads
        may ask about different rows: none is given what another has left here."""
        last = self._last
        if last is None or len(last[0]) != len(rows) or any(a is not b for a, b in zip(last[0], rows, strict=True)):
            last = list(rows), self.model.matrix(rows)
            self._last = last
        return last[1]
