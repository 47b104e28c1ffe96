"""The Spark engine by hand, and folded records that are the incremental engine's own."""

from __future__ import annotations

import random

import pytest
from pyspark.sql import functions as F

from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import DAY, HOUR, MINUTE, Prefix
from features.fraud import FRAUD, LABEL_PATIENCE
from features.moments import met_by_a_door
from features.state import State, label_event, payment_event, text_fingerprint
from features.vector import CUSTOMER_LAYOUT, MERCHANT_LAYOUT, cells_of
from glue.tables import LOAN_FEATURES
from glue.transforms.events import cut, located, payments
from glue.transforms.folding import folded_customers, folded_events
from glue.transforms.vectors import VECTOR_COLUMNS, loan_features, transaction_features
from glue.transforms.windows import with_open_windows
from tests.parity.events import event_log
from tests.spark.rows import START, silver_labels, silver_loans, silver_transactions

PAYMENTS = [
    ("a", "c1", "m1", START + 9 * HOUR, 1000),
    ("b", "c1", "m1", START + 9 * HOUR + 5 * MINUTE, 3000),
    ("c", "c1", "m2", START + 9 * HOUR + 5 * MINUTE, 500),  # the same millisecond as b: it counts in the next one
    ("d", "c1", "m1", START + DAY + 9 * HOUR, 2000),
    ("e", "c2", "m1", START + DAY + 10 * HOUR, 800),
    ("f", "c1", "m1", START + 40 * DAY, 100),
]
LABELS = [("a", 1, START + 10 * HOUR), ("b", 0, START + 11 * HOUR), ("d", 0, START + 3 * DAY)]


def vectors(spark, paid: list, labels: list):
    rows = payments(silver_transactions(spark, paid)).withColumn("wanted", F.lit(True))
    told = located(silver_labels(spark, labels), rows)
    return transaction_features(rows, {"merchant": {"payment": rows, "label": told}})


def test_vectors_by_hand(spark):
    frame = vectors(spark, PAYMENTS, LABELS)
    row = {r.transaction_id: r.asDict() for r in frame.collect()}

    assert frame.columns == [*VECTOR_COLUMNS, "event_date"]
    assert [row[t]["customer_payment_count_10m"] for t in "abcdef"] == [0, 1, 2, 0, 0, 0]
    assert [row[t]["customer_payment_amount_1h"] for t in "abcdef"] == [0, 1000, 4000, 0, 0, 0]
    assert [row[t]["customer_payment_amount_1d"] for t in "abcdef"] == [0, 1000, 4000, 4500, 0, 0]
    assert [row[t]["customer_payment_count_30d"] for t in "abcdef"] == [0, 1, 2, 3, 0, 0]
    assert [row[t]["customer_ms_since_last_payment"] for t in "abcdef"] == [
        None,
        5 * MINUTE,
        1,
        DAY - 5 * MINUTE - 1,
        None,
        None,  # longer ago than the horizon
    ]
    assert [row[t]["merchant_payment_count_1d"] for t in "abcdef"] == [0, 0, 0, 2, 2, 0], "closed days only"
    assert [row[t]["merchant_payment_amount_30d"] for t in "abcdef"] == [0, 0, 0, 4000, 4000, 0]
    assert [row[t]["merchant_label_count_since_30d"] for t in "abcdef"] == [None, None, None, 1, 1, None]
    assert [row[t]["merchant_unexplained_freshness"] for t in "abcdef"] == [None, None, None, 1.0, 1.0, None]
    assert row["d"]["merchant_fraud_rate_1d"] == 0.5, "of two labels that were known, one was fraud"
    assert row["b"]["amount_over_customer_mean_1d"] == 3.0
    assert row["a"]["amount_over_customer_mean_1d"] is None
    assert (row["d"]["hour_of_day"], row["d"]["day_of_week"], row["d"]["is_night"]) == (9, 1, 0)
    assert {r["feature_version"] for r in row.values()} == {FRAUD.version}
    assert row["f"]["event_date"] == "2018-05-12"


def test_where_no_label_was_ever_told_nothing_is_since_one(spark):
    rows = payments(silver_transactions(spark, PAYMENTS)).withColumn("wanted", F.lit(True))

    for events in ({"merchant": {"payment": rows}}, {}):
        told = {
            (r.merchant_label_count_since_30d, r.merchant_label_count_30d)
            for r in transaction_features(rows, events).collect()
        }
        assert told == {(None, 0)}


def test_what_the_bank_learnt_later_does_not_change_an_earlier_vector(spark):
    asked = START + DAY + 9 * HOUR  # the day before has settled
    paid = [
        *(("a", "c1", "m1", START, 100), ("b", "c1", "m2", START, 100)),
        *(("c", "c1", "m1", asked, 100), ("d", "c1", "m2", asked, 100)),
    ]
    rows = vectors(spark, paid, [("a", 1, START + HOUR), ("b", 1, asked + 1)]).collect()

    assert {r.transaction_id: r.merchant_fraud_rate_30d for r in rows} == {"a": None, "b": None, "c": 1.0, "d": None}


