"""Champion against challengers: a paired test by bootstrap over customers decides, and the simplest wins a tie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

DRAWS = 400
LEVEL = 0.95
AHEAD = 2 / 3  # share of the draws in which the better one has to be ahead; with less it is a tie


@dataclass(frozen=True)
class Gap:
    """By how much a measure of one score is above that of another on the same rows, with its interval."""

    value: float
    low: float
    high: float
    error: float  # standard error
    ahead: float  # share of the draws in which it is above
    level: float = LEVEL

    @property
    def tie(self) -> bool:
        return self.ahead < AHEAD

    def document(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Judged:
    """What won, and by how much it is above each of the others; positive is better."""

    winner: str
    best: str  # by the measure alone
    behind_best: Mapping[str, Gap]

    def document(self) -> dict:
        gaps = {name: {**gap.document(), "tie": gap.tie} for name, gap in self.behind_best.items()}
        return {"winner": self.winner, "best": self.best, "behind_best": gaps, "draws": DRAWS}


def judge(scores: Mapping[str, np.ndarray], y: np.ndarray, customers: np.ndarray, seed: int) -> Judged:
    """Of scores by name, the simplest first, the first that ties with the best by AUC. Arrays of shape (rows,)."""
    found = dict(zip(scores, drawn(list(scores.values()), y, customers, seed), strict=True))
    best = max(found, key=lambda name: found[name][0])
    gaps = {name: gap(found[best], found[name]) for name in found}
    winner = next(name for name in found if name == best or gaps[name].tie)
    return Judged(winner, best, {name: g for name, g in gaps.items() if name != best})


def compared(a: np.ndarray, b: np.ndarray, y: np.ndarray, customers: np.ndarray, seed: int) -> Gap:
    """By how much the AUC of `a` is above that of `b`."""
    return gap(*drawn([a, b], y, customers, seed))


def gap(a: np.ndarray, b: np.ndarray) -> Gap:
    """Of two rows of `drawn`: what was measured, then the draws."""
    apart = a - b
    low, high = np.quantile(apart[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    ahead = float(np.mean(apart[1:] > 0))
    return Gap(float(apart[0]), float(low), float(high), float(apart[1:].std(ddof=1)), ahead)


def drawn(scores: Sequence[np.ndarray], y: np.ndarray, customers: np.ndarray, seed: int) -> np.ndarray:
    """AUC of each score on all rows, then on draws of as many customers with replacement, the same for each score.

    Of shape (scores, 1 + DRAWS).
    """
    who = np.unique(customers, return_inverse=True)[1]
    count = int(who.max()) + 1
    rng = np.random.default_rng(seed)
    ranked = [np.unique(score, return_inverse=True)[1] for score in scores]
    found = np.empty((len(scores), 1 + DRAWS))
    for n in range(1 + DRAWS):
        weights = np.bincount(rng.integers(0, count, count), minlength=count)[who] if n else np.ones(len(y))
        found[:, n] = [weighted_auc(rank, y, weights) for rank in ranked]
    return found


def weighted_auc(rank: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    """AUC of ranks, whole numbers from 0, of rows that count `weights` times; 0.5 when a class is not there."""
    bad = np.bincount(rank, weights=weights * y)
    good = np.bincount(rank, weights=weights * (1 - y), minlength=len(bad))
    below = np.cumsum(good) - good
    pairs = bad.sum() * good.sum()
    return float(np.sum(bad * (below + good / 2)) / pairs) if pairs else 0.5
