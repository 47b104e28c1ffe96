"""One log through both engines."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from zlib import crc32

import pyarrow as pa
from pyspark.sql import functions as F

from features.declaration import DAY, HOUR
from features.entities import FURTHER, named_by
from features.fraud import FRAUD, LABEL_PATIENCE
from features.moments import met_by_a_door
from features.payment import Payment
from features.places import LATITUDE, LONGITUDE
from features.state import Event, State, kind_of, label_event, payment_event, text_fingerprint
from features.vector import (
    ACCOUNT_LAYOUT,
    CUSTOMER_LAYOUT,
    LAYOUTS,
    MERCHANT_LAYOUT,
    Knowledge,
    cells_of,
    fraud_vector,
)
from glue.transforms.events import by_entity, first_payments, located, payments
from glue.transforms.vectors import transaction_features
from glue.transforms.windows import APART, FIRST, PLACE, cell, computed, open_names
from tests.parity.events import Log
from tests.spark.rows import is_blocked, silver_labels, silver_loans, silver_outcomes, silver_transactions

PUBLISHED_AFTER = 2 * HOUR  # a night's jobs end some time after midnight, and before a day has settled

Vectors = dict[str, list[float | None]]


@dataclass(frozen=True)
class Served:
    """What the doors scored, and what they told the lake of late payments (transaction_id, counted_at)."""

    vectors: Vectors
    late: list[tuple[str, int]]


def lake_vectors(spark, log: Log, late: list[tuple[str, int]], judged: list | None = None) -> Vectors:
    """`judged` are the payments that labels are about, and that were before, where they reach further back than the
    log's payments."""
    transactions = silver_transactions(spark, log.payments, log.further)
    notes = noted([*log.payments, *(judged or ())], late)
    told = spark.createDataFrame(notes, "transaction_id string, counted_at bigint, blocked int, decided_at bigint")
    before = None if judged is None else first_payments(silver_transactions(spark, judged, log.further), told)
    paid = payments(transactions, told, before).cache()
    reaching = paid if judged is None else payments(silver_transactions(spark, judged, log.further), told)
    applications = silver_loans(spark, log.loans)
    told_of = located(silver_labels(spark, log.labels), reaching)
    happened = by_entity(paid, told_of, applications, silver_outcomes(spark, log.outcomes))
    rows = transaction_features(paid.withColumn("wanted", F.lit(True)), happened).collect()
    paid.unpersist()
    return {row["transaction_id"]: [row[name] for name in FRAUD.columns] for row in rows}


def served_vectors(log: Log, reload_every: int = 7) -> Served:
    """What the doors score: customers folded as payments arrive, merchants and accounts as the lake published them."""
    customers: dict[str, State] = {}
    flags_of: dict[str, frozenset[str]] = {}
    counted: dict[str, int] = {}
    vectors: Vectors = {}
    # Merchants' records depend on flags of payments, which depend on the order of arrival: fold once for those.
    for identifier, customer, merchant, at, cents in log.payments:
        state = customers.setdefault(customer, State(CUSTOMER_LAYOUT))
        counted[identifier] = met_by_a_door(at, None, state.clock)
        cells = cells_of(at, log.further[identifier])
        flags_of[identifier] = state.flags(counted[identifier], cents, cells)
        state.pay(counted[identifier], cents, merchant, identifier, cells, is_blocked(identifier))
    published = Published(log, counted, flags_of)

    customers = {}
    for number, (identifier, customer, merchant, at, cents) in enumerate(log.payments):
        state = customers.setdefault(customer, State(CUSTOMER_LAYOUT))
        if number % reload_every == 0:  # a record that was written and read back is the same record
            state = customers[customer] = State.load(state.dump(), CUSTOMER_LAYOUT)
        now = met_by_a_door(at, None, state.clock)
        paid = Payment(identifier, at, customer, merchant, cents, further=log.further[identifier])
        known = Knowledge(
            state,
            published.merchant(merchant, now),
            published.account(customer, now),
            device=published.named("device", paid, now),
            further={entity: published.named(entity, paid, now) for entity in FRAUD.nightly if entity in FURTHER},
        )
        assert known.counts_at(at) == now, "the logs of these tests hold nothing later than records remember"
        cells = cells_of(at, log.further[identifier])
        vectors[identifier] = fraud_vector(at, now, cents, merchant, known, cells)
        state.pay(now, cents, merchant, identifier, cells, is_blocked(identifier))
    late = [(i, counted[i]) for i, _, _, at, _ in log.payments if counted[i] != at]
    return Served(vectors, late)


def noted(paid: list, late: list[tuple[str, int]]) -> list[tuple[str, int, int, int]]:
    """What the doors tell of how payments count: `late`, and what they blocked. Of some it was decided otherwise
    before, and of others twice."""
    told = dict(late)
    notes = {i: (i, told.get(i, at), int(is_blocked(i)), 7) for i, _, _, at, _ in paid if i in told or is_blocked(i)}
    before = [(i, at, 1 - blocked, 6) for i, at, blocked, _ in notes.values() if blocked and crc32(i.encode()) % 2]
    return [*notes.values(), *before, *list(notes.values())[::3]]


