"""Types and methods of the API, made by `make docs` from docs/openapi.json; do not edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypeAlias, TypedDict, cast

from client.asking import Asking, in_url


class Payment(TypedDict):
    transaction_id: str
    event_time: str
    customer_id: str
    merchant_id: str
    amount: str | float
    currency: NotRequired[str | None]
    channel: NotRequired[str | float | bool | None]
    country: NotRequired[str | float | bool | None]
    device_id: NotRequired[str | float | bool | None]
    ip: NotRequired[str | float | bool | None]
    merchant_country: NotRequired[str | float | bool | None]
    card_id: NotRequired[str | float | bool | None]
    mcc: NotRequired[str | float | bool | None]
    entry_mode: NotRequired[str | float | bool | None]
    card_present: NotRequired[str | float | bool | None]
    beneficiary_id: NotRequired[str | float | bool | None]
    latitude: NotRequired[str | float | None]
    longitude: NotRequired[str | float | None]
    authorised: NotRequired[str | float | bool | None]


class Application(TypedDict):
    loan_id: str
    customer_id: str
    applied_at: NotRequired[str]
    amount: str | float | None
    term_months: str | int | None


class LoanDecision(TypedDict):
    customer_id: str
    loan_id: str
    default_prob: float | None
    points: int | None
    band: str | None
    decision: Literal["APPROVE", "REFER", "DECLINE"]
    expected_loss: float | None
    exposure: float | None
    reasons: Sequence[str]
    sentences: Sequence[str]
    rules: Sequence[str]
    policy_version: str
    policy_sha256: str
    model: str
    feature_version: str
    vector_sha256: str
    price: float | None
    credit_limit: float | None
    snapshot: str | None
    applied_at: str
    door: str


class Decision(TypedDict):
    transaction_id: str
    fraud_score: float | None
    action: Literal["APPROVE", "BLOCK", "REVIEW"]
    reasons: Sequence[str]
    explanation: Sequence[str]
    event_time: str
    customer_id: str
    merchant_id: str
    amount_cents: int
    vector: Sequence[float | None] | None
    feature_version: str
    model: str | None
    policy_version: str
    degrade_step: str
    door: str
    counted_at: int
    overtaken: bool
    arrived_at: int
    decided_at: int
    traffic: Sequence[int] | None
    velocity_exact: bool
    judged_again: Literal["APPROVE", "BLOCK", "REVIEW", None]
    listed: Sequence[str] | None
    without_effect: Sequence[str]


class Label(TypedDict):
    transaction_id: str
    is_fraud: Literal[0, 1]
    reported_at: str


Labels: TypeAlias = "Label | Sequence[Label]"


class LabelsTaken(TypedDict):
    accepted: int
    batch: str
    file: str
    repeated: bool


class Change(TypedDict):
    list: str
    values: Sequence[str]
    why: str
    until: NotRequired[str]
    take_off: NotRequired[bool]


class Changed(TypedDict):
    list: str
    by: str
    put: NotRequired[int]
    taken_off: NotRequired[int]


class Case(TypedDict):
    case: str
    customer_id: str
    state: Literal["OPEN", "CLAIMED", "ESCALATED", "DECIDED"]
    level: Literal["reviewer", "lead"]
    severity: int
    payments: int
    round: int
    opened_at: str
    holder: str | None
    why: str | None
    decided_by: str | None
    locked_until: str | None
    decided_at: str | None
    decision: Literal["fraud", "honest", None]
    otherwise: Mapping[str, Literal["fraud", "honest"]]


class WholeCaseHistory(TypedDict):
    at: str
    by: str
    did: str
    why: NotRequired[str]


class WholeCase(TypedDict):
    case: str
    customer_id: str
    state: Literal["OPEN", "CLAIMED", "ESCALATED", "DECIDED"]
    level: Literal["reviewer", "lead"]
    severity: int
    payments: int
    round: int
    opened_at: str
    holder: str | None
    why: str | None
    decided_by: str | None
    locked_until: str | None
    decided_at: str | None
    decision: Literal["fraud", "honest", None]
    otherwise: Mapping[str, Literal["fraud", "honest"]]
    payments_told: Sequence[Mapping[str, object]]
    history: Sequence[WholeCaseHistory]


NextCase: TypeAlias = "WholeCase | NoCase"


class NoCase(TypedDict):
    case: None


class Cases(TypedDict):
    cases: Sequence[Case]
    after: str | None


class Verdict(TypedDict):
    decision: Literal["fraud", "honest"]
    why: str
    seen: int
    otherwise: NotRequired[Mapping[str, Literal["fraud", "honest"]]]


class Answer(TypedDict):
    transaction_id: str
    answer: Literal["pending", "approved", "declined"]
    case: str
    decided_at: NotRequired[str]


class Owed(TypedDict):
    case: str
    error: str


class Error(TypedDict):
    error: NotRequired[str]
    message: NotRequired[str]


class Api(Asking):
    """Decisions on payments, /v1."""

    def decide(self, payment: Payment, further: Mapping[str, object] | None = None) -> Decision:
        """Decide on a payment while the payer waits. Raises ApiError."""
        answer = self.ask("POST", "/decisions", done=(200,), idempotent=True, body={**payment, **(further or {})})
        return cast("Decision", answer)

    def answer(self, *, transaction_id: str) -> Answer:
        """What became of a payment that a person looks at. Raises ApiError."""
        answer = self.ask("GET", "/decisions", done=(200,), idempotent=True, query={"transaction_id": transaction_id})
        return cast("Answer", answer)

    def label(self, labels: Labels) -> LabelsTaken:
        """Say what payments were. Raises ApiError."""
        answer = self.ask("POST", "/labels", done=(202,), idempotent=True, body=labels)
        return cast("LabelsTaken", answer)

    def change_list(self, change: Change) -> Changed:
        """Put values on a list that rules look up, or take them off. Raises ApiError."""
        answer = self.ask("POST", "/lists", done=(200,), idempotent=True, body=change)
        return cast("Changed", answer)

    def decide_loan(self, application: Application, further: Mapping[str, object] | None = None) -> LoanDecision:
        """Decide on one loan application. Raises ApiError."""
        answer = self.ask(
            "POST", "/loans/decide", done=(200,), idempotent=True, body={**application, **(further or {})}, timeout_s=30
        )
        return cast("LoanDecision", answer)

    def document(self) -> Mapping[str, object]:
        """This document. Raises ApiError."""
        answer = self.ask("GET", "/openapi.json", done=(200,), idempotent=True)
        return cast("Mapping[str, object]", answer)

    def next_case(self) -> NextCase:
        """The case that you hold, or the next one, claimed. Raises ApiError."""
        answer = self.ask("POST", "/cases/next", done=(200,), idempotent=True, body={})
        return cast("NextCase", answer)

    def next_escalated_case(self) -> NextCase:
        """The same of escalated ones, for leads. Raises ApiError."""
        answer = self.ask("POST", "/cases/next-escalated", done=(200,), idempotent=True, body={})
        return cast("NextCase", answer)

    def cases(
        self,
        *,
        state: Literal["OPEN", "CLAIMED", "ESCALATED", "DECIDED"] | None = None,
        most: int | None = None,
        after: str | None = None,
        customer_id: str | None = None,
    ) -> Cases:
        """Cases in a state, or all of a customer. Raises ApiError."""
        answer = self.ask(
            "GET",
            "/cases",
            done=(200,),
            idempotent=True,
            query={"state": state, "most": most, "after": after, "customer_id": customer_id},
        )
        return cast("Cases", answer)

    def case(self, id: str) -> WholeCase:
        """A case with its payments and its history. Raises ApiError."""
        answer = self.ask("GET", f"/cases/{in_url(id)}", done=(200,), idempotent=True)
        return cast("WholeCase", answer)

    def claim(self, id: str) -> Case:
        """Take a case, or hold it for longer. Raises ApiError."""
        answer = self.ask("POST", f"/cases/{in_url(id)}/claim", done=(200,), idempotent=True, body={})
        return cast("Case", answer)

    def release(self, id: str) -> Case:
        """Give it back. Raises ApiError."""
        answer = self.ask("POST", f"/cases/{in_url(id)}/release", done=(200,), idempotent=True, body={})
        return cast("Case", answer)

    def escalate(self, id: str, *, why: str) -> Case:
        """Hand it to the leads. Raises ApiError."""
        answer = self.ask("POST", f"/cases/{in_url(id)}/escalate", done=(200,), idempotent=True, body={"why": why})
        return cast("Case", answer)

    def comment(self, id: str, *, text: str) -> Case:
        """Write into its history. Asked twice, it is done twice. Raises ApiError."""
        answer = self.ask("POST", f"/cases/{in_url(id)}/comment", done=(200,), idempotent=False, body={"text": text})
        return cast("Case", answer)

    def decide_case(self, id: str, verdict: Verdict) -> WholeCase | Owed:
        """Say what its payments were. Raises ApiError."""
        answer = self.ask("POST", f"/cases/{in_url(id)}/decide", done=(200, 202), idempotent=True, body=verdict)
        return cast("WholeCase | Owed", answer)

    def reassign(self, id: str, *, to: str, why: str) -> Case:
        """Give it to somebody, for leads. Raises ApiError."""
        answer = self.ask(
            "POST", f"/cases/{in_url(id)}/reassign", done=(200,), idempotent=True, body={"to": to, "why": why}
        )
        return cast("Case", answer)

    def reopen(self, id: str, *, why: str) -> WholeCase:
        """Take a decided case again, for leads. Raises ApiError."""
        answer = self.ask("POST", f"/cases/{in_url(id)}/reopen", done=(200,), idempotent=True, body={"why": why})
        return cast("WholeCase", answer)
