"""The rules' language: what is true, what is unknown, what is refused and where."""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring.policy import InvalidPolicy, Judgement, Listing, Policy, snooze_mark
from scoring.rules import KINDS, Known, LookedUp, rule_of

from features.payment import Payment
from features.values import instant

PAID = Payment("t1", 1_522_575_000_000, "c1", "m1", 1250)
FEATURES = ("amount", "count")
FURTHER = {"country": "IE", "authorised": "1", "latitude": "53.3", "size": "12", "colour": "red", "currency": "EUR"}
LOOKED_UP = {"mules": {"field": "customer_id", "kind": "block"}, "trusted": {"field": "customer_id", "kind": "allow"}}

LISTS = {name: LookedUp(told["field"], told["kind"]) for name, told in LOOKED_UP.items()}  # type: ignore[arg-type]


def policy(*rules: dict, **more: Any) -> Policy:
    document = {"version": "1", "review_at": 0.5, "block_at": 0.9, "rules": list(rules), "looked_up": LOOKED_UP}
    return Policy.parse({**document, **more}, FEATURES)


def when(condition: dict, **more: Any) -> dict:
    return {"name": "r", "action": "REVIEW", "when": condition, **more}


def speaks(condition: dict, *, score: float | None = 0.1, marks: frozenset[str] | None = frozenset()) -> bool:
    paid = replace(PAID, further=FURTHER)
    judged = policy(when(condition)).weigh(score, {"amount": 100.0, "count": None}, paid, 0, marks)
    return "r" in judged.reasons


@pytest.mark.parametrize(
    "condition",
    [
        {"feature": "amount", ">": 99},
        {"feature": "amount", ">=": 100},
        {"feature": "amount", "<": 101},
        {"feature": "amount", "<=": 100},
        {"feature": "amount", "=": 100},
        {"feature": "amount", "!=": 1},
        {"feature": "amount", "in": [1, 100]},
        {"feature": "amount", "between": [100, 200]},
        {"feature": "amount", "missing": False},
        {"feature": "count", "missing": True},
        {"feature": "fraud_score", "<": 0.2},
        {"field": "country", "=": "IE"},
        {"field": "country", "!=": "GB"},
        {"field": "country", "between": ["IA", "IZ"]},
        {"field": "device_id", "missing": True},
        {"field": "authorised", "=": True},
        {"field": "authorised", "in": ["1"]},
        {"field": "authorised", "=": "True"},
        {"field": "currency", "=": "eur"},
        {"field": "currency", "in": ["usd", "Eur"]},
        {"field": "latitude", "between": [50, 54.5]},
        {"field": "attributes.size", ">": 11.5},
        {"field": "attributes.size", "=": "12"},
        {"field": "attributes.colour", "in": ["blue", "red"]},
        {"not": {"feature": "amount", "<": 100}},
        {"not": {"field": "country", "in": ["GB"]}},
        {"not": {"feature": "amount", "between": [1, 99]}},
        {"not": {"field": "customer_id", "list": "trusted"}},
        {"all": [{"feature": "amount", ">": 1}, {"field": "country", "=": "IE"}]},
        {"any": [{"feature": "count", ">": 1}, {"field": "country", "=": "IE"}]},
        {"not": {"all": [{"feature": "count", ">": 1}, {"field": "country", "=": "GB"}]}},
    ],
    ids=str,
)
def test_a_rule_speaks_when_its_condition_is_true(condition):
    assert speaks(condition)


@pytest.mark.parametrize(
    "condition",
    [
        *({"feature": "count", word: 1} for word in ("<", "<=", ">", ">=", "=", "!=")),
        {"feature": "count", "in": [1]},
        {"feature": "count", "between": [0, 1]},
        {"field": "mcc", "=": "5411"},
        {"field": "attributes.colour", ">": 1},
        {"field": "device_id", "list": "phones"},
        {"field": "customer_id", "list": "mules"},
    ],
    ids=str,
)
def test_what_nobody_knows_is_neither_true_nor_false(condition):
    looked_up = {**LOOKED_UP, "phones": {"field": "device_id", "kind": "watch"}}
    for asked in (condition, {"not": condition}):
        made = policy(when(asked), looked_up=looked_up)
        judged = made.weigh(0.1, {"amount": 100.0}, replace(PAID, further=FURTHER), 0, None)
        assert judged == ("APPROVE", [], [])


