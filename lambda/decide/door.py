"""What the API door does with one payment: read, score, decide, remember the answer, hand the event on.

It degrades in named steps instead of failing: `default_features` when the records cannot be read, `rules_only` when the
model cannot be asked, `review` when there is not even a policy. Only when the event cannot be handed on does it answer
with an error, and the same question may be asked again: the first answer stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scoring.answers import Answers, OtherQuestion
from scoring.decision import Answer, Decision, DegradeStep, decide
from scoring.live import Release
from scoring.metrics import emit
from scoring.model import Model
from scoring.records import Records, StoreUnavailable
from scoring.terms import Terms

from features.payment import Payment
from features.traffic import traffic_at
from features.vector import Knowledge, fraud_vector

HANDING_ON = 2  # tries


class NotHandedOn(RuntimeError):
    """The stream did not take the event: the decision is not known to anybody, and must be asked for again."""


class DecidedBefore(RuntimeError):
    """Decided, and no answer is kept: it was on the stream, more than a day ago, or while the table was away."""


class NotRemembered(RuntimeError):
    """The payment was decided before, and that answer cannot be read now: another one must not be given."""


@dataclass(frozen=True)
class ApiDoor:
    """`now` gives milliseconds since 1970; `stream` is a Kinesis client."""

    records: Records
    model: Model
    release: Release
    terms: Terms
    answers: Answers
    stream: Any
    stream_name: str
    now: Callable[[], int]

    def taken_in(self, fields: object) -> Payment:
        """Raises InvalidPayment, and TermsUnread where it cannot be told now what the payment says."""
        return self.terms.payment(fields, self.now())

    def decide(self, payment: Payment, fields: Mapping) -> dict:
        """The decision's document. Raises OtherQuestion, DecidedBefore, NotHandedOn, NotRemembered."""
        arrived = self.now()
        decision, decided_before = self.decision(payment, arrived)
        document = decision.document()
        earlier, remembered = None, True
        try:
            earlier = self.answers.earlier(payment) if decided_before else self.answers.claim(payment, document)
        except OtherQuestion:
            raise
        except Exception as failed:  # whatever ails the table, the payer gets an answer; the stream door counts it once
            remembered = False
            warn("the answer is not remembered", failed)
            if decided_before:
                emit({"door": "api"}, unremembered=1)
                raise NotRemembered from failed
        if decided_before and earlier is None:  # another decision on it would reach no log
            emit({"door": "api"}, repeated=1)
            raise DecidedBefore(f"transaction_id {payment.transaction_id}: decided before, see the decision log")
        if earlier is not None:
            document = earlier.decision
        if earlier is None or not earlier.applied:
            self._hand_on(document, fields)
        emit(
            {"door": "api"},
            decisions=int(earlier is None),
            repeated=int(earlier is not None),
            unremembered=int(not remembered),
            decision_ms=self.now() - arrived,
            degraded=int(document["degrade_step"] != "none"),
            unread_traffic=int(document["traffic"] is None),
        )
        return document

    def decision(self, payment: Payment, arrived: int) -> tuple[Decision, bool]:
        """The decision, and whether a door has decided on the payment before, as its customer's record says."""
        step: DegradeStep = "none"
        try:
            known = self.records.about([payment])[0]
        except StoreUnavailable:
            step, known = "default_features", Knowledge.nothing()
        counted_at = known.counts_at(payment.at)
        vector = fraud_vector(payment.at, counted_at, payment.amount, payment.merchant_id, known)
        try:
            (said,) = self.model.score([vector])
        except Exception as failed:  # whatever ails the endpoint, the payer gets an answer
            warn("endpoint did not answer", failed)
            step, said = "rules_only", Answer(None, None)
        policy = self.release.policy_or_none(said.model)
        decision = decide(
            payment,
            vector,
            said,
            policy,
            traffic=traffic_at(known.traffic, counted_at),
            step="review" if policy is None else step,
            door="api",
            counted_at=counted_at,
            arrived_at=arrived,
            decided_at=self.now(),
        )
        identifier = payment.transaction_id
        return decision, known.customer.knows(identifier) and not known.customer.awaits(identifier)

    def _hand_on(self, document: dict, fields: Mapping) -> None:
        """The stream door applies the payment to the state and logs the decision: one writer per customer."""
        event = json.dumps({**fields, "decision": document}).encode()
        for left in reversed(range(HANDING_ON)):
            try:
                self.stream.put_record(StreamName=self.stream_name, PartitionKey=document["customer_id"], Data=event)
                return
            except Exception as failed:
                warn("the stream did not take the event", failed)
                if not left:
                    emit({"door": "api"}, not_handed_on=1)
                    raise NotHandedOn(type(failed).__name__) from None


def warn(message: str, failed: Exception) -> None:
    print(json.dumps({"level": "ERROR", "message": message, "error": type(failed).__name__}))
