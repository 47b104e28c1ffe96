"""A back-test's numbers, worked out by hand, and how it asks for what it judges."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring.decision import seen_by_rules
from scoring.policy import Policy

from features.fraud import FRAUD
from features.payment import Payment
from features.vector import RULED
from tests.ruled import limit, listed
from tools.backtest.__main__ import backtest, day, judged, main, read, solved_for, unsure, whose
from tools.backtest.comparison import Decided, compare, told
from tools.backtest.stored import Stored, query
from training.policy import Costs

COSTS = Costs(blocked_good=25.0, review=4.0, review_recall=0.9, lost_share=1.0, capacity=0.25)
CANDIDATE = Policy("new", 0.3, 0.8, (listed("mule", "merchant_id", frozenset({"m9"}), "BLOCK"),))
ROOT = Path(__file__).resolve().parents[3]


def decided(number, score, action, cents, fraud, merchant="m1", day_="2026-03-01"):
    return Decided(Payment(f"t{number}", 0, "c1", merchant, cents), day_, score, action, {}, fraud)


#           score  stored     cents  fraud   -> candidate
STORED = [
    decided(1, 0.1, "APPROVE", 1000, None),  # APPROVE
    decided(2, 0.4, "APPROVE", 20000, True),  # REVIEW: found
    decided(3, 0.9, "BLOCK", 5000, False),  # BLOCK
    decided(4, 0.9, "REVIEW", 7000, True),  # BLOCK
    decided(5, 0.7, "BLOCK", 3000, None),  # REVIEW
    decided(6, 0.1, "APPROVE", 9000, True, "m9", "2026-03-02"),  # BLOCK, by the list
    decided(7, 0.2, "APPROVE", 4000, True, "m1", "2026-03-02"),  # APPROVE: missed
    decided(8, None, "REVIEW", 100, None, "m1", "2026-03-02"),  # REVIEW: the model was not asked
]


def test_a_back_test_gives_the_numbers_that_a_person_works_out():
    found = compare(STORED, CANDIDATE, COSTS)

    assert (found["decisions"], found["labelled"]) == (8, 5)
    assert found["changed"] == {
        "APPROVE -> BLOCK": 1,
        "APPROVE -> REVIEW": 1,
        "BLOCK -> REVIEW": 1,
        "REVIEW -> BLOCK": 1,
    }
    assert found["days"] == {"2026-03-01": 5, "2026-03-02": 3}
    assert found["reviewers_capacity_by_day"] == {"2026-03-01": 1.25, "2026-03-02": 0.75}
    # Missed 200 + 90 + 40; of the reviewed 70 a tenth; two honest ones blocked; two reviews.
    assert found["stored"] == {
        "actions": {"APPROVE": 4, "REVIEW": 2, "BLOCK": 2},
        "frauds": {"APPROVE": 3, "REVIEW": 1, "BLOCK": 0},
        "fraud_cents": {"APPROVE": 33000, "REVIEW": 7000, "BLOCK": 0},
        "fraud_cents_caught": 7000,
        "fraud_cents_missed": 33000,
        "good_blocked": 2,
        "good_blocked_cents": 8000,
        "unlabelled_blocked": 1,
        "reviews_by_day": {"2026-03-01": 1, "2026-03-02": 1},
        "reviews_on_the_fullest_day": 1,
        "expected_cost": pytest.approx(330 + 7 + 50 + 8),
    }
    # Missed 40; of the reviewed 200 a tenth; one honest one blocked; three reviews.
    assert found["candidate"] == {
        "actions": {"APPROVE": 2, "REVIEW": 3, "BLOCK": 3},
        "frauds": {"APPROVE": 1, "REVIEW": 1, "BLOCK": 2},
        "fraud_cents": {"APPROVE": 4000, "REVIEW": 20000, "BLOCK": 16000},
        "fraud_cents_caught": 36000,
        "fraud_cents_missed": 4000,
        "good_blocked": 1,
        "good_blocked_cents": 5000,
        "unlabelled_blocked": 0,
        "reviews_by_day": {"2026-03-01": 2, "2026-03-02": 1},
        "reviews_on_the_fullest_day": 2,
        "expected_cost": pytest.approx(40 + 20 + 25 + 12),
    }


def test_the_table_shows_both_sides_and_says_when_reviewers_cannot_keep_up():
    lines = told(compare(STORED, CANDIDATE, COSTS))

    assert any(line.split() == ["expected", "cost", "395.00", "97.00"] for line in lines)
    assert any(line.split() == ["fraud", "money", "missed", "330.00", "40.00"] for line in lines)
    assert "changed APPROVE -> REVIEW: 1" in lines
    assert lines[-1] == "more reviews than reviewers can look at on 2 days, first on 2026-03-01"


@given(st.lists(st.tuples(st.none() | st.floats(0, 1), st.integers(0, 10**6), st.none() | st.booleans()), max_size=20))
def test_the_policy_that_decided_changes_nothing_when_it_judges_again(rows):
    stored = [
        decided(n, score, CANDIDATE.judge(score, {}, Payment(f"t{n}", 0, "c1", "m1", cents))[0], cents, fraud)
        for n, (score, cents, fraud) in enumerate(rows)
    ]
    found = compare(stored, CANDIDATE, COSTS)

    assert found["changed"] == {}
    assert found["stored"] == found["candidate"]
    assert "nothing changes" in told(found)


ROW = {
    "transaction_id": "t1",
    "fraud_score": "0.4",
    "action": "APPROVE",
    "event_time": "2026-03-01T10:00:00.000Z",
    "customer_id": "c1",
    "merchant_id": "m1",
    "amount_cents": "1250",
    "attributes": "",
    "feature_version": FRAUD.version,
    "model": "job-3",
    "decision_date": "2026-03-01",
    "is_fraud": "",
    "amount": "1250.0",
}
LIMITED = Policy("1", 1, 1, (limit("large", "amount", 1000, "REVIEW"),))


def test_a_rule_looks_at_the_feature_in_the_stored_vector():
    found = backtest(
        lambda zone, sql: [ROW, {**ROW, "amount": "900.0"}], "risk_dev", LIMITED, COSTS, "2026-03-01", "2026-03-01"
    )

    assert found["changed"] == {"APPROVE -> REVIEW": 1}
    assert f"element_at(vector, {FRAUD.columns.index('amount') + 1}) AS amount" in query("d", ["amount"], "a", "b")


def test_a_rule_looks_at_the_traffic_that_the_decision_has_kept():
    assert "element_at(traffic, 3) AS traffic_payment_count_1h" in query("d", ["traffic_payment_count_1h"], "a", "b")


def test_decisions_that_kept_no_traffic_are_counted_where_rules_look_at_it():
    name = "traffic_payment_count_1h"
    rushed = Policy("1", 1, 1, (limit("rush", name, 10, "REVIEW"),))
    rows = [{**ROW, name: "11"}, {**ROW, name: "0"}, {**ROW, name: ""}]

    found = backtest(lambda zone, sql: rows, "risk_dev", rushed, COSTS, "2026-03-01", "2026-03-01")

    assert found["changed"] == {"APPROVE -> REVIEW": 1}
    assert found["without_traffic"] == 1
    assert any("1 decisions kept no traffic" in line for line in unsure(found))


def test_decisions_with_other_features_are_left_out_and_counted_only_when_rules_look_at_features():
    old = {**ROW, "feature_version": "older"}

    stored = Stored(lambda zone, sql: [ROW, old], "risk_dev")
    assert len(list(stored.decisions(LIMITED, "a", "b"))) == 1
    assert stored.other_features == 1

    stored = Stored(lambda zone, sql: [ROW, old], "risk_dev")
    assert len(list(stored.decisions(CANDIDATE, "a", "b"))) == 2
    assert stored.other_features == 0


def test_scores_of_another_model_than_the_thresholds_are_counted_and_said():
    rows = [ROW, {**ROW, "model": "job-2"}, {**ROW, "model": "", "fraud_score": ""}]
    of_three = Policy("3+new", 0.3, 0.8, (), model="job-3")

    found = backtest(lambda zone, sql: rows, "risk_dev", of_three, COSTS, "2026-03-01", "2026-03-01")
    assert found["by_other_models"] == 1
    assert any("1 decisions have scores of another model than job-3" in line for line in unsure(found))

    found = backtest(lambda zone, sql: rows, "risk_dev", CANDIDATE, COSTS, "2026-03-01", "2026-03-01")
    assert found["by_other_models"] == 0, "a document that names no model"
    assert len(unsure(found)) == 1


LIVE = {"version": "3", "model": "job-3", "review_at": 0.2, "block_at": 0.6, "rules": []}
DOCUMENT = {
    "version": "new",
    "review_at": 0.3,
    "block_at": 0.8,
    "rules": [{"name": "large", "feature": "amount", "above": 1000, "action": "REVIEW"}],
}


@pytest.mark.parametrize(
    ("thresholds", "version", "decided_by", "said"),
    [
        ("live", "3+new", (0.2, 0.6), "those of job-3, which stay live, review at 0.2, block at 0.6"),
        ("document", "new", (0.3, 0.8), "the document's own, review at 0.3, block at 0.8"),
    ],
)
def test_what_would_go_live_is_judged_unless_the_documents_own_thresholds_are_asked_for(
    thresholds, version, decided_by, said
):
    policy = judged(DOCUMENT, LIVE, thresholds, {})
    found = backtest(lambda zone, sql: [ROW], "risk_dev", policy, COSTS, "2026-03-01", "2026-03-01")

    assert (policy.version, policy.review_at, policy.block_at) == (version, *decided_by)
    assert [rule.name for rule in policy.rules] == ["large"]
    assert whose(thresholds, found) == f"thresholds: {said}"


def test_what_athena_leaves_empty_is_unknown_and_not_nought():
    name = "traffic_payment_count_1h"
    rushed = Policy("1", 1, 1, (limit("rush", name, 10, "REVIEW"),))
    (found,) = Stored(lambda z, s: [{**ROW, "fraud_score": "", name: ""}], "d").decisions(rushed, "a", "b")

    assert (found.score, found.values, found.is_fraud) == (None, {name: None}, None)


def test_a_back_test_judges_the_amount_of_a_decision_without_a_vector_as_doors_do():
    big = {"name": "big", "feature": "amount", "above": 1000, "action": "BLOCK"}
    made = Policy.parse({"version": "1", "review_at": 1, "block_at": 1, "rules": [big]}, RULED)
    row = {**ROW, "fraud_score": "", "amount": "", "action": "BLOCK"}
    (found,) = Stored(lambda z, s: [row], "d").decisions(made, "a", "b")
    by_doors = made.judge(None, seen_by_rules(found.payment, None, None), found.payment)

    assert by_doors == ("BLOCK", ["no_model_score", "big"])
    assert made.judge(found.score, found.values, found.payment) == by_doors


def test_days_without_a_decision_say_what_to_do():
    with pytest.raises(SystemExit, match="no decision from 2026-03-01 to 2026-03-02"):
        backtest(lambda zone, sql: [], "risk_dev", CANDIDATE, COSTS, "2026-03-01", "2026-03-02")


def test_the_example_policy_is_one_that_the_doors_take():
    assert len(Policy.parse(read(ROOT / "policies" / "example.json"), RULED).rules) == 7


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"version": 1})])
def test_a_file_that_is_no_policy_ends_with_what_was_expected(content, tmp_path):
    (tmp_path / "p.json").write_text(content)

    with pytest.raises(SystemExit, match=r"backtest: .*p\.json: "):
        read(tmp_path / "p.json")


def test_a_missing_file_or_day_or_argument_is_named():
    with pytest.raises(SystemExit, match="cannot read nowhere"):
        read(Path("nowhere.json"))
    with pytest.raises(SystemExit, match="expected FROM=YYYY-MM-DD, got '1 March'"):
        day("FROM", "1 March")
    with pytest.raises(SystemExit, match="expected POLICY="):
        main("dev", "", "2026-03-01", "2026-03-02")
    with pytest.raises(SystemExit, match="FROM not after TO"):
        main("dev", "p.json", "2026-03-02", "2026-03-01")
    with pytest.raises(SystemExit, match="THRESHOLDS=live or document, got 'mine'"):
        main("dev", "p.json", "2026-03-01", "2026-03-02", "", "mine")


@pytest.mark.parametrize(
    ("policy", "costs"), [({"costs": {"review": 6.0}}, Costs(review=6.0)), ({}, Costs())], ids=["solved", "bootstrap"]
)
def test_costs_are_those_that_the_live_thresholds_were_solved_for(policy, costs):
    assert solved_for(policy) == costs


def test_a_back_test_says_how_often_each_rule_speaks_and_on_what():
    large = {"name": "large", "feature": "amount", "above": 1000, "action": "REVIEW"}
    shadow = {**large, "name": "large_too", "shadow": True, "from": "2030-01-01T00:00:00Z"}
    policy = Policy.parse({"version": "1", "review_at": 1, "block_at": 1, "rules": [large, shadow]}, RULED)
    frauds = [("2000.0", "1"), ("2000.0", "0"), ("2000.0", ""), ("900.0", "1")]
    rows = [{**ROW, "amount": amount, "is_fraud": is_fraud} for amount, is_fraud in frauds]
    found = backtest(lambda zone, sql: rows, "risk_dev", policy, COSTS, "2026-03-01", "2026-03-01")

    assert found["rules"] == {
        "large": {"times": 3, "without_effect": 0, "frauds": 1, "good": 1},
        "large_too": {"times": 3, "without_effect": 3, "frauds": 1, "good": 1},
    }
    assert any(line.split() == ["large_too", "3", "3", "1", "1"] for line in told(found))


def test_a_back_test_reads_every_feature_that_a_condition_looks_at():
    deep = {"all": [{"not": {"feature": "amount", "<": 1000}}, {"any": [{"feature": "fraud_score", ">": 0.3}]}]}
    document = {"name": "deep", "action": "BLOCK", "when": deep}
    policy = Policy.parse({"version": "1", "review_at": 1, "block_at": 1, "rules": [document]}, RULED)
    rows = [ROW, {**ROW, "amount": "900.0"}, {**ROW, "fraud_score": "0.2"}]
    found = backtest(lambda zone, sql: rows, "risk_dev", policy, COSTS, "2026-03-01", "2026-03-01")

    assert found["changed"] == {"APPROVE -> BLOCK": 1}
