"""What becomes of every column of a set: decided on the rows that train, told, kept in the archive and held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from features.application import SHADOWED
from features.columns import Found, Kind, find, mostly
from features.declared import NOTHING, UNDECLARED, Declared, Risk, WrongDeclaration
from features.declared import Column as DeclaredColumn
from features.encoding import Column, Encoding, column_of
from features.protected import characteristic_of

FILE = "decided.json"  # in the channel `train` and in the archive
TOO_GOOD = 0.99  # AUC of a column alone: nothing that is known when a loan is asked for tells so much
ENOUGH_OF_A_CLASS = 30  # rows of either outcome from which on an AUC means that
BINS = 32


@dataclass(frozen=True)
class Decision:
    """What was found in a column, and what was done with it. The counts are of the rows that train."""

    name: str
    used: bool
    reason: str  # why it is not used, or by whose word it is although it is protected, or its name says so
    kind: Kind | None
    protected: str | None  # the characteristic that its name speaks of
    cells: int
    missing: int
    unreadable: int
    different: int
    categories: tuple[str, ...] | None = None
    auc: float | None = None  # of this column alone, when it is too good
    as_declared: str | None = None  # the type, when it was declared and not found
    unit: str | None = None  # these as declared
    risk: Risk | None = None
    missing_cells: tuple[str, ...] = ()

    def line(self) -> str:
        """For the log. It holds no cell's content."""
        counted = (
            f"{self.cells} cells, {self.missing} missing, {self.unreadable} unreadable, {self.different} different"
        )
        why = f" ({self.reason})" if self.reason else ""
        if not self.used:
            return f"column {self.name} is SET ASIDE{why}"
        told = [f"{self.kind}{', as declared' if self.as_declared else ''}"]
        told += [f"in {self.unit}"] if self.unit else []
        told += [f"{self.risk} with the risk, as declared"] if self.risk else []
        contradicts = ", which CONTRADICTS what is declared" if self.contradicted else ""
        return f"column {self.name}: {', '.join(told)}{why}; {counted}{contradicts}"

    @property
    def contradicted(self) -> bool:
        """Whether the cells would not have made the column what it was declared to be."""
        return self.as_declared is not None and not mostly(self.cells - self.missing - self.unreadable, self.unreadable)


@dataclass(frozen=True)
class Decisions:
    """All columns of a set, in the order in which they came."""

    columns: tuple[Decision, ...]

    @property
    def encoding(self) -> Encoding:
        return Encoding(
            tuple(
                Column(d.name, d.categories, d.kind, d.missing_cells, d.risk)
                for d in self.columns
                if d.used and d.kind is not None
            )
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
                Decision(
                    **{
                        **d,
                        "categories": None if d["categories"] is None else tuple(d["categories"]),
                        "missing_cells": tuple(d.get("missing_cells", ())),
                    }
                )
                for d in document["columns"]
            )
        )


def require_known(declared: Declared, names: Sequence[str]) -> list[str]:
    """What to tell of columns that are declared and not there. Raises WrongDeclaration where one of them may be trained
    on although it is protected: whoever rules that has to see it done."""
    absent = [name for name in declared.columns if name not in set(names)]
    for name in absent:
        if declared.of(name).train_on:
            raise WrongDeclaration(
                f"{name!r} is to be trained on and is no column of the set: expected {sorted(names)}"
            )
    return [f"column {name} is declared and not there" for name in absent]


def decide(rows: pd.DataFrame, names: Sequence[str], declared: Declared = UNDECLARED) -> Decisions:
    """Judges the columns `names` of the rows that train, which have a `label` of 0 or 1."""
    y = rows["label"].to_numpy(dtype=int)
    return Decisions(tuple(judged(name, rows[name].tolist(), y, declared.of(name)) for name in names))


def judged(name: str, cells: list, y: np.ndarray, declared: DeclaredColumn) -> Decision:
    found = find(name, cells, declared)
    characteristic = characteristic_of(name, declared)
    auc = None
    if name.endswith(SHADOWED):
        reason = "it bears the name of one of the platform's own columns"
    elif characteristic and declared.train_on is None:
        reason = f"protected: {characteristic}; kept for evaluation"
    elif told := declared.set_aside:
        reason = told
    elif found.kind is None:
        reason = found.reason
    elif (alone := auc_alone(found, cells, y, declared)) >= TOO_GOOD:
        auc = alone
        reason = (
            f"too good to be known beforehand: alone it ranks the outcomes with an AUC of {alone:.3f} "
            f"over {len(y)} rows, {int(y.sum())} of them positive"
        )
    else:
        told = f"protected: {characteristic}; trained on because: {declared.train_on}" if characteristic else ""
        if declared.not_protected and not characteristic:
            told = f"not protected because: {declared.not_protected}"
        return decision(found, True, told, characteristic, None, declared)
    return decision(found, False, reason, characteristic, auc, declared)


def decision(
    found: Found, used: bool, reason: str, characteristic: str | None, auc: float | None, declared: DeclaredColumn
) -> Decision:
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
        found.categories if used else None,
        auc,
        declared.type,
        declared.unit,
        declared.risk,
        declared.missing,
    )


def auc_alone(found: Found, cells: Iterable[object], y: np.ndarray, declared: DeclaredColumn = NOTHING) -> float:
    """The largest AUC of what a column alone can say; 0.5 when a class has too few rows to tell.

    By the order of its numbers, missing ones first or last, and by the rate of each value, learnt on one half of the
    rows and judged on the other.
    """
    column = column_of(found, declared)
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
    missing = sum(n for (_, cell), n in counts.items() if column.is_missing(cell))
    return len(present) - missing - unread, unread
