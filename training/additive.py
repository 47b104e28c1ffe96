"""Learners whose score is a sum of one term for each column: logistic regression, and a scorecard of monotone bins."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from inference.additive import Term, Terms
from training.rows import Rows, Settings

OUTERMOST = 0.001  # share of a column's cells beyond which its line is flat
FEWEST = 0.05  # share of the rows that a bin of a scorecard has at least
FINEST = 20  # bins of a number, before they are joined
PRIOR = 20.0  # rows at the base rate that are added to each bin: small bins tell little
ENOUGH = 30  # rows of a bin, at least
JOINED = 1.64  # standard errors within which neighbouring bins tell the same


class FittedTerms:
    """A trained sum. Its margins are those of the archive, bit by bit: it is the same code."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms

    def margins(self, matrix: np.ndarray, rounds: int | None = None) -> np.ndarray:
        return self.terms.margins(matrix)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self.terms.document(), indent=1, allow_nan=False))


def logistic(rows: Rows, settings: Settings, seed: int) -> FittedTerms:
    """Ridge-penalised logistic regression: numbers in standard deviations, clipped at their outermost thousandths; one
    term for each category; gaps have a term of their own."""
    blocks: list[np.ndarray] = []
    makers: list[Callable[[np.ndarray], Term]] = []
    for i, x in enumerate(rows.x.T.astype(np.float64)):
        block, term = by_category(x) if i in rows.categorical else by_line(x)
        blocks.append(block)
        makers.append(term)
    ways = rows.directions or (0,) * len(blocks)
    return FittedTerms(solved(rows, blocks, makers, settings, ways))


def by_line(x: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], Term]]:
    """Columns of the design for one number, and how their coefficients become its term."""
    gap = np.isnan(x)
    present = x[~gap]
    if not len(present):
        return np.empty((len(x), 0)), lambda _: Term("steps", (), (0.0,))
    low, high = np.quantile(present, [OUTERMOST, 1 - OUTERMOST])
    inside = np.clip(present, low, high)
    centre, spread = inside.mean(), inside.std() or 1.0
    straight = np.where(gap, 0.0, (np.clip(x, low, high) - centre) / spread)

    def term(weights: np.ndarray) -> Term:
        ends = [(low - centre) / spread * weights[0], (high - centre) / spread * weights[0]]
        missing = float(weights[1]) if len(weights) > 1 else 0.0
        if low == high:
            return Term("steps", (), (0.0,), missing)
        return Term("line", (float(low), float(high)), (float(ends[0]), float(ends[1])), missing)

    return np.column_stack([straight, gap] if gap.any() else [straight]), term


def by_category(x: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], Term]]:
    """The same for one category, whose codes are whole numbers from 0."""
    codes = np.unique(x[~np.isnan(x)])
    block = np.column_stack([x == code for code in codes] + [np.isnan(x)]).astype(np.float64)

    def term(weights: np.ndarray) -> Term:
        return steps_of(codes, weights[:-1], float(weights[-1]))

    return block, term


def steps_of(codes: np.ndarray, adds: np.ndarray, missing: float) -> Term:
    """A step for each whole number up to the largest; those that nobody had are as good as missing."""
    if not len(codes):
        return Term("steps", (), (0.0,), missing)
    by_code = np.full(int(codes.max()) + 1, missing)
    by_code[codes.astype(int)] = adds
    return Term("steps", tuple(float(n) for n in range(1, len(by_code))), tuple(map(float, by_code)), missing)


def solved(
    rows: Rows,
    blocks: list[np.ndarray],
    makers: list[Callable[[np.ndarray], Term]],
    settings: Settings,
    ways: Sequence[int],
) -> Terms:
    """The sum with the least penalised log loss over the columns of a design, put back into terms.

    `ways` has 1 or -1 for each block whose first column may have a weight of that sign only: with another it is left
    out, and the rest is weighed anew.
    """
    sizes = [block.shape[1] for block in blocks]
    starts = np.cumsum([0, *sizes])
    design, kept = np.column_stack(blocks), np.ones(int(starts[-1]), dtype=bool)
    weights = np.where(rows.y == 1, settings.positive_weight(rows.y), 1.0)
    found = np.zeros(len(kept))
    base = float(np.average(rows.y, weights=weights))
    intercept = np.log(base / (1 - base))
    while kept.any():
        regression = LogisticRegression(C=settings.parameters.get("C", 1.0), solver="newton-cholesky", max_iter=100)
        regression.fit(design[:, kept], rows.y, sample_weight=weights)
        found[:] = 0.0
        found[kept], intercept = regression.coef_[0], regression.intercept_[0]
        wrong = [
            start for start, size, way in zip(starts, sizes, ways, strict=False) if size and way * found[start] < 0
        ]
        if not wrong:
            break
        kept[wrong], found[wrong] = False, 0.0
    terms = []
    for i, (start, size, maker) in enumerate(zip(starts, sizes, makers, strict=False)):
        term = maker(found[start : start + size])
        terms.append(replace(term, mean=float(term.added(rows.x[:, i].astype(np.float64)).mean())))
    return Terms(float(intercept), tuple(terms))