def test_a_list_that_could_not_be_read_is_unknown_and_one_that_was_says_who_is_on_it():
    on = {"field": "customer_id", "list": "mules"}
    assert speaks(on, marks=frozenset({"list/mules/customer_id"}))
    assert not speaks(on)
    assert speaks({"not": on})
    assert not speaks({"not": on}, marks=None)


@pytest.mark.parametrize(
    ("condition", "surely"),
    [
        ({"feature": "amount", ">": 99}, True),
        ({"feature": "amount", ">": 100}, False),
        ({"feature": "count", ">": 1}, None),
        ({"field": "attributes.colour", ">": 1}, None),
        ({"field": "customer_id", "list": "mules"}, None),
        ({"field": "mcc", "in": ["5411"]}, None),
    ],
    ids=str,
)
def test_unless_is_true_of_all_that_is_not_surely_true_and_never_unknown(condition, surely):
    unless = {"unless": condition}
    assert speaks(unless, marks=None) is (surely is not True)
    assert speaks({"not": unless}, marks=None) is (surely is True)
    assert speaks({"unless": {"not": condition}}, marks=None) is (surely is not False)


def test_lists_below_unless_are_asked_not_to_hold():
    block = {"name": "r", "action": "BLOCK"}
    made = policy({**block, "when": {"unless": {"field": "customer_id", "list": "trusted"}}})
    assert not made.rules[0].is_final
    with pytest.raises(InvalidPolicy, match="rule r: expected BLOCK for a list of kind block or watch"):
        policy({**block, "when": {"unless": {"unless": {"field": "customer_id", "list": "trusted"}}}})


def test_who_names_no_device_is_neither_on_a_list_of_devices_nor_surely_off_it():
    on = {"field": "device_id", "list": "phones"}
    looked_up = {"phones": {"field": "device_id", "kind": "watch"}}
    for condition in (on, {"not": on}):
        assert policy(when(condition), looked_up=looked_up).judge(0.1, {}, PAID) == ("APPROVE", [])


@pytest.mark.parametrize(
    ("field", "among", "sent"),
    [
        ("card_present", ["true"], True),
        ("card_present", [False], "no"),
        ("currency", ["usd", "eur"], "EUR"),
        ("country", ["IE"], "IE"),
    ],
)
def test_values_to_look_for_are_read_as_payments_say_them(field, among, sent):
    event = {"transaction_id": "t1", "event_time": "2026-03-01T10:00:00Z", "customer_id": "c1", "merchant_id": "m1"}
    paid = Payment.parse({**event, "amount": "1.00", field: sent})
    short = {"name": "r", "field": field, "among": among, "action": "REVIEW"}
    lists = {"of_before": Listing(field, frozenset(str(one).lower() if field != "country" else one for one in among))}
    document = {"version": "1", "review_at": 0.5, "block_at": 0.9, "rules": [short]}
    for rules in ([short], [{"name": "r", "field": field, "list": "of_before", "action": "REVIEW"}]):
        made = Policy.parse({**document, "rules": rules}, FEATURES, lists)
        assert made.judge(0.1, {}, paid)[1] == ["r"]


def test_a_list_of_what_no_flag_says_is_refused_with_its_place():
    with pytest.raises(InvalidPolicy, match=r"rule r: among\[1\]: expected true or false, got 'maybe'"):
        policy({"name": "r", "field": "card_present", "among": ["1", "maybe"], "action": "REVIEW"})


def refusal(document: object) -> str:
    try:
        return f"rule r: {rule_of(document, Known(frozenset(FEATURES), {}, LISTS))}"
    except InvalidPolicy as refused:
        return str(refused)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["amount", "country", "score", "x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["all", "not", "field"]), inner),
    max_leaves=4,
)
PLACES = ("name", "action", "feature", "above", "field", "among", "list", "severity", "shadow", "from", "overrides")


