"""What somebody does behind a load balancer is done in their own role and name; the console reads for everybody."""

from __future__ import annotations

from typing import ClassVar

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from console import own, source
from console.screens import policy
from console.signed_in import HEADER, NotAllowed, NotSignedIn
from tests.unit.console.balancer import CLAIMS, NOW, OF, Balancer
from tools.operate.platform import Platform

OUTPUTS = {"prefix": "risk-test", "lake_bucket": "lake", "api_url": "https://api.example/v1"}


class Sts:
    taken: ClassVar[list[dict]] = []

    def assume_role(self, **request) -> dict:
        self.taken.append(request)
        return {"Credentials": {"AccessKeyId": request["RoleSessionName"], "SecretAccessKey": "s", "SessionToken": "t"}}


class Context:
    def __init__(self, **headers: str) -> None:
        self.headers = headers


@pytest.fixture
def behind(monkeypatch) -> Balancer:
    balancer = Balancer()
    Sts.taken.clear()
    held = own.taken
    held.clear()
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr(own.boto3, "client", lambda name: Sts())
    monkeypatch.setattr(own, "verifier", balancer.verifier)
    monkeypatch.setattr(source, "platform", lambda: Platform(OUTPUTS))
    yield balancer
    held.clear()


def asks(monkeypatch, token: str) -> None:
    monkeypatch.setattr(st, "context", Context(**{HEADER: token}))


def test_a_reviewer_works_on_cases_in_the_reviewers_role_under_their_own_name(behind, monkeypatch):
    asks(monkeypatch, behind.token())
    theirs = own.platform(own.CASES)

    assert theirs.signer.credentials.access_key == "ada"
    assert theirs.outputs == OUTPUTS
    (asked,) = Sts.taken
    assert (asked["RoleArn"], asked["RoleSessionName"], asked["SourceIdentity"]) == (OF.arns["reviewer"], "ada", "ada")
    assert asked["Tags"] == [{"Key": "group", "Value": OF.groups["reviewer"]}]
    assert own.platform(own.CASES) is theirs, "one session for a while"
    asks(monkeypatch, behind.token(claims={**CLAIMS, "sub": "ben"}))
    assert own.platform(own.CASES).signer.credentials.access_key == "ben", "nobody else's"


def test_who_has_no_right_is_told_and_no_role_is_taken(behind, monkeypatch):
    asks(monkeypatch, behind.token())
    with pytest.raises(NotAllowed, match="risk-owners"):
        own.platform(own.POLICY)
    asks(monkeypatch, Balancer().token())
    with pytest.raises(NotSignedIn):
        own.platform(own.CASES)
    asks(monkeypatch, behind.token({"exp": NOW - own.OPEN_SECONDS - 1}))
    with pytest.raises(NotSignedIn, match="has ended"):
        own.platform(own.CASES)
    assert Sts.taken == []


def test_on_a_machine_of_ones_own_everything_is_done_by_who_started_the_console(monkeypatch):
    mine = Platform(OUTPUTS)
    monkeypatch.setattr(own, "verifier", lambda: None)
    monkeypatch.setattr(source, "platform", lambda: mine)

    assert own.platform(own.POLICY) is mine


def test_a_policy_is_made_live_by_who_asks_for_it_and_not_by_the_console(behind, monkeypatch):
    brought = []
    asks(monkeypatch, behind.token(claims={"sub": "owner", "groups": ["risk-owners"]}))
    monkeypatch.setattr(policy, "rule", lambda operators, document, by: brought.append((operators, by)))

    class Theirs:
        prefix, lake = "risk-test", "lake"

        @staticmethod
        def client(name: str):
            return type("Client", (), {"get_caller_identity": lambda self: {"Arn": "arn:owner"}})()

    monkeypatch.setattr(own, "taken", lambda role: Theirs if role.session == "owner" else None)
    policy.publish({"version": "1"})
    assert brought[0][1] == "arn:owner"


def test_an_open_page_shows_nothing_more_once_its_reader_may_not_read(behind, monkeypatch):
    script = "from console import own\nimport streamlit as st\nown.look_who_reads()\nst.title('The portfolio')"
    page = AppTest.from_string(script, default_timeout=60)

    asks(monkeypatch, behind.token())
    assert [title.value for title in page.run().title] == ["The portfolio"]
    asks(monkeypatch, behind.token({"exp": NOW - own.OPEN_SECONDS - 1}))
    assert not page.run().title
    assert page.error[0].value.startswith("Load the page anew: ")
    asks(monkeypatch, behind.token(claims={**CLAIMS, "groups": ["Others"]}))
    assert not page.run().title
    monkeypatch.setattr(own, "verifier", lambda: None)
    assert page.run().title, "on a machine of one's own"


def test_a_page_says_who_may_in_words():
    said = []

    @own.says_who_may
    def page() -> None:
        raise NotAllowed("you may look, and not do this: ask for one of the groups Fraud-Leads")

    original, st.error = st.error, said.append
    try:
        page()
    finally:
        st.error = original
    assert said == ["You may look, and not do this: ask for one of the groups Fraud-Leads."], "names stay as they are"
