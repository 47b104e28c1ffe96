"""What arrives on the stream: payments, some with the decision that the API door has made, and poison."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from scoring.answers import BESIDE
from scoring.decision import InvalidDecision, handed_on
from scoring.terms import Terms

from features.cards import holds_card
from features.fraud import FRAUD
from features.message import fields_of
from features.payment import InvalidPayment, Payment, cells
from features.values import iso
from features.vector import Vector
from stream.quarantine import Source, reason_of, row_of

FORGED = "decision: expected one that the API door has signed"


@dataclass
class Arrival:
    """One payment of a batch: its record's sequence number, the API door's decision when it made one, the `event` as it
    came without that, and when the customer's tail says that it counts (`decided_for`, ms), and whether as blocked
    (`decided_block`). The door finds out what follows: `blocked` says that it counts as what the doors blocked,
    `by_lake` that the lake has counted it before, `differs` that its vector is not the decision's, `is_new` that the
    decision was made here and no tail names it yet."""

    sequence: str
    arrived_at: int
    payment: Payment
    decision: dict | None
    event: dict
    decided_for: int | None = None
    decided_block: bool | None = None
    counted_at: int = 0
    blocked: bool = False
    by_lake: bool = False
    overtaken: bool = False
    differs: bool = False
    is_new: bool = False
    vector: Vector | None = None
    feature_version: str = FRAUD.version
    traffic: list[int] | None = None


@dataclass(frozen=True)
class Poison:
    """A record that is no payment: masked, and why."""

    source: Source
    arrived_at: int
    row: dict
    reason: str


class Trust(Protocol):
    """Who tells decisions of the API door from others'. Failures of what it asks pass through."""

    def is_signed(self, event: dict, signature: object) -> bool: ...

    def kept(self, identifiers: set[str]) -> Mapping[str, dict]:
        """Decisions that the API door has kept."""


def parse(records: list[dict], terms: Terms, trust: Trust) -> tuple[list[Arrival], list[Poison]]:
    """Payments, and what is none. Raises TermsUnread, and what `trust` raises."""
    arrivals: list[Arrival] = []
    poison: list[Poison] = []
    unsigned: dict[str, dict] = {}  # by sequence number
    for record in records:
        kinesis = record["kinesis"]
        sequence, data = kinesis["sequenceNumber"], base64.b64decode(kinesis["data"])
        arrived = int(kinesis["approximateArrivalTimestamp"] * 1000)
        try:
            fields = fields_of(data)
            payment, decision = event_of(fields, arrived, kinesis["partitionKey"], terms)
        except (ValueError, RecursionError) as wrong:
            poison.append(Poison(source_of(record), arrived, row_of(data), reason_of(wrong)))
            continue
        event = {name: value for name, value in fields.items() if name != "decision"}
        arrivals.append(Arrival(sequence, arrived, payment, decision, event))
        if decision is not None and not trust.is_signed(*parted(fields)):
            unsigned[sequence] = record
    if unsigned:
        believed, forged = without_forged(arrivals, unsigned.keys(), trust)
        for arrival in forged:
            record = unsigned[arrival.sequence]
            row = row_of(base64.b64decode(record["kinesis"]["data"]))
            poison.append(Poison(source_of(record), arrival.arrived_at, row, FORGED))
        arrivals = believed
    return arrivals, poison


def parted(fields: dict) -> tuple[dict, object]:
    """An event as it was signed, and the signature."""
    decision = {name: value for name, value in fields["decision"].items() if name != "signature"}
    return {**fields, "decision": decision}, fields["decision"].get("signature")


def without_forged(
    arrivals: list[Arrival], unsigned: Collection[str], trust: Trust
) -> tuple[list[Arrival], list[Arrival]]:
    """What may be believed, and the rest. A door of another version does not sign, nor does one whose KMS is away: what
    it has answered is kept."""
    kept = trust.kept({a.payment.transaction_id for a in arrivals if a.sequence in unsigned})
    believed: list[Arrival] = []
    forged: list[Arrival] = []
    for arrival in arrivals:
        answer = kept.get(arrival.payment.transaction_id)
        is_ours = arrival.sequence not in unsigned or (answer is not None and same(answer, arrival))
        (believed if is_ours else forged).append(arrival)
    return believed, forged


def same(answer: dict, arrival: Arrival) -> bool:
    """Whether the kept answer is what came, and an answer to what came with it."""
    kept = {name: value for name, value in answer.items() if name not in BESIDE}
    said = json.loads(answer.get("attributes", "null"))
    try:
        return handed_on(kept) == arrival.decision and said in (None, dict(arrival.payment.further))
    except InvalidDecision:
        return False


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
        # Texts only: the decision's numbers are ours, as all of a vector, and instants may well pass for card numbers.
        if name != "vector" and any(holds_card(cell) for cell in cells(value) if isinstance(cell, str)):
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


def source_of(record: dict) -> Source:
    """`shardId-000000000000:495...` is from `shardId-000000000000`."""
    shard, _, _ = record["eventID"].partition(":")
    return Source(record.get("eventSourceARN", "").rpartition("/")[2], shard, record["kinesis"]["sequenceNumber"])
