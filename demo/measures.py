"""What the run amounted to: every number comes from what the platform wrote, compared with what became true later."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.metrics import auc, average_precision_score, roc_curve

from training.metrics import ks as kolmogorov_smirnov
from training.metrics import measures

SEED, DRAWS = 0, 200


def quality(scores: dict[str, float], truth: dict[str, int]) -> dict[str, float | None]:
    """AUC, AP, KS over what has both a score and a known outcome; none when only one outcome occurs."""
    both = [key for key in scores if key in truth]
    y, p = np.array([truth[k] for k in both]), np.array([scores[k] for k in both])
    if len(both) == 0 or len(set(y.tolist())) < 2:
        return {"auc": None, "ap": None, "ks": None, "rows": len(both)}
    return {**measures(y, p), "ks": kolmogorov_smirnov(y, p), "rows": len(both)}


def ranges(scores: Mapping[str, float], truth: Mapping[str, int], customers: Mapping[str, str]) -> dict:
    """How many have a known outcome and how many of these are bad; and the intervals of what `quality` measures."""
    both = [key for key in scores if key in truth]
    y, p = np.array([truth[k] for k in both]), np.array([scores[k] for k in both])
    found = intervals(y, p, np.array([customers[k] for k in both]))
    return {"known": len(both), "bad": int(y.sum()), "intervals": found}


def beside_logistic(evaluation: dict) -> dict[str, object]:
    """What the pipeline measured of the released model on loans that no learner knew: beside a logistic regression on
    the test loans, and how well calibrated it is on all of them."""
    beside, pooled = evaluation["beside_simplest"], evaluation["pooled"]
    return {
        "learner": evaluation["learner"],
        "logistic_auc": beside["auc"],
        "gain_over_logistic": {name: beside["gain"][name] for name in ("value", "low", "high")},
        "ece_pooled": pooled["ece"],
        "calibration_slope": pooled["reliability"]["slope"],
    }


def percentile(values: list[float], share: float) -> float | None:
    return float(np.percentile(values, share)) if values else None


def actions(decisions: list[dict]) -> dict[str, int]:
    return {action: sum(d["action"] == action for d in decisions) for action in ("APPROVE", "REVIEW", "BLOCK")}


def intervals(y: np.ndarray, p: np.ndarray, customers: np.ndarray) -> dict[str, tuple[float, float]]:
    """95 % intervals of AUC, AP and KS, by draws of whole customers with replacement. Arrays of shape (rows,); empty
    where only one outcome occurs."""
    if len(set(y.tolist())) < 2:
        return {}
    who = np.unique(customers, return_inverse=True)[1]
    count, rng, drawn = int(who.max()) + 1, np.random.default_rng(SEED), []
    for _ in range(DRAWS):
        weights = np.bincount(rng.integers(0, count, count), minlength=count)[who]
        there = weights > 0
        if len(set(y[there].tolist())) < 2:
            continue
        false, true, _ = roc_curve(y[there], p[there], sample_weight=weights[there])
        ap = average_precision_score(y[there], p[there], sample_weight=weights[there])
        drawn.append((auc(false, true), ap, np.max(true - false)))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return {name: (float(low[i]), float(high[i])) for i, name in enumerate(("auc", "ap", "ks"))}
