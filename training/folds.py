"""Folds for cross-validation: all rows of a customer lie in one of them, and each has its share of either outcome."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import StratifiedKFold


def grouped(y: np.ndarray, customers: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The number of the fold, from 0, of each row; all arrays of shape (rows,).

    Where no customer comes twice they are scikit-learn's stratified folds. Else customers are shuffled and dealt in
    turn, those with positives first and those with many rows before those with few.
    """
    found = np.empty(len(y), dtype=int)
    _, who, rows = np.unique(customers, return_inverse=True, return_counts=True)
    if len(rows) == len(y):
        split = StratifiedKFold(count, shuffle=True, random_state=seed).split(y, y)
        for number, (_, judged) in enumerate(split):
            found[judged] = number
        return found
    positive = np.bincount(who, weights=y)
    shuffled = np.random.default_rng(seed).permutation(len(rows))
    dealt = shuffled[np.lexsort((-rows[shuffled], -positive[shuffled]))]
    turn = np.empty(len(rows), dtype=int)
    turn[dealt] = back_and_forth(len(rows), count)
    return turn[who]


def back_and_forth(length: int, count: int) -> np.ndarray:
    """0, 1, 2, 2, 1, 0, 0, 1, ...: no fold is always dealt to first."""
    place = np.arange(length) % (2 * count)
    return np.minimum(place, 2 * count - 1 - place)
