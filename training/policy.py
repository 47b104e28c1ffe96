"""Thresholds solved from a cost matrix and the reviewers' capacity. Method: expected cost, Elkan (2001)."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields

import numpy as np

LARGEST = 1e12
SHARES = ("review_recall", "lost_share", "capacity")


class InvalidCosts(ValueError):
    """A cost matrix is not usable; the text says what was expected."""


@dataclass(frozen=True)
class Costs:
    """In units of the currency. A reviewer finds `review_recall` of the frauds that come to review."""

    blocked_good: float = 25.0
    review: float = 4.0
    review_recall: float = 0.9
    lost_share: float = 1.0
    capacity: float = 0.015  # share of payments that reviewers can look at

    @classmethod
    def parse(cls, text: str) -> Costs:
        """From a JSON object; what it does not name keeps its default. Raises InvalidCosts."""
        names = [f.name for f in fields(cls)]
        try:
            given = json.loads(text)
        except ValueError:
            given = None
        if not isinstance(given, dict) or not given.keys() <= set(names):
            raise InvalidCosts(f"costs: expected a JSON object with some of {', '.join(names)}, got {text}")
        for name, value in given.items():
            most, of = (1.0, "from 0 to 1") if name in SHARES else (LARGEST, f"from 0 to {LARGEST:g}")
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InvalidCosts(f"costs: expected {name} to be a number, got {value!r}")
            if not 0 <= value <= most:  # which NaN is not, either
                raise InvalidCosts(f"costs: expected {name} {of}, got {value!r}")
        return cls(**{name: float(value) for name, value in given.items()})


RULES = [
    {"name": "many_payments_in_ten_minutes", "feature": "customer_payment_count_10m", "above": 10, "action": "REVIEW"},
    {"name": "very_large_amount", "feature": "amount", "above": 2_000_000, "action": "REVIEW"},
]


def solve(y: np.ndarray, p: np.ndarray, amount: np.ndarray, costs: Costs) -> dict:
    """The cheapest pair of thresholds on held-out payments, within capacity. `amount` in units of the currency.

    Candidates are quantiles of the score; the policy document that the doors read comes back.
    """
    candidates = np.unique(np.concatenate([np.quantile(p, 1 - np.geomspace(1e-4, 0.1, 40)), [1.0]]))
    best = None
    for review_at in candidates:
        for block_at in candidates[candidates >= review_at]:
            reviewed = (p >= review_at) & (p < block_at)
            if reviewed.mean() > costs.capacity:
                continue
            cost = total_cost(y, p, amount, costs, review_at, block_at)
            if best is None or cost < best[0]:
                best = (cost, float(review_at), float(block_at))
    assert best is not None  # reviewing and blocking nobody is always within capacity
    cost, review_at, block_at = best
    return {
        "review_at": review_at,
        "block_at": block_at,
        "rules": RULES,
        "expected_cost_per_1000": 1000 * cost / len(y),
        "cost_without_model_per_1000": float(1000 * costs.lost_share * amount[y == 1].sum() / len(y)),
    }


def total_cost(
    y: np.ndarray, p: np.ndarray, amount: np.ndarray, costs: Costs, review_at: float, block_at: float
) -> float:
    """Of deciding all rows by the two thresholds, in units of the currency."""
    blocked = p >= block_at
    reviewed = (p >= review_at) & ~blocked
    passed = ~blocked & ~reviewed
    lost = costs.lost_share * (
        amount[passed & (y == 1)].sum() + (1 - costs.review_recall) * amount[reviewed & (y == 1)].sum()
    )
    return float(lost + costs.blocked_good * (blocked & (y == 0)).sum() + costs.review * reviewed.sum())


def expected_cost(
    y: np.ndarray, p: np.ndarray, amount: np.ndarray, costs: Costs, review_at: float, block_at: float
) -> float:
    """Of a thousand payments like these, in units of the currency."""
    return 1000 * total_cost(y, p, amount, costs, review_at, block_at) / len(y)
