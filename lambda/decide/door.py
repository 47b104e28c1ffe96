"""What the API door does with one payment: read, score, decide, hand the event on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scoring.aws import Model, Records, Release, StoreUnavailable
from scoring.decision import Answer, Decision, DegradeStep, decide
from scoring.metrics import emit

from features.payment import Payment
from features.vector import Knowledge, fraud_vector


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
            known = self.records.about([payment])[0]
        except StoreUnavailable:
            step, known = "default_features", Knowledge.nothing()
        counted_at = known.counts_at(payment.at)
        vector = fraud_vector(payment.at, counted_at, payment.amount, payment.merchant_id, known)
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
            counted_at=counted_at,
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