@given(
    st.sampled_from(
        [
            {"name": "r", "action": "REVIEW", "feature": "amount", "above": 1},
            {"name": "r", "action": "REVIEW", "field": "currency", "among": ["EUR"]},
            {"name": "r", "action": "REVIEW", "field": "customer_id", "list": "mules"},
            {"name": "r", "action": "ALLOW", "overrides": ["score"], "feature": "amount", "above": 1},
        ]
    ),
    st.sampled_from(PLACES),
    JSON,
)
def test_whatever_stands_in_a_rule_it_is_read_or_refused_by_its_name(rule, place, value):
    assert "rule" in refusal({**rule, place: value})


@given(
    st.sampled_from(["feature", "field"]), JSON, st.sampled_from(["=", "<", "in", "between", "missing", "list"]), JSON
)
def test_whatever_stands_in_a_condition_it_is_read_or_refused_with_its_place(about, name, word, value):
    assert refusal(when({about: name, word: value})).startswith("rule r: ")


# A second evaluator, which knows nothing of places and tests: true, false, or none for unknown.
PLAIN = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}


def plainly(condition: dict, world: dict) -> bool | None:
    if "not" in condition:
        found = plainly(condition["not"], world)
        return None if found is None else not found
    if "unless" in condition:
        return plainly(condition["unless"], world) is not True
    for word, deciding in (("all", False), ("any", True)):
        if word in condition:
            found = [plainly(part, world) for part in condition[word]]
            return deciding if deciding in found else None if None in found else not deciding
    (word, wanted) = next((w, v) for w, v in condition.items() if w not in ("feature", "field"))
    about = condition.get("feature") or condition["field"]
    value = world[about]
    if word == "missing":
        return (value is None) is wanted
    if isinstance(value, str) and word != "list" and isinstance(wanted[0] if isinstance(wanted, list) else wanted, int):
        try:
            value = float(value)
        except ValueError:
            value = None
    if value is None:
        return None
    if word == "list":
        return None if world["marks"] is None else f"list/{wanted}/{about}" in world["marks"]
    if word == "in":
        return value in wanted
    if word == "between":
        return wanted[0] <= value <= wanted[1]
    return PLAIN[word](value, wanted)


NUMBERS = st.integers(0, 4)
TEXTS = st.sampled_from(["0", "1", "2", "a", "b"])


def asked(subject: dict, values: st.SearchStrategy) -> st.SearchStrategy[dict]:
    return st.one_of(
        st.tuples(st.sampled_from(sorted(PLAIN)), values),
        st.tuples(st.just("in"), st.lists(values, min_size=1, max_size=3)),
        st.tuples(st.just("between"), st.lists(values, min_size=2, max_size=2).map(sorted)),
        st.tuples(st.just("missing"), st.booleans()),
    ).map(lambda word: {**subject, word[0]: word[1]})


LEAVES = st.one_of(
    asked({"feature": "amount"}, NUMBERS),
    asked({"feature": "count"}, NUMBERS),
    asked({"field": "attributes.shop"}, NUMBERS),
    asked({"field": "attributes.shop"}, TEXTS),
    asked({"field": "country"}, TEXTS),
    st.just({"field": "customer_id", "list": "mules"}),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda part: {"not": part}),
        inner.map(lambda part: {"unless": part}),
        st.tuples(st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=3)).map(lambda p: dict([p])),
    ),
    max_leaves=12,
)


@given(
    CONDITIONS,
    st.none() | NUMBERS.map(float),
    st.none() | NUMBERS.map(float),
    st.dictionaries(st.sampled_from(["country", "shop"]), TEXTS),
    st.sampled_from([None, frozenset(), frozenset({"list/mules/customer_id"})]),
)
def test_rules_say_what_a_plain_evaluator_says(condition, amount, count, further, marks):
    world = {
        "amount": amount,
        "count": count,
        "country": further.get("country"),
        "attributes.shop": further.get("shop"),
        "customer_id": "c1",
        "marks": marks,
    }
    judged = policy(when(condition)).weigh(
        0.1, {"amount": amount, "count": count}, replace(PAID, further=further), 0, marks
    )

    assert ("r" in judged.reasons) is (plainly(condition, world) is True)


