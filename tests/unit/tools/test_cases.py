"""`make cases`: what it asks of the API, and how it tells what came."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import astuple
from pathlib import Path

import boto3
import httpx
import pytest

from tools import cases
from tools.cases import Asked, ask, main, request_of, told
from tools.operate.platform import Platform

ROOT = Path(__file__).parents[3]
TO = "arn:aws:sts::111122223333:assumed-role/risk-dev-reviewer/ada"


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (Asked(), ("GET", "/cases?state=OPEN", None)),
        (Asked(state="DECIDED"), ("GET", "/cases?state=DECIDED", None)),
        (Asked(customer="C 1&x"), ("GET", "/cases?customer_id=C%201%26x", None)),
        (Asked(case="a/b"), ("GET", "/cases/a%2Fb", None)),
        (Asked(payment="T/1"), ("GET", "/decisions?transaction_id=T%2F1", None)),
        (Asked("next"), ("POST", "/cases/next", {})),
        (Asked("next-escalated"), ("POST", "/cases/next-escalated", {})),
        (Asked("claim", "c"), ("POST", "/cases/c/claim", {})),
        (Asked("release", "c"), ("POST", "/cases/c/release", {})),
        (Asked("comment", "c", why="called"), ("POST", "/cases/c/comment", {"text": "called"})),
        (Asked("escalate", "c", why="x"), ("POST", "/cases/c/escalate", {"why": "x"})),
        (Asked("reopen", "c", why="x"), ("POST", "/cases/c/reopen", {"why": "x"})),
        (Asked("reassign", "c", why="x", to=TO), ("POST", "/cases/c/reassign", {"to": TO, "why": "x"})),
        (
            Asked("decide", "c", decision="fraud", why="x", seen="2"),
            ("POST", "/cases/c/decide", {"decision": "fraud", "seen": 2, "why": "x"}),
        ),
    ],
    ids=lambda value: value.action or "look" if isinstance(value, Asked) else "",
)
def test_each_command_is_one_request(asked, wanted):
    assert request_of(asked) == wanted


@pytest.mark.parametrize(
    "asked",
    [
        Asked("help"),
        Asked("claim"),
        Asked("next", "c"),
        Asked("decide", "c", decision="fraud", why="x"),
        Asked("decide", "c", decision="fraud", seen="1"),
        Asked("decide", "c", why="x", seen="1"),
        Asked("reassign", "c", why="x"),
        Asked("escalate", "c"),
        Asked(case="c", payment="t"),
        Asked(case="c", state="OPEN"),
    ],
    ids=lambda asked: " ".join(filter(None, astuple(asked))),
)
def test_what_lacks_something_is_told_what_there_is(asked):
    with pytest.raises(SystemExit, match="cases: expected one of"):
        request_of(asked)


def test_without_a_place_nothing_is_asked():
    with pytest.raises(SystemExit, match="with ENV=<environment>, or API=<URL>"):
        main("", "")


@pytest.fixture
def api(monkeypatch) -> list[httpx.Request]:
    """Requests that came; the answer to each is a case, or a refusal where it is decided."""
    came: list[httpx.Request] = []

    def answered(request: httpx.Request) -> httpx.Response:
        came.append(request)
        if request.url.path.endswith("/decide"):
            return httpx.Response(409, json={"error": "it is held by ben"})
        return httpx.Response(200, json={"case": None})

    client = httpx.Client(transport=httpx.MockTransport(answered))
    monkeypatch.setattr(Platform, "http", client)
    for name, value in {"ACCESS_KEY_ID": "k", "SECRET_ACCESS_KEY": "s", "REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return came


def test_a_request_is_signed_and_the_api_speaks_in_its_own_words(api, capsys):
    main("", "https://api.example/", "next")
    main_ = lambda: main("", "https://api.example", "decide", "c", "", "", "", "fraud", "x", "1")  # noqa: E731
    with pytest.raises(SystemExit, match="cases: answered 409: it is held by ben"):
        main_()

    first, second = api
    assert (str(first.url), first.method) == ("https://api.example/cases/next", "POST")
    assert "/eu-west-1/execute-api/aws4_request" in first.headers["authorization"]
    assert json.loads(second.content) == {"decision": "fraud", "seen": 1, "why": "x"}
    assert "no case waits" in capsys.readouterr().out


def test_an_api_that_does_not_answer_is_said_so(api, monkeypatch):
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("no")

    monkeypatch.setattr(Platform, "http", httpx.Client(transport=httpx.MockTransport(silent)))
    with pytest.raises(SystemExit, match="does not answer: ConnectTimeout"):
        main("", "https://api.example")


CASE = {
    "case": "c1",
    "state": "CLAIMED",
    "customer_id": "C-1",
    "payments": 2,
    "opened_at": "2026-03-01T10:00:00.000Z",
    "severity": 2,
    "holder": TO,
    "locked_until": "2026-03-01T10:30:00.000Z",
    "decision": None,
}


def test_a_case_is_told_with_its_payments_and_its_history():
    payments = [{"transaction_id": "t1", "fraud_score": 0.7, "reasons": ["score"], "explanation": ["many"]}]
    history = [{"at": "10:00", "did": "opened by t1", "by": "the stream door"}]
    history.append({"at": "10:01", "did": "commented", "by": TO, "why": "called"})
    text = "\n".join(told({**CASE, "payments_told": [*payments, {"transaction_id": "t2"}], "history": history}))
    for said in ("money has gone", TO, "score 0.700  score, many", "t2    no score", f"commented, {TO}: called"):
        assert said in text


def test_pages_and_answers_are_told():
    assert told({"cases": [], "after": None}) == ["no case"]
    assert told({"cases": [CASE], "after": "x"})[-1] == "and more"
    answer = {"transaction_id": "t1", "answer": "declined", "case": "c1"}
    assert told(answer) == ["t1: declined, case c1"]


def test_a_decision_whose_labels_follow_is_told_as_the_api_says_it(api, monkeypatch, capsys):
    said = {"case": "c", "error": "it is decided; labels and answers follow within minutes"}
    later = httpx.MockTransport(lambda request: httpx.Response(202, json=said))
    monkeypatch.setattr(Platform, "http", httpx.Client(transport=later))
    main("", "https://api.example", "decide", "c", "", "", "", "fraud", "x", "1")
    assert capsys.readouterr().out.strip() == said["error"]


@pytest.mark.parametrize("url", ["notaurl", "https://", "ftp://api.example", "https://[x", "https://a:99999"])
def test_what_is_no_url_is_said_so(api, url):
    with pytest.raises(SystemExit, match="cases: API: expected the URL of the API"):
        main("", url)
    assert api == []


def test_who_has_no_region_or_no_credentials_is_told(api, monkeypatch):
    class Nobody:
        def get_credentials(self) -> None:
            return None

    monkeypatch.setattr(boto3, "Session", Nobody)
    with pytest.raises(SystemExit, match="no AWS credentials are set"):
        main("", "https://api.example")
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(SystemExit, match="set AWS_REGION"):
        main("", "https://api.example")
    assert api == []


def test_a_state_is_asked_for_in_the_aws_that_runs_and_an_api_in_none():
    def said(*given: str) -> str:
        command = ["make", "-n", "-o", ".venv/.ready", "cases", "ENV=local", *given]
        plain = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "STATE", "API")}
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=plain).stdout

    assert '--state "build/local-aws" --' in said("IS=OPEN")
    assert '"$IS"' in said("IS=OPEN")
    assert "-m local" not in said("API=https://api.example")


def test_ask_gives_what_is_no_json_as_it_is(api, monkeypatch):
    broken = httpx.MockTransport(lambda request: httpx.Response(502, text="bad gateway"))
    monkeypatch.setattr(Platform, "http", httpx.Client(transport=broken))
    with pytest.raises(cases.Refused, match="502: bad gateway"):
        ask(Platform({"api_url": "https://api.example"}), "GET", "/cases")
    page = httpx.MockTransport(lambda request: httpx.Response(200, text="<html>"))
    monkeypatch.setattr(Platform, "http", httpx.Client(transport=page))
    with pytest.raises(cases.Refused, match="200: <html>"):
        ask(Platform({"api_url": "https://api.example"}), "GET", "/cases")
