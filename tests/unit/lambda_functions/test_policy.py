"""From a score to an action, with its reasons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring.policy import SEVERITY, InvalidPolicy, Policy, Rule

from features.fraud import FRAUD
from training.policy import RULES

POLICY = Policy("7", review_at=0.5, block_at=0.9, rules=())
DOCUMENT = {
    "version": 7,
    "review_at": 0.5,
    "block_at": 0.9,
    "rules": [{"name": "large", "feature": "amount", "above": 100, "action": "REVIEW"}],
}


@pytest.mark.parametrize(
    ("score", "action"),
    [(0.0, "APPROVE"), (0.4999, "APPROVE"), (0.5, "REVIEW"), (0.8999, "REVIEW"), (0.9, "BLOCK"), (1.0, "BLOCK")],
)
def test_a_score_at_a_threshold_takes_its_action(score, action):
    assert POLICY.judge(score, {})[0] == action


def test_every_severe_action_says_why_and_an_approval_needs_no_reason():
    assert POLICY.judge(0.1, {})[1] == []
    assert POLICY.judge(0.6, {})[1] == ["score_at_or_above_review_threshold"]
    assert POLICY.judge(0.95, {})[1] == ["score_at_or_above_block_threshold"]


def test_without_a_score_a_person_looks():
    assert POLICY.judge(None, {}) == ("REVIEW", ["no_model_score"])


def test_equal_thresholds_leave_nothing_to_review():
    policy = Policy("1", 0.5, 0.5, ())

    assert [policy.judge(s, {})[0] for s in (0.49, 0.5)] == ["APPROVE", "BLOCK"]


def test_a_rule_speaks_above_its_limit_and_not_at_it():
    policy = Policy("1", 1, 1, (Rule("many", "customer_payment_count_10m", 10, "REVIEW"),))

    assert policy.judge(0.1, {"customer_payment_count_10m": 10}) == ("APPROVE", [])
    assert policy.judge(0.1, {"customer_payment_count_10m": 11}) == ("REVIEW", ["many"])


@pytest.mark.parametrize("values", [{}, {"amount": None}])
def test_a_rule_about_an_unknown_value_is_silent(values):
    assert Policy("1", 1, 1, (Rule("large", "amount", 0, "BLOCK"),)).judge(0.1, values) == ("APPROVE", [])


def test_every_rule_that_speaks_is_a_reason_and_the_models_comes_first():
    rules = (Rule("a", "amount", 1, "REVIEW"), Rule("b", "amount", 2, "BLOCK"), Rule("c", "amount", 9, "BLOCK"))

    assert Policy("1", 0.5, 0.9, rules).judge(0.6, {"amount": 5}) == (
        "BLOCK",
        ["score_at_or_above_review_threshold", "a", "b"],
    )


ACTIONS = st.sampled_from(sorted(SEVERITY))


@given(
    st.none() | st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 10), ACTIONS), max_size=4),
    st.floats(0, 10),
)
def test_rules_only_make_the_action_more_severe(score, limits, amount):
    rules = tuple(Rule(f"r{i}", "amount", above, action) for i, (above, action) in enumerate(limits))
    bare, _ = POLICY.judge(score, {"amount": amount})
    ruled, _ = Policy("7", 0.5, 0.9, rules).judge(score, {"amount": amount})

    assert SEVERITY[ruled] >= SEVERITY[bare]


def test_a_document_becomes_a_policy():
    assert Policy.parse(DOCUMENT, FRAUD.columns) == Policy("7", 0.5, 0.9, (Rule("large", "amount", 100.0, "REVIEW"),))


@pytest.mark.parametrize("name", ["version", "review_at", "block_at", "rules"])
def test_a_document_without_a_part_is_refused(name):
    with pytest.raises(InvalidPolicy, match="a policy has version, review_at, block_at and rules"):
        Policy.parse({k: v for k, v in DOCUMENT.items() if k != name}, FRAUD.columns)


@pytest.mark.parametrize("document", [None, [], {**DOCUMENT, "review_at": "high"}, {**DOCUMENT, "rules": [{}]}])
def test_what_is_no_policy_is_refused(document):
    with pytest.raises(InvalidPolicy):
        Policy.parse(document, FRAUD.columns)


@pytest.mark.parametrize(("review_at", "block_at"), [(0.9, 0.5), (-0.1, 0.5), (0.5, 1.1), (float("nan"), 0.5)])
def test_thresholds_out_of_order_are_refused(review_at, block_at):
    with pytest.raises(InvalidPolicy, match="0 <= review_at <= block_at <= 1"):
        Policy.parse({**DOCUMENT, "review_at": review_at, "block_at": block_at}, FRAUD.columns)


@pytest.mark.parametrize("change", [{"feature": "mood"}, {"action": "SHRUG"}])
def test_a_rule_about_nothing_known_is_refused_by_name(change):
    rules = [{**DOCUMENT["rules"][0], **change}]

    with pytest.raises(InvalidPolicy, match="rule large"):
        Policy.parse({**DOCUMENT, "rules": rules}, FRAUD.columns)


def test_the_rules_that_training_writes_are_rules_that_the_doors_read():
    policy = Policy.parse({**DOCUMENT, "rules": RULES}, FRAUD.columns)

    assert [rule.name for rule in policy.rules] == [rule["name"] for rule in RULES]
