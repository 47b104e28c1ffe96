"""Other thresholds on stored decisions."""

from __future__ import annotations

from scoring.policy import Policy

from console.trial import tried, with_thresholds
from features.payment import Payment
from features.vector import RULED
from tools.backtest.comparison import Decided
from training.policy import Costs

POLICY = Policy.parse({"version": "1", "review_at": 0.3, "block_at": 0.8, "rules": []}, RULED, {})
COSTS = Costs(capacity=0.5)


def decided(score: float, action: str, is_fraud: bool | None, amount: int = 10_000) -> Decided:
    return Decided(Payment("T", 0, "C", "M", amount), "2026-01-02", score, action, {}, is_fraud)  # type: ignore[arg-type]


STORED = [
    decided(0.9, "BLOCK", True),
    decided(0.5, "REVIEW", False),
    decided(0.5, "REVIEW", None),
    decided(0.1, "APPROVE", True),
]


def rows(found) -> dict[str, tuple]:
    return {row["what"]: (row["was"], row["would be"]) for row in found.rows}


def test_the_live_thresholds_change_nothing():
    assert all(was == would for was, would in rows(tried(STORED, POLICY, COSTS)).values())


def test_a_lower_block_stops_more_and_is_shown_with_its_price():
    found = rows(tried(STORED, with_thresholds(POLICY, 0.3, 0.4), COSTS))

    assert found["payments: BLOCK"] == (1, 3)
    assert found["blocked, not reported as fraud"] == (0, 2)
    assert found["blocked, not reported as fraud (money)"] == (0, 200)


def test_a_lower_review_is_shown_with_the_reviewers_load():
    found = tried(STORED, with_thresholds(POLICY, 0.05, 0.8), COSTS)

    assert (found.reviews, found.capacity) == (3, 2.0)
    assert rows(found)["fraud stopped or reviewed (money)"] == (100.0, 200.0)


def test_no_decisions_are_no_division_by_zero():
    found = tried([], POLICY, COSTS)

    assert (found.decisions, found.reviews, found.capacity) == (0, 0, 0.0)
