"""The client asks as the API's document says, again only where that is safe, and says what went wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest
from botocore.credentials import Credentials

from client import Api, Iam, Token
from client.errors import (
    OF_STATUS,
    ApiError,
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Throttled,
    Unavailable,
    Unreachable,
)
from tests.architecture.source import ROOT
from tools.client import DOCUMENT, page

URL = "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/v1"
PAYMENT: Any = {
    "transaction_id": "T1",
    "event_time": "2026-01-01T10:00:00Z",
    "customer_id": "C1",
    "merchant_id": "M1",
    "amount": "1.00",
}
SPEC = json.loads(DOCUMENT.read_text())


class Wire:
    """Answers one after another; an exception is raised instead."""

    def __init__(self, *answers: object, **how: Any) -> None:
        self.answers, self.sent, self.pauses = list(answers), [], []
        iam = Iam(Credentials("AKIA", "secret", "token"), "eu-west-1")
        self.api = Api(URL, how.pop("signing", iam), pause=self.pauses.append, **how)
        self.api.http = httpx.Client(transport=httpx.MockTransport(self.answer))

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        found: Any = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        status, said = found
        return httpx.Response(status, **({"text": said} if isinstance(said, str) else {"json": said}))


def test_the_module_is_the_one_that_the_document_makes():
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--stdin-filename", "client/api.py", "-"],
        input=page(SPEC),
        text=True,
        capture_output=True,
        check=True,
        cwd=ROOT,
    ).stdout
    assert formatted == (ROOT / "client/api.py").read_text(), "make docs"


def test_every_operation_of_the_document_is_a_method():
    told = {operation["operationId"] for verbs in SPEC["paths"].values() for operation in verbs.values()}
    assert {name for name in told if not callable(getattr(Api, name, None))} == set()


def test_a_route_that_takes_long_is_waited_for_as_long_as_the_document_says():
    wire = Wire((200, {}), (200, {}), (200, {}), timeout_s=20)
    loan: Any = {"customer_id": "C1", "loan_id": "L1", "amount": None, "term_months": None}
    wire.api.decide_loan(loan)
    wire.api.decide(PAYMENT)
    wire.api.timeout_s = 60.0
    wire.api.decide_loan(loan)

    assert [request.extensions["timeout"]["read"] for request in wire.sent] == [30, 20, 60]


def test_a_request_is_signed_for_the_api_by_who_asks():
    wire = Wire((200, {"action": "APPROVE"}))
    assert wire.api.decide(PAYMENT, further={"loyalty": "gold"})["action"] == "APPROVE"
    (sent,) = wire.sent
    assert (sent.method, str(sent.url)) == ("POST", f"{URL}/decisions")
    assert "AKIA" in sent.headers["authorization"]
    assert "/eu-west-1/execute-api/aws4_request" in sent.headers["authorization"]
    assert sent.headers["x-amz-security-token"] == "token"
    assert json.loads(sent.content) == {**PAYMENT, "loyalty": "gold"}


def test_a_token_is_asked_for_before_each_request():
    tokens = iter(["one", "two"])
    wire = Wire((200, {"cases": []}), (200, {"cases": []}), signing=Token(lambda: next(tokens)))
    wire.api.cases(state="OPEN", most=5)
    wire.api.cases(customer_id="C 1&x")
    assert [sent.headers["authorization"] for sent in wire.sent] == ["Bearer one", "Bearer two"]
    assert [sent.url.raw_path for sent in wire.sent] == [
        b"/v1/cases?state=OPEN&most=5",
        b"/v1/cases?customer_id=C%201%26x",
    ]


def test_an_identifier_stays_one_part_of_the_path():
    wire = Wire((200, {"case": "a/b"}))
    wire.api.case("a/b?c")
    assert wire.sent[0].url.raw_path == b"/v1/cases/a%2Fb%3Fc"


def test_a_request_for_a_name_that_leads_elsewhere_goes_where_it_is_told_to():
    wire = Wire((200, {}), connect_to="http://127.0.0.1:4566")
    wire.api.document()
    assert str(wire.sent[0].url) == "http://127.0.0.1:4566/v1/openapi.json"
    assert wire.sent[0].headers["host"] == "a1b2c3.execute-api.eu-west-1.amazonaws.com"


@pytest.mark.parametrize("failed", [(503, {"error": "ask again"}), (500, {"message": "x"}), httpx.ReadTimeout("x")])
def test_what_is_done_once_is_asked_again(failed):
    wire = Wire(failed, failed, (200, {"action": "BLOCK"}))
    assert wire.api.decide(PAYMENT)["action"] == "BLOCK"
    assert len(wire.pauses) == 2
    assert len({sent.content for sent in wire.sent}) == 1


@pytest.mark.parametrize(
    ("failed", "kind"), [((503, {"error": "ask again"}), Unavailable), (httpx.ReadTimeout("x"), Unreachable)]
)
def test_what_would_be_done_twice_is_not_asked_again(failed, kind):
    wire = Wire(failed)
    with pytest.raises(kind):
        wire.api.comment("c1", text="called")
    assert len(wire.sent) == 1


@pytest.mark.parametrize("nothing_done", [(429, {"message": "Too Many Requests"}), httpx.ConnectError("x")])
def test_what_cannot_have_happened_is_asked_again_whatever_it_is(nothing_done):
    wire = Wire(nothing_done, (200, {"case": "c1"}))
    assert wire.api.comment("c1", text="called")["case"] == "c1"


@pytest.mark.parametrize(("status", "kind"), sorted(OF_STATUS.items()))
def test_a_refusal_is_an_error_of_its_kind_in_words(status, kind):
    wire = Wire(*[(status, {"error": "the reason"})] * 3)
    with pytest.raises(kind) as raised:
        wire.api.claim("c1")
    told = str(raised.value)
    assert told.startswith(f"POST /cases/c1/claim: expected {kind.expected}; came: {status} the reason; ")
    assert told.endswith(kind.to_do)
    assert raised.value.status == status
    assert len(wire.sent) == (3 if issubclass(kind, Throttled | Unavailable) else 1)


@pytest.mark.parametrize("answer", [(302, ""), (200, "<html>"), (418, "tea")])
def test_what_no_document_says_is_an_error_too(answer):
    with pytest.raises(ApiError, match="came: "):
        Wire(answer).api.document()


def test_every_status_of_the_document_has_its_kind():
    refused = {
        int(status)
        for verbs in SPEC["paths"].values()
        for operation in verbs.values()
        for status in operation["responses"]
        if not status.startswith("2")
    }
    assert refused <= OF_STATUS.keys()
    assert {OF_STATUS[s] for s in (400, 403, 404, 409)} == {InvalidRequest, NotAllowed, NotFound, Conflict}


@pytest.mark.parametrize("url", ["a1b2c3", "ftp://x/v1", "https:///v1"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(ValueError, match="expected https://"):
        Api(url, Token("t"))


def test_who_has_no_region_is_told_so(monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(ValueError, match="expected a region"):
        Iam(Credentials("AKIA", "secret"))
