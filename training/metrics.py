"""Measures of a score against outcomes. `y` is 0/1, `p` a probability, both of shape (rows,)."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve


def measures(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """AUC, AP, KS, Brier score and expected calibration error; the base rate beside them."""
    return {
        "auc": float(roc_auc_score(y, p)),
        "ap": float(average_precision_score(y, p)),
        "ks": ks(y, p),
        "brier": float(np.mean((p - y) ** 2)),
        "ece": expected_calibration_error(y, p),
        "base_rate": float(np.mean(y)),
        "rows": len(y),
    }


def ks(y: np.ndarray, p: np.ndarray) -> float:
    """Kolmogorov-Smirnov: the widest gap between the score distributions of the two classes."""
    false_positive, true_positive, _ = roc_curve(y, p)
    return float(np.max(true_positive - false_positive))


def expected_calibration_error(y: np.ndarray, p: np.ndarray, bins: int = 10) -> float:
    """Mean gap between predicted and observed rate over quantile bins (after Naeini et al., 2015)."""
    order = np.argsort(p, kind="stable")
    gaps = [abs(p[part].mean() - y[part].mean()) * len(part) for part in np.array_split(order, bins) if len(part)]
    return float(sum(gaps) / len(y))
