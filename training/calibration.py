"""Fits the calibration on rows that the model did not learn from, and says how well a score is calibrated."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from inference.calibration import Calibration
from training.folds import grouped

STEPS = 100
STILL = 1e-10
FOLDS = 5
WIDTH = 1.959964  # standard errors of a 95 % interval


@dataclass(frozen=True)
class Crossfitted:
    """A calibration, and the mean log loss of both ways on rows that it was not fitted on."""

    calibration: Calibration
    kept: bool  # else the score is as it came: calibrating made it worse
    log_loss_before: float
    log_loss_after: float

    def document(self) -> dict:
        return {key: value for key, value in asdict(self).items() if key != "calibration"}


def crossfitted(margins: np.ndarray, y: np.ndarray, customers: np.ndarray, seed: int) -> Crossfitted:
    """Platt's calibration, where it is better than none on rows that it was not fitted on. Arrays of shape (rows,).

    `margins` are of rows that their model did not learn from. With fewer than two of either outcome for each fold
    nothing can be told, and the score stays as it came.
    """
    before = loss(margins, y)
    if min(y.sum(), len(y) - y.sum()) < 2 * FOLDS:
        return Crossfitted(Calibration(), False, before, before)
    fold, odds = grouped(y, customers, FOLDS, seed), np.empty(len(y))
    for number in range(FOLDS):
        judged = fold == number
        found = fit(margins[~judged], y[~judged])
        odds[judged] = found.slope * margins[judged] + found.intercept
    after = loss(odds, y)
    kept = after < before
    return Crossfitted(fit(margins, y) if kept else Calibration(), kept, before, after)


@dataclass(frozen=True)
class Reliability:
    """How outcomes follow the log-odds that a score says (Cox, 1958): slope 1 and intercept 0 are perfect.

    A slope below 1 says that probabilities are too far apart. The intercept is that of slope 1: how much too low they
    are on the whole, in log-odds. Intervals are of 95 %.
    """

    slope: float
    slope_low: float
    slope_high: float
    intercept: float
    intercept_low: float
    intercept_high: float

    def document(self) -> dict:
        return asdict(self)


def reliability(y: np.ndarray, p: np.ndarray) -> Reliability:
    """Of probabilities against outcomes, both of shape (rows,)."""
    p = np.clip(p.astype(np.float64), 1e-12, 1 - 1e-12)
    odds = np.log(p / (1 - p))
    slope, _ = newton(odds, y, free_slope=True)
    _, intercept = newton(odds, y, free_slope=False)
    slope_error = errors(odds, newton(odds, y, free_slope=True), True)
    intercept_error = errors(odds, np.array([1.0, intercept]), False)
    return Reliability(
        float(slope),
        float(slope - WIDTH * slope_error),
        float(slope + WIDTH * slope_error),
        float(intercept),
        float(intercept - WIDTH * intercept_error),
        float(intercept + WIDTH * intercept_error),
    )


def errors(odds: np.ndarray, at: np.ndarray, free_slope: bool) -> float:
    """Standard error of the slope, or of the intercept where the slope is fixed, from the curvature at the solution."""
    p = 1 / (1 + np.exp(-np.clip(at[0] * odds + at[1], -700, 700)))
    weight = p * (1 - p)
    if not free_slope:
        return float(weight.sum() ** -0.5) if weight.sum() else float("inf")
    inputs = np.column_stack([odds, np.ones(len(odds))])
    curvature = inputs.T @ (inputs * weight[:, None])
    return float(np.linalg.pinv(curvature)[0, 0] ** 0.5)


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
