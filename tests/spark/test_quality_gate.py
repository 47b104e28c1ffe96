"""The quality gate: what it judges, what it says, and that it says no cell."""

from __future__ import annotations

import json

import pytest
from pyspark.sql import functions as F

from features.declaration import DAY
from features.fraud import FRAUD
from glue.rules import GOLD_SUITES, SILVER_SUITES, nested
from glue.tables import SILVER
from glue.transforms.events import located, payments
from glue.transforms.vectors import loan_features, transaction_features, with_further
from tests.parity.events import event_log
from tests.spark.rows import START, silver_labels, silver_loans, silver_transactions

PAYMENTS = [(f"t{i}", f"customer-{i % 3}", "m1", START + i, 100) for i in range(10)]


@pytest.fixture(scope="module")
def gate():
    from glue.quality import Gate  # Great Expectations takes seconds to import

    return Gate()


def silver(spark, rows, entity="transactions", **cells):
    """Rows with every column of the SILVER table: those not given are unknown."""
    table = SILVER[entity]
    for column in (*table.columns, *table.partitions):
        if column.name not in rows.columns:
            rows = rows.withColumn(column.name, F.lit(cells.get(column.name)).cast(column.type))
    names = [column.name for column in (*table.columns, *table.partitions)]
    return rows.withColumn("attributes", F.create_map().cast("map<string,string>")).select(*names)


def paid(spark, rows, **cells):
    return silver(spark, silver_transactions(spark, rows), **{"batch": "b1", **cells})


def test_clean_rows_pass_with_every_expectation_evaluated(spark, gate):
    verdict = gate.judge(paid(spark, PAYMENTS), SILVER_SUITES["transactions"], quarantined=1, total=10)

    assert (verdict.passed, verdict.document["failed"], verdict.document["warned"]) == (True, [], [])
    assert verdict.document["quarantined_share"] == 0.1
    expected = len(SILVER_SUITES["transactions"].rules) + 2
    assert verdict.document["statistics"]["evaluated_expectations"] == expected >= 10


def test_a_table_without_rows_passes(spark, gate):
    verdict = gate.judge(paid(spark, PAYMENTS).where("false"), SILVER_SUITES["transactions"], 0, 0)

    assert verdict.passed


def test_every_broken_rule_is_named_with_how_many_rows_break_it(spark, gate):
    rows = [
        *PAYMENTS,
        ("t10", None, "m1", START, 1),
        ("t0", "customer-1", "m1", START, 1),
        ("t11", "customer-1", "m1", START, -1),
        ("t12", "customer-1", "m1", START, 10**13),
    ]
    verdict = gate.judge(paid(spark, rows), SILVER_SUITES["transactions"])

    assert not verdict.passed
    assert sorted(verdict.document["failed"]) == [
        "`amount_cents` is null or `amount_cents` >= 0: 1 of 14 rows do not",
        "`customer_id` is not null: 1 of 14 rows do not",
        "amount_cents is null or amount_cents <= 1000000000000: 1 of 14 rows do not",
        "one row per transaction_id: 1 keys have several",
    ]


def test_a_column_that_is_missing_or_of_another_type_is_named(spark, gate):
    rows = paid(spark, PAYMENTS).withColumn("amount_cents", F.col("amount_cents").cast("int")).drop("ip")
    verdict = gate.judge(rows, SILVER_SUITES["transactions"])

    assert "exactly the table's columns in their types: amount_cents is int, ip is absent" in verdict.document["failed"]


def test_what_is_only_odd_is_reported_and_does_not_block(spark, gate):
    verdict = gate.judge(paid(spark, PAYMENTS, currency="euro"), SILVER_SUITES["transactions"])

    assert verdict.passed
    assert len(verdict.document["warned"]) == 1
    assert verdict.document["warned"][0].startswith("currency is null or currency rlike")


@pytest.mark.parametrize(
    ("name", "value", "passed"),
    [("card_present", 1, True), ("card_present", 2, False), ("longitude_microdegrees", 180_000_001, False)],
)
def test_an_optional_column_may_be_unknown_and_keeps_its_range(spark, gate, name, value, passed):
    assert gate.judge(paid(spark, PAYMENTS), SILVER_SUITES["transactions"]).document["failed"] == []

    assert gate.judge(paid(spark, PAYMENTS, **{name: value}), SILVER_SUITES["transactions"]).passed is passed