def test_a_loan_sees_what_its_customer_paid_before_and_is_no_payment_itself(spark):
    asked = [("l1", "c1", START + 9 * HOUR + 5 * MINUTE), ("l2", "c1", START + 2 * DAY), ("l3", "c9", START)]
    applications = silver_loans(spark, [(*loan, 100) for loan in asked])
    frame = loan_features(applications, payments(silver_transactions(spark, PAYMENTS)))
    row = {r.loan_id: r.asDict() for r in frame.collect()}

    assert frame.columns == [*LOAN_FEATURES.column_names, "event_month"]
    assert [row[i]["customer_payment_amount_7d"] for i in ("l1", "l2", "l3")] == [1000, 6500, 0]
    assert [row[i]["customer_payment_count_30d"] for i in ("l1", "l2", "l3")] == [1, 4, 0]
    assert row["l2"]["customer_ms_since_last_payment"] == DAY - 9 * HOUR
    assert row["l2"]["customer_share_of_last_week"] == 1.0
    assert row["l3"]["customer_mean_amount_30d"] is None
    assert row["l1"]["attributes"] == '{"purpose":"car"}'
    assert {r["feature_version"] for r in row.values()} == {PAYMENT_BEHAVIOUR.version}


def test_a_customers_record_folded_from_the_lake_is_the_one_that_the_door_would_have_written(spark):
    log = event_log(7, size=400, late=0)
    paid = payments(silver_transactions(spark, log.payments, log.further)).withColumn("decided", F.lit(True))
    rows = folded_customers(paid).collect()

    states: dict[str, State] = {}
    for identifier, customer, merchant, at, cents in sorted(log.payments, key=lambda p: (p[3], p[0])):
        state = states.setdefault(customer, State(CUSTOMER_LAYOUT))
        cells = cells_of(at, log.further[identifier])
        state.pay(met_by_a_door(at, None, state.clock), cents, merchant, identifier, cells)
    assert {r.entity: (r.clock, r.state) for r in rows} == {c: (s.clock, s.dump()) for c, s in states.items()}
    for row in rows:
        said = states[row.entity].values(row.clock + 1)
        assert {name: row[name] for name in said} == said, "in numbers too, for those who join"


def test_rows_that_are_asked_keep_their_own_columns(spark):
    rows = payments(silver_transactions(spark, PAYMENTS))
    columns = list(rows.columns)

    with_open_windows(rows, FRAUD, "customer_id")

    assert rows.columns == columns
    assert rows.schema.names == columns


def test_a_merchants_record_holds_its_payments_and_what_was_learnt_of_them(spark):
    log = event_log(8, size=300, late=0)
    paid = payments(silver_transactions(spark, log.payments))
    labels = located(silver_labels(spark, log.labels), paid)
    rows = folded_events({"payment": paid, "label": labels}, "merchant", "merchant_id").collect()

    customers: dict[str, State] = {}
    of = {p[0]: p for p in log.payments}
    flags = {}
    for identifier, customer, merchant, at, cents in log.payments:
        state = customers.setdefault(customer, State(CUSTOMER_LAYOUT))
        flags[identifier] = state.flags(at, cents)
        state.pay(at, cents, merchant)
    events = [(p[2], payment_event(p[3], p[4])) for p in log.payments]
    events += [
        (of[i][2], label_event(max(told, of[i][3]), is_fraud, flags[i]))
        for i, is_fraud, told in log.judgements()
        if told - of[i][3] <= LABEL_PATIENCE
    ]
    states: dict[str, State] = {}
    for merchant, event in sorted(events, key=lambda e: e[1].at):
        states.setdefault(merchant, State(MERCHANT_LAYOUT)).apply(event)
    asked = max(s.clock for s in states.values()) + DAY
    found = {r.entity: State.load(r.state, MERCHANT_LAYOUT).values(asked) for r in rows}
    assert found == {m: s.values(asked) for m, s in states.items()}
    assert any(values["merchant_label_fraud_unexplained_30d"] for values in found.values())


def test_shuffling_the_future_changes_no_vector_of_the_past(spark):
    log = event_log(9, size=500, late=0)
    cut = sorted(p[3] for p in log.payments)[350]
    past = {p[0] for p in log.payments if p[3] < cut}
    rng = random.Random(1)
    changed = [
        p if p[3] < cut else (p[0], rng.choice(["c1", "c2"]), "m1", p[3] + rng.randrange(DAY), rng.randrange(10**6))
        for p in log.payments
    ]
    told = [(i, f if at < cut else 1 - f, at if at < cut else at + rng.randrange(DAY)) for i, f, at in log.labels]

    before, after = (
        {r.transaction_id: r for r in vectors(spark, payments_, labels).collect() if r.transaction_id in past}
        for payments_, labels in ((log.payments, log.labels), (changed, told))
    )

    assert len(before) == len(past) > 300
    assert before == after


@pytest.mark.parametrize(
    "prefix",
    [Prefix("network", "ip", 3, "."), Prefix("head", "ip", 1, "."), Prefix("few", "ip", 5)],
    ids=lambda p: p.name,
)
def test_a_prefix_of_a_text_is_the_same_in_both_engines(spark, prefix):
    texts = [
        "10.1.23.4",
        "10.1.23",
        "10.1",
        ".1.2.3",
        "...",
        "2a02:908::1",
        "é😀e\u0301.x.y.z",
        "a",
        "ab..c.d",
        "A.B.C.D",
    ]
    rows = spark.createDataFrame([(text,) for text in [*texts, None]], "ip string")

    found = [row[0] for row in rows.select(F.crc32(cut(F.col("ip"), prefix).cast("binary"))).collect()]

    cuts = [prefix.cut(text) for text in texts]
    assert found == [*(text_fingerprint(begins) if begins else None for begins in cuts), None]
    assert prefix.cut("10.1.23.4") == {"network": "10.1.23", "head": "10", "few": "10.1."}[prefix.name]
