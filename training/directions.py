"""In which direction the risk follows a number: as declared, and else as the rows that teach say beyond chance."""

from __future__ import annotations

import numpy as np

BINS = 10
BEYOND_CHANCE = 3.0  # standard errors of the AUC of a column alone
AT_ODDS = 2.33  # standard errors by which rates of neighbouring stretches may go the other way
SLIGHT = 0.2  # and the share of the whole range of rates by which they may


def inferred(x: np.ndarray, y: np.ndarray, declared: tuple[int, ...], categorical: tuple[int, ...]) -> tuple[int, ...]:
    """1, -1 or 0 for each column of `x`, of shape (rows, columns); what is declared stays, categories have none."""
    said = declared or (0,) * x.shape[1]
    return tuple(
        said[i] or (0 if i in categorical else direction(x[:, i].astype(np.float64), y)) for i in range(x.shape[1])
    )


def direction(x: np.ndarray, y: np.ndarray) -> int:
    """0 unless the column alone ranks the outcomes beyond chance, and no stretch of it goes the other way beyond it."""
    present = ~np.isnan(x)
    x, y = x[present], y[present]
    bad, good = int(y.sum()), int(len(y) - y.sum())
    if not bad or not good or x.min() == x.max():
        return 0
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]  # from 1, ties in the middle
    auc = (rank[y == 1].sum() - bad * (bad + 1) / 2) / (bad * good)
    error = np.sqrt((bad + good + 1) / (12 * bad * good))
    if abs(auc - 0.5) < BEYOND_CHANCE * error:
        return 0
    way = 1 if auc > 0.5 else -1
    edges = np.unique(np.quantile(x, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = np.unique(np.searchsorted(edges, x, side="right"), return_inverse=True)[1]
    size, rises = np.bincount(bins).astype(float), np.bincount(bins, weights=y)
    return way if not goes_back(size, rises, way) else 0


def goes_back(size: np.ndarray, bad: np.ndarray, way: int) -> bool:
    """Whether rates of two neighbouring stretches of bins differ against `way` by more than chance, and not slightly.

    Every stretch is compared with the one before it, of any length: a slow turn shows over several bins only.
    """
    rates = bad / size
    slight = SLIGHT * (rates.max() - rates.min())
    n, k = np.concatenate([[0], np.cumsum(size)]), np.concatenate([[0], np.cumsum(bad)])
    for middle in range(1, len(size)):
        for start in range(middle):
            for end in range(middle + 1, len(size) + 1):
                left, right = n[middle] - n[start], n[end] - n[middle]
                rate = (k[end] - k[start]) / (left + right)
                error = np.sqrt(max(rate * (1 - rate), 1e-12) * (1 / left + 1 / right))
                gap = (k[end] - k[middle]) / right - (k[middle] - k[start]) / left
                if way * gap < -max(AT_ODDS * error, slight):
                    return True
    return False
