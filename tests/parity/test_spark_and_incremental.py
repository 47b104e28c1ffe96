"""One event log, two engines, the same bits: the promise that keeps training and serving honest."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from features.declaration import DAY
from features.fraud import FRAUD, LABEL_PATIENCE
from tests.parity.engines import differing, lake_vectors, served_vectors
from tests.parity.events import Log, event_log, told_besides


@pytest.mark.parametrize(
    ("seed", "size", "shape"),
    [
        (0, 2_000, {}),
        (1, 1_500, {"customers": 1, "merchants": 200}),
        (2, 1_500, {"customers": 400, "merchants": 3, "late": 0.3}),
    ],
    ids=["some of everything", "one customer, many merchants", "many customers, much of it late"],
)
def test_both_engines_give_every_payment_the_same_bits(spark, seed, size, shape):
    log = event_log(seed, size, **shape)
    served = served_vectors(log)

    found = differing(lake_vectors(spark, log, served.late), served.vectors)

    assert not found, f"{len(found)} values differ, the first: {found[:5]}"


def test_a_lake_that_is_not_told_what_came_late_would_differ(spark):
    """The proof can fail: without the doors' word on late payments the vectors are others."""
    log = event_log(4, 600, late=0.3)
    served = served_vectors(log)

    assert differing(lake_vectors(spark, log, []), served.vectors)


def test_the_logs_hold_every_case_that_the_proof_is_about():
    log = event_log(0, size=2_000)
    served = served_vectors(log)
    column = {name: [v[i] for v in served.vectors.values()] for i, name in enumerate(FRAUD.columns)}

    at = {p[0]: p[3] for p in log.payments}
    stamps = [(p[1], p[3]) for p in log.payments]
    assert len(set(stamps)) < len(stamps), "two payments of one customer in one millisecond"
    assert len(served.late) > 50, "late payments"
    assert any(told < at[i] for i, _, told in log.labels), "a label that came before its payment"
    assert any(told - at[i] > LABEL_PATIENCE for i, _, told in log.labels), "a label that came too late"
    assert len({i for i, _, _ in log.labels}) < len(log.labels), "a judgement that was revised"
    constant = {name for name, values in column.items() if len(set(values)) == 1}
    assert not constant, "every column takes several values"
    assert any(v is None for v in column["merchant_fraud_rate_1d"])
    assert any(v is None for v in column["customer_ms_since_last_payment"])


def test_a_day_needs_no_more_history_than_the_set_declares(spark):
    log = event_log(5, 3_000, customers=12, merchants=8, days=75, late=0)
    served = served_vectors(log)
    last = max(p[3] for p in log.payments) // DAY * DAY
    recent = [p for p in log.payments if p[3] >= last - FRAUD.lookback("payment")]
    assert len(recent) < len(log.payments) - 500

    lake = lake_vectors(spark, replace(log, payments=recent), [], judged=log.payments)

    asked = [p[0] for p in log.payments if p[3] >= last]
    found = differing({i: lake[i] for i in asked}, {i: served.vectors[i] for i in asked})
    assert asked
    assert not found, f"{len(found)} values differ, the first: {found[:5]}"


def test_shuffling_the_future_changes_no_vector_of_the_past(spark):
    log = event_log(7, 1_500)
    served = served_vectors(log)
    now = sorted(p[3] for p in log.payments)[900]
    told = dict(served.late)
    past = [p[0] for p in log.payments if told.get(p[0], p[3]) <= now]

    other, late = another_future(log, served.late, now)
    lake = lake_vectors(spark, other, late)

    assert 500 < len(past) < len(lake) - 300
    assert other.labels != log.labels
    assert other.loans != log.loans
    assert other.outcomes != log.outcomes
    found = differing({i: lake[i] for i in past}, {i: served.vectors[i] for i in past})
    assert not found, f"{len(found)} values know the future, the first: {found[:5]}"


def another_future(log: Log, late: list[tuple[str, int]], now: int) -> tuple[Log, list[tuple[str, int]]]:
    """The log up to `now`, and after it other customers, shops, amounts and judgements."""
    rng, told = random.Random(8), dict(late)
    known = [p for p in log.payments if told.get(p[0], p[3]) <= now]
    coming = [p for p in log.payments if p[3] > now]
    others = [rng.sample([p[place] for p in coming], len(coming)) for place in (1, 2, 4)]
    moved = [(p[0], who, where, p[3], cents) for p, who, where, cents in zip(coming, *others, strict=True)]
    at = {p[0]: p[3] for p in [*known, *moved]} | {loan: at for loan, _, at, _ in log.loans}

    def turned(judged: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
        return [(i, 1 - is_so if max(at[i], told) > now else is_so, told) for i, is_so, told in judged if i in at]

    loans = [(i, who, at, cents + 1_000_000 if at > now else cents) for i, who, at, cents in log.loans]
    besides = {p[0]: log.further[p[0]] for p in known} | told_besides(rng, moved)
    held = Log([*known, *moved], turned(log.labels), loans, turned(log.outcomes), besides)
    return held, [(i, counted) for i, counted in late if i in {p[0] for p in known}]
