"""The vector of a payment: every column in its place, ratios last."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.declaration import DAY, HOUR, Ratio
from features.fraud import FRAUD
from features.state import Event, label_event, payment_event
from features.values import instant
from features.vector import COLUMNS, Knowledge, calendar, cells_of, divide, fraud_vector

NOON = instant("2018-04-04T12:00:00Z")  # a Wednesday


TOLD = dict.fromkeys(COLUMNS, "x")


def vector_of(at: int, amount: int, paid=(), merchant=(), account=(), told=TOLD) -> dict:
    known = Knowledge.nothing()
    for payment in paid:
        known.customer.pay(*payment)
    for state, events in ((known.merchant, merchant), (known.account, account)):
        for event in events:
            state.apply(event)
    vector = fraud_vector(at, known.counts_at(at), amount, "m1", known, cells_of(at, told))
    return dict(zip(FRAUD.columns, vector, strict=True))


def test_a_first_payment_has_zero_counts_and_unknown_ratios():
    vector = vector_of(NOON, 1250)

    assert vector["amount"] == 1250.0
    told = [f for f in FRAUD.features if f.name in vector and f not in FRAUD.calendar]
    assert {f.name: vector[f.name] for f in told} == {f.name: f.default for f in told}


def test_a_vector_by_hand():
    paid = [(NOON - 2 * DAY, 3000, "m1"), (NOON - HOUR, 1000, "m2")]
    account = [Event(NOON - 9 * DAY, "loan", (1, 500_000)), Event(NOON - 2 * DAY, "outcome", (1, 1))]
    merchant = [
        payment_event(NOON - DAY, 400),
        payment_event(NOON - DAY, 800),
        label_event(NOON - DAY, 1),
        label_event(NOON - DAY, 0),
        label_event(NOON - DAY, 0),
        payment_event(NOON - HOUR, 9999),  # today: not closed yet
    ]
    vector = vector_of(NOON, 1250, paid, merchant, account)

    assert vector["customer_payment_count_10m"] == 0
    assert vector["customer_payment_count_1h"] == 1
    assert vector["customer_payment_amount_1d"] == 1000
    assert vector["customer_payment_amount_7d"] == 4000
    assert vector["customer_ms_since_last_payment"] == HOUR
    assert vector["customer_mean_amount_7d"] == 2000
    assert vector["amount_over_customer_mean_7d"] == 1250 * 2 / 4000
    assert vector["customer_payment_amount_max_30d"] == 3000
    assert vector["customer_payment_amount_min_30d"] == 1000
    assert vector["customer_distinct_merchants_30d"] == 2
    assert vector["is_new_merchant"] == 0
    assert vector["high_for_customer"] == 0
    assert vector["account_loan_amount_90d"] == 500_000
    assert vector["account_outcome_default_365d"] == 1
    assert vector["merchant_payment_count_30d"] == 2
    assert vector["amount_over_merchant_mean_30d"] == 1250 * 2 / 1200
    assert vector["merchant_fraud_rate_1d"] == 1 / 3
    assert (vector["hour_of_day"], vector["day_of_week"], vector["is_night"], vector["is_weekend"]) == (12, 2, 0, 0)


@pytest.mark.parametrize(
    ("text", "hour", "weekday", "night", "weekend"),
    [
        ("1970-01-01T00:00:00Z", 0, 3, 1, 0),
        ("2018-04-01T05:59:59.999Z", 5, 6, 1, 1),
        ("2018-04-01T06:00:00Z", 6, 6, 0, 1),
        ("2018-04-02T23:59:59Z", 23, 0, 0, 0),
        ("2020-02-29T12:00:00Z", 12, 5, 0, 1),
    ],
)
def test_the_calendar_is_utc_and_its_week_begins_on_monday(text, hour, weekday, night, weekend):
    assert calendar(FRAUD, instant(text)) == {
        "hour_of_day": hour,
        "quarter_of_day": hour // 6,
        "day_of_week": weekday,
        "is_night": night,
        "is_weekend": weekend,
    }


@pytest.mark.parametrize("known", [{"a": 1, "b": 0}, {"a": None, "b": 2}, {"a": 1, "b": None}])
def test_a_ratio_over_nothing_or_of_the_unknown_is_unknown(known):
    assert divide(Ratio("r", ("a",), ("b",)), known) is None


@given(st.integers(0, 2**62), st.integers(1, 2**62))
def test_a_ratio_is_the_quotient_of_doubles_as_spark_computes_it(top, bottom):
    found = divide(Ratio("r", ("a",), ("b",)), {"a": top, "b": bottom})

    assert struct.pack("<d", found) == struct.pack("<d", float(top) / float(bottom))


def test_a_ratio_beyond_the_exact_doubles_is_rounded_before_it_is_divided():
    """Python would divide such integers exactly and round once; Spark cannot."""
    top, bottom = 46675314082485333, 1113105230444650042

    assert top / bottom != float(top) / float(bottom)
    assert divide(Ratio("r", ("a",), ("b",)), {"a": top, "b": bottom}) == float(top) / float(bottom)


def test_asking_for_a_vector_does_not_change_what_is_remembered():
    known = Knowledge.nothing()
    known.customer.pay(NOON, 100, "m1", "t1")
    before = known.customer.dump()

    fraud_vector(NOON + DAY, NOON + DAY, 5, "m2", known)

    assert known.customer.dump() == before


def test_a_late_payment_keeps_its_own_hour_and_counts_right_after_its_customers_last_one():
    known = Knowledge.nothing()
    known.customer.pay(NOON, 100, "m1")
    known.customer.pay(NOON + HOUR, 100, "m1")

    assert known.counts_at(NOON - 2 * HOUR) == NOON + HOUR + 1
    vector = fraud_vector(NOON - 2 * HOUR, NOON + HOUR, 5, "m1", known)
    assert vector[FRAUD.columns.index("hour_of_day")] == 10
    assert vector[FRAUD.columns.index("customer_payment_count_1d")] == 1


def test_a_payment_later_than_a_published_record_remembers_counts_where_it_still_does():
    known = Knowledge.nothing()
    known.merchant.apply(payment_event(NOON, 1))

    assert known.counts_at(NOON - DAY) == NOON - DAY
    assert known.counts_at(NOON - 9 * DAY) == NOON - 2 * DAY
