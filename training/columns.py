"""What becomes of every column of a set: decided on the rows that train, told, kept in the archive and held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from features.columns import Found, Kind, find, is_missing, mostly
from features.encoding import Column, Encoding, column_of
from features.protected import protected

FILE = "decided.json"  # in the channel `train` and in the archive
TOO_GOOD = 0.99  # AUC of a column alone: nothing that is known when a loan is asked for tells so much
ENOUGH_OF_A_CLASS = 30  # rows of either outcome from which on an AUC means that
BINS = 32
SHADOWED = " (of the file)"  # behind the name of a user's column that bears one of ours


class WrongDeclaration(ValueError):
    """What was declared about columns cannot be used; the text says what was expected and what came."""


@dataclass(frozen=True)
class Decision:
    """What was found in a column, and what was done with it. The counts are of the rows that train."""

    name: str
    used: bool
    reason: str  # why it is not used, or by whose word it is although it is protected
    kind: Kind | None
    protected: str | None  # the characteristic that its name speaks of
    cells: int
    missing: int
    unreadable: int
    different: int
    categories: tuple[str, ...] | None = None
    auc: float | None = None  # of this column alone, when it is too good

    def line(self) -> str:
        """For the log. It holds no cell's content."""
        counted = (
            f"{self.cells} cells, {self.missing} missing, {self.unreadable} unreadable, {self.different} different"
        )
        why = f" ({self.reason})" if self.reason else ""
        return (
            f"column {self.name}: {self.kind}{why}; {counted}" if self.used else f"column {self.name} is SET ASIDE{why}"
        )


@dataclass(frozen=True)
class Decisions:
    """All columns of a set, in the order in which they came."""

    columns: tuple[Decision, ...]

    @property
    def encoding(self) -> Encoding:
        return Encoding(
            tuple(Column(d.name, d.categories, d.kind) for d in self.columns if d.used and d.kind is not None)
        )

    @property
    def protected(self) -> list[str]:
        """Names of protected columns that are not trained on."""
        return [d.name for d in self.columns if d.protected and not d.used]

    @property
    def declared(self) -> dict[str, str]:
        """Protected columns that are trained on, and the reason that was given for each."""
        return {d.name: d.reason for d in self.columns if d.protected and d.used}

    def lines(self) -> list[str]:
        used = sum(d.used for d in self.columns)
        return [
            *(d.line() for d in self.columns),
            f"{used} columns are used, {len(self.columns) - used} are set aside",
        ]

    def document(self) -> dict:
        return {"columns": [asdict(d) for d in self.columns]}

    @classmethod
    def parse(cls, document: Mapping) -> Decisions:
        return cls(
            tuple(
                Decision(**{**d, "categories": None if d["categories"] is None else tuple(d["categories"])})
                for d in document["columns"]
            )
        )


def declarations(told: Mapping[str, object], names: Iterable[str]) -> dict[str, str]:
    """Protected columns that may be trained on, with the reason for each. Raises WrongDeclaration."""
    known = set(names)
    for name, reason in told.items():
        if name not in known:
            raise WrongDeclaration(f"{name!r} is declared and is no column of the set: expected one of {sorted(known)}")
        if not isinstance(reason, str) or not reason.strip():
            raise WrongDeclaration(f"{name}: expected a reason in words for training on it, got {reason!r}")
    return {name: str(reason).strip() for name, reason in told.items()}


def decide(rows: pd.DataFrame, names: Sequence[str], declared: Mapping[str, str]) -> Decisions:
    """Judges the columns `names` of the rows that train, which have a `label` of 0 or 1."""
    y = rows["label"].to_numpy(dtype=int)
    return Decisions(tuple(judged(name, rows[name].tolist(), y, declared.get(name)) for name in names))


