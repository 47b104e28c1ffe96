"""The quality gate: nothing is written of a batch that does not meet its suite or its failure budget."""

from __future__ import annotations

import pytest

from features.contract import CONTRACTS
from tests.spark.rows import START, TRANSACTIONS, silver_transactions

GOOD = [(f"t{i}", "c1", "m1", START + i, 100) for i in range(10)]
LABELS = CONTRACTS["fraud_labels"]


@pytest.fixture(scope="module")
def quality():
    from glue import quality  # Great Expectations takes seconds to import

    return quality


def labels(spark, *rows):
    return spark.createDataFrame(list(rows), "transaction_id string, is_fraud int, reported_at string")


def test_one_gate_passes_the_clean_batches_of_every_entity(quality, spark):
    gate = quality.Gate()
    payments = gate.judge(silver_transactions(spark, GOOD), TRANSACTIONS, quarantined=1, total=10)
    revised = gate.judge(labels(spark, ("t1", 1, "a"), ("t1", 0, "b")), LABELS, quarantined=0, total=2)

    for verdict in (payments, revised):
        verdict.require()
        assert verdict.document["failed"] == []
    assert payments.document["quarantined_share"] == 0.1
    assert payments.document["statistics"]["evaluated_expectations"] == len(payments.document["results"]) >= 7


def test_rows_that_break_an_expectation_stop_the_batch_by_name(quality, spark):
    gate = quality.Gate()
    null, doubled, negative = ("t10", None, "m1", START, 1), ("t0", "c2", "m1", START, 1), ("t11", "c", "m", START, -1)
    payments = gate.judge(silver_transactions(spark, [*GOOD, null, doubled, negative]), TRANSACTIONS, 0, 13)
    judged = gate.judge(labels(spark, ("t1", 2, "a"), ("t1", 0, "a")), LABELS, 0, 2)

    with pytest.raises(quality.GateFailed, match="transactions: the batch does not pass the quality gate"):
        payments.require()
    assert sorted(text.partition("column_values_to_")[2].partition(")")[0] for text in payments.document["failed"]) == [
        "be_between(column=amount_cents, min_value=0.0",
        "be_unique(column=transaction_id",
        "not_be_null(column=customer_id",
    ]
    assert sorted(text.partition("(")[0] for text in judged.document["failed"]) == [
        "expect_column_values_to_be_in_set",
        "expect_compound_columns_to_be_unique",
    ]


def test_a_batch_that_lost_more_than_its_budget_is_doubted(quality, spark):
    verdict = quality.Gate().judge(labels(spark, ("t1", 1, "a")), LABELS, quarantined=11, total=100)

    with pytest.raises(quality.GateFailed, match=r"11\.0% of the rows went to quarantine, the budget is 10%"):
        verdict.require()
