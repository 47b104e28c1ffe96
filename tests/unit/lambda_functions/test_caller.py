"""Who asks is who signed, or whom a token names; whoever cannot be named keeps no list and works on no case."""

from __future__ import annotations

import json

import pytest
from cases import handler as cases
from cases.door import WHO
from lists import handler as lists
from scoring.caller import caller_of

from tests.unit.lambda_functions.cases_table import Desk

ADA = "arn:aws:sts::111122223333:assumed-role/risk-dev-reviewer/ada"


def event(**authorizer: object) -> dict:
    return {"requestContext": {"authorizer": authorizer}}


def bearing(subject: object) -> dict:
    return event(jwt={"claims": {"sub": subject, "iss": "https://tokens.bank.example"}, "scopes": ["review"]})


@pytest.mark.parametrize(
    ("asked", "who"),
    [
        (event(iam={"userArn": ADA}), ADA),
        (bearing("auth0|5f7c"), "jwt:auth0|5f7c"),
        (event(iam={"userArn": ADA}, jwt={"claims": {"sub": "eve"}}), ADA),
        (bearing(""), None),
        (bearing("a b"), None),
        (bearing("x\n"), None),
        (bearing("é"), None),
        (bearing("x" * 201), None),
        (bearing(["a"]), None),
        (bearing(None), None),
        (event(jwt={"claims": None}), None),
        (event(), None),
        ({}, None),
        ({"requestContext": {"authorizer": None}}, None),
    ],
)
def test_who_asks_is_who_signed_or_whom_a_token_names(asked, who):
    assert caller_of(asked) == who


@pytest.mark.parametrize("handler", [cases, lists])
def test_whoever_cannot_be_named_is_refused(handler):
    found = handler.handle({"routeKey": "POST /v1/cases/next", "body": "{}", **bearing("a b")}, None)
    assert found["statusCode"] == 403
    assert "names somebody" in json.loads(found["body"])["error"]


def test_a_reviewer_with_a_token_holds_a_case_and_may_be_given_one(monkeypatch):
    desk = Desk()
    monkeypatch.setattr(cases, "door", lambda: desk.door)
    case = desk.opened("t1", fraud_score=0.7)
    asked = {"routeKey": "POST /v1/cases/{id}/claim", "pathParameters": {"id": case}, **bearing("rev-7")}
    assert json.loads(cases.handle(asked, None)["body"])["holder"] == "jwt:rev-7"
    assert WHO.fullmatch("jwt:rev-7")
    assert not WHO.fullmatch("jwt:rev 7")
