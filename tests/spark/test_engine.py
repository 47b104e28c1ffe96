"""The Spark engine by hand, and folded records that are the incremental engine's own."""

from __future__ import annotations

from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import DAY, HOUR, MINUTE
from features.fraud import FRAUD
from features.state import State, label_event, payment_event
from features.vector import CUSTOMER_LAYOUT, MERCHANT_LAYOUT
from glue.tables import LOAN_FEATURES, TRANSACTION_FEATURES
from glue.transforms.folding import customer_events, folded, merchant_events
from glue.transforms.vectors import loan_features, located, transaction_features
from tests.parity.events import event_log
from tests.spark.rows import START, silver_labels, silver_transactions, stamp

PAYMENTS = [
    ("a", "c1", "m1", START + 9 * HOUR, 1000),
    ("b", "c1", "m1", START + 9 * HOUR + 5 * MINUTE, 3000),
    ("c", "c1", "m2", START + 9 * HOUR + 5 * MINUTE, 500),  # the same millisecond as b
    ("d", "c1", "m1", START + DAY + 9 * HOUR, 2000),
    ("e", "c2", "m1", START + DAY + 10 * HOUR, 800),
    ("f", "c1", "m1", START + 40 * DAY, 100),
]
LABELS = [("a", 1, START + 10 * HOUR), ("b", 0, START + 11 * HOUR), ("d", 0, START + 3 * DAY)]


def test_vectors_by_hand(spark):
    transactions = silver_transactions(spark, PAYMENTS)
    frame = transaction_features(transactions, located(silver_labels(spark, LABELS), transactions))
    row = {r.transaction_id: r.asDict() for r in frame.collect()}

    assert frame.columns == [*TRANSACTION_FEATURES.column_names, "event_date"]
    assert [row[t]["customer_payment_count_10m"] for t in "abcdef"] == [0, 1, 1, 0, 0, 0]
    assert [row[t]["customer_payment_amount_1h"] for t in "abcdef"] == [0, 1000, 1000, 0, 0, 0]
    assert [row[t]["customer_payment_amount_1d"] for t in "abcdef"] == [0, 1000, 1000, 4500, 0, 0]
    assert [row[t]["customer_payment_count_30d"] for t in "abcdef"] == [0, 1, 1, 3, 0, 0]
    assert [row[t]["customer_ms_since_last_payment"] for t in "abcdef"] == [
        None,
        5 * MINUTE,
        5 * MINUTE,
        DAY - 5 * MINUTE,
        None,
        None,  # longer ago than the horizon
    ]
    assert [row[t]["merchant_payment_count_1d"] for t in "abcdef"] == [0, 0, 0, 2, 2, 0], "closed days only"
    assert [row[t]["merchant_payment_amount_30d"] for t in "abcdef"] == [0, 0, 0, 4000, 4000, 0]
    assert row["d"]["merchant_fraud_rate_1d"] == 0.5, "of two labels that were known, one was fraud"
    assert row["b"]["amount_over_customer_mean_1d"] == 3.0
    assert row["a"]["amount_over_customer_mean_1d"] is None
    assert (row["d"]["hour_of_day"], row["d"]["day_of_week"], row["d"]["is_night"]) == (9, 1, 0)
    assert {r["feature_version"] for r in row.values()} == {FRAUD.version}
    assert row["f"]["event_date"] == "2018-05-12"


def test_what_the_bank_learnt_later_does_not_change_an_earlier_vector(spark):
    asked = START + DAY + 9 * HOUR
    payments = [
        *(("a", "c1", "m1", START, 100), ("b", "c1", "m2", START, 100)),
        *(("c", "c1", "m1", asked, 100), ("d", "c1", "m2", asked, 100)),
    ]
    transactions = silver_transactions(spark, payments)
    labels = silver_labels(spark, [("a", 1, START + HOUR), ("b", 1, asked + 1)])
    rows = transaction_features(transactions, located(labels, transactions)).collect()

    assert {r.transaction_id: r.merchant_fraud_rate_30d for r in rows} == {"a": None, "b": None, "c": 1.0, "d": None}


def test_a_loan_sees_what_its_customer_paid_before_and_is_no_payment_itself(spark):
    loans = [("l1", "c1", START + 9 * HOUR + 5 * MINUTE), ("l2", "c1", START + 2 * DAY), ("l3", "c9", START)]
    applications = spark.createDataFrame(
        [(loan, customer, stamp(at), 100, 12, {"purpose": "car"}, "2018-04") for loan, customer, at in loans],
        "loan_id string, customer_id string, applied_at timestamp, amount_cents bigint, term_months int, "
        "attributes map<string,string>, event_month string",
    )
    frame = loan_features(applications, silver_transactions(spark, PAYMENTS))
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
    log = event_log(7, size=400)
    rows = folded(customer_events(silver_transactions(spark, log.payments)), CUSTOMER_LAYOUT).collect()

    states: dict[str, State] = {}
    for identifier, customer, _, at, cents in sorted(log.payments, key=lambda p: (p[3], p[0])):
        states.setdefault(customer, State(CUSTOMER_LAYOUT)).apply(payment_event(at, cents, identifier))
    assert {r.entity: (r.clock, r.state) for r in rows} == {c: (s.clock, s.dump()) for c, s in states.items()}


def test_a_merchants_record_holds_its_payments_and_what_was_learnt_of_them(spark):
    log = event_log(8, size=300)
    transactions = silver_transactions(spark, log.payments)
    labels = located(silver_labels(spark, log.labels), transactions)
    rows = folded(merchant_events(transactions, labels), MERCHANT_LAYOUT).collect()

    merchant_of = {p[0]: p[2] for p in log.payments}
    events = [(p[2], payment_event(p[3], p[4])) for p in log.payments]
    events += [(merchant_of[i], label_event(at, is_fraud)) for i, is_fraud, at in log.labels]
    states: dict[str, State] = {}
    for merchant, event in sorted(events, key=lambda e: e[1].at):
        states.setdefault(merchant, State(MERCHANT_LAYOUT)).apply(event)
    asked = max(s.clock for s in states.values()) + DAY
    found = {r.entity: State.load(r.state, MERCHANT_LAYOUT).values(asked) for r in rows}
    assert found == {m: s.values(asked) for m, s in states.items()}
