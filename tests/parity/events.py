"""Random logs in order of arrival, with every awkward case: ties, zero amounts, bursts, silences, late payments,
revised and early labels, labels that are told again or come too late to count, days with more merchants than are
remembered, loans."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from features.declaration import DAY, MINUTE
from features.fraud import FRAUD
from features.places import LATITUDE, LONGITUDE
from features.state import AUTHORISED
from features.vector import COLUMNS

START = 1_522_540_800_000  # 2018-04-01T00:00:00Z


@dataclass(frozen=True)
class Log:
    """`payments`: (transaction_id, customer_id, merchant_id, at, cents), as they arrive; `labels`: (transaction_id,
    is_fraud, at); `loans`: (loan_id, customer_id, at, cents); `outcomes`: (loan_id, defaulted, at); `further`: what
    payments say besides, by transaction_id and column."""

    payments: list[tuple[str, str, str, int, int]]
    labels: list[tuple[str, int, int]]
    loans: list[tuple[str, str, int, int]]
    outcomes: list[tuple[str, int, int]]
    further: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def judgements(self) -> list[tuple[str, int, int]]:
        """Labels as they count: what is told again of a payment was told before."""
        first: dict[tuple[str, int], int] = {}
        for identifier, is_fraud, told in self.labels:
            first[identifier, is_fraud] = min(told, first.get((identifier, is_fraud), told))
        return [(*judgement, told) for judgement, told in first.items()]


def event_log(seed: int, size: int, customers: int = 8, merchants: int = 25, days: int = 45, late: float = 0.1) -> Log:
    """`late` is the share of payments that arrive after others which happened later."""
    rng = random.Random(seed)
    arrivals = sorted(moment(rng, days) for _ in range(size))
    payments = []
    for i, arrived in enumerate(arrivals):
        at = arrived
        if rng.random() < late:
            at -= rng.choice([1, MINUTE, rng.randrange(DAY), rng.randrange(9 * DAY)])
        amount = rng.choice([0, 1, rng.randrange(10**4), rng.randrange(10**6)])
        who, where = f"c{min(rng.randrange(customers), rng.randrange(customers))}", f"m{rng.randrange(merchants)}"
        payments.append((f"t{i:06d}", who, where, max(START, at), amount))
    labels = []
    for identifier, _, _, at, _ in payments:
        is_fraud = int(rng.random() < 0.3)
        told = at + rng.choice([rng.randrange(12 * DAY), rng.randrange(12 * DAY), -rng.randrange(DAY), 91 * DAY])
        labels.append((identifier, is_fraud, max(START, told)))
        if rng.random() < 0.05:  # a judgement that was revised
            labels.append((identifier, 1 - is_fraud, at + rng.randrange(12 * DAY, 20 * DAY)))
    again = random.Random(f"told again {seed}")
    labels += [(i, f, told + again.randrange(1, 20 * DAY)) for i, f, told in labels if again.random() < 0.2]
    loans = [
        (f"l{i}", f"c{rng.randrange(customers + 2)}", moment(rng, days), rng.randrange(10**7))
        for i in range(size // 20)
    ]
    outcomes = [(i, int(rng.random() < 0.3), at + rng.randrange(-DAY, 9 * DAY)) for i, _, at, _ in loans[::2]]
    return Log(payments, labels, loans, outcomes, told_besides(random.Random(seed), payments))


LOCATED = frozenset(local.column for local in FRAUD.local if local.offsets)


def told_besides(rng: random.Random, payments: list) -> dict[str, dict[str, str]]:
    """Cells of every column that features look at: mostly one of a few of the customer's own, now and then one of many
    or one that all customers have, and often nothing."""
    found: dict[str, dict[str, str]] = {}
    own = random.Random(len(payments))
    for identifier, who, *_ in payments:
        cells = found[identifier] = {}
        for column in COLUMNS:
            if column == AUTHORISED:
                cells |= {column: own.choice("00111")} if own.random() < 0.7 else {}
                continue
            if column in (LATITUDE, LONGITUDE):
                near, far = own.gauss(0, 0.2), own.uniform(-91, 91)
                if own.random() < 0.8:
                    cells[column] = f"{far if own.random() < 0.2 else 53 + near:.6f}"
                continue
            if column == "utc_offset":
                said = own.choice(["+02:00", "-0530", "Z", "2018-04-01T09:30:00.5+05:45", "+2", "2018-04-01", "+18:59"])
                cells |= {column: said} if own.random() < 0.8 else {}
                continue
            kind = rng.random()
            if kind < 0.5:
                cells[column] = f"{who} {column} {min(rng.randrange(9), rng.randrange(9), rng.randrange(9))}"
            elif kind < 0.7:
                cells[column] = f"é{rng.randrange(40)}"
            if column in LOCATED and own.random() < 0.7:
                cells[column] = own.choice(["DE", "IN", "NP", "GB"])
    return found


def moment(rng: random.Random, days: int) -> int:
    """Half fall on whole minutes and many into a few days, so that ties, tile edges and busy days occur."""
    at = START + rng.randrange(days * DAY)
    if rng.random() < 0.2:
        at = START + rng.choice([3, 17, 18]) * DAY + rng.randrange(DAY)
    if rng.random() < 0.5:
        at -= at % MINUTE
    if rng.random() < 0.1:
        at -= at % DAY
    return at
