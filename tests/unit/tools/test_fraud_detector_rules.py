"""Rules of Amazon Fraud Detector decide alike as rules of ours, or are named."""

from __future__ import annotations

import math
import random
import re
from datetime import datetime
from typing import Any

import pytest
from scoring.conditions import Sight
from scoring.judging import judge_of
from scoring.rules import Known as Policy
from scoring.rules import LookedUp, rule_of, rules_of

from features.payment import Payment
from tools.fraud_detector import language as tree
from tools.fraud_detector.conversion import Known, NoCounterpart, condition
from tools.fraud_detector.language import Unreadable, parse
from tools.fraud_detector.rules import ALL, FIRST, Rule, action_of, converted

COLUMNS = {
    "order_price": "amount",
    "billing_country": "country",
    "email_domain": "attributes.email_domain",
    "account_age_days": "attributes.account_age_days",
    "is_guest": "attributes.is_guest",
    "ip_address": "ip",
    "shipping_country": "attributes.shipping_country",
    "fee": "attributes.fee",
    "opened_at": "attributes.opened_at",
    "paid_in": "currency",
}
TYPES = {
    "order_price": "FLOAT",
    "billing_country": "STRING",
    "email_domain": "STRING",
    "account_age_days": "INTEGER",
    "is_guest": "BOOLEAN",
    "ip_address": "STRING",
    "shipping_country": "STRING",
    "fee": "FLOAT",
    "opened_at": "DATETIME",
    "paid_in": "STRING",
}
KNOWN = Known(
    COLUMNS, frozenset({"ip", "customer_id"}), {"bad_addresses": "ip", "odd_domains": "attributes.email_domain"}, TYPES
)
NOW = "2026-11-01T09:30:00Z"
POLICY = Policy({"amount"}, {}, {name: LookedUp(field, "watch") for name, field in KNOWN.lists.items()})
LISTS = {"bad_addresses": {"198.51.100.7"}, "odd_domains": {"a.example", "b.example"}}


def number(said: float) -> float | None:
    return said if math.isfinite(said) else None


def computed(node: tree.Tree, event: dict) -> Any:
    """A number, a text, a truth value; none where it is unknown."""
    if isinstance(node, tree.Constant):
        return node.value
    if isinstance(node, tree.Variable):
        return event.get(node.name)
    if node.name == "getcurrentdatetime":
        return NOW
    parts = [computed(part, event) for part in node.given]
    if None in parts or (node.name in "/%" and parts[1] == 0):
        return None
    return {
        "+": lambda a, b: number(a + b),
        "-": lambda a, b: number(a - b),
        "*": lambda a, b: number(a * b),
        "/": lambda a, b: number(a / b),
        "%": math.fmod,
        "lowercase": str.lower,
        "uppercase": str.upper,
        "regex_match": lambda pattern, text: re.fullmatch(pattern, text, re.ASCII) is not None,
        "isbefore": lambda a, b: epoch(a) < epoch(b),
        "isafter": lambda a, b: epoch(a) > epoch(b),
        "getepochmilliseconds": epoch,
    }[node.name](*parts)


def epoch(said: str) -> float:
    return datetime.fromisoformat(said).timestamp() * 1000


def evaluated(node: tree.Tree, event: dict) -> bool | None:
    """Kleene's logic, straight from the tree; None is unknown."""
    if isinstance(node, tree.Negated):
        inner = evaluated(node.part, event)
        return None if inner is None else not inner
    if isinstance(node, tree.Both | tree.Either):
        parts = [evaluated(part, event) for part in node.parts]
        decides = isinstance(node, tree.Either)
        return decides if decides in parts else None if None in parts else not decides
    if isinstance(node, tree.Variable | tree.Call):
        return computed(node, event)
    if isinstance(node, tree.Within):
        value = computed(node.of, event)
        if value is None:
            return None
        among = LISTS[node.values.name] if isinstance(node.values, tree.List) else {c.value for c in node.values.of}
        return value in among
    if tree.Constant(None) in (node.left, node.right):
        return (computed(node.left, event) is None) is (node.operator == "==")
    value, other = computed(node.left, event), computed(node.right, event)
    if value is None or other is None:
        return None
    compare = {"==": value == other, "!=": value != other}
    if node.operator in compare:
        return compare[node.operator]
    return {"<": value < other, "<=": value <= other, ">": value > other, ">=": value >= other}[node.operator]


