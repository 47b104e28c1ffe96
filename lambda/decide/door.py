"""What the API door does with one payment: read, score, decide, hand the event on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scoring.aws import Model, Records, Release, StoreUnavailable
from scoring.decision import Answer, Decision, DegradeStep, decide
from scoring.metrics import emit

from features.payment import Payment
from features.state import State
from features.vector import CUSTOMER_LAYOUT, MERCHANT_LAYOUT, fraud_vector


@dataclass(frozen=True)
class ApiDoor:
    """`now` gives milliseconds since 1970; `stream` is a Kinesis client."""

    records: Records
    model: Model
    release: Release
    stream: object
    stream_name: str
    now: Callable[[], int]

    def decide(self, payment: Payment, fields: Mapping) -> dict:
        """The decision's document. Degrades in named steps instead of failing."""
        arrived = self.now()
        step: DegradeStep = "none"
        try:
            states = self.records.read({"customer": [payment.customer_id], "merchant": [payment.merchant_id]})
            customer, merchant = states["customer"][payment.customer_id], states["merchant"][payment.merchant_id]
        except StoreUnavailable:
            step, customer, merchant = "default_features", State(CUSTOMER_LAYOUT), State(MERCHANT_LAYOUT)
        vector = fraud_vector(payment.at, payment.amount, customer, merchant)
        try:
            (said,) = self.model.score([vector])
        except Exception:  # whatever ails the endpoint, the payer gets an answer
            step, said = "rules_only", Answer(None, None)
        decision = decide(
            payment,
            vector,
            said,
            self.release.policy(),
            step=step,
            door="api",
            arrived_at=arrived,
            decided_at=self.now(),
        )
        self._hand_on(decision, fields)
        emit({"door": "api"}, decisions=1, decision_ms=self.now() - arrived, degraded=int(step != "none"))
        return decision.document()

    def _hand_on(self, decision: Decision, fields: Mapping) -> None:
        """The stream door applies the payment to the state and logs the decision: one writer per customer."""
        self.stream.put_record(  # type: ignore[attr-defined]
            StreamName=self.stream_name,
            PartitionKey=decision.customer_id,
            Data=json.dumps({**fields, "decision": decision.document()}).encode(),
        )
