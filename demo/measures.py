"""What the run amounted to: every number comes from what the platform wrote, compared with what became true later."""

from __future__ import annotations

import numpy as np

from training.metrics import ks as kolmogorov_smirnov
from training.metrics import measures


def quality(scores: dict[str, float], truth: dict[str, int]) -> dict[str, float | None]:
    """AUC, AP, KS over what has both a score and a known outcome; none when only one outcome occurs."""
    both = [key for key in scores if key in truth]
    y, p = np.array([truth[k] for k in both]), np.array([scores[k] for k in both])
    if len(both) == 0 or len(set(y.tolist())) < 2:
        return {"auc": None, "ap": None, "ks": None, "rows": len(both)}
    return {**measures(y, p), "ks": kolmogorov_smirnov(y, p), "rows": len(both)}


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