def drawn_number(rng: random.Random, depth: int = 0) -> str:
    if depth > 1 or rng.random() < 0.4:
        return rng.choice(["$order_price", "$account_age_days", "$fee", "getepochmilliseconds($opened_at)"])
    one = drawn_number(rng, depth + 1)
    other = rng.choice([drawn_number(rng, depth + 1), "2", "0.1", "100"])
    return f"({one} {rng.choice('+-*/%')} {other})" if rng.random() < 0.9 else f"-{one}"


def drawn_text(rng: random.Random) -> str:
    name = rng.choice(["$billing_country", "$shipping_country", "$email_domain"])
    return rng.choice([name, f"lowercase({name})", f"uppercase(lowercase({name}))"])


def drawn_computed(rng: random.Random) -> str:
    moments = ["$opened_at", '"2026-11-01T09:29:00Z"', "getcurrentdatetime()"]
    pattern = rng.choice(["[a-z]\\.example", ".*\\.example", "^a.*", "(I|G).*", "^(IE|G[A-C])$", "\\w{2}"])
    return rng.choice(
        [
            f"{drawn_number(rng)} {rng.choice(tree.COMPARISONS)} {drawn_number(rng)}",
            f"{rng.choice(['3', '25.5'])} {rng.choice(tree.COMPARISONS)} {drawn_number(rng)} + 0",
            f"{drawn_number(rng)} * 1 in [3, 10, 25.5]",
            f"$shipping_country {rng.choice(tree.COMPARISONS)} {drawn_text(rng)}",
            f"lowercase({drawn_text(rng)}) {rng.choice(tree.COMPARISONS)} 'ie'",
            f"uppercase({drawn_text(rng)}) not in ['IE', 'A.EXAMPLE']",
            f'regex_match("{pattern}", {drawn_text(rng)})',
            f'regex_match("{pattern}", {drawn_text(rng)}) {rng.choice(["==", "!="])} {rng.choice(["true", "false"])}',
            f"{rng.choice(['isbefore', 'isafter'])}($opened_at, {rng.choice(moments)})",
            f"{rng.choice(['isbefore', 'isafter'])}({rng.choice(moments)}, $opened_at) == true",
            "getepochmilliseconds(getcurrentdatetime()) - getepochmilliseconds($opened_at) < 60000",
        ]
    )


