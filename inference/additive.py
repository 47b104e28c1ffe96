"""Scores that are a sum of one term for each column, in JSON: what logistic regressions and scorecards are.

It is scored with NumPy alone, and in training by this very code, so both give the same bits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

SHAPES = ("line", "steps")


class WrongTerms(ValueError):
    """A file is no sum of terms; the text says what was expected."""


@dataclass(frozen=True)
class Term:
    """What one column adds to the log-odds.

    `line`: straight between the points (`at`, `adds`), and flat outside of them. `steps`: `adds` has one value more
    than `at`; a number that is one of `at` belongs to the step above. `missing` is added where the cell is missing,
    `mean` is what the term added on average where it was learnt: a contribution is the distance from it.
    """

    shape: Literal["line", "steps"]
    at: tuple[float, ...]
    adds: tuple[float, ...]
    missing: float = 0.0
    mean: float = 0.0

    def __post_init__(self) -> None:
        numbers = np.array([*self.at, *self.adds, self.missing, self.mean], dtype=np.float64)
        expected = len(self.at) + (self.shape == "steps")
        if self.shape not in SHAPES or len(self.adds) != expected or not len(self.adds):
            raise WrongTerms(f"expected a term of shape {' or '.join(SHAPES)} with as many values as it has places")
        if not np.isfinite(numbers).all() or np.any(np.diff(self.at) <= 0):
            raise WrongTerms("expected a term's places to rise and all of its numbers to be finite")

    def added(self, x: np.ndarray) -> np.ndarray:
        """Of shape (rows,), in double precision, for cells of shape (rows,) with NaN for missing."""
        if self.shape == "steps":
            found = np.asarray(self.adds)[np.searchsorted(np.asarray(self.at), x, side="right")]
        else:
            found = np.interp(x, self.at, self.adds)
        return np.where(np.isnan(x), self.missing, found)


@dataclass(frozen=True)
class Terms:
    """An intercept, and one term for each column, in order."""

    intercept: float
    terms: tuple[Term, ...]

    def margins(self, matrix: np.ndarray) -> np.ndarray:
        """Log-odds of shape (rows,), added up column by column: a row's do not depend on the rows beside it."""
        found = np.full(len(matrix), self.intercept)
        for term, x in zip(self.terms, matrix.T.astype(np.float64), strict=True):
            found += term.added(x)
        return found

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Of shape (rows, columns): what each column added beyond what it adds on average."""
        columns = zip(self.terms, matrix.T.astype(np.float64), strict=True)
        return np.column_stack([term.added(x) - term.mean for term, x in columns])

    def document(self) -> dict:
        return {"intercept": self.intercept, "terms": [asdict(term) for term in self.terms]}

    @classmethod
    def parse(cls, document: object) -> Terms:
        """Raises WrongTerms."""
        if not isinstance(document, Mapping):
            raise WrongTerms(f"expected an intercept and terms, got {type(document).__name__}")
        try:
            terms = tuple(
                Term(t["shape"], floats(t["at"]), floats(t["adds"]), float(t["missing"]), float(t["mean"]))
                for t in document["terms"]
            )
            intercept = float(document["intercept"])
        except (KeyError, TypeError) as wrong:
            raise WrongTerms(f"expected an intercept and terms, found something else: {wrong!r}") from None
        if not np.isfinite(intercept):
            raise WrongTerms(f"expected a finite intercept, got {intercept}")
        return cls(intercept, terms)

    @classmethod
    def read(cls, path: Path) -> Terms:
        """Raises WrongTerms."""
        try:
            return cls.parse(json.loads(path.read_text()))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as wrong:
            raise WrongTerms(f"{path.name} is no JSON: {type(wrong).__name__}") from None


def floats(values: Sequence[object]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)  # type: ignore[arg-type]
