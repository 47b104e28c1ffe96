"""What the log says, counted anew by a fresh engine: which vectors the decisions should have had, and which records
should be there now."""

from __future__ import annotations

import json
from dataclasses import dataclass

from features.state import State, fingerprint
from features.vector import (
    ACCOUNT_LAYOUT,
    CUSTOMER_LAYOUT,
    FRAUD,
    MERCHANT_LAYOUT,
    Knowledge,
    Vector,
    cells_of,
    fraud_vector,
)
from simulation.plan import Paid

SUM = FRAUD.columns.index("customer_payment_amount_30d")
NOBODY = State(MERCHANT_LAYOUT), State(ACCOUNT_LAYOUT)  # nothing is ever folded into them


@dataclass(frozen=True)
class Counted:
    """A payment, the moment at which it counts (ms), and whether it counts as a block."""

    paid: Paid
    at: int
    blocked: bool = False


def recounted(payments: list[Counted]) -> tuple[dict[str, Vector], State]:
    """One customer's payments in the order in which they count: their vectors by identifier, and the record
    afterwards."""
    state = State(CUSTOMER_LAYOUT)
    vectors = {}
    merchant, account = NOBODY
    for each in sorted(payments, key=lambda one: one.at):
        known = Knowledge(state, merchant, account)
        paid = each.paid
        cells = cells_of(paid.at, paid.further)
        vectors[paid.identifier] = fraud_vector(paid.at, each.at, paid.amount, paid.merchant, known, cells)
        state.pay(each.at, paid.amount, paid.merchant, paid.identifier, cells, each.blocked)
    return vectors, state


def comparable(state: State) -> dict:
    """A record without what has no order: payments of one moment stand in it as they came. And without who waits for a
    decision: a night that publishes while a door decides may say so of a payment that is decided."""
    found = json.loads(state.dump())
    found["remembered"] = sorted(max(mark, ~mark) for mark in found["remembered"])
    for cells in found["waiting"].values():
        cells.sort()
    return found


def held_by(state: State, theirs: dict[int, str]) -> set[str]:
    """Which of a customer's payments a record knows, whatever they count as."""
    marks = {max(mark, ~mark) for mark in state.remembered}
    return {identifier for identifier in theirs.values() if fingerprint(identifier) in marks}


def seen_in(vector: Vector, theirs: dict[int, str]) -> frozenset[str]:
    """Which of a customer's payments a vector holds, given by amount (cents): they are powers of two, so each sum is
    that of one set."""
    return from_sum(int(vector[SUM] or 0), theirs)


def from_sum(cents: int, theirs: dict[int, str]) -> frozenset[str]:
    """Amounts are `100 << n` cents, each once."""
    return frozenset(identifier for amount, identifier in theirs.items() if (cents // 100) & (amount // 100))
