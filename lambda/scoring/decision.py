"""`decide`: the one pure function behind both doors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from features.fraud import FRAUD
from features.payment import Payment
from features.traffic import TRAFFIC_LAYOUT
from features.values import iso
from features.vector import Vector
from scoring.policy import Action, Policy

WITHOUT_POLICY: tuple[Action, list[str]] = ("REVIEW", ["no_policy"])
DegradeStep = Literal["none", "default_features", "rules_only", "review"]


@dataclass(frozen=True)
class Answer:
    """What the model said: a probability of fraud, or none when it could not be asked."""

    score: float | None
    model: str | None


@dataclass(frozen=True)
class Decision:
    """Everything needed to explain the decision and to recompute it. `..._at` in ms since 1970.

    `counted_at` is when the payment counts: at its event time, or at its customer's clock when it came late. The stream
    door, which applies every payment, has the last word on it, and on `overtaken`: whether the answer was given before
    earlier payments of the same customer had been applied. It also fills `explanation`, for which no payer waits: what
    raised the score most of payments that were not approved. `traffic` is what rules saw of the merchant's traffic, in
    the order of its layout; none when it could not be read.
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

    def document(self) -> dict:
        return dict(vars(self))  # asdict would copy the vector, value by value


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
) -> Decision:
    """The decision on one payment from its vector, the model's answer and the policy; without a policy, a person's."""
    values = dict(zip(FRAUD.columns, vector, strict=True)) if vector is not None else {"amount": float(payment.amount)}
    if traffic is not None:
        values.update(zip(TRAFFIC_LAYOUT.names, traffic, strict=True))
    action, reasons = policy.judge(answer.score, values, payment) if policy else WITHOUT_POLICY
    return Decision(
        transaction_id=payment.transaction_id,
        fraud_score=answer.score,
        action=action,
        reasons=reasons,
        explanation=[],
        event_time=iso(payment.at),
        customer_id=payment.customer_id,
        merchant_id=payment.merchant_id,
        amount_cents=payment.amount,
        vector=vector,
        feature_version=FRAUD.version,
        model=answer.model,
        policy_version=policy.version if policy else "none",
        degrade_step=step,
        door=door,
        counted_at=counted_at,
        overtaken=False,
        arrived_at=arrived_at,
        decided_at=decided_at,
        traffic=traffic,
    )


def decision_date(decision: dict) -> str:
    """The partition of a logged decision: the UTC day of the payment."""
    return decision["event_time"][:10]
