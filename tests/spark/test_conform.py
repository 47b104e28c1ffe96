"""BRONZE to SILVER: one row per key, and every row accounted for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pyspark.sql import functions as F

from features.contract import CONTRACTS
from glue.lake import schema
from glue.rules import row_rules
from glue.tables import SILVER
from glue.transforms.cells import typed
from glue.transforms.conform import conformed
from tests.spark.rows import TAKEN_IN, TRANSACTIONS, payment, raw

LABELS, OUTCOMES = CONTRACTS["fraud_labels"], CONTRACTS["loan_outcomes"]
DECIDED, PERFORMANCE = CONTRACTS["loan_decisions"], CONTRACTS["loan_performance"]


def bronze(spark, contract, *rows):
    """Rows that were written and read again, as the job has them: Spark plans far faster over rows than over their
    whole making."""
    return typed(raw(spark, contract, *rows), contract).good.localCheckpoint()


def nothing(spark, contract):
    return spark.createDataFrame([], schema(SILVER[contract.entity]))


def split_of(spark, *rows, already=()):
    """`already` are payments that another batch brought."""
    earlier = nothing(spark, TRANSACTIONS)
    if already:
        earlier = conformed(bronze(spark, TRANSACTIONS, *already), TRANSACTIONS, earlier).good
    return conformed(bronze(spark, TRANSACTIONS, *rows), TRANSACTIONS, earlier)


def refused(split) -> dict[int, list[str]]:
    return {r.row_number: r.reasons for r in split.bad.collect()}


def test_clean_rows_go_on_with_the_tables_columns_and_their_day(spark):
    split = split_of(spark, payment(), payment(transaction_id="t2", event_time="2018-04-01T23:59:59.999Z"))

    assert split.good.columns == [*SILVER["transactions"].column_names, "event_date"]
    assert {r.transaction_id: r.event_date for r in split.good.collect()} == {"t1": "2018-04-02", "t2": "2018-04-01"}
    assert refused(split) == {}


def test_a_repetition_with_the_same_content_is_a_duplicate(spark):
    split = split_of(spark, payment(note="a"), payment(note="a"), payment(note="a"))

    assert refused(split) == {2: ["duplicate"], 3: ["duplicate"]}
    assert split.good.count() == 1


@pytest.mark.parametrize("change", [{"amount": "12.51"}, {"customer_id": "c2"}, {"note": "b"}, {"channel": "web"}])
def test_a_repetition_with_other_content_is_a_conflict_and_the_first_is_kept(spark, change):
    split = split_of(spark, payment(note="a"), payment(note="a") | change)

    assert refused(split) == {2: ["conflicting_duplicate"]}
    (row,) = split.good.collect()
    assert (row.amount_cents, row.customer_id, row.attributes) == (1250, "c1", {"note": "a"})


def test_a_cell_that_moves_to_its_neighbour_is_a_conflict(spark):
    split = split_of(spark, payment(device_id="10.0.0.1"), payment(ip="10.0.0.1"))

    assert refused(split) == {2: ["conflicting_duplicate"]}


def test_further_columns_that_only_look_alike_in_print_are_a_conflict(spark):
    split = split_of(spark, payment(a="1", b="2"), payment(a="1}, {b, 2"))

    assert refused(split) == {2: ["conflicting_duplicate"]}


def test_the_order_of_further_columns_is_no_difference(spark):
    split = split_of(spark, payment(a="1", b="2"), {**payment(), "b": "2", "a": "1"})

    assert refused(split) == {2: ["duplicate"]}


def test_what_an_earlier_batch_brought_is_already_ingested(spark):
    split = split_of(spark, payment(), payment(transaction_id="t2"), already=[payment(), payment()])

    assert refused(split) == {1: ["already_ingested"]}
    assert [r.transaction_id for r in split.good.collect()] == ["t2"]


def test_what_another_batch_brought_with_other_content_is_a_conflict_and_no_mere_repetition(spark):
    split = split_of(spark, payment(amount="99.00"), already=[payment()])

    assert refused(split) == {1: ["conflicting_duplicate"]}


def test_a_row_from_the_future_does_not_keep_a_right_one_out(spark):
    ahead = (TAKEN_IN + timedelta(days=9)).isoformat()
    split = split_of(spark, payment(event_time=ahead), payment())

    assert [r.event_time.year for r in split.good.collect()] == [2018]
    assert "future_event_time" in refused(split)[1]


def test_a_payment_from_the_future_is_refused_and_a_clock_that_is_a_little_ahead_is_not(spark):
    ahead = [(TAKEN_IN + timedelta(hours=h)).isoformat() for h in (24, 25)]
    split = split_of(spark, payment(event_time=ahead[0]), payment(transaction_id="t2", event_time=ahead[1]))

    assert refused(split) == {2: ["future_event_time"]}


def test_a_row_that_breaks_a_rule_is_set_aside_with_its_reason_and_keeps_no_right_one_out(spark):
    """BRONZE as an earlier version of the code may have read it. What is only odd gets on."""
    rows = [payment(), payment(), payment(transaction_id="t2"), payment(transaction_id="t3", currency="euro")]
    number, at = F.col("row_number"), F.col("event_time")
    read = bronze(spark, TRANSACTIONS, *rows).withColumns(
        {
            "amount_cents": F.when(number == 1, F.lit(10**13)).otherwise(F.col("amount_cents")),
            "event_time": F.when(number == 3, at - F.expr("INTERVAL 90 YEARS")).otherwise(at),
        }
    )
    split = conformed(read, TRANSACTIONS, nothing(spark, TRANSACTIONS))

    assert {(r.transaction_id, r.amount_cents) for r in split.good.collect()} == {("t1", 1250), ("t3", 1250)}
    assert refused(split) == {
        1: ["conflicting_duplicate", "breaks_rule_amount_cents"],
        3: ["breaks_rule_event_time"],
    }


def test_every_rule_of_single_rows_is_one_that_a_row_can_break():
    named = {entity: [rule.column for rule in row_rules(entity)] for entity in CONTRACTS}

    assert named == {
        "transactions": ["amount_cents", "amount_cents", "event_time"],
        "fraud_labels": ["reported_at"],
        "loan_applications": ["applied_at", "amount_cents"],
        "loan_outcomes": ["observed_at"],
        "loan_decisions": ["decided_at", "decision", "amount_granted_cents"],
        "loan_performance": ["observed_at"],
        "exchange_rates": ["day", "currency"],
    }


def test_a_revised_label_is_a_row_of_its_own(spark):
    def label(reported_at, is_fraud="1"):
        return {"transaction_id": "t1", "is_fraud": is_fraud, "reported_at": reported_at}

    rows = bronze(spark, LABELS, label("2018-04-01"), label("2018-04-02", "0"), label("2018-04-01", "0"))
    split = conformed(rows, LABELS, nothing(spark, LABELS))

    assert split.good.count() == 2
    assert refused(split) == {3: ["conflicting_duplicate"]}
    assert {r.event_month for r in split.good.collect()} == {"2018-04"}


def outcome(observed_at, defaulted):
    return {"loan_id": "l1", "defaulted": defaulted, "observed_at": observed_at}


def test_a_loan_that_defaults_after_it_was_told_good_is_no_conflict(spark):
    rows = bronze(spark, OUTCOMES, outcome("2018-02-01", "0"), outcome("2018-03-01", "1"))
    split = conformed(rows, OUTCOMES, nothing(spark, OUTCOMES))

    assert refused(split) == {}
    assert {(r.event_month, r.defaulted) for r in split.good.collect()} == {("2018-02", 0), ("2018-03", 1)}

    later = conformed(bronze(spark, OUTCOMES, outcome("2018-04-01", "0")), OUTCOMES, split.good)
    assert (later.good.count(), refused(later)) == (1, {})


def test_another_outcome_of_the_same_loan_at_the_same_time_is_a_conflict(spark):
    told = conformed(bronze(spark, OUTCOMES, outcome("2018-02-01", "0")), OUTCOMES, nothing(spark, OUTCOMES)).good
    rows = bronze(
        spark, OUTCOMES, outcome("2018-03-01", "0"), outcome("2018-03-01", "1"), outcome("2018-02-01T00:00:00Z", "1")
    )

    assert refused(conformed(rows, OUTCOMES, told)) == {2: ["conflicting_duplicate"], 3: ["conflicting_duplicate"]}


def performance(observed_at, days_past_due="0", **cells):
    return {"loan_id": "l1", "observed_at": observed_at, "days_past_due": days_past_due, **cells}


def test_how_a_loan_stands_at_one_time_is_told_once(spark):
    rows = [performance("2018-01-31"), performance("2018-02-28", "30", balance="90.10")]
    told = conformed(bronze(spark, PERFORMANCE, *rows), PERFORMANCE, nothing(spark, PERFORMANCE))
    again = bronze(spark, PERFORMANCE, *rows, performance("2018-02-28", "31", balance="90.10"))
    split = conformed(again, PERFORMANCE, told.good)

    assert refused(told) == {}
    assert {(r.event_month, r.days_past_due, r.balance_cents) for r in told.good.collect()} == {
        ("2018-01", 0, None),
        ("2018-02", 30, 9010),
    }
    assert refused(split) == {1: ["already_ingested"], 2: ["already_ingested"], 3: ["conflicting_duplicate"]}


def test_a_word_that_is_no_decision_is_set_aside(spark):
    words = ("approved", "Declined", "WITHDRAWN", "maybe", "approve")
    rows = [{"loan_id": f"l{n}", "decided_at": "2018-02-01", "decision": word} for n, word in enumerate(words)]
    split = conformed(bronze(spark, DECIDED, *rows), DECIDED, nothing(spark, DECIDED))

    assert {r.decision for r in split.good.collect()} == {"approved", "Declined", "WITHDRAWN"}
    assert refused(split) == {4: ["breaks_rule_decision"], 5: ["breaks_rule_decision"]}


def test_the_rows_of_a_batch_always_add_up(spark):
    rows = [payment(transaction_id=f"t{n % 7}", amount=str(n % 3)) for n in range(40)]
    split = split_of(spark, *rows, already=[payment(transaction_id="t3")])

    assert split.good.count() == 6
    assert split.good.count() + split.bad.count() == 40
