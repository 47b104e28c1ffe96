"""What rules compute and match: what is true, what is unknown, what is refused and where."""

from __future__ import annotations

import math
import operator
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring.patterns import LONGEST_TEXT, InvalidPattern, Pattern
from scoring.policy import InvalidPolicy, Policy

from features.payment import Payment

AT = 1_796_092_200_000  # Tuesday, 2026-12-01 02:30 UTC
DECIDED = AT + 90_000
FEATURES = ("amount", "mean", "count")
SAID = {
    "country": "IE",
    "merchant_country": "GB",
    "email": "Ann.O@Gmail.com",
    "fee": "2.5",
    "limit": "9",
    "opened": "2026-11-30T02:30:00Z",
    "shipped_to": "IE",
    "latitude": "53.3",
    "authorised": "1",
    "device_id": "d1",
}


def policy(*conditions: dict) -> Policy:
    rules = [{"name": f"r{n}", "action": "REVIEW", "when": when} for n, when in enumerate(conditions)]
    return Policy.parse({"version": "1", "review_at": 0.5, "block_at": 0.9, "rules": rules}, FEATURES)


def speaks(condition: dict, said: dict = SAID, at: int | None = DECIDED, **values: float | None) -> bool:
    paid = Payment("t1", AT, "c1", "m1", 1250, further=said)
    seen = {"amount": 1250.0, "mean": 200.0, "count": 0.0, **values}
    return "r0" in policy(condition).weigh(0.25, seen, paid, at).reasons


AMOUNT, MEAN, COUNT = ({"feature": name} for name in FEATURES)
EMAIL = {"field": "attributes.email"}
OPENED = {"time": {"field": "attributes.opened"}}


@pytest.mark.parametrize(
    "condition",
    [
        {"feature": "amount", ">": MEAN},
        {"feature": "amount", ">": {"*": [6, MEAN]}},
        {"value": {"/": [AMOUNT, MEAN]}, "=": 6.25},
        {"value": {"-": [MEAN, AMOUNT]}, "=": -1050},
        {"value": {"%": [{"-": [MEAN, AMOUNT]}, 100]}, "=": -50},
        {"value": {"+": [{"/": [AMOUNT, 100]}, {"field": "attributes.fee"}]}, "between": [14.9, 15]},
        {"value": {"*": [{"feature": "fraud_score"}, AMOUNT]}, ">": 312},
        {"value": {"+": [{"field": "latitude"}, 1]}, "<": 55},
        {"field": "country", "=": {"field": "attributes.shipped_to"}},
        {"field": "country", "!=": {"field": "merchant_country"}},
        {"value": {"field": "country"}, "!=": {"field": "merchant_country"}},
        {"field": "customer_id", "!=": {"field": "device_id"}},
        # As texts 9 is more than 1250; beside a number it is one.
        {"field": "attributes.limit", "<": AMOUNT},
        {"feature": "amount", ">": {"field": "attributes.limit"}},
        {"field": "attributes.fee", "<": {"field": "attributes.limit"}},
        {"value": {"number": {"field": "attributes.fee"}}, "<": {"number": {"field": "attributes.limit"}}},
        {"value": {"lower": EMAIL}, "=": "ann.o@gmail.com"},
        {"value": {"upper": EMAIL}, "in": ["ANN.O@GMAIL.COM"]},
        {"value": {"length": EMAIL}, "=": 15},
        {"field": "attributes.email", "starts": "Ann"},
        {"field": "attributes.email", "ends": ".com"},
        {"field": "attributes.email", "contains": "@G"},
        {"field": "attributes.email", "matches": r"[A-Z]\w+\.O@.*"},
        {"value": {"lower": EMAIL}, "matches": r".*@gmail\.com"},
        {"not": {"field": "attributes.email", "matches": r".*@gmail\.com"}},
        {"value": {"hour": {"time": "event_time"}}, "between": [1, 4]},
        {"value": {"weekday": {"time": "event_time"}}, "=": 2},
        {"value": {"-": [{"time": "event_time"}, OPENED]}, "<=": 86_400_000},
        {"value": {"time": "decided"}, ">": {"time": "event_time"}},
        {"value": {"time": "event_time"}, "<": {"+": [{"time": "2026-12-01"}, {"*": [COUNT, 1]}, 9_000_001]}},
        {"value": {"/": [AMOUNT, COUNT]}, "missing": True},
    ],
    ids=str,
)
def test_a_rule_speaks_of_what_is_computed(condition):
    assert speaks(condition)


