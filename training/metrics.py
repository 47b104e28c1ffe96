"""Measures of a score against outcomes. `y` is 0/1, `p` a probability, both of shape (rows,)."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

LOOKED_AT = 100  # cards that investigators can look at on a day
FALSE_POSITIVE_RATES = (0.001, 0.005, 0.01)

# Of any score that orders rows, a probability or not.
RANKING = {"ap": average_precision_score, "auc": roc_auc_score}


def measures(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """AUC, AP, KS, recall at low false-positive rates, Brier score and expected calibration error; the base rate
    beside them."""
    return {
        "auc": float(roc_auc_score(y, p)),
        "ap": float(average_precision_score(y, p)),
        "ks": ks(y, p),
        **{f"recall_at_fpr_{rate:g}": recall_at(y, p, rate) for rate in FALSE_POSITIVE_RATES},
        "brier": float(np.mean((p - y) ** 2)),
        "ece": expected_calibration_error(y, p),
        "base_rate": float(np.mean(y)),
        "rows": len(y),
    }


def ks(y: np.ndarray, p: np.ndarray) -> float:
    """Kolmogorov-Smirnov: the widest gap between the score distributions of the two classes."""
    false_positive, true_positive, _ = roc_curve(y, p)
    return float(np.max(true_positive - false_positive))


def recall_at(y: np.ndarray, p: np.ndarray, rate: float) -> float:
    """The largest share of positives that a threshold finds while it flags at most `rate` of the negatives."""
    false_positive, true_positive, _ = roc_curve(y, p, drop_intermediate=False)
    return float(np.max(true_positive[false_positive <= rate]))


def expected_calibration_error(y: np.ndarray, p: np.ndarray, bins: int = 10) -> float:
    """Mean gap between predicted and observed rate over quantile bins (after Naeini et al., 2015)."""
    order = np.argsort(p, kind="stable")
    gaps = [abs(p[part].mean() - y[part].mean()) * len(part) for part in np.array_split(order, bins) if len(part)]
    return float(sum(gaps) / len(y))


def chance_of_ece(p: np.ndarray, seed: int, draws: int = 40, bins: int = 10) -> float:
    """The mean error that `expected_calibration_error` finds where outcomes are drawn from `p` itself: what a perfectly
    calibrated score of as many rows has."""
    rng = np.random.default_rng(seed)
    return float(np.mean([expected_calibration_error(rng.random(len(p)) < p, p, bins) for _ in range(draws)]))


def card_precision(
    day: np.ndarray, customer: np.ndarray, y: np.ndarray, p: np.ndarray, looked_at: int = LOOKED_AT
) -> float:
    """Card Precision@k: of the `looked_at` cards with the highest score on a day, the share that was truly compromised,
    as a mean over the days. A card that was found is not looked for on later days. Arrays of shape (rows,).

    Le Borgne, Siblini, Lebichot, Bontempi (2022): "Reproducible Machine Learning for Credit Card Fraud Detection -
    Practical Handbook", chapter 4.
    """
    found: set = set()
    shares = []
    for today in np.unique(day):
        highest: dict = {}
        frauds = set()
        for i in np.flatnonzero(day == today):
            card = customer[i]
            if card in found:
                continue
            highest[card] = max(highest.get(card, -np.inf), p[i])
            if y[i]:
                frauds.add(card)
        cards = sorted(highest, key=lambda card: -highest[card])[:looked_at]
        hits = [card for card in cards if card in frauds]
        found.update(hits)
        shares.append(len(hits) / looked_at)
    return float(np.mean(shares))
