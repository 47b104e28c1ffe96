"""What the stream door does with a batch.

Order of writes: the decision log, alerts, the merchants' stream, what came late, the online records. After a crash the
payments that were not yet applied come again; what was logged of the very same payments stands, whatever the model
would say now, and a payment that was applied is known by its identifier: it counts once, as long as no REMEMBERED
others of its customer lie between. One that the lake has counted before a door met it, because it waited over a night,
is decided and logged and not counted again. Where a batch came again in another cut the log may hold a decision twice,
and an alert may come twice, as SNS delivers; neither is lost by a crash. A batch that was logged and then given up is
decided anew when it is replayed, and later than before: the last decision was applied. Unless a night comes between:
then what was logged is done.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from scoring.answers import Answers
from scoring.decision import Answer, DegradeStep, InvalidDecision, decide, handed_on, is_of_these_features
from scoring.live import Release
from scoring.metrics import emit
from scoring.model import Model
from scoring.records import Records
from scoring.terms import Terms

from features.cards import holds_card
from features.message import fields_of
from features.payment import InvalidPayment, Payment, cells
from features.traffic import traffic_at
from features.values import iso
from features.vector import Knowledge, Vector, fraud_vector
from stream.sinks import Alerts, DecisionLog, LateLog, MerchantStream


@dataclass
class Arrival:
    """One record of the batch: its place in the shard, the payment, and the API door's decision when it made one."""

    sequence: str
    arrived_at: int
    payment: Payment
    decision: dict | None
    counted_at: int = 0
    overtaken: bool = False
    vector: Vector | None = field(default=None)
    traffic: list[int] | None = None


@dataclass(frozen=True)
class StreamDoor:
    """`now` gives milliseconds since 1970."""

    records: Records
    model: Model
    release: Release
    terms: Terms
    log: DecisionLog
    late: LateLog
    alerts: Alerts
    merchants: MerchantStream
    answers: Answers
    now: Callable[[], int]

    def take(self, records: list[dict]) -> list[dict]:
        """Handles a Kinesis batch; returns the records to deliver again. Records before the first poison are done.

        Raises TermsUnread: without a rate that there may be nobody knows whether a payment is poison.
        """
        arrivals, failures = parse(records, self.terms)
        if arrivals:
            self._handle(arrivals, shard_of(records))
        return failures

    def _handle(self, arrivals: list[Arrival], shard: str) -> None:
        unsent = untold = 0
        known = self.records.about([a.payment for a in arrivals])
        customers = {a.payment.customer_id: k.customer for a, k in zip(arrivals, known, strict=True)}
        fresh = self._apply(arrivals, known)
        self._score([a for a in fresh if a.decision is None])
        self._explain([a for a in fresh if a.decision is not None and a.decision["action"] != "APPROVE"])
        documents = []
        if fresh:
            documents = self.log.write(shard, [(a.sequence, a.decision) for a in fresh if a.decision is not None])
            # Once it is logged a payment may be taken as done, by a night that comes between: what nothing could make
            # good comes first.
            unsent = self.alerts.send([d for d in documents if d["action"] == "BLOCK"])
            untold = self.merchants.tell([(a.payment, a.counted_at) for a in fresh])
            self.late.write([d for d in documents if iso(d["counted_at"]) != d["event_time"]])
            moved = {a.payment.customer_id: customers[a.payment.customer_id] for a in fresh}
            self.records.write("customer", moved, max(a.arrived_at for a in fresh))
        self._note(
            [a.payment.transaction_id for a in arrivals if a.decision is not None and a.decision["door"] == "api"]
        )
        now = self.now()
        emit(
            {"door": "stream"},
            decisions=len(documents),
            repeated=len(arrivals) - len(fresh),
            blocked=sum(d["action"] == "BLOCK" for d in documents),
            degraded=sum(d["degrade_step"] != "none" for d in documents),
            unsent_alerts=unsent,
            untold_merchants=untold,
            unread_traffic=sum(d["traffic"] is None for d in documents),
            oldest_ms=now - min(a.arrived_at for a in arrivals),
        )

    @staticmethod
    def _apply(arrivals: list[Arrival], known: list[Knowledge]) -> list[Arrival]:
        """Vectors and new states in order of arrival; what was applied before is left out."""
        fresh = []
        for arrival, about in zip(arrivals, known, strict=True):
            payment, customer = arrival.payment, about.customer
            counted = customer.awaits(payment.transaction_id)
            if customer.knows(payment.transaction_id) and not counted:
                continue
            at = about.counts_at(payment.at)
            arrival.vector = fraud_vector(payment.at, at, payment.amount, payment.merchant_id, about)
            arrival.traffic = traffic_at(about.traffic, at)
            if counted:  # by the lake, where it happened: what the record says now has seen the payment itself
                customer.end_waiting(payment.transaction_id)
                arrival.counted_at, arrival.overtaken = payment.at, True
            else:
                arrival.counted_at = customer.pay(at, payment.amount, payment.merchant_id, payment.transaction_id)
            if arrival.decision is not None:
                # Vectors of other features cannot be compared, and nothing that compares them later asks.
                differs = is_of_these_features(arrival.decision) and arrival.decision["vector"] != arrival.vector
                overtaken = arrival.overtaken or differs
                arrival.decision = {**arrival.decision, "counted_at": arrival.counted_at, "overtaken": overtaken}
            fresh.append(arrival)
        return fresh

    def _note(self, identifiers: list[str]) -> None:
        """Repetitions of these questions need not be handed on any more. Without the note they are, and count once."""
        try:
            self.answers.applied(identifiers)
        except Exception as failed:
            print(json.dumps({"level": "ERROR", "message": "answers were not noted", "error": type(failed).__name__}))

    def _score(self, arrivals: list[Arrival]) -> None:
        if not arrivals:
            return
        step: DegradeStep = "none"
        try:
            answers = self.model.score([a.vector for a in arrivals if a.vector is not None])
        except Exception as failed:  # whatever ails the endpoint, the shard must go on
            print(json.dumps({"level": "ERROR", "message": "endpoint did not answer", "error": type(failed).__name__}))
            step, answers = "rules_only", [Answer(None, None)] * len(arrivals)
        policy = self.release.policy_or_none(answers[0].model)
        if policy is None:
            step = "review"
        for arrival, answer in zip(arrivals, answers, strict=True):
            decision = decide(
                arrival.payment,
                arrival.vector,
                answer,
                policy,
                traffic=arrival.traffic,
                step=step,
                door="stream",
                counted_at=arrival.counted_at,
                arrived_at=arrival.arrived_at,
                decided_at=self.now(),
            )
            arrival.decision = {**decision.document(), "overtaken": arrival.overtaken}

    def _explain(self, flagged: list[Arrival]) -> None:
        """Tells reviewers what the model saw. Without the endpoint's answer they have reasons only, and so when another
        model than the one that scored has answered, as during a release."""
        scored = [
            a
            for a in flagged
            if a.decision is not None and a.decision["fraud_score"] is not None and is_of_these_features(a.decision)
        ]
        if not scored:
            return
        try:
            told = self.model.explain([a.decision["vector"] for a in scored if a.decision is not None])
            for arrival, explanation in zip(scored, told.reasons, strict=True):
                if arrival.decision is not None and arrival.decision["model"] == told.model:
                    arrival.decision = {**arrival.decision, "explanation": explanation}
        except Exception as failed:  # whatever ails the endpoint, the shard must go on
            print(json.dumps({"level": "WARN", "message": "scores were not explained", "error": type(failed).__name__}))