@pytest.mark.parametrize(
    "condition",
    [
        {"value": {"/": [AMOUNT, COUNT]}, ">": 1},
        {"value": {"%": [AMOUNT, COUNT]}, "=": 0},
        {"value": {"*": [AMOUNT, 1e308]}, ">": 1},
        {"value": {"/": [1, {"*": [AMOUNT, 1e308]}]}, "<": 1},
        {"value": {"+": [AMOUNT, EMAIL]}, ">": 1},
        {"value": {"+": [AMOUNT, {"field": "attributes.absent"}]}, ">": 1},
        {"value": {"lower": {"field": "attributes.absent"}}, "=": "a"},
        {"value": {"time": EMAIL}, ">": 1},
        {"value": {"hour": {"time": EMAIL}}, ">": 1},
        {"field": "country", "=": {"field": "attributes.absent"}},
        {"field": "attributes.absent", "matches": ".*"},
        {"field": "attributes.absent", "contains": "a"},
        {"field": "attributes.long", "matches": ".*"},
    ],
    ids=str,
)
def test_what_cannot_be_computed_is_neither_true_nor_false(condition):
    said = {**SAID, "long": "a" * (LONGEST_TEXT + 1)}
    assert not speaks(condition, said)
    assert not speaks({"not": condition}, said)
    assert speaks({"unless": condition}, said)


def test_a_payment_is_decided_on_when_it_happened_where_nobody_says_when():
    same = {"value": {"time": "decided"}, "=": {"time": "event_time"}}
    assert speaks(same, at=None)
    assert not speaks(same)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"value": 7, ">": 1}, r"rule r0: when.value: expected an object with feature, field, number or one of \+, -"),
        ({"value": {"feature": "mood"}, ">": 1}, "rule r0: when.value.feature: expected a known feature"),
        ({"value": {"add": [1, 2]}, ">": 1}, "rule r0: when.value: expected an object with .*, got 'add'"),
        ({"value": {"-": [AMOUNT]}, ">": 1}, "rule r0: when.value.-: expected a list of 2 operands"),
        ({"value": {"+": [1, 2]}, ">": 1}, r"when.value.\+: expected something that a payment says among them"),
        ({"value": {"+": [AMOUNT, "2"]}, ">": 1}, r"when.value.\+\[1\]: expected an object with .*, got '2'"),
        ({"value": {"+": [AMOUNT, {"lower": EMAIL}]}, ">": 1}, r"\[1\]: expected a number, got lower, which is a text"),
        ({"value": {"+": [AMOUNT, True]}, ">": 1}, r"when.value.\+\[1\]: expected an object"),
        ({"value": {"lower": AMOUNT}, "=": "a"}, "when.value.lower: expected a text, got feature, which is a number"),
        ({"value": {"lower": EMAIL}, "=": 1}, "rule r0: when.=: expected a text"),
        ({"value": {"length": EMAIL}, "=": "a"}, "rule r0: when.=: expected a number"),
        ({"value": {"length": EMAIL}, "starts": "a"}, "when.starts: expected a text before it, got a number"),
        ({"feature": "amount", "matches": "1.*"}, "when.matches: expected a text before it, got a number"),
        ({"field": "latitude", "contains": "1"}, "when.contains: expected a text before it, got a number"),
        ({"value": {"lower": {"field": "customer_id"}}, "=": "c1"}, "when.=: expected another field or missing beside"),
        ({"value": {"lower": {"field": "ip"}}, "starts": "10."}, "when.starts: expected another field or missing"),
        ({"field": "ip", "starts": "10."}, "rule r0: when.starts: expected list or missing for ip"),
        ({"value": {"number": {"field": "customer_id"}}, "=": 7}, "expected a number, got customer_id, which names"),
        ({"value": {"time": {"field": "customer_id"}}, "=": 7}, "expected a time, got customer_id, which names"),
        ({"value": {"time": "soon"}, "<": 7}, "when.value.time: expected event_time, decided, an instant such as"),
        ({"value": {"time": "2026-12-01"}, "<": 7}, "when.value: expected what a payment says, or what is computed"),
        ({"value": {"field": "amount"}, ">": AMOUNT}, "when.value.field: expected feature amount"),
        ({"field": "authorised", "=": {"field": "country"}}, "when.=: expected = or != of two flags"),
        ({"field": "authorised", "<": {"field": "card_present"}}, "when.<: expected = or != of two flags"),
        ({"feature": "amount", "in": MEAN}, "when.in: expected a list of values"),
        ({"field": "country", "matches": "(a"}, r"when.matches: character 3: expected \), found the end"),
        ({"field": "country", "matches": ""}, "when.matches: expected an expression of 1 to 512 characters"),
        ({"field": "country", "matches": "4111111111111111"}, "got what looks like a card number"),
        ({"value": {"-": [AMOUNT, 4111111111111111]}, ">": 1}, "got what looks like a card number"),
        ({"value": AMOUNT, "field": "country", "=": 1}, "rule r0: when: expected"),
    ],
    ids=lambda given: str(given)[:60],
)
def test_what_cannot_be_computed_ever_is_refused_with_its_place(condition, said):
    with pytest.raises(InvalidPolicy, match=said) as refused:
        policy(condition)
    assert "4111" not in str(refused.value)


