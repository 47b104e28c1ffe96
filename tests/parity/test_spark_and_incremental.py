"""One event log, two engines, the same bits: the promise that keeps training and serving honest."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest

from features.declaration import DAY
from features.fraud import FRAUD
from features.state import State, label_event, payment_event
from features.vector import CUSTOMER_LAYOUT, MERCHANT_LAYOUT, fraud_vector
from glue.transforms.vectors import located, transaction_features
from tests.parity.events import Log, event_log


def stamp(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def lake_vectors(spark, log: Log) -> dict[str, list[float | None]]:
    transactions = spark.createDataFrame(
        [(*p[:3], stamp(p[3]), p[4], str(stamp(p[3]).date())) for p in log.payments],
        "transaction_id string, customer_id string, merchant_id string, event_time timestamp, amount_cents bigint, "
        "event_date string",
    )
    labels = spark.createDataFrame(
        [(i, f, stamp(at)) for i, f, at in log.labels], "transaction_id string, is_fraud int, reported_at timestamp"
    )
    rows = transaction_features(transactions, located(labels, transactions)).collect()
    return {row["transaction_id"]: [row[name] for name in FRAUD.columns] for row in rows}


def online_vectors(log: Log, reload_every: int = 7) -> dict[str, list[float | None]]:
    """What the doors would score: customers folded as payments come, merchants as of the midnight before."""
    customers: dict[str, State] = {}
    merchant_of = {p[0]: p[2] for p in log.payments}
    merchant_log: dict[str, list] = {}
    for _, _, merchant, at, cents in log.payments:
        merchant_log.setdefault(merchant, []).append(payment_event(at, cents))
    for identifier, is_fraud, at in log.labels:
        merchant_log.setdefault(merchant_of[identifier], []).append(label_event(at, is_fraud))
    for events in merchant_log.values():
        events.sort(key=lambda e: e.at)
    merchants: dict[tuple[str, int], State] = {}
    vectors = {}
    for number, (identifier, customer, merchant, at, cents) in enumerate(log.payments):
        midnight = at - at % DAY
        if (merchant, midnight) not in merchants:
            state = State(MERCHANT_LAYOUT)
            for event in merchant_log[merchant]:
                if event.at < midnight:
                    state.apply(event)
            merchants[merchant, midnight] = state
        state = customers.setdefault(customer, State(CUSTOMER_LAYOUT))
        if number % reload_every == 0:  # a record that was written and read back is the same record
            state = customers[customer] = State.load(state.dump(), CUSTOMER_LAYOUT)
        vectors[identifier] = fraud_vector(at, cents, state, merchants[merchant, midnight])
        state.apply(payment_event(at, cents, identifier))
    return vectors


def bits(value: float | None) -> bytes | None:
    return None if value is None else struct.pack("<d", value)


@pytest.mark.parametrize("seed", range(3))
def test_both_engines_give_every_payment_the_same_bits(spark, seed):
    log = event_log(seed, size=1_500)
    lake, online = lake_vectors(spark, log), online_vectors(log)

    assert lake.keys() == online.keys()
    differing = [
        (identifier, name, lake[identifier][i], online[identifier][i])
        for identifier in lake
        for i, name in enumerate(FRAUD.columns)
        if bits(lake[identifier][i]) != bits(online[identifier][i])
    ]
    assert not differing, f"{len(differing)} values differ, the first: {differing[:5]}"


def test_the_log_holds_every_case_that_the_proof_is_about(spark):
    log = event_log(0, size=1_500)
    vectors = online_vectors(log).values()
    column = {name: [v[i] for v in vectors] for i, name in enumerate(FRAUD.columns)}

    stamps = [(p[1], p[3]) for p in log.payments]
    assert len(set(stamps)) < len(stamps), "two payments of one customer in one millisecond"
    assert any(v == 0 for v in column["amount"])
    assert any(v for v in column["merchant_fraud_rate_7d"])
    assert any(v is None for v in column["merchant_fraud_rate_1d"])
    assert any(v is None for v in column["customer_ms_since_last_payment"])
