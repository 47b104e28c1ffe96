"""What other thresholds, or a draft of rules, would have done with a day's decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from scoring.documents import judging
from scoring.policy import Policy

from features.vector import RULED
from tools.backtest.__main__ import judged
from tools.backtest.comparison import ACTIONS, Decided, compare
from tools.operators import Live, Operators
from training.policy import Costs

MOST = 20_000  # decisions that are judged again at a click: more are for `make backtest`


@dataclass(frozen=True)
class Trial:
    """Rows that people read, and the days' fullest load of reviews beside what reviewers can look at."""

    rows: list[dict]
    reviews: int
    capacity: float
    decisions: int
    labelled: int
    rules: list[dict]


def live_policy(released: Mapping, live: Live) -> Policy:
    """As the doors judge now. Raises InvalidPolicy."""
    return Policy.parse(judging(released, live.stored.body), RULED, live.lists)


def drafted(document: dict, released: Mapping, live: Live, operators: Operators) -> Policy:
    """What a document's rules would be beside the live thresholds. Raises InvalidPolicy."""
    return judged(document, dict(released), "live", live.lists, live.stored.body, operators.declared())


def with_thresholds(policy: Policy, review_at: float, block_at: float) -> Policy:
    return replace(policy, review_at=review_at, block_at=block_at)


def tried(decisions: Iterable[Decided], policy: Policy, costs: Costs) -> Trial:
    found = compare(decisions, policy, costs)
    stored, other = found["stored"], found["candidate"]
    rows = [{"what": f"payments: {a}", "was": stored["actions"][a], "would be": other["actions"][a]} for a in ACTIONS]
    money = (
        ("fraud stopped or reviewed", "fraud_cents_caught", 100),
        ("fraud approved", "fraud_cents_missed", 100),
        ("blocked, not reported as fraud", "good_blocked_cents", 100),
        ("expected cost", "expected_cost", 1),
    )
    rows += [
        {"what": f"{name} (money)", "was": round(stored[key] / of, 2), "would be": round(other[key] / of, 2)}
        for name, key, of in money
    ]
    rows.append(
        {"what": "blocked, not reported as fraud", "was": stored["good_blocked"], "would be": other["good_blocked"]}
    )
    spoken = [
        {"rule": name, "spoke": s["times"], "frauds": s["frauds"], "honest": s["good"]}
        for name, s in found["rules"].items()
    ]
    capacity = max(found["reviewers_capacity_by_day"].values(), default=0.0)
    return Trial(rows, other["reviews_on_the_fullest_day"], capacity, found["decisions"], found["labelled"], spoken)