def judged(name: str, cells: list, y: np.ndarray, declared: str | None) -> Decision:
    found = find(name, cells)
    characteristic = protected(name)
    auc = None
    if name.endswith(SHADOWED):
        reason = "it bears the name of one of the platform's own columns"
    elif characteristic and declared is None:
        reason = f"protected: {characteristic}; kept for evaluation"
    elif found.kind is None:
        reason = found.reason
    elif (alone := auc_alone(found, cells, y)) >= TOO_GOOD:
        auc = alone
        reason = (
            f"too good to be known beforehand: alone it ranks the outcomes with an AUC of {alone:.3f} "
            f"over {len(y)} rows, {int(y.sum())} of them positive"
        )
    else:
        told = f"protected: {characteristic}; trained on because: {declared}" if characteristic else ""
        return decision(found, True, told, characteristic, None)
    return decision(found, False, reason, characteristic, auc)


def decision(found: Found, used: bool, reason: str, characteristic: str | None, auc: float | None) -> Decision:
    categories = found.categories if used else None
    return Decision(
        found.name,
        used,
        reason,
        found.kind,
        characteristic,
        found.cells,
        found.missing,
        found.unreadable,
        found.different,
        categories,
        auc,
    )


def auc_alone(found: Found, cells: Iterable[object], y: np.ndarray) -> float:
    """The largest AUC of what a column alone can say; 0.5 when a class has too few rows to tell.

    By the order of its numbers, missing ones first or last, and by the rate of each value, learnt on one half of the
    rows and judged on the other.
    """
    column = column_of(found)
    if column is None or min(y.sum(), len(y) - y.sum()) < ENOUGH_OF_A_CLASS:
        return 0.5
    values = np.array([column.number(cell) for cell in cells], dtype=np.float64)
    present = values[~np.isnan(values)]
    best = [0.5]
    if column.categories is None:
        for place in (-np.inf, np.inf):
            ranked = np.unique(np.where(np.isnan(values), place, values), return_inverse=True)[1]
            best.append(float(roc_auc_score(y, ranked)))
        edges = np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)[:-1]))
        bins = np.searchsorted(edges, values)
    else:
        bins = np.where(np.isnan(values), -1, values).astype(int)
    bins = np.unique(np.where(np.isnan(values), -1, bins), return_inverse=True)[1]
    best += halves(bins, y)
    return max(max(auc, 1 - auc) for auc in best)


def halves(bins: np.ndarray, y: np.ndarray) -> list[float]:
    """The mean AUC of rates by bin over both halves, each judged with the other's rates; none when a half cannot judge.

    `bins` are whole numbers from 0, `y` is 0/1, both of shape (rows,).
    """
    first = np.arange(len(y)) % 2 == 0
    found = []
    for learnt in (first, ~first):
        if len(np.unique(y[~learnt])) < 2:
            return []
        size = np.bincount(bins[learnt], minlength=bins.max() + 1)
        positive = np.bincount(bins[learnt], weights=y[learnt], minlength=bins.max() + 1)
        rates = (positive + y[learnt].mean()) / (size + 1)
        found.append(roc_auc_score(y[~learnt], rates[bins[~learnt]]))
    return [float(np.mean(found))]


def contradictions(encoding: Encoding, rows: pd.DataFrame, where: str) -> list[str]:
    """What newer rows say against the decisions, a line each: cells that cannot be read, and columns that are gone.

    `where` names the rows. No line holds a cell's content.
    """
    said = []
    for column in encoding.columns:
        read, unread = legible(column, rows[column.name]) if column.name in rows else (0, 0)
        if not read + unread:
            said.append(f"column {column.name} CONTRADICTS its training: {where} hold no value of it")
        elif unread:
            contradicts = "" if mostly(read, unread) else f" CONTRADICTS its training as {column.kind}"
            what = "no values of its kind" if column.categories is None else "categories that the model does not know"
            said.append(
                f"column {column.name}{contradicts}: {unread} of {read + unread} cells of {where} are {what}, "
                "and are taken for missing"
            )
    return said


def legible(column: Column, cells: pd.Series) -> tuple[int, int]:
    """How many cells a model can read, and how many it cannot although they are not missing."""
    present = cells[cells.notna()]
    if cells.dtype.kind in "iuf" and column.categories is None:
        return len(present), 0
    counts = Counter((type(cell), cell) for cell in present)
    unread = sum(n for (_, cell), n in counts.items() if column.unread(cell))
    missing = sum(n for (_, cell), n in counts.items() if is_missing(cell, column.kind))
    return len(present) - missing - unread, unread
