"""How the columns of a model's input become numbers: fitted in training, carried in the archive, used by both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from features.columns import (
    MOST_CATEGORIES,
    Found,
    Kind,
    category,
    find,
    flag,
    is_missing,
    is_special,
    number,
    text,
)
from features.declared import NOTHING as UNDECLARED
from features.declared import Column as Declared
from features.declared import Risk

__all__ = ["MOST_CATEGORIES", "Column", "Encoding", "InvalidRow", "column_of", "fit_column", "numbers"]


class InvalidRow(ValueError):
    """A row does not have the columns of the model, or a cell is none; the text says what came."""


@dataclass(frozen=True)
class Column:
    """One column as the model knows it. It is a category when `categories` are given, and else of the kind said.

    What it cannot read is missing: a category unseen in training as well as a word among numbers. `missing` are further
    cells that say that nothing is known, `risk` is in which direction the model may follow it: both as declared.
    """

    name: str
    categories: tuple[str, ...] | None = None
    kind: Kind = "number"
    missing: tuple[str, ...] = ()
    risk: Risk | None = None

    def __post_init__(self) -> None:
        if self.categories is not None:
            object.__setattr__(self, "kind", "category")

    @cached_property
    def codes(self) -> dict[str, float]:
        return {known: float(code) for code, known in enumerate(self.categories or ())}

    def number(self, cell: object) -> float | None:
        """The cell as the model sees it; none when it is missing or cannot be read."""
        if cell is None or cell == "" or self.is_special(cell):
            return None
        if self.kind == "number":
            return number(cell)
        if self.kind == "indicator":
            found = number(cell)
            return flag(cell) if found is None else found
        if self.kind == "flag":
            return flag(cell)
        # As it is written, first: an archive of before knows words that are missing today.
        found = self.codes.get(str(cell))
        return self.codes.get(category(cell)) if found is None else found

    def is_special(self, cell: object) -> bool:
        return bool(self.missing) and is_special(text(cell), self.missing)

    def is_missing(self, cell: object) -> bool:
        """Whether the cell says that nothing is known."""
        return is_missing(cell, self.kind) or self.is_special(cell)

    def unread(self, cell: object) -> bool:
        """Whether the cell says something, and nothing that the model could read."""
        return self.number(cell) is None and not self.is_missing(cell)

    def written(self, cell: object) -> str:
        """The cell in a spelling that is read as the same, on one line; empty when it is missing or cannot be read."""
        found = self.number(cell)
        if found is None:
            return ""
        return self.categories[int(found)] if self.categories is not None else repr(found)

    def document(self) -> dict:
        return {
            "name": self.name,
            "kind": self.kind,
            "categories": None if self.categories is None else list(self.categories),
            "missing": list(self.missing),
            "risk": self.risk,
        }


@dataclass(frozen=True)
class Encoding:
    """The columns of a model, in order."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    @property
    def directions(self) -> tuple[int, ...]:
        """Of each column: 1 when the score may only rise with it, -1 when it may only fall, 0 when nothing is said."""
        return tuple({"rising": 1, "falling": -1, None: 0}[c.risk] for c in self.columns)

    def encode(self, row: Sequence[object], unread: Counter[str] | None = None) -> list[float | None]:
        """Cells in the order of the columns -> numbers. Adds to `unread`, by column, the cells that cannot be read.

        Raises InvalidRow for another number of cells, and for a list or an object in the place of one.
        """
        if len(row) != len(self.columns):
            raise InvalidRow(f"expected {len(self.columns)} columns, got {len(row)}")
        found = [column.number(cell) for column, cell in zip(self.columns, row, strict=True)]
        for column, cell, value in zip(self.columns, row, found, strict=True):
            if value is None and cell is not None and cell != "":
                if isinstance(cell, list | dict):
                    raise InvalidRow(f"{column.name}: expected a number or a text, got a {type(cell).__name__}")
                if unread is not None and column.unread(cell):
                    unread[column.name] += 1
        return found

    def document(self) -> list[dict]:
        return [column.document() for column in self.columns]

    @classmethod
    def parse(cls, document: Iterable[Mapping]) -> Encoding:
        """Archives of before say no kind: their columns are numbers or categories."""
        return cls(
            tuple(
                Column(
                    c["name"],
                    None if c["categories"] is None else tuple(c["categories"]),
                    c.get("kind", "number"),
                    tuple(c.get("missing", ())),
                    c.get("risk"),
                )
                for c in document
            )
        )


def numbers(names: Iterable[str]) -> Encoding:
    """An encoding of numeric columns only."""
    return Encoding(tuple(Column(name) for name in names))


def column_of(found: Found, declared: Declared = UNDECLARED) -> Column | None:
    """The column that a model reads; none when nothing can be learnt from it."""
    if found.kind is None:
        return None
    return Column(found.name, found.categories, found.kind, declared.missing, declared.risk)


def fit_column(name: str, cells: Iterable[object]) -> Column | None:
    """The column that these cells make; none for one that carries nothing to learn (features.columns says why).

    Categories are ordered by name, so that the same data gives the same codes.
    """
    return column_of(find(name, cells))
