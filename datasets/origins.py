"""Where a column of the contract comes from in a public file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.cells import Reader, text


class Origin(Protocol):
    """`names` are the file's columns it needs; `cells` makes the contract's from a batch starting at row `first`."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def cells(self, batch: pa.RecordBatch, first: int) -> pa.Array: ...


@dataclass(frozen=True)
class Column:
    """One column of the file, read by `read`."""

    name: str
    read: Reader = text

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)

    def cells(self, batch: pa.RecordBatch, first: int) -> pa.Array:
        return self.read(batch.column(self.name))


@dataclass(frozen=True)
class Joined:
    """Several columns side by side stand for an identifier that the publisher withholds."""

    prefix: str
    names: tuple[str, ...]

    def cells(self, batch: pa.RecordBatch, first: int) -> pa.Array:
        parts = [pc.fill_null(text(batch.column(name)), "") for name in self.names]
        return pc.binary_join_element_wise(pa.scalar(self.prefix), *parts, "|")


@dataclass(frozen=True)
class RowNumber:
    """The file has no identifier: the position in the source, from 1, is one."""

    prefix: str
    names: tuple[str, ...] = field(default=(), init=False)

    def cells(self, batch: pa.RecordBatch, first: int) -> pa.Array:
        return pa.array([f"{self.prefix}{row:08d}" for row in range(first + 1, first + len(batch) + 1)])


@dataclass(frozen=True)
class OrRowNumber:
    """A column that is empty in some files, or not there at all (no `name`): then the row's number stands for it."""

    name: str
    prefix: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,) if self.name else ()

    def cells(self, batch: pa.RecordBatch, first: int) -> pa.Array:
        numbers = RowNumber(self.prefix).cells(batch, first)
        if not self.name:
            return numbers
        cells = pc.utf8_trim_whitespace(text(batch.column(self.name)))
        return pc.coalesce(pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells), numbers)


@dataclass(frozen=True)
class Constant:
    """What the publisher says of every row, and the file does not."""

    word: str
    names: tuple[str, ...] = field(default=(), init=False)

    def cells(self, batch: pa.RecordBatch, first: int) -> pa.Array:
        return pa.array([self.word] * len(batch), pa.string())


@dataclass(frozen=True)
class Dealt:
    """The file says nothing of this entity: rows are dealt to `groups` of them, evenly and meaninglessly."""

    prefix: str
    groups: int
    names: tuple[str, ...] = field(default=(), init=False)

    def cells(self, batch: pa.RecordBatch, first: int) -> pa.Array:
        # Knuth's multiplier scatters neighbours, so that two dealt columns do not repeat in step.
        rows = np.arange(first, first + len(batch), dtype=np.uint64)
        scattered = (rows * np.uint64(2654435761) % np.uint64(2**32)) * np.uint64(self.groups) >> np.uint64(32)
        return pa.array([f"{self.prefix}{group:05d}" for group in scattered.tolist()])


def any_of(*names: str, read: Reader = text) -> tuple[Column, ...]:
    """One column under the several names that it has been published with."""
    return tuple(Column(name, read) for name in names)


def chosen(origins: Sequence[Origin], available: Sequence[str]) -> Origin | None:
    """The first origin whose columns the file has."""
    return next((origin for origin in origins if set(origin.names) <= set(available)), None)