BLOCKS = {"name": "large", "action": "BLOCK", "when": {"feature": "amount", ">": 1}}
REVIEWS = {"name": "odd", "action": "REVIEW", "when": {"feature": "amount", ">": 2}}
TRUSTS = {
    "name": "trusted_customer",
    "action": "ALLOW",
    "overrides": ["large", "score"],
    "when": {"field": "customer_id", "list": "trusted"},
}
TRUSTED = frozenset({"list/trusted/customer_id"})


@pytest.mark.parametrize(
    ("score", "marks", "expected"),
    [
        (0.95, frozenset(), ("BLOCK", ["score_at_or_above_block_threshold", "large", "odd"], [])),
        (0.95, TRUSTED, ("REVIEW", ["odd", "trusted_customer"], ["overridden score", "overridden large"])),
        (0.1, TRUSTED, ("REVIEW", ["odd", "trusted_customer"], ["overridden large"])),
        (None, TRUSTED, ("REVIEW", ["no_model_score", "odd", "trusted_customer"], ["overridden large"])),
        (0.95, None, ("BLOCK", ["score_at_or_above_block_threshold", "large", "odd"], [])),
    ],
)
def test_an_allow_takes_out_what_it_names_and_nothing_else(score, marks, expected):
    assert policy(BLOCKS, REVIEWS, TRUSTS).weigh(score, {"amount": 100.0}, PAID, 0, marks) == expected


def test_an_allow_that_overrides_nothing_is_no_reason():
    assert policy(BLOCKS, TRUSTS).weigh(0.1, {"amount": 0.0}, PAID, 0, TRUSTED) == ("APPROVE", [], [])


def test_what_an_allow_lets_through_is_not_sampled_for_review():
    made = policy(TRUSTS, BLOCKS, explore_share=0.1)
    for number in range(200):
        paid = replace(PAID, transaction_id=f"t{number}")
        assert made.judge(0.95, {"amount": 0.0}, paid, 0, TRUSTED)[0] == "APPROVE"


@pytest.mark.parametrize(
    "final",
    [
        {"name": "mule", "field": "customer_id", "list": "mules", "action": "BLOCK"},
        {"name": "mule", "field": "customer_id", "among": ["c1"], "action": "BLOCK"},
        {
            "name": "mule",
            "action": "BLOCK",
            "when": {"all": [{"feature": "amount", ">": 0}, {"field": "customer_id", "list": "mules"}]},
        },
    ],
    ids=["looked up", "among", "within"],
)
def test_whom_a_list_blocks_nothing_lets_through(final):
    with pytest.raises(
        InvalidPolicy, match=r"rule trusted_customer: overrides\[0\]: expected no rule that blocks whom"
    ):
        policy(final, {**TRUSTS, "overrides": ["mule"]})

    made = policy(final, BLOCKS, TRUSTS, snooze_by=["customer_id"])
    marks = frozenset({*TRUSTED, "list/mules/customer_id", snooze_mark("customer_id", "mule")})
    assert made.weigh(0.95, {"amount": 100.0}, PAID, 0, marks) == (
        "BLOCK",
        ["mule", "trusted_customer"],
        ["overridden score", "overridden large"],
    )


def test_a_shadow_rule_is_told_and_changes_nothing():
    made = policy({**BLOCKS, "shadow": True}, REVIEWS)

    assert made.weigh(0.1, {"amount": 100.0}, PAID) == ("REVIEW", ["odd"], ["shadow large"])


def test_a_rule_speaks_from_its_first_moment_and_not_from_its_last_on():
    first, last = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    made = policy({**BLOCKS, "from": first, "until": last})
    spoken = [
        made.judge(0.1, {"amount": 100.0}, PAID, at)[0]
        for at in (instant(first) - 1, instant(first), instant(last) - 1, instant(last), None)
    ]

    assert spoken == ["APPROVE", "BLOCK", "BLOCK", "APPROVE", "BLOCK"]