def test_what_would_take_long_to_compute_is_refused():
    deep: dict = AMOUNT
    for _ in range(11):
        deep = {"+": [deep, 1]}
    with pytest.raises(InvalidPolicy, match="expected at most 10 functions within one another"):
        policy({"value": deep, ">": 1})
    wide = [{"value": {"+": [{"*": [AMOUNT, n]}, 1]}, ">": n} for n in range(70)]
    with pytest.raises(InvalidPolicy, match=r"when.any\[66\].* expected at most 200 comparisons in one rule"):
        policy({"any": wide})
    with pytest.raises(InvalidPolicy, match="expected regular expressions of at most 5000 states together, got"):
        policy(*({"field": "country", "matches": f"(a|b)*{n}.{{40}}"} for n in range(60)))


# A second evaluator, which reads the document alone: a number, a text, or none for unknown.
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "%": math.fmod}
COMPARED = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
WORLD = st.fixed_dictionaries(
    {
        "amount": st.none() | st.integers(0, 10**9).map(float),
        "mean": st.none() | st.sampled_from([0.0, 0.1, 1 / 3, 250.5, -7.25]),
        "count": st.none() | st.integers(0, 3).map(float),
        "attributes.a": st.none() | st.sampled_from(["1.5", "7", "Ab", "ab", "a b", "ß", "2026-11-30T23:00:00Z"]),
        "attributes.b": st.none() | st.sampled_from(["0", "-2", "ab", "AB", "1970-01-01"]),
    }
)
CONSTANTS = st.integers(-3, 3) | st.sampled_from([0.1, 2.5, 1e9])
NUMBERS = st.recursive(
    st.one_of(
        st.sampled_from([{"feature": name} for name in FEATURES]),
        st.sampled_from([{"number": {"field": f"attributes.{name}"}} for name in "ab"]),
        st.sampled_from([{"length": {"field": f"attributes.{name}"}} for name in "ab"]),
        st.sampled_from([{"time": {"field": f"attributes.{name}"}} for name in "ab"]),
        st.just({"time": "event_time"}),
    ),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(sorted(ARITHMETIC)), st.tuples(inner, inner | CONSTANTS)).map(
            lambda made: {made[0]: list(made[1])}
        ),
        st.tuples(st.sampled_from(["hour", "weekday"]), inner).map(lambda made: {made[0]: made[1]}),
    ),
    max_leaves=5,
)
TEXTS = st.recursive(
    st.sampled_from([{"field": f"attributes.{name}"} for name in "ab"]),
    lambda inner: st.tuples(st.sampled_from(["lower", "upper"]), inner).map(lambda made: {made[0]: made[1]}),
    max_leaves=1,
)
WORDS = st.sampled_from(["a", "AB", "7", "b"])
LEAVES = st.one_of(
    st.tuples(NUMBERS, st.sampled_from(sorted(COMPARED)), NUMBERS | CONSTANTS),
    st.tuples(TEXTS, st.sampled_from(sorted(COMPARED)), TEXTS | WORDS),
    st.tuples(TEXTS, st.sampled_from(["starts", "ends", "contains"]), WORDS),
    st.tuples(TEXTS, st.just("matches"), st.sampled_from([r"a.*", r"\d+", r"(A|a)[bB]?", r".*\W.*"])),
).map(lambda made: {"value": made[0], made[1]: made[2]})
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda part: {"not": part}),
        st.tuples(st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=3)).map(lambda p: dict([p])),
    ),
    max_leaves=6,
)


