"""How the columns of a model's input become numbers: fitted in training, carried in the archive, used by both sides."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MOST_CATEGORIES = 64
MISSING = (None, "")


class InvalidRow(ValueError):
    """A row does not have the columns of the model; the text says how many came and how many were expected."""


@dataclass(frozen=True)
class Column:
    """One column: a number, or a category when `categories` is given. A category unseen in training is missing."""

    name: str
    categories: tuple[str, ...] | None = None

    def number(self, cell: object) -> float | None:
        """The cell as the model sees it; none when it is missing."""
        if cell in MISSING:
            return None
        if self.categories is not None:
            try:
                return float(self.categories.index(str(cell)))
            except ValueError:
                return None
        try:
            number = float(cell)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            number = math.inf
        if math.isinf(number):  # the learners take no infinite numbers
            raise InvalidRow(f"{self.name}: expected a number")
        return number


@dataclass(frozen=True)
class Encoding:
    """The columns of a model, in order."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    def encode(self, row: Sequence[object]) -> list[float | None]:
        """Cells in the order of the columns -> numbers. Raises InvalidRow."""
        if len(row) != len(self.columns):
            raise InvalidRow(f"expected {len(self.columns)} columns, got {len(row)}")
        return [column.number(cell) for column, cell in zip(self.columns, row, strict=True)]

    def document(self) -> list[dict]:
        return [
            {"name": c.name, "categories": None if c.categories is None else list(c.categories)} for c in self.columns
        ]

    @classmethod
    def parse(cls, document: Iterable[Mapping]) -> Encoding:
        return cls(
            tuple(Column(c["name"], None if c["categories"] is None else tuple(c["categories"])) for c in document)
        )


def numbers(names: Iterable[str]) -> Encoding:
    """An encoding of numeric columns only."""
    return Encoding(tuple(Column(name) for name in names))


def fit_column(name: str, cells: Iterable[object]) -> Column | None:
    """A number when every present cell is one, else a category; none for a column that carries nothing to learn.

    Categories are ordered by name, so that the same data gives the same codes. Free text (more than MOST_CATEGORIES
    different values) and constants are left out.
    """
    present = [cell for cell in cells if cell not in MISSING]
    different = {str(cell) for cell in present}
    if len(different) < 2:
        return None
    if all(is_number(text) for text in different):
        return Column(name)
    return Column(name, tuple(sorted(different))) if len(different) <= MOST_CATEGORIES else None


def is_number(text: str) -> bool:
    try:
        return not math.isinf(float(text))
    except ValueError:
        return False
