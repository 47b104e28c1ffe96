"""In which order the payments of a batch count: where a door has decided before, in the order of those decisions.

Two answers of the API door may reach the stream the other way round, or one of them not at all when the door was
stopped before it handed the payment on. The customer's tail says what was decided and in which order, the kept answers
say how. So what was decided earlier than a payment of the batch is taken in with it, whether it has arrived or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from scoring.decision import InvalidDecision, handed_on, payment_of
from scoring.tails import Entry

from features.payment import Payment
from features.values import iso
from stream.arrival import Arrival, is_about

Kept = Mapping[str, dict]  # decisions by transaction_id


def needed(arrivals: Sequence[Arrival], under_way: Sequence[Entry]) -> set[str]:
    """Payments of a customer whose kept answers must be known to put the customer's arrivals in order: those that do
    not arrive with a decision. `under_way` is what the tail knows beyond the record."""
    decided = {a.payment.transaction_id for a in arrivals if a.decision is not None}
    last = len(under_way)
    if all(a.decision is not None for a in arrivals):
        places = [n for n, entry in enumerate(under_way, 1) if entry.transaction_id in decided]
        last = max(places, default=0)
    return {entry.transaction_id for entry in under_way[:last]} - decided


def in_order(arrivals: Sequence[Arrival], under_way: Sequence[Entry], kept: Kept) -> list[Arrival]:
    """One customer's arrivals in the order in which they count, with those that were decided before one of them.

    What the tail names is dated by it (`decided_for`, ms). What neither arrives nor is kept is left out.
    """
    placed: list[Arrival] = []
    by_identifier: dict[str, Arrival] = {}
    for arrival in arrivals:
        identifier = arrival.payment.transaction_id
        first = by_identifier.setdefault(identifier, arrival)
        if first.decision is None and arrival.decision is not None:  # the payer was told this one
            if is_about(arrival.decision, first.payment):
                first.decision = arrival.decision
            else:
                by_identifier[identifier] = arrival
    position = {entry.transaction_id: place for place, entry in enumerate(under_way)}
    taken: set[str] = set()
    done = 0

    def take(until: int, beside: Arrival) -> None:
        nonlocal done
        for entry in under_way[done:until]:
            arrival = by_identifier.get(entry.transaction_id)
            decision = read(kept.get(entry.transaction_id))
            if decision is not None and (arrival is None or not is_about(decision, arrival.payment)):
                arrival = adopted(decision, beside)
            if arrival is not None:
                arrival.decision = arrival.decision or decision
                arrival.decided_for, arrival.decided_block = entry.counted_at, bool(entry.blocked)
                placed.append(arrival)
                taken.add(entry.transaction_id)
        done = max(done, until)

    for arrival in arrivals:
        identifier = arrival.payment.transaction_id
        if identifier in position:
            take(position[identifier] + 1, arrival)
        elif arrival.decision is None:
            take(len(under_way), arrival)
        if identifier not in taken:
            placed.append(by_identifier[identifier])
            taken.add(identifier)
        if by_identifier[identifier] is not arrival:
            placed.append(arrival)  # the same identifier once more
    return placed


def adopted(decision: dict, beside: Arrival) -> Arrival:
    """What was decided and has not arrived, as if it came with another payment of the batch."""
    payment = payment_of(decision)
    event = json.loads(decision["event"]) if decision["event"] is not None else spelt(payment)
    return Arrival(beside.sequence, beside.arrived_at, payment, decision, event)


def spelt(payment: Payment) -> dict:
    """A payment as it might have come, where a door of an earlier version has not kept how it did: its amount is in
    home money, so it names no currency."""
    return {
        **{name: text for name, text in payment.further.items() if name != "currency"},
        "transaction_id": payment.transaction_id,
        "event_time": iso(payment.at),
        "customer_id": payment.customer_id,
        "merchant_id": payment.merchant_id,
        "amount": f"{payment.amount // 100}.{payment.amount % 100:02}",
    }


def read(document: dict | None) -> dict | None:
    """A kept decision, maybe of another version of the door; none if nobody can read it."""
    try:
        return None if document is None else handed_on(document)
    except InvalidDecision:
        return None


def by_customer(arrivals: Iterable[Arrival]) -> dict[str, list[Arrival]]:
    found: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        found.setdefault(arrival.payment.customer_id, []).append(arrival)
    return found