def parse(records: list[dict], terms: Terms) -> tuple[list[Arrival], list[dict]]:
    """Arrivals up to the first record that is no payment, and that record as a failure.

    Kinesis delivers everything from the lowest failed record again, so what follows it must wait.
    """
    arrivals: list[Arrival] = []
    for record in records:
        kinesis = record["kinesis"]
        sequence = kinesis["sequenceNumber"]
        try:
            fields = fields_of(base64.b64decode(kinesis["data"]))
            arrived = int(kinesis["approximateArrivalTimestamp"] * 1000)
            payment, decision = event_of(fields, arrived, kinesis["partitionKey"], terms)
        except (ValueError, RecursionError) as wrong:
            reason = str(wrong) if isinstance(wrong, InvalidPayment) else "the record is not JSON"
            print(json.dumps({"level": "ERROR", "message": "poison record", "sequence": sequence, "reason": reason}))
            return arrivals, [{"itemIdentifier": sequence}]
        arrivals.append(Arrival(sequence, arrived, payment, decision))
    return arrivals, []


def event_of(fields: object, arrived: int, key: str, terms: Terms) -> tuple[Payment, dict | None]:
    """A payment that arrived at `arrived` (ms) by a partition key, and the API door's decision on it.

    Raises InvalidPayment and TermsUnread.
    """
    # The decision is ours and is looked at by itself.
    decision = fields.get("decision") if isinstance(fields, dict) else None
    own = {k: v for k, v in fields.items() if k != "decision"} if isinstance(fields, dict) else fields
    payment = terms.payment(own, arrived)
    if key != payment.customer_id:
        # Two shards would write one customer's record at once, and each undo what the other has counted.
        raise InvalidPayment("partition key: expected the payment's customer_id")
    return payment, None if decision is None else own_decision(decision, payment)


def own_decision(document: object, payment: Payment) -> dict:
    """A decision that comes with a payment: the API door's on this very payment, or the record is poison. The payer has
    been told it: it stands, though another version of that door has made it."""
    try:
        decision = handed_on(document)
    except InvalidDecision as wrong:
        raise InvalidPayment(f"decision: expected what the API door hands on, {wrong}") from None
    of_payment = {
        "door": "api",
        "transaction_id": payment.transaction_id,
        "customer_id": payment.customer_id,
        "merchant_id": payment.merchant_id,
        "amount_cents": payment.amount,
        "event_time": iso(payment.at),
    }
    if any(decision[name] != value for name, value in of_payment.items()):
        raise InvalidPayment("decision: expected the API door's, on this payment")
    for name, value in decision.items():
        # Texts only: the decision's numbers are ours, and its instants may well pass for card numbers.
        if any(holds_card(cell) for cell in cells(value) if isinstance(cell, str)):
            raise InvalidPayment(f"decision: {name} looks like a card number")
    return decision


def shard_of(records: list[dict]) -> str:
    """`shardId-000000000000:495...` -> `shardId-000000000000`."""
    return records[0]["eventID"].partition(":")[0]