def test_a_label_may_be_revised_but_not_told_twice_at_once(spark, gate):
    suite = SILVER_SUITES["fraud_labels"]

    def judge(*labels):
        rows = silver_labels(spark, list(labels))
        return gate.judge(silver(spark, rows, "fraud_labels", batch="b1", event_month="2018-04"), suite)

    assert judge(("t1", 1, START), ("t1", 0, START + 1)).passed
    assert judge(("t1", 1, START), ("t1", 0, START)).document["failed"] == [
        "one row per transaction_id, reported_at: 1 keys have several"
    ]
    assert judge(("t1", 2, START)).document["failed"] == ["`is_fraud` in (0, 1): 1 of 1 rows do not"]


@pytest.mark.parametrize(("quarantined", "passed"), [(10, True), (11, False)])
def test_a_batch_that_lost_more_than_its_budget_is_doubted(spark, gate, quarantined, passed):
    verdict = gate.judge(paid(spark, PAYMENTS), SILVER_SUITES["transactions"], quarantined, total=100)

    assert verdict.passed is passed
    assert verdict.document["failed"] == ([] if passed else ["11.0% of the rows went to quarantine, the budget is 10%"])


def test_neither_document_nor_page_holds_a_cell(spark, gate):
    rows = [*PAYMENTS, ("t-secret", "customer-secret", None, START, -77_777), ("t-secret", "c", "m", START, 1)]
    verdict = gate.judge(paid(spark, rows), SILVER_SUITES["transactions"])

    assert not verdict.passed
    for text in (json.dumps(verdict.document), verdict.page):
        assert "secret" not in text
        assert "77777" not in text.replace(",", "")


def test_the_page_shows_every_rule_and_what_came(spark, gate):
    verdict = gate.judge(paid(spark, [*PAYMENTS, ("t10", None, "m1", START, 1)]), SILVER_SUITES["transactions"])

    assert "`customer_id` is not null" in verdict.page
    assert "1 of 11 rows do not" in verdict.page
    assert "one row per transaction_id" in verdict.page


@pytest.fixture(scope="module")
def vectors(spark):
    """Vectors of a log full of ties, zero amounts and late payments, as the lake computes them."""
    log = event_log(5, size=400, late=0)
    rows = payments(silver_transactions(spark, log.payments)).withColumn("wanted", F.lit(True))
    told = located(silver_labels(spark, log.labels), rows)
    made = transaction_features(rows, {"merchant": {"payment": rows, "label": told}})
    return with_further(made, paid(spark, log.payments)).cache()


def test_the_vectors_of_payments_meet_everything_that_their_declarations_say(gate, vectors):
    verdict = gate.judge(vectors, GOLD_SUITES["transaction_features"])

    assert verdict.document["failed"] == []
    assert vectors.count() > 300
    assert len(GOLD_SUITES["transaction_features"].rules) > len(FRAUD.columns)


def test_the_vectors_of_loans_meet_everything_that_their_declarations_say(spark, gate):
    rows = payments(silver_transactions(spark, event_log(5, size=200, late=0).payments))
    loans = [(f"l{i}", f"c{i}", START + i * DAY, 100) for i in range(20)]
    verdict = gate.judge(loan_features(silver_loans(spark, loans), rows), GOLD_SUITES["loan_features"])

    assert verdict.document["failed"] == []


SHORTER, LONGER = next(iter(nested(FRAUD)))


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        (LONGER, -1, f"(`{LONGER}` >= 0 and "),
        (LONGER, 0.5, f"`{LONGER}` = floor(`{LONGER}`)"),
        (SHORTER, 10**6, f"`{LONGER}` >= `{SHORTER}`"),
        ("merchant_label_count_since_30d", 0, "between 1 and 30"),
        ("customer_id", None, "`customer_id` is not null"),
        ("feature_version", None, "`feature_version` is not null"),
    ],
)
def test_a_vector_that_cannot_be_is_refused(gate, vectors, name, value, rule):
    type_ = vectors.schema[name].dataType
    verdict = gate.judge(vectors.withColumn(name, F.lit(value).cast(type_)), GOLD_SUITES["transaction_features"])

    assert any(rule in text for text in verdict.document["failed"]), verdict.document["failed"]
