"""The weighted sum of several learners' margins, as one more challenger: the last, for it is the least simple."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from inference.calibration import Calibration


@dataclass(frozen=True)
class Blend:
    """Weights above 0 by learner, the intercept, and blended margins of the rows that no part knew: the weights of each
    fold's rows come from the other folds."""

    weights: Mapping[str, float]
    intercept: float
    out_of_fold: np.ndarray

    def margins(self, parts: Mapping[str, np.ndarray]) -> np.ndarray:
        """Without the intercept, of margins by learner, each of shape (rows,)."""
        return summed(parts, self.weights)

    @property
    def calibration(self) -> Calibration:
        return Calibration(1.0, self.intercept)

    def probabilities(self, margins: np.ndarray) -> np.ndarray:
        return self.calibration.probabilities(margins)


def blend(parts: Mapping[str, np.ndarray], y: np.ndarray, fold: np.ndarray) -> Blend | None:
    """Of margins by learner, each of shape (rows,), of rows that the learner did not know; none where less than two
    learners add to it. `fold` has the number of the fold of each row."""
    parts = {name: margins for name, margins in parts.items() if np.ptp(margins) > 0}
    weights, intercept = weighed(parts, y) if parts else ({}, 0.0)
    if len(weights) < 2:
        return None
    found = np.empty(len(y))
    for number in range(fold.max() + 1):
        judged = fold == number
        others, at = weighed({name: margins[~judged] for name, margins in parts.items()}, y[~judged])
        found[judged] = summed({name: margins[judged] for name, margins in parts.items()}, others) + at
    return Blend(weights, intercept, found - intercept)


def weighed(parts: Mapping[str, np.ndarray], y: np.ndarray) -> tuple[dict[str, float], float]:
    """Weights and intercept with the least log loss; a learner whose weight would be negative is left out."""
    names = list(parts)
    while True:
        regression = LogisticRegression(C=1e6, solver="newton-cholesky", max_iter=100)
        regression.fit(np.column_stack([parts[name] for name in names]), y)
        weights = dict(zip(names, map(float, regression.coef_[0]), strict=True))
        kept = [name for name in names if weights[name] > 0]
        if len(kept) == len(names) or not kept:
            return {name: weights[name] for name in kept}, float(regression.intercept_[0])
        names = kept


def summed(parts: Mapping[str, np.ndarray], weights: Mapping[str, float]) -> np.ndarray:
    (first, *_) = parts.values()
    found = np.zeros(len(first))
    for name, weight in weights.items():
        found += weight * parts[name]
    return found
