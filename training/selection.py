"""How to learn is chosen on earlier days: each candidate learns before a cut and is judged after it (rolling origin).

Rolling-origin evaluation: Tashman (2000). Nothing that a model is reported on takes part in the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.learners import LEARNERS, Rows, Settings

STOPS = (0.25, 0.5, 0.75, 1.0)  # shares of the rounds at which a candidate is judged too
WHOLE = (1.0,)  # where the rounds are chosen already
LARGEST = 60_000  # newest rows that a candidate learns from: the order of candidates needs no more

Measure = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Fold:
    """Rows that a candidate learns from, and later rows that judge it."""

    learned: Rows
    judged: Rows


@dataclass(frozen=True)
class Choice:
    """The settings chosen for a learner, and their mean measure over the folds; none when there was no fold."""

    learner: str
    settings: Settings
    measure: float | None


def rolling(rows: Rows, origins: int = 2, share: float = 0.2) -> list[Fold]:
    """The newest `origins` blocks of `share` of the rows, each judged by what learned from the rows before it.

    `rows` are in order of time. A block without both classes judges nothing and is left out, as is one before which all
    columns were constant: no learner learns from such rows.
    """
    size = round(share * len(rows.y))
    cuts = [len(rows.y) - size * n for n in range(origins, 0, -1)]
    folds = [
        Fold(part(rows, max(0, cut - LARGEST), cut), part(rows, cut, cut + size)) for cut in cuts if cut > 0 and size
    ]
    return [fold for fold in folds if teaches(fold.learned) and varies(fold.learned) and teaches(fold.judged)]


def part(rows: Rows, start: int, end: int) -> Rows:
    return replace(rows, x=rows.x[start:end], y=rows.y[start:end])


def teaches(rows: Rows) -> bool:
    return 0 < rows.y.sum() < len(rows.y)


def varies(rows: Rows) -> bool:
    """Whether any column has two different numbers."""
    return bool(len(rows.x) and np.any(np.fmax.reduce(rows.x) > np.fmin.reduce(rows.x)))


def crossfitted(
    learner: str,
    candidates: Sequence[Settings],
    rows: Rows,
    fold: np.ndarray,
    measure: Measure,
    seed: int,
    shares: Sequence[float] = STOPS,
) -> tuple[Choice, np.ndarray]:
    """The candidate, with the share of its rounds, that is best on rows that it did not learn from, and the margins
    that it gave these, of shape (rows,). `fold` has the number of the fold of each row, from 0.

    As `choose` does, it takes the simplest of those that cannot be told from the best one.
    """
    masks = [fold == number for number in range(fold.max() + 1)]
    found: list[tuple[tuple[Settings, np.ndarray], np.ndarray]] = []
    for settings in candidates:
        fitted = [LEARNERS[learner].fit(only(rows, ~judged), settings, seed) for judged in masks]
        stopped = []
        for rounds in stops(settings, shares):
            margins = np.empty(len(rows.y))
            for model, judged in zip(fitted, masks, strict=True):
                margins[judged] = model.margins(rows.x[judged], rounds)
            scores = np.array([measure(rows.y[judged], margins[judged]) for judged in masks])
            stopped.append(((replace(settings, rounds=rounds), scores), margins))
        found.append(max(stopped, key=lambda one: mean(one[0])))
    _, best = max((one for one, _ in found), key=mean)
    (settings, reached), margins = next(one for one in found if cannot_be_told_apart(one[0][1], best))
    return Choice(learner, settings, float(reached.mean())), margins


def only(rows: Rows, mask: np.ndarray) -> Rows:
    return replace(rows, x=rows.x[mask], y=rows.y[mask])


def stops(settings: Settings, shares: Sequence[float] = STOPS) -> list[int]:
    """Rounds at which a candidate is judged."""
    return list(dict.fromkeys(max(1, round(share * settings.rounds)) for share in shares))


def choose(learner: str, candidates: Sequence[Settings], folds: Sequence[Fold], measure: Measure, seed: int) -> Choice:
    """The candidate, with the share of its rounds, that is best on later rows; the first one when there is no fold.

    Candidates come simplest first. Of those that cannot be told from the best one the simplest is taken: its mean is
    within one standard error, over the folds, of the best (Breiman et al., 1984). Rounds are no measure of simplicity,
    each candidate has those that it is best with: boosting that is stopped early has learnt too little, not less.
    """
    if not folds:
        return Choice(learner, candidates[0], None)
    found = [with_rounds(learner, settings, folds, measure, seed) for settings in candidates]
    _, best = max(found, key=mean)
    simplest, reached = next(pair for pair in found if cannot_be_told_apart(pair[1], best))
    return Choice(learner, simplest, float(reached.mean()))


def with_rounds(
    learner: str, settings: Settings, folds: Sequence[Fold], measure: Measure, seed: int
) -> tuple[Settings, np.ndarray]:
    """The settings with the share of their rounds that is best on later rows, and its measures, of shape (folds,)."""
    fitted = [(LEARNERS[learner].fit(fold.learned, settings, seed), fold.judged) for fold in folds]
    stopped = []
    for rounds in stops(settings):
        scores = [measure(judged.y, model.margins(judged.x, rounds)) for model, judged in fitted]
        stopped.append((replace(settings, rounds=rounds), np.array(scores)))
    return max(stopped, key=mean)


def mean(found: tuple[Settings, np.ndarray]) -> float:
    return float(found[1].mean())


def cannot_be_told_apart(scores: np.ndarray, best: np.ndarray) -> bool:
    """Whether the mean gap to the best is within its standard error. Measures of the same folds, of shape (folds,)."""
    gaps = best - scores
    error = gaps.std(ddof=1) / len(gaps) ** 0.5 if len(gaps) > 1 else 0.0
    return bool(gaps.mean() <= error)