def scorecard(rows: Rows, settings: Settings, seed: int) -> FittedTerms:
    """Weights of evidence of monotone bins, weighed against each other by logistic regression (Siddiqi, 2006).

    A number's bins rise or fall with the risk as its direction says, and else whichever tells more.
    """
    blocks, makers = [], []
    for i, x in enumerate(rows.x.T.astype(np.float64)):
        direction = rows.directions[i] if rows.directions else 0
        term = of_categories(x, rows.y) if i in rows.categorical else of_numbers(x, rows.y, direction)
        blocks.append(term.added(x)[:, None])
        makers.append(weighed(term))
    # Evidence that counts the other way round is no evidence.
    return FittedTerms(solved(rows, blocks, makers, settings, (1,) * len(blocks)))


def weighed(term: Term) -> Callable[[np.ndarray], Term]:
    def times(weights: np.ndarray) -> Term:
        weight = float(weights[0])
        return Term(term.shape, term.at, tuple(weight * a for a in term.adds), weight * term.missing)

    return times


def of_numbers(x: np.ndarray, y: np.ndarray, direction: int) -> Term:
    gap = np.isnan(x)
    present, told = x[~gap], y[~gap]
    missing = evidence(y[gap], y)
    if not len(present):
        return Term("steps", (), (0.0,), missing)
    edges = np.unique(np.quantile(present, np.linspace(0, 1, FINEST + 1)[1:-1]))
    edges = edges[edges > present.min()]
    bins = np.searchsorted(edges, present, side="right")
    size = np.bincount(bins, minlength=len(edges) + 1).astype(float)
    bad = np.bincount(bins, weights=told, minlength=len(edges) + 1)
    ways = (direction,) if direction else (1, -1)
    groups = max((joined(size, bad, way, len(y)) for way in ways), key=lambda g: information(size, bad, g))
    firsts = np.flatnonzero(np.diff(groups, prepend=-1))
    adds = [evidence_of(bad[groups == g].sum(), size[groups == g].sum(), y) for g in np.unique(groups)]
    return Term("steps", tuple(float(edges[first - 1]) for first in firsts[1:]), tuple(adds), missing)


def of_categories(x: np.ndarray, y: np.ndarray) -> Term:
    codes = np.unique(x[~np.isnan(x)])
    adds = np.array([evidence(y[x == code], y) for code in codes])
    return steps_of(codes, adds, evidence(y[np.isnan(x)], y))


def joined(size: np.ndarray, bad: np.ndarray, way: int, rows: int) -> np.ndarray:
    """A group for each bin, so that rates go one way from group to group, no group is small, and neighbours differ by
    more than chance. Pool adjacent violators (Ayer and others, 1955), then the likest neighbours are joined."""
    rows_of, bad_of, starts = size.tolist(), bad.tolist(), list(range(len(size)))
    least = max(ENOUGH, FEWEST * rows)

    def apart(i: int) -> float:
        """Of group i and the next, in standard errors, in the way that rates shall go. A small group is never apart."""
        n, k, m, j = rows_of[i], bad_of[i], rows_of[i + 1], bad_of[i + 1]
        if min(n, m) < least:
            return -math.inf
        rate = (k + j) / (n + m)
        return way * (j / m - k / n) / math.sqrt(max(rate * (1 - rate), 1e-9) * (1 / n + 1 / m))

    gaps = [apart(i) for i in range(len(starts) - 1)]
    while gaps and min(gaps) < JOINED:
        at = gaps.index(min(gaps))
        rows_of[at : at + 2], bad_of[at : at + 2] = [rows_of[at] + rows_of[at + 1]], [bad_of[at] + bad_of[at + 1]]
        del starts[at + 1], gaps[at]
        for i in (at - 1, at):
            if 0 <= i < len(gaps):
                gaps[i] = apart(i)
    return np.searchsorted(starts, np.arange(len(size)), side="right") - 1


def information(size: np.ndarray, bad: np.ndarray, groups: np.ndarray) -> float:
    """Information value of grouped bins."""
    n, k = np.bincount(groups, weights=size), np.bincount(groups, weights=bad)
    good_share, bad_share = (n - k + 0.5) / (size.sum() - bad.sum() + 1), (k + 0.5) / (bad.sum() + 1)
    return float(np.sum((bad_share - good_share) * np.log(bad_share / good_share)))


def evidence(group: np.ndarray, y: np.ndarray) -> float:
    return evidence_of(float(group.sum()), float(len(group)), y)


def evidence_of(bad: float, size: float, y: np.ndarray) -> float:
    """Log-odds of a group beyond those of all rows; 0 for nobody."""
    base = float(y.mean())
    rate = (bad + PRIOR * base) / (size + PRIOR)
    return float(np.log(rate / (1 - rate)) - np.log(base / (1 - base)))
