"""The incremental engine on one core, in payments per second of CPU time.

`incremental_events_per_s`: one update. A payment is folded into its customer's record, which is in memory.

`incremental_decisions_per_s`: one payment's whole way through a door, without AWS. The records of its customer,
merchant and account are loaded from their stored texts, the vector is computed from them, the payment is folded in, and
the customer's record becomes a text again.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from features.declaration import DAY
from features.state import Layout, State, label_event, payment_event
from features.vector import ACCOUNT_LAYOUT, CUSTOMER_LAYOUT, MERCHANT_LAYOUT, Knowledge, cells_of, fraud_vector

EACH, MERCHANTS = 100, 300  # payments of a customer
FIRST, DAYS = 1_748_736_000_000, 40
DECIDED = 20  # one payment in so many is decided on, on the day after
FRAUDS = 100  # one payment in so many is one, and all are judged at once


@dataclass(frozen=True)
class Paid:
    at: int
    customer: str
    merchant: str
    amount: int
    identifier: str


def events_per_second(count: int) -> float:
    """40 days of a hundredth as many customers."""
    history = payments(count, FIRST, DAYS * DAY, customers(count))
    started = time.process_time()
    customers_after(history)
    return count / (time.process_time() - started)


def decisions_per_second(count: int) -> float:
    """A day of the same customers, whose records hold those 40 days."""
    history = payments(count, FIRST, DAYS * DAY, customers(count))
    merchants, accounts = published_after(history)
    known = texts(customers_after(history))
    drawn = payments(max(1, count // DECIDED), FIRST + DAYS * DAY, DAY, customers(count))
    asked = [paid for paid in drawn if paid.customer in known and paid.merchant in merchants]
    started = time.process_time()
    for paid in asked:
        decide(paid, known, merchants, accounts)
    return len(asked) / (time.process_time() - started)


def decide(paid: Paid, customers: dict[str, str], merchants: dict[str, str], accounts: dict[str, str]) -> None:
    known = Knowledge(
        State.load(customers[paid.customer], CUSTOMER_LAYOUT),
        State.load(merchants[paid.merchant], MERCHANT_LAYOUT),
        State.load(accounts[paid.customer], ACCOUNT_LAYOUT),
    )
    at = known.counts_at(paid.at)
    cells = cells_of(paid.at, {})
    fraud_vector(paid.at, at, paid.amount, paid.merchant, known, cells)
    known.customer.pay(at, paid.amount, paid.merchant, paid.identifier, cells)
    customers[paid.customer] = known.customer.dump()


def customers(count: int) -> int:
    return max(1, count // EACH)


def payments(count: int, first: int, span: int, customers: int) -> list[Paid]:
    """In order of time, always the same ones."""
    rng = random.Random(1)
    drawn = sorted(
        (first + rng.randrange(span), f"c{rng.randrange(customers)}", rng.randrange(50_000), n) for n in range(count)
    )
    return [Paid(at, customer, f"m{n % MERCHANTS}", amount, f"t{n}") for at, customer, amount, n in drawn]


def customers_after(history: list[Paid]) -> dict[str, State]:
    states: dict[str, State] = {}
    for paid in history:
        state, cells = of(states, paid.customer, CUSTOMER_LAYOUT), cells_of(paid.at, {})
        state.pay(paid.at, paid.amount, paid.merchant, paid.identifier, cells)
    return states


def published_after(history: list[Paid]) -> tuple[dict[str, str], dict[str, str]]:
    """Records of merchants and of accounts, as the lake writes them."""
    merchants: dict[str, State] = {}
    accounts: dict[str, State] = {}
    for number, paid in enumerate(history):
        label = label_event(paid.at, int(number % FRAUDS == 0))
        of(merchants, paid.merchant, MERCHANT_LAYOUT).apply(payment_event(paid.at, paid.amount))
        of(merchants, paid.merchant, MERCHANT_LAYOUT).apply(label)
        of(accounts, paid.customer, ACCOUNT_LAYOUT).apply(label)
    return texts(merchants), texts(accounts)


def of(states: dict[str, State], identifier: str, layout: Layout) -> State:
    state = states.get(identifier)
    if state is None:
        state = states[identifier] = State(layout)
    return state


def texts(states: dict[str, State]) -> dict[str, str]:
    return {identifier: state.dump() for identifier, state in states.items()}