class Published:
    """Records of all but customers, as of the last midnight whose jobs have ended."""

    def __init__(self, log: Log, counted: dict[str, int], flags_of: dict[str, frozenset[str]]) -> None:
        self.merchants: dict[str, list[Event]] = {}
        self.accounts: dict[str, list[Event]] = {}
        self.others: dict[tuple[str, str], list[Event]] = {}
        self.known: dict[tuple[str, str, int], State] = {}
        paid = {identifier: (customer, merchant, at) for identifier, customer, merchant, at, _ in log.payments}
        named: dict[str, list[tuple[str, str]]] = {}
        for identifier, customer, merchant, at, cents in log.payments:
            kind = kind_of(log.further[identifier], FRAUD, is_blocked(identifier))
            self.merchants.setdefault(merchant, []).append(payment_event(counted[identifier], cents, kind=kind))
            payment = Payment(identifier, at, customer, merchant, cents, further=log.further[identifier])
            asked = [entity for entity in ("device", *FURTHER) if entity in FRAUD.nightly]
            named[identifier] = [(entity, who) for entity in asked if (who := named_by(payment, entity)) is not None]
            for entity, whose in named[identifier]:
                said = {of: payment.said(of) for of in FRAUD.cells(entity)}
                cells = {of: text_fingerprint(cell) for of, cell in said.items() if cell is not None}
                event = payment_event(counted[identifier], cents, cells=cells, kind=kind)
                self.others.setdefault((entity, whose), []).append(event)
        for identifier, is_fraud, told in log.judgements():
            customer, merchant, at = paid[identifier]
            if told - at <= LABEL_PATIENCE:
                label = label_event(max(told, at), is_fraud, flags_of[identifier])
                self.merchants[merchant].append(label)
                self.accounts.setdefault(customer, []).append(label)
                for whom in named[identifier]:
                    self.others[whom].append(label)
        applied = {loan: (customer, at) for loan, customer, at, _ in log.loans}
        for _, customer, at, cents in log.loans:
            self.accounts.setdefault(customer, []).append(Event(at, "loan", (1, cents)))
        for loan, defaulted, observed in log.outcomes:
            customer, at = applied[loan]
            self.accounts[customer].append(Event(max(observed, at), "outcome", (1, defaulted)))

    def merchant(self, identifier: str, now: int) -> State:
        return self._of("merchant", identifier, self.merchants.get(identifier, []), now, MERCHANT_LAYOUT)

    def account(self, identifier: str, now: int) -> State:
        return self._of("account", identifier, self.accounts.get(identifier, []), now, ACCOUNT_LAYOUT)

    def named(self, entity: str, payment: Payment, now: int) -> State:
        whose = named_by(payment, entity) or ""
        return self._of(entity, whose, self.others.get((entity, whose), []), now, LAYOUTS[entity])

    def _of(self, entity: str, identifier: str, events: list[Event], now: int, layout) -> State:
        midnight = (now - PUBLISHED_AFTER) // DAY * DAY
        if (entity, identifier, midnight) not in self.known:
            state = State(layout)
            for event in sorted(events, key=lambda e: e.at):
                if event.at < midnight:
                    state.apply(event)
            self.known[entity, identifier, midnight] = state
        return self.known[entity, identifier, midnight]


def differing(lake: Vectors, served: Vectors) -> list[tuple]:
    """Every value whose bits differ."""
    assert lake.keys() == served.keys()
    return [
        (identifier, name, lake[identifier][i], served[identifier][i])
        for identifier in served
        for i, name in enumerate(FRAUD.columns)
        if bits(lake[identifier][i]) != bits(served[identifier][i])
    ]


def differing_in_open_windows(log: Log, served: Served) -> list[tuple]:
    """As `differing`, for what the lake computes over sorted rows in numpy: those functions alone, without Spark."""
    told = dict(served.late)
    rows = sorted(
        (who, told.get(identifier, at), cents, identifier, {"merchant_id": crc32(where.encode()), **cells_of(at, said)})
        for identifier, who, where, at, cents in log.payments
        for said in (log.further[identifier],)
    )
    *columns, cells = zip(*rows, strict=True)
    named = dict(zip(("customer_id", "counted_at", "amount", "transaction_id"), columns, strict=True))
    table = pa.table(named).append_column("count", pa.array([1] * len(rows)))
    for of in FRAUD.cells():
        table = table.append_column(cell(of), pa.array([each.get(of) for each in cells], pa.int64()))
    for name, side in zip(PLACE if FRAUD.travels else (), (LATITUDE, LONGITUDE), strict=False):
        table = table.append_column(name, pa.array([each.get(side) for each in cells], pa.int64()))
    names = table["transaction_id"].to_pylist()
    kinds = [kind_of(log.further[name], FRAUD, is_blocked(name)) for name in names]
    for kind in FRAUD.apart:
        table = table.append_column(APART[kind], pa.array([int(each == kind) for each in kinds], pa.int64()))
    if FRAUD.since_first:
        table = table.append_column(FIRST, pa.nulls(len(rows), pa.int64()))
    values = computed(table, "customer_id", FRAUD)
    found = []
    for name in (n for n in open_names(FRAUD) if n in FRAUD.columns):
        numbers, known, place = values[name].numbers, values[name].known, FRAUD.columns.index(name)
        for row, identifier in enumerate(table["transaction_id"].to_pylist()):
            value = float(numbers[row]) if known is None or known[row] else None
            if bits(value) != bits(served.vectors[identifier][place]):
                found.append((identifier, name, value, served.vectors[identifier][place]))
    return found


def bits(value: float | None) -> bytes | None:
    return None if value is None else struct.pack("<d", value)
