"""Fits the calibration on rows that the model did not learn from."""

from __future__ import annotations

import numpy as np

from inference.calibration import Calibration

STEPS = 100
STILL = 1e-10


def fit(margins: np.ndarray, y: np.ndarray) -> Calibration:
    """Platt (1999), with his smoothed targets, by Newton's method with halved steps (Lin, Lin, Weng, 2007).

    Arrays of shape (rows,). A score that ranks the wrong way round keeps its order: only its level is set.
    """
    positives = float(y.sum())
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2))
    found = newton(margins.astype(np.float64), target, free_slope=True)
    if found[0] <= 0:
        found = newton(margins.astype(np.float64), target, free_slope=False)
    return Calibration(float(found[0]), float(found[1]))


def newton(margins: np.ndarray, target: np.ndarray, free_slope: bool) -> np.ndarray:
    """(slope, intercept) with the least log loss; the slope stays 1 unless it is free."""
    inputs = np.column_stack([margins, np.ones(len(margins))])
    free = np.array([free_slope, True])
    at = np.array([1.0, 0.0])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(inputs @ at, -700, 700)))
        gradient = (inputs.T @ (p - target))[free]
        if np.abs(gradient).max() < STILL * len(target):
            break
        curvature = (inputs.T @ (inputs * (p * (1 - p))[:, None]))[np.ix_(free, free)]
        step = np.zeros(2)
        step[free] = np.linalg.solve(curvature + 1e-12 * np.eye(int(free.sum())), gradient)
        size = 1.0
        while size > STILL and loss(inputs @ (at - size * step), target) > loss(inputs @ at, target):
            size /= 2
        at = at - size * step
    return at


def loss(odds: np.ndarray, target: np.ndarray) -> float:
    """Mean log loss of log-odds against targets in [0, 1]."""
    return float(np.mean(np.logaddexp(0, odds) - target * odds))