def drawn_leaf(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return drawn_computed(rng)
    return rng.choice(
        [
            f"$order_price {rng.choice(tree.COMPARISONS)} {rng.choice(['10', '25.5', '100', '5 * 20'])}",
            f"$account_age_days {rng.choice(['<', '>=', '=='])} {rng.randrange(4)}",
            f'$billing_country {rng.choice(["==", "!="])} "{rng.choice(["IE", "US"])}"',
            f"$billing_country {rng.choice(['in', 'not in'])} ['IE', 'GB']",
            f"$email_domain {rng.choice(['in', 'not in'])} @odd_domains",
            "$ip_address in @bad_addresses",
            f"$email_domain {rng.choice(['==', '!='])} null",
            f"$account_age_days in [{rng.randrange(3)}, 3]",
            "$is_guest",
            f"$is_guest {rng.choice(['==', '!='])} {rng.choice(['true', 'false'])}",
        ]
    )


def drawn(rng: random.Random, depth: int = 0) -> str:
    if depth > 2 or rng.random() < 0.35:
        return drawn_leaf(rng)
    if rng.random() < 0.25:
        return f"!({drawn(rng, depth + 1)})"
    return f"({drawn(rng, depth + 1)}) {rng.choice(['and', 'or'])} ({drawn(rng, depth + 1)})"


def event(rng: random.Random) -> dict:
    said = {
        "order_price": rng.choice([9.99, 10.0, 25.5, 100.0, 100.01]),
        "billing_country": rng.choice(["IE", "US", "GB", None]),
        "email_domain": rng.choice(["a.example", "c.example", None]),
        "account_age_days": rng.choice([0.0, 1.0, 2.0, 3.0, None]),
        "ip_address": rng.choice(["198.51.100.7", "203.0.113.9", None]),
        "is_guest": rng.choice([True, False, None]),
        "shipping_country": rng.choice(["IE", "ie", "GB", None]),
        "fee": rng.choice([0.0, 0.1, 2.5, -7.0, None]),
        "opened_at": rng.choice(["2026-11-01T09:29:30Z", "2026-11-01T09:29:00Z", NOW, None]),
    }
    return {name: value for name, value in said.items() if value is not None}


OWN = ("email_domain", "account_age_days", "is_guest", "shipping_country", "fee", "opened_at")


def payment(said: dict) -> Payment:
    own = {name: said.get(name) for name in OWN}
    return Payment.parse(
        {
            "transaction_id": "t1",
            "event_time": NOW,
            "customer_id": "c1",
            "merchant_id": "m1",
            "amount": f"{said['order_price']:.2f}",
            **({"country": said["billing_country"]} if "billing_country" in said else {}),
            **({"ip": said["ip_address"]} if "ip_address" in said else {}),
            **{name: str(value) for name, value in own.items() if value is not None},
        }
    )


def spoken(documents: list[dict], said: dict, is_down: bool = False) -> list[str]:
    """Names of the rules that speak of a payment, by the doors' own code, and where lists could not be read."""
    rules = rules_of(documents, POLICY)
    sight = Sight(rule.when for rule in rules)
    told = payment(said)
    marks = frozenset(
        f"list/{name}/{KNOWN.lists[name]}"
        for name, of in LISTS.items()
        if said.get({"bad_addresses": "ip_address", "odd_domains": "email_domain"}[name]) in of
    )
    seen = sight.of(None, {"amount": told.amount}, told, None if is_down else marks, told.at)
    judged = judge_of([rule.when for rule in rules], sight.places)(seen)
    return [rule.name for rule, speaks in zip(rules, judged, strict=True) if speaks]


@pytest.mark.parametrize("seed", range(60))
def test_a_converted_rule_speaks_exactly_where_the_expression_is_true(seed):
    rng = random.Random(seed)
    for _ in range(5):
        expression = drawn(rng)
        when = condition(parse(expression), KNOWN)
        rules = [
            {"name": "as_it_is", "action": "REVIEW", "when": when},
            {"name": "otherwise", "action": "REVIEW", "when": {"unless": when}},
        ]
        for _ in range(8):
            said = event(rng)
            is_true = evaluated(parse(expression), said) is True
            assert spoken(rules, said) == (["as_it_is"] if is_true else ["otherwise"]), (expression, said)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("mode", [FIRST, ALL])
def test_a_detectors_rules_take_the_same_action_in_either_mode(seed, mode):
    rng = random.Random(seed)
    outcomes = {"approve_it": "APPROVE", "review_it": "REVIEW", "block_it": "BLOCK"}
    rules = [Rule(f"r{n}", drawn(rng, 1), (rng.choice(list(outcomes)),)) for n in range(4)]
    found = converted(rules, mode, outcomes, KNOWN, lambda rule: rule_of(rule, POLICY))
    approving = {r.name for r in rules if r.outcomes == ("approve_it",)}
    assert set(found.missing) <= approving
    assert mode == FIRST or set(found.missing) == approving
    doing = {rule["name"]: rule["action"] for rule in found.rules}
    severest = ["APPROVE", "REVIEW", "BLOCK"]
    for _ in range(10):
        said = event(rng)
        matched = [r for r in rules if evaluated(parse(r.expression), said)]
        theirs = [outcomes[r.outcomes[0]] for r in (matched[:1] if mode == FIRST else matched)]
        spoke = [doing[name] for name in spoken(found.rules, said)]
        ours = [action for action in spoke if action != "ALLOW"]
        # Where an approval decides, the score does not.
        if mode == FIRST and theirs == ["APPROVE"] and matched[0].name not in found.missing:
            assert set(spoke) == {"ALLOW"}
        assert max(["APPROVE", *ours], key=severest.index) == max(["APPROVE", *theirs], key=severest.index)


@pytest.mark.parametrize(
    ("expression", "when"),
    [
        ("$order_price > 99.5", {"feature": "amount", ">": 9950}),
        ("100 < $order_price", {"feature": "amount", ">": 10000}),
        ("$is_guest", {"field": "attributes.is_guest", "in": ["true", "True", "TRUE", "1"]}),
        ("# who pays\n$is_guest == false", {"field": "attributes.is_guest", "in": ["false", "False", "FALSE", "0"]}),
        (
            'regex_match("^(IE|GB)$", $billing_country)',
            {"field": "country", "in": ["IE", "GB"]},
        ),
        ('regex_match("a\\.example", $email_domain)', {"field": "attributes.email_domain", "in": ["a.example"]}),
        ("$ip_address in @bad_addresses", {"field": "ip", "list": "bad_addresses"}),
        ('regex_match("^a.*", $email_domain)', {"value": {"field": "attributes.email_domain"}, "matches": "a.*"}),
        (
            'regex_match(".*@gmail\\.com", lowercase($email_domain))',
            {"value": {"lower": {"field": "attributes.email_domain"}}, "matches": ".*@gmail\\.com"},
        ),
        (
            "$order_price + $fee < 10",
            {
                "value": {"+": [{"/": [{"feature": "amount"}, 100]}, {"number": {"field": "attributes.fee"}}]},
                "<": 10.0,
            },
        ),
        (
            '"2026-11-01" == $opened_at or isafter("2026-11-01", $opened_at)',
            {
                "any": [
                    {"field": "attributes.opened_at", "=": "2026-11-01"},
                    {"value": {"time": {"field": "attributes.opened_at"}}, "<": {"time": "2026-11-01"}},
                ]
            },
        ),
        ("$email_domain == null", {"field": "attributes.email_domain", "missing": True}),
    ],
)
def test_an_expression_becomes_a_condition(expression, when):
    assert condition(parse(expression), KNOWN) == when


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("$m_insightscore > 900", "$m_insightscore: a model's score or an unknown variable"),
        ("$email_domain + $fee < 10", "arithmetic (+) of what is no number"),
        ("lowercase($fee) == 'a'", "lowercase(...) of what is no text"),
        ("lowercase($email_domain) == 5", "a comparison of lowercase(...) with 5.0"),
        ("lowercase($email_domain) == null", "a comparison of lowercase(...) with None"),
        ("lowercase($email_domain) in @odd_domains", "lowercase(...) in @odd_domains"),
        ("lowercase($email_domain, $fee) == 'a'", "lowercase(...) of 2 arguments: expected 1"),
        ("$email_domain == $fee", "a comparison of $email_domain with $fee: a text with a number"),
        ("$is_guest == $email_domain", "$is_guest of type BOOLEAN"),
        ("$paid_in == $email_domain", "payments say currency in one spelling"),
        ("isbefore($fee, $opened_at)", "$fee as a time"),
        ("isbefore($opened_at) == true", "isbefore(...) of 1 arguments: expected 2"),
        ("isbefore($opened_at, getcurrentdatetime()) == 'False'", "a comparison of isbefore(...) with 'False'"),
        ("getcurrentdatetime() > 5", "getcurrentdatetime(...) as a value"),
        ("soundex($email_domain) == 'a'", "soundex(...) as a value"),
        ("soundex($email_domain)", "soundex(...) as a condition"),
        ("1 == 1", "a comparison of 1.0 with 1.0"),
        ("$fee == ($fee > 1)", "a comparison of $fee with compared"),
        ('regex_match("^a", $email_domain)', "it may match a part or the whole"),
        ('regex_match("a$", $email_domain)', "it may match a part or the whole"),
        ('regex_match("(?i)a.*", $email_domain)', "character 2: expected a group, or (?: ), without flags"),
        ('regex_match("a.*", $order_price)', "regex_match of $order_price, which is no text"),
        ("regex_match($email_domain, $email_domain)", "regex_match with $email_domain as its pattern"),
        ('regex_match("e.*", $paid_in)', "payments say currency in one spelling"),
        ('regex_match("^a|b$", $email_domain)', "whose anchors are of its first and last part alone"),
        ('$ip_address == "198.51.100.7"', "ip beside a constant"),
        ("$email_domain in @unknown", "the list unknown"),
        ("$billing_country in @odd_domains", "a list is of one column"),
        ("$order_price == null", "every payment has one"),
    ],
)
def test_what_has_no_counterpart_is_named(expression, said):
    with pytest.raises(NoCounterpart) as refused:
        condition(parse(expression), KNOWN)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "character 1: expected a variable, a constant or `(`, found the end"),
        ("$a >", "character 5: expected a variable, a constant or `(`, found the end"),
        ("$a > 1 $b", "character 8: expected the end, and, or, found '$b'"),
        ("$a in 5", "character 7: expected `[`, found '5'"),
        ("($a > 1", "character 8: expected `)`, found the end"),
        ("$a ~ 1", "character 4: expected a variable, a constant or an operator, found '~'"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(expression, said):
    with pytest.raises(Unreadable) as refused:
        parse(expression)
    assert str(refused.value) == said


def test_a_rule_without_a_counterpart_is_named_and_so_is_what_it_would_have_hidden():
    rules = [Rule("by_score", "$m_insightscore < 10", ("approve",)), Rule("dear", "$order_price > 10", ("block",))]
    outcomes = {"approve": "APPROVE", "block": "BLOCK"}

    first = converted(rules, FIRST, outcomes, KNOWN)
    assert [rule["name"] for rule in first.rules] == ["dear"]
    assert list(first.missing) == ["by_score", "dear (converted)"]
    assert list(converted(rules, ALL, outcomes, KNOWN).missing) == ["by_score"]


def test_an_outcome_is_known_by_one_word_in_its_name():
    told = {"block_order": "BLOCK", "Manual_Review": "REVIEW", "approved": "APPROVE", "manualReview": "REVIEW"}
    assert {name: action_of(name) for name in told} == told
    silent = ("fraud_review", "vip", "disallow", "not_approved", "bypass", "no_fraud", "unblock", "password_reset")
    assert {action_of(name) for name in silent} == {None}


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("$account_age_days > 365", {"order_price": 20.0, "account_age_days": "a while"}),
        ("$ip_address in @bad_addresses", {"order_price": 20.0, "ip_address": "198.51.100.7"}),
    ],
    ids=["a number that is none", "lists that do not answer"],
)
def test_a_rule_that_cannot_be_judged_holds_no_stricter_one_back(first, said):
    rules = [Rule("first", first, ("approve",)), Rule("dear", "$order_price > 10", ("block",))]
    found = converted(rules, FIRST, {"approve": "APPROVE", "block": "BLOCK"}, KNOWN)
    blocking = [rule for rule in found.rules if rule["name"] == "dear"]

    assert spoken(blocking, said, is_down=True) == ["dear"]
