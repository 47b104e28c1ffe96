"""`decide`: the one pure function behind both doors."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from features.fraud import FRAUD
from features.payment import Payment, storable
from features.traffic import TRAFFIC_NAMES
from features.values import instant, iso
from features.vector import PARTIAL, Vector
from scoring.policy import SEVERITY, Action, Judgement, Policy

LONGEST_TEXT = 8192  # characters; a policy's version and reasons are shorter together
LONGEST_LIST = 1000
MOST_MARKS = 4_000  # more than lists, and snoozes of all rules of a policy in all fields
WITHOUT_POLICY = Judgement("REVIEW", ["no_policy"], [])
DegradeStep = Literal["none", "default_features", "rules_only", "review"]


class InvalidDecision(ValueError):
    """What was handed on is no decision. The text names the field and says what was expected, never what came."""


@dataclass(frozen=True)
class Answer:
    """What the model said: a probability of fraud, or none when it could not be asked."""

    score: float | None
    model: str | None


@dataclass(frozen=True)
class Decision:
    """Everything needed to explain the decision and to recompute it. `..._at` in ms since 1970.

    `counted_at` is when the payment counts, see `features.moments`. The stream door, which applies every payment, has
    the last word on it, and on `overtaken`: whether the vector misses earlier payments of the same customer, or was
    made after the lake had counted this one. Of those it says with `judged_again` which action the payment would have
    got with the vector that it should have had. It also fills `explanation`, for which no payer waits: what raised the
    score most of payments that were not approved. `velocity_exact` says that the door knew every payment of the
    customer that was decided before, and that everybody after it knows this one: only then the vector is sure to miss
    none. `traffic` is what rules saw of the traffic (features.traffic), in the order of its names; none when one of its
    records could not be read. `listed` are the lists that the payment was on of those that rules look up, and the rules
    that were snoozed for it; none when that could not be read. `without_effect` are rules that spoke and changed
    nothing, see `scoring.policy.Judgement`.
    """

    transaction_id: str
    fraud_score: float | None
    action: Action
    reasons: list[str]
    explanation: list[str]
    event_time: str
    customer_id: str
    merchant_id: str
    amount_cents: int
    vector: Vector | None
    feature_version: str
    model: str | None
    policy_version: str
    degrade_step: DegradeStep
    door: str
    counted_at: int
    overtaken: bool
    arrived_at: int
    decided_at: int
    traffic: list[int] | None
    velocity_exact: bool
    judged_again: Action | None
    listed: list[str] | None
    without_effect: list[str]

    def document(self) -> dict:
        return dict(vars(self))  # asdict would copy the vector, value by value


def text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT and storable(value)


def whole(value: object) -> bool:
    return type(value) is int and abs(value) < 2**63  # a truth value is an int, too


def number(value: object) -> bool:
    return isfinite(value) if isinstance(value, float) else whole(value)


def probability(value: object) -> bool:
    return isinstance(value, float) and 0 <= value <= 1


def none_or(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or fits(value)


def listed(fits: Callable[[object], bool], most: int = LONGEST_LIST) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and len(value) <= most and all(map(fits, value))


# Every field of a decision: what it is in words, and whether a value is that.
FIELDS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "transaction_id": ("text", text),
    "fraud_score": ("a probability or none", none_or(probability)),
    "action": ("an action", lambda value: value in list(SEVERITY)),
    "reasons": ("a list of texts", listed(text)),
    "explanation": ("a list of texts", listed(text)),
    "event_time": ("text", text),
    "customer_id": ("text", text),
    "merchant_id": ("text", text),
    "amount_cents": ("a whole number", whole),
    "vector": ("none or a list of numbers and nones", none_or(listed(none_or(number)))),
    "feature_version": ("text", text),
    "model": ("text or none", none_or(text)),
    "policy_version": ("text", text),
    "degrade_step": ("text", text),  # another version may have other steps
    "door": ("text", text),
    "counted_at": ("a whole number", whole),
    "overtaken": ("true or false", lambda value: isinstance(value, bool)),
    "arrived_at": ("a whole number", whole),
    "decided_at": ("a whole number", whole),
    "traffic": ("none or a list of whole numbers", none_or(listed(whole))),
    "velocity_exact": ("true or false", lambda value: isinstance(value, bool)),
    "judged_again": ("an action or none", none_or(lambda value: value in list(SEVERITY))),
    "listed": ("none or a list of texts", none_or(listed(text, MOST_MARKS))),
    "without_effect": ("a list of texts", listed(text)),
    "attributes": ("an object of texts as JSON", lambda value: isinstance(value, str) and storable(value)),
    "event": ("none or an object as JSON", none_or(lambda value: isinstance(value, str) and storable(value))),
}

# What is true of a decision whose door did not have the field yet, or left it to the stream door.
ABSENT: dict[str, object] = {
    "explanation": [],
    "vector": None,
    "traffic": None,
    "counted_at": 0,
    "overtaken": False,
    "velocity_exact": False,
    "judged_again": None,
    "listed": [],
    "without_effect": [],
    "attributes": "{}",  # what comes beside it on the stream is not said twice
    "event": None,
}


def handed_on(document: object) -> dict:
    """The decision that another process has made, maybe by another version of this code: the fields that are known
    here, and what is true where it did not have one. Raises InvalidDecision."""
    if not isinstance(document, dict):
        raise InvalidDecision("an object")
    found = {**ABSENT, **{name: document[name] for name in FIELDS if name in document}}
    for name, (words, fits) in FIELDS.items():
        if name not in found or not fits(found[name]):
            raise InvalidDecision(f"with {name} {words}")
    if is_of_these_features(found) and len(found["vector"]) != len(FRAUD.columns):
        raise InvalidDecision(f"with {len(FRAUD.columns)} values in the vector of {FRAUD.version}")
    return found


def payment_of(decision: dict) -> Payment:
    """What was decided on, of a decision that was handed on or kept. Raises ValueError for attributes that are no JSON
    or a time that is none."""
    return Payment(
        decision["transaction_id"],
        instant(decision["event_time"]),
        decision["customer_id"],
        decision["merchant_id"],
        decision["amount_cents"],
        further=json.loads(decision["attributes"]),
    )


def is_of_these_features(decision: dict) -> bool:
    """Whether a decision has a vector that this code can compare, or ask the model about."""
    return decision["vector"] is not None and decision["feature_version"] in (FRAUD.version, PARTIAL)


def decide(
    payment: Payment,
    vector: Vector | None,
    answer: Answer,
    policy: Policy | None,
    *,
    traffic: list[int] | None,
    step: DegradeStep,
    door: str,
    counted_at: int,
    arrived_at: int,
    decided_at: int,
    velocity_exact: bool,
    feature_version: str = FRAUD.version,
    marks: frozenset[str] | None = frozenset(),
) -> Decision:
    """The decision on one payment from its vector, the model's answer and the policy; without a policy, a person's."""
    values = seen_by_rules(payment, vector, traffic)
    judged = policy.weigh(answer.score, values, payment, decided_at, marks) if policy else WITHOUT_POLICY
    return Decision(
        transaction_id=payment.transaction_id,
        fraud_score=answer.score,
        action=judged.action,
        reasons=judged.reasons,
        explanation=[],
        event_time=iso(payment.at),
        customer_id=payment.customer_id,
        merchant_id=payment.merchant_id,
        amount_cents=payment.amount,
        vector=vector,
        feature_version=feature_version,
        model=answer.model,
        policy_version=policy.version if policy else "none",
        degrade_step=step,
        door=door,
        counted_at=counted_at,
        overtaken=False,
        arrived_at=arrived_at,
        decided_at=decided_at,
        traffic=traffic,
        velocity_exact=velocity_exact,
        judged_again=None,
        listed=None if marks is None else sorted(marks),
        without_effect=judged.without_effect,
    )


def seen_by_rules(
    payment: Payment, vector: Vector | None, traffic: Sequence[float | None] | None
) -> dict[str, float | None]:
    """What rules look at, by name: the vector, or the amount alone without one, and the traffic."""
    values: dict[str, float | None] = {"amount": float(payment.amount)}
    if vector is not None:
        values = dict(zip(FRAUD.columns, vector, strict=True))
    if traffic is not None:
        values.update(zip(TRAFFIC_NAMES, traffic, strict=False))  # a door of before has counted less
    return values


def decision_date(decision: dict) -> str:
    """The partition of a logged decision: the UTC day of the payment."""
    return decision["event_time"][:10]
