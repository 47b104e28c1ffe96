"""From a score to an action, with its reasons."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring.policy import SAMPLED, SEVERITY, InvalidPolicy, Policy, sampled

from features.fraud import FRAUD
from features.payment import Payment
from tests.ruled import limit, listed
from training.policy import RULES

PAYMENT = Payment("t1", 1_522_575_000_000, "c1", "m1", 1250)
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
    assert POLICY.judge(score, {}, PAYMENT)[0] == action


def test_every_severe_action_says_why_and_an_approval_needs_no_reason():
    assert POLICY.judge(0.1, {}, PAYMENT)[1] == []
    assert POLICY.judge(0.6, {}, PAYMENT)[1] == ["score_at_or_above_review_threshold"]
    assert POLICY.judge(0.95, {}, PAYMENT)[1] == ["score_at_or_above_block_threshold"]


def test_without_a_score_a_person_looks():
    assert POLICY.judge(None, {}, PAYMENT) == ("REVIEW", ["no_model_score"])


def test_equal_thresholds_leave_nothing_to_review():
    policy = Policy("1", 0.5, 0.5, ())

    assert [policy.judge(s, {}, PAYMENT)[0] for s in (0.49, 0.5)] == ["APPROVE", "BLOCK"]


def test_a_rule_speaks_above_its_limit_and_not_at_it():
    policy = Policy("1", 1, 1, (limit("many", "customer_payment_count_10m", 10, "REVIEW"),))

    assert policy.judge(0.1, {"customer_payment_count_10m": 10}, PAYMENT) == ("APPROVE", [])
    assert policy.judge(0.1, {"customer_payment_count_10m": 11}, PAYMENT) == ("REVIEW", ["many"])


@pytest.mark.parametrize("values", [{}, {"amount": None}])
def test_a_rule_about_an_unknown_value_is_silent(values):
    assert Policy("1", 1, 1, (limit("large", "amount", 0, "BLOCK"),)).judge(0.1, values, PAYMENT) == ("APPROVE", [])


def test_every_rule_that_speaks_is_a_reason_and_the_models_comes_first():
    rules = (limit("a", "amount", 1, "REVIEW"), limit("b", "amount", 2, "BLOCK"), limit("c", "amount", 9, "BLOCK"))

    assert Policy("1", 0.5, 0.9, rules).judge(0.6, {"amount": 5}, PAYMENT) == (
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
    rules = tuple(limit(f"r{i}", "amount", above, action) for i, (above, action) in enumerate(limits))
    bare, _ = POLICY.judge(score, {"amount": amount}, PAYMENT)
    ruled, _ = Policy("7", 0.5, 0.9, rules).judge(score, {"amount": amount}, PAYMENT)

    assert SEVERITY[ruled] >= SEVERITY[bare]


def test_a_document_becomes_a_policy():
    assert Policy.parse(DOCUMENT, FRAUD.columns) == Policy("7", 0.5, 0.9, (limit("large", "amount", 100.0, "REVIEW"),))


@pytest.mark.parametrize("name", ["version", "review_at", "block_at", "rules"])
def test_a_document_without_a_part_is_refused(name):
    with pytest.raises(InvalidPolicy, match="a policy has version, review_at, block_at and rules"):
        Policy.parse({k: v for k, v in DOCUMENT.items() if k != name}, FRAUD.columns)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {**DOCUMENT, "rules": 7},
        {**DOCUMENT, "rules": [7]},
        {**DOCUMENT, "review_at": "high"},
        {**DOCUMENT, "rules": [{}]},
    ],
)
def test_what_is_no_policy_is_refused(document):
    with pytest.raises(InvalidPolicy):
        Policy.parse(document, FRAUD.columns)


@pytest.mark.parametrize(("review_at", "block_at"), [(0.9, 0.5), (-0.1, 0.5), (0.5, 1.1), (float("nan"), 0.5)])
def test_thresholds_out_of_order_are_refused(review_at, block_at):
    with pytest.raises(InvalidPolicy, match="0 <= review_at <= block_at <= 1"):
        Policy.parse({**DOCUMENT, "review_at": review_at, "block_at": block_at}, FRAUD.columns)


@pytest.mark.parametrize("change", [{"feature": "mood"}, {"action": "SHRUG"}, {"above": float("inf")}])
def test_a_rule_about_nothing_known_is_refused_by_name(change):
    rules = [{**DOCUMENT["rules"][0], **change}]

    with pytest.raises(InvalidPolicy, match="rule large"):
        Policy.parse({**DOCUMENT, "rules": rules}, FRAUD.columns)


def test_the_rules_that_training_writes_are_rules_that_the_doors_read():
    policy = Policy.parse({**DOCUMENT, "rules": RULES}, FRAUD.columns)

    assert [rule.name for rule in policy.rules] == [rule["name"] for rule in RULES]


LISTED = {"name": "known_mule", "field": "customer_id", "among": ["c1", "c7"], "action": "BLOCK"}
BLOCKING = (listed("known_mule", "customer_id", frozenset({"c1"}), "BLOCK"),)


def payment(number: int, customer: str = "c2", merchant: str = "m1") -> Payment:
    return Payment(f"t{number}", PAYMENT.at, customer, merchant, 1250)


@pytest.mark.parametrize(("field", "who"), [("customer_id", "c1"), ("merchant_id", "m1")])
def test_a_list_speaks_about_who_is_on_it_and_about_nobody_else(field, who):
    policy = Policy("1", 1, 1, (listed("known_mule", field, frozenset({who}), "BLOCK"),))

    assert policy.judge(0.1, {}, payment(1, "c1", "m1")) == ("BLOCK", ["known_mule"])
    assert policy.judge(0.1, {}, payment(1, "m1", "c1")) == ("APPROVE", [])


def test_a_list_of_a_document_becomes_a_rule():
    policy = Policy.parse({**DOCUMENT, "rules": [LISTED, *DOCUMENT["rules"]], "explore_share": 0.05}, FRAUD.columns)

    assert policy.rules[0] == listed("known_mule", "customer_id", frozenset({"c1", "c7"}), "BLOCK")
    assert policy.rules[1] == limit("large", "amount", 100.0, "REVIEW")
    assert policy.explore_share == 0.05


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"field": "devise_id"}, "rule known_mule: expected field to be one of customer_id, merchant_id"),
        ({"among": []}, "rule known_mule: expected among to be a list of identifiers, not empty"),
        ({"among": "c1"}, "rule known_mule: expected among to be a list of identifiers"),
        ({"among": ["c1", 7]}, "rule known_mule: expected among to be a list of identifiers"),
        ({"among": ["c1 "]}, "rule known_mule: expected among to be a list of identifiers"),
        ({"action": "SHRUG"}, "rule known_mule: expected an action of REVIEW, BLOCK"),
        ({"above": 7}, "and nothing else"),
        ({"explore_share": 0.1}, "and nothing else"),
    ],
)
def test_a_list_that_could_not_speak_is_refused_with_what_was_expected(change, said):
    with pytest.raises(InvalidPolicy, match=said):
        Policy.parse({**DOCUMENT, "rules": [{**LISTED, **change}]}, FRAUD.columns)


def test_two_rules_of_one_name_are_refused():
    with pytest.raises(InvalidPolicy, match="a name of its own"):
        Policy.parse({**DOCUMENT, "rules": [LISTED, LISTED]}, FRAUD.columns)


@pytest.mark.parametrize(
    "numbered",
    [
        {"version": 4111111111111111},
        {"rules": [{"name": "4111-1111-1111-1111", "feature": "amount", "above": 1, "action": "BLOCK"}]},
    ],
)
def test_a_policy_whose_words_would_make_every_decision_look_like_a_card_number_is_refused(numbered):
    with pytest.raises(InvalidPolicy, match="do not look like card numbers"):
        Policy.parse({**DOCUMENT, **numbered}, FRAUD.columns)


@pytest.mark.parametrize("share", [-0.01, 0.11, float("nan"), "half"])
def test_a_share_to_explore_that_is_too_large_or_none_is_refused(share):
    with pytest.raises(InvalidPolicy):
        Policy.parse({**DOCUMENT, "explore_share": share}, FRAUD.columns)


def test_about_the_share_of_the_blocked_goes_to_a_person_and_says_so():
    policy = Policy("1", 0.5, 0.9, (), explore_share=0.05)
    judged = [policy.judge(0.95, {}, payment(n)) for n in range(20_000)]
    explored = [reasons for action, reasons in judged if action == "REVIEW"]

    assert 900 < len(explored) < 1100  # 1000 expected, 31 is a standard deviation
    assert all(reasons == ["score_at_or_above_block_threshold", SAMPLED] for reasons in explored)
    assert {action for action, _ in judged} == {"REVIEW", "BLOCK"}


@given(st.text(), st.floats(0, 0.1), st.floats(0, 0.1))
def test_the_same_payment_is_always_explored_or_never_and_a_larger_share_holds_the_smaller(identifier, a, b):
    assert sampled(identifier, a) == sampled(identifier, a)
    assert sampled(identifier, max(a, b)) or not sampled(identifier, min(a, b))
    assert not sampled(identifier, 0)


def test_without_a_share_nothing_that_should_be_blocked_is_let_through():
    assert {POLICY.judge(0.95, {}, payment(n))[0] for n in range(1000)} == {"BLOCK"}


@pytest.mark.parametrize("score", [None, 0.1, 0.6, 0.95])
def test_what_a_rule_blocks_is_never_explored(score):
    policy = Policy("1", 0.5, 0.9, BLOCKING, explore_share=0.1)
    judged = [policy.judge(score, {}, payment(n, "c1")) for n in range(200)]

    assert {action for action, _ in judged} == {"BLOCK"}
    assert not any(SAMPLED in reasons for _, reasons in judged)


@given(st.integers(0, 500), st.floats(0, 0.9, exclude_max=True))
def test_what_the_score_would_not_block_is_never_explored(number, score):
    policy = Policy("1", 0.5, 0.9, (), explore_share=0.1)

    assert policy.judge(score, {}, payment(number)) == POLICY.judge(score, {}, payment(number))


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("device_id", {"device_id": "bad"}),
        ("merchant_country", {"merchant_country": "bad"}),
        ("attributes.shop", {"shop": "bad"}),
    ],
)
def test_a_rule_may_look_for_what_any_column_says(field, told):
    document = {"name": "seen", "field": field, "among": ["bad"], "action": "BLOCK"}
    policy = Policy.parse({"version": "1", "review_at": 1, "block_at": 1, "rules": [document]}, ())
    paid = payment(1, "c1", "m1")

    assert policy.judge(0.1, {}, replace(paid, further=told)) == ("BLOCK", ["seen"])
    assert policy.judge(0.1, {}, replace(paid, further=dict.fromkeys(told, "good"))) == ("APPROVE", [])
    assert policy.judge(0.1, {}, paid) == ("APPROVE", [])


@pytest.mark.parametrize(
    "field", ["shop", "attributes.", "attributes. shop", "attributes.amount", "transaction_id", "amount", 7, None]
)
def test_a_rule_about_a_column_that_nobody_has_named_is_refused(field):
    document = {"name": "seen", "field": field, "among": ["bad"], "action": "BLOCK"}
    with pytest.raises(InvalidPolicy, match=r"expected field to be one of .* or attributes\.<a column of yours>"):
        Policy.parse({"version": "1", "review_at": 1, "block_at": 1, "rules": [document]}, ())


def test_who_does_not_know_the_key_cannot_choose_a_payment_that_a_person_looks_at():
    names = [f"t{n}" for n in range(20_000)]
    by_key = {key: {n for n in names if sampled(n, 0.1, key)} for key in ("", "a", "b")}

    for chosen in by_key.values():
        assert 1_700 < len(chosen) < 2_300
    assert len(by_key["a"] & by_key["b"]) < 400, "two keys agree by chance only"
    assert {n for n in names if sampled(n, 0.05, "a")} < by_key["a"]