def test_a_snoozed_rule_is_silent_for_that_value_and_the_decision_says_so():
    made = policy(BLOCKS, REVIEWS, snooze_by=["customer_id"])
    marks = frozenset({snooze_mark("customer_id", "large")})

    assert made.weigh(0.1, {"amount": 100.0}, PAID, 0, marks) == ("REVIEW", ["odd"], ["snoozed large"])
    assert made.weigh(0.1, {"amount": 100.0}, PAID, 0, frozenset())[0] == "BLOCK"
    assert policy(BLOCKS).judge(0.1, {"amount": 100.0}, PAID, 0, marks)[0] == "BLOCK", "it may not be snoozed"


def test_the_most_severe_rule_is_told_first():
    rules = [{**BLOCKS, "name": n, "severity": s} for n, s in (("a", 1), ("b", 5), ("c", 3))] + [REVIEWS]

    assert policy(*rules).weigh(0.6, {"amount": 100.0}, PAID) == Judgement(
        "BLOCK", ["score_at_or_above_review_threshold", "b", "c", "a", "odd"], []
    )


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (7, "rule r: when: expected all, any, not or unless, or feature, field or value"),
        ({}, "rule r: when: expected all, any, not or unless"),
        ({"all": []}, r"rule r: when.all: expected a list of conditions, not empty"),
        ({"all": [{"feature": "amount", ">": 1}], "any": []}, "rule r: when: expected all or any alone"),
        (
            {"all": [{"feature": "amount", ">": 1}, {"not": {"any": [{"feature": "mood", ">": 1}]}}]},
            r"rule r: when.all\[1\].not.any\[0\].feature: expected a known feature or fraud_score, got 'mood'",
        ),
        (
            {"feature": "amount"},
            "rule r: when: expected .* one of <, <=, >, >=, =, !=, in, between, starts",
        ),
        ({"feature": "amount", ">": 1, "<": 3}, "rule r: when: expected"),
        ({"feature": "amount", "field": "country", "=": 1}, "rule r: when: expected"),
        ({"feature": "amount", "~": 1}, "got 'feature', '~'"),
        ({"feature": "amount", ">": "1"}, "rule r: when.>: expected a number, got '1'"),
        ({"feature": "amount", ">": True}, "rule r: when.>: expected a number, got True"),
        ({"feature": "amount", ">": float("nan")}, "rule r: when.>: expected a number"),
        ({"feature": "amount", ">": 10**400}, "rule r: when.>: expected a number"),
        ({"feature": "amount", "in": []}, "rule r: when.in: expected a list of values, not empty"),
        ({"feature": "amount", "in": [1, "2"]}, r"rule r: when.in\[1\]: expected a number, got '2'"),
        ({"feature": "amount", "between": [2, 1]}, "rule r: when.between: expected two values, the smaller first"),
        ({"feature": "amount", "between": [1]}, "rule r: when.between: expected two values"),
        ({"feature": "amount", "missing": 1}, "rule r: when.missing: expected true or false, got 1"),
        ({"feature": "amount", "list": "mules"}, "rule r: when: expected field beside list, got feature"),
        ({"field": "amount", ">": 1}, "rule r: when.field: expected feature amount, which is in cents"),
        ({"field": "shop", "=": "x"}, r"rule r: when.field: expected one of .* or attributes.<a column of yours>"),
        ({"field": "country", "=": 7}, "rule r: when.=: expected a text"),
        ({"field": "country", "=": " IE"}, "rule r: when.=: expected a text"),
        ({"field": "latitude", "=": "53"}, "rule r: when.=: expected a number, got '53'"),
        ({"field": "authorised", ">": 0}, "rule r: when.>: expected =, !=, in or missing for authorised"),
        ({"field": ["amount"], "=": 1}, r"rule r: when.field: expected one of .*, got \['amount'\]"),
        ({"field": {"a": 1}, "=": 1}, "rule r: when.field: expected one of"),
        ({"field": "authorised", "=": "yes"}, "rule r: when.=: expected true or false, got 'yes'"),
        ({"field": "customer_id", "=": "c1"}, "rule r: when.=: expected list or missing for customer_id"),
        ({"field": "customer_id", "list": "mice"}, "rule r: when: expected a list of customer_id that is there"),
        ({"field": "merchant_id", "list": "mules"}, "rule r: when: expected a list of merchant_id that is there"),
        ({"field": "customer_id", "list": "trusted"}, "rule r: expected REVIEW for a list of kind block or watch"),
        ({"field": "attributes.card", "=": "4111 1111 1111 1111"}, "got what looks like a card number"),
        ({"field": "merchant_id", "=": "4111111111111111"}, "got what looks like a card number"),
    ],
    ids=lambda given: str(given)[:60],
)
def test_what_is_no_condition_is_refused_with_its_place(condition, said):
    with pytest.raises(InvalidPolicy, match=said) as refused:
        policy(when(condition))
    assert "4111" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"severity": 6}, "rule r: severity: expected a whole number from 1 to 5, got 6"),
        ({"severity": True}, "rule r: severity: expected"),
        ({"shadow": 1}, "rule r: shadow: expected true or false"),
        ({"from": "soon"}, "rule r: from: expected an instant such as 2026-12-01T00:00:00Z, got 'soon'"),
        ({"until": 7}, "rule r: until: expected an instant"),
        ({"from": "2026-01-02", "until": "2026-01-01"}, "rule r: expected from to be before until"),
        ({"overrides": ["score"]}, "rule 'r': a rule has name and action"),
        ({"action": "ALLOW"}, "rule r: an ALLOW says what it overrides"),
        ({"action": "ALLOW", "overrides": []}, "rule r: overrides: expected a list of rules' names or score"),
        ({"action": "ALLOW", "overrides": ["s"]}, r"rule r: overrides\[0\]: expected score or the name of a rule"),
        ({"action": "ALLOW", "overrides": ["r"]}, r"rule r: overrides\[0\]: expected score or the name of a rule"),
        ({"above": 7}, "and nothing else"),
    ],
    ids=str,
)
def test_what_is_no_rule_is_refused_with_what_was_expected(change, said):
    with pytest.raises(InvalidPolicy, match=said):
        policy({**when({"feature": "amount", ">": 1}), **change})


