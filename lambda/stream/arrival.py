"""What arrives on the stream: payments, some with the decision that the API door has made, and poison."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from scoring.decision import InvalidDecision, handed_on
from scoring.terms import Terms

from features.cards import holds_card
from features.message import fields_of
from features.payment import InvalidPayment, Payment, cells
from features.values import iso
from features.vector import Vector


@dataclass
class Arrival:
    """One payment of a batch: its record's sequence number, the API door's decision when it made one, and when the
    customer's tail says that it counts (`decided_for`, ms). The door finds out what follows: `differs` says that its
    vector is not the decision's, `is_new` that the decision was made here and no tail names it yet."""

    sequence: str
    arrived_at: int
    payment: Payment
    decision: dict | None
    decided_for: int | None = None
    counted_at: int = 0
    overtaken: bool = False
    differs: bool = False
    is_new: bool = False
    vector: Vector | None = None
    traffic: list[int] | None = None


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
    if decision["door"] != "api" or not is_about(decision, payment):
        raise InvalidPayment("decision: expected the API door's, on this payment")
    for name, value in decision.items():
        # Texts only: the decision's numbers are ours, and its instants may well pass for card numbers.
        if any(holds_card(cell) for cell in cells(value) if isinstance(cell, str)):
            raise InvalidPayment(f"decision: {name} looks like a card number")
    return decision


def is_about(decision: dict, payment: Payment) -> bool:
    of_payment = {
        "transaction_id": payment.transaction_id,
        "customer_id": payment.customer_id,
        "merchant_id": payment.merchant_id,
        "amount_cents": payment.amount,
        "event_time": iso(payment.at),
    }
    return all(decision[name] == value for name, value in of_payment.items())


def shard_of(records: list[dict]) -> str:
    """`shardId-000000000000:495...` -> `shardId-000000000000`."""
    return records[0]["eventID"].partition(":")[0]
