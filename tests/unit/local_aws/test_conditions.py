"""Each operator of conditions that policies use: what meets it is allowed, what does not, or is absent, is not."""

from __future__ import annotations

import pytest
from ministack.core.iam_evaluator import parse_policy_document

from local.permissions.calls import Call
from local.permissions.verdicts import ALLOWED, DENIED, NOT_JUDGED, Policies, Verdict, judged

ROLE = "arn:aws:iam::000000000000:role/risk-etl"
KEY = "arn:aws:kms:eu-west-1:000000000000:key/1"
BOTH = "arn:aws:iam::000000000000:role/risk-*"


def verdict(conditions: dict, *context: tuple[str, str], effect: str = "Allow", action: str = "x:Do") -> Verdict:
    statements = [{"Effect": effect, "Action": action, "Resource": "*", "Condition": conditions}]
    if effect == "Deny":
        statements.append({"Effect": "Allow", "Action": "*", "Resource": "*"})
    policies = Policies(parse_policy_document({"Statement": statements}))
    return judged(ROLE, Call(action, "arn:aws:x:::y", context), policies, "eu-west-1")


@pytest.mark.parametrize(
    ("operator", "expected", "met", "unmet"),
    [
        ("StringEquals", "glue", "glue", "Glue"),
        ("StringEquals", ["glue", "lambda"], "lambda", "states"),
        ("StringNotEquals", "glue", "lambda", "glue"),
        ("StringEqualsIgnoreCase", "glue", "GLUE", "lambda"),
        ("StringNotEqualsIgnoreCase", "glue", "lambda", "GLUE"),
        ("StringLike", "gold/*", "gold/day", "silver/day"),
        ("StringLike", "?old", "gold", "golden"),
        ("StringNotLike", "gold/*", "silver/day", "gold/day"),
        ("ArnEquals", BOTH, "arn:aws:iam::000000000000:role/risk-decide", "arn:aws:iam::000000000000:role/other"),
        ("ArnLike", BOTH, "arn:aws:iam::000000000000:role/risk-decide", "arn:aws:iam::000000000000:role/other"),
        ("ArnNotEquals", BOTH, "arn:aws:iam::000000000000:role/other", "arn:aws:iam::000000000000:role/risk-decide"),
        ("ArnNotLike", BOTH, "arn:aws:iam::000000000000:role/other", "arn:aws:iam::000000000000:role/risk-decide"),
        ("Bool", "true", "true", "false"),
        ("Null", "false", "there", None),
        ("NumericLessThan", "10", "9", "10"),
        ("NumericGreaterThanEquals", "10", "10", "9"),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T00:00:00Z", "2026-01-02T00:00:00Z"),
        ("StringEqualsIfExists", "glue", "glue", "lambda"),
        ("ForAnyValue:StringEquals", ["glue", "lambda"], "glue", "states"),
        ("ForAllValues:StringLike", ["g*"], "glue", "states"),
    ],
)
def test_a_condition_allows_what_meets_it_and_nothing_else(operator, expected, met, unmet):
    conditions = {operator: {"s3:prefix": expected}}

    def found(value: str | None) -> str:
        context = () if value is None else (("s3:prefix", value),)
        return verdict(conditions, *context, action="s3:ListBucket").decision

    assert (found(met), found(unmet)) == (ALLOWED, DENIED)


@pytest.mark.parametrize(
    ("operator", "decision"),
    [
        ("StringEquals", DENIED),
        ("ArnLike", DENIED),
        ("Bool", DENIED),
        ("StringNotEquals", ALLOWED),
        ("ArnNotLike", ALLOWED),
        ("StringEqualsIfExists", ALLOWED),
        ("ForAllValues:StringEquals", ALLOWED),
        ("ForAnyValue:StringEquals", DENIED),
        ("Null", ALLOWED),
    ],
)
def test_a_key_that_a_request_does_not_have_meets_negated_operators_only(operator, decision):
    """What a list asks for has no prefix: that is known, so the condition is judged."""
    assert verdict({operator: {"s3:prefix": "true"}}, action="s3:ListBucket").decision == decision


def test_a_condition_on_what_is_not_recorded_is_judged_by_nobody_and_so_allows_nothing():
    found = verdict({"StringEquals": {"aws:SourceVpce": "vpce-1"}})

    assert (found.decision, found.because) == (NOT_JUDGED, "because no identity-based policy allows the x:Do action")


def test_every_block_and_every_key_of_a_condition_must_be_met():
    both = {"StringEquals": {"a:one": "1", "a:two": "2"}, "StringLike": {"a:three": "3*"}}
    context = (("a:one", "1"), ("a:two", "2"), ("a:three", "33"))

    assert verdict(both, *context).decision == ALLOWED
    for missing in range(3):
        changed = [(key, "other" if place == missing else value) for place, (key, value) in enumerate(context)]
        assert verdict(both, *changed).decision == DENIED


def test_a_deny_denies_only_what_meets_its_condition_and_says_so_in_aws_words():
    condition = {"StringEquals": {"a:one": "1"}}

    assert verdict(condition, ("a:one", "2"), effect="Deny").decision == ALLOWED
    found = verdict(condition, ("a:one", "1"), effect="Deny")
    assert (found.decision, found.because) == (DENIED, "with an explicit deny in an identity-based policy")