def test_a_rule_that_would_take_long_to_judge_is_refused():
    deep: dict = {"feature": "amount", ">": 1}
    for _ in range(10):
        deep = {"not": deep}
    with pytest.raises(InvalidPolicy, match="expected at most 10 conditions within one another"):
        policy(when(deep))
    with pytest.raises(InvalidPolicy, match=r"when.any\[200\]: expected at most 200 comparisons in one rule"):
        policy(when({"any": [{"feature": "amount", ">": n} for n in range(201)]}))


@pytest.mark.parametrize(
    "more",
    [
        {"looked_up": {"a b": {"field": "customer_id", "kind": "block"}}},
        {"looked_up": {"a": {"field": "customer_id", "kind": "grey"}}},
        {"looked_up": {"4111-1111-1111-1111": {"field": "customer_id", "kind": "block"}}},
        {"looked_up": {"a": {"field": "shop", "kind": "block"}}},
        {"looked_up": {"a": {"field": "attributes.a, b", "kind": "block"}}},
        {"looked_up": []},
        {"snooze_by": ["shop"]},
        {"snooze_by": "customer_id"},
        {"snooze_by": ["customer_id"] * 5},
        {"snooze_by": ["customer_id"], "rules": [{**BLOCKS, "name": "large, at night"}]},
    ],
    ids=str,
)
def test_a_policy_that_would_look_up_what_nobody_can_is_refused(more):
    with pytest.raises(InvalidPolicy):
        policy(**more) if "rules" not in more else policy(*more.pop("rules"), **more)


def test_the_lists_that_rules_look_up_are_known_by_their_marks():
    made = policy(TRUSTS, when({"not": {"field": "customer_id", "list": "mules"}}), BLOCKS)

    assert [of.mark for of in made.memberships] == ["list/trusted/customer_id", "list/mules/customer_id"]
    assert LookedUp("customer_id", "block").kind in KINDS