def value(of: Any, world: dict) -> Any:
    if not isinstance(of, dict):
        return of
    ((word, given_),) = of.items()
    if word in ("feature", "field"):
        return world[given_]
    if word == "time":
        if given_ == "event_time":
            return float(AT)
        said = value(given_, world)
        dated = said is not None and re.fullmatch(r"\d{4}-\d\d-\d\d(T.*Z)?", said)
        return datetime.fromisoformat(said).replace(tzinfo=UTC).timestamp() * 1000 if dated else None
    if word == "number":
        said = value(given_, world)
        return float(said) if said is not None and re.fullmatch(r"-?[\d.]+", said) else None
    if word in ("lower", "upper", "length"):
        said = value(given_, world)
        return None if said is None else {"lower": str.lower, "upper": str.upper, "length": len}[word](said)
    if word in ("hour", "weekday"):
        at = value(given_, world)
        if at is None:
            return None
        days, rest = divmod(at, 86_400_000)
        return rest // 3_600_000 if word == "hour" else (days - 4) % 7 + 1  # a Monday was the fifth day
    parts = [value(part, world) for part in given_]
    if None in parts or (word in "/%" and parts[1] == 0):
        return None
    return ARITHMETIC[word](*parts)


def plainly(condition: dict, world: dict) -> bool | None:
    if "not" in condition:
        found = plainly(condition["not"], world)
        return None if found is None else not found
    for word, deciding in (("all", False), ("any", True)):
        if word in condition:
            parts = [plainly(part, world) for part in condition[word]]
            return deciding if deciding in parts else None if None in parts else not deciding
    (word,) = condition.keys() - {"value"}
    one, other = value(condition["value"], world), value(condition[word], world)
    if one is None or other is None:
        return None
    if word in COMPARED:
        return COMPARED[word](one, other)
    if word == "matches":
        return re.fullmatch(other, one, re.ASCII) is not None
    return {"starts": one.startswith, "ends": one.endswith, "contains": one.__contains__}[word](other)


@given(CONDITIONS, WORLD)
def test_rules_compute_what_a_plain_evaluator_computes(condition, world):
    said = {name: world[f"attributes.{name}"] for name in "ab" if world[f"attributes.{name}"] is not None}
    seen = {name: world[name] for name in FEATURES}

    assert speaks(condition, said, **seen) is (plainly(condition, world) is True)


PATTERNS = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\.", "[a-c]", r"\W", "[0-9-]", r"[^\d\s]"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "{0}", "*?", "+?"])).map(
            lambda made: f"(?:{made[0]}){made[1]}"
        ),
    ),
    max_leaves=6,
)


@given(PATTERNS, st.lists(st.text("abc1.\nx-_ é", max_size=6), min_size=1, max_size=8))
def test_an_expression_matches_as_pythons_own_engine_does(source, texts):
    made = Pattern(source)
    assert [made.matches(text) for text in texts] == [bool(re.fullmatch(source, t, re.ASCII)) for t in texts]


def test_an_expression_that_would_hang_another_engine_takes_a_step_for_each_letter(monkeypatch):
    made, steps = Pattern("(a*)*b|(a|aa)+c|(.*)(.*)(.*)d"), []
    step = made.step
    monkeypatch.setattr(made, "step", lambda at, letter: steps.append(letter) or step(at, letter))

    assert made.matches("a" * LONGEST_TEXT) is False
    assert len(steps) <= LONGEST_TEXT
    assert made.matches("a" * (LONGEST_TEXT + 1)) is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("^a", "character 1: expected no anchor, as the whole text is matched, found '^'"),
        ("a$", "character 2: expected no anchor"),
        ("(?i)a", "character 2: expected a group"),
        ("(?=a)", "character 2: expected a group"),
        (r"(a)\1", r"character 5: expected one of d, w, s, D, W, S, t, n, r, f or a sign, found '1'"),
        (r"\ba", "character 2: expected one of d"),
        ("a**", "character 3: expected one quantifier"),
        ("a{2,1}", "character 6: expected the smaller number first"),
        ("a{101}", "character 3: expected a number from 0 to 100"),
        ("[b-a]", "expected a range of two letters, the smaller first"),
        ("[[:alpha:]]", "character 2: expected no [ within a class"),
        ("[a", "character 3: expected ], found the end"),
        ("a)", "character 2: expected the end, as no ( is open"),
        ("\\", "character 2: expected one of d"),
        ("(a{100}){100}", "expected an expression of at most 200 states"),
        ("(" * 30 + "a" + ")" * 30, "expected at most 20 groups within one another"),
    ],
)
def test_an_expression_that_is_none_of_ours_is_refused_with_its_place(source, said):
    with pytest.raises(InvalidPattern, match=re.escape(said)):
        Pattern(source)
