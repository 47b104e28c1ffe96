"""The cases page over the cases door's own code: from the queue to the label."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import streamlit as st
from cases import handler
from cases.handler import ROUTES
from streamlit.testing.v1 import AppTest

from console import source
from console.screens import cases
from tests.unit.lambda_functions.cases_table import ADA, BEN, Desk
from tools.cases import Refused


class Api:
    """The door's routes, asked by one person at a time."""

    def __init__(self) -> None:
        self.desk, self.by = Desk(), ADA

    def ask(self, platform: object, verb: str, path: str, body: dict | None = None) -> dict:
        url = urlsplit(path)
        parts = url.path.split("/")
        named = len(parts) > 2 and parts[2] not in ("next", "next-escalated")
        route = f"{verb} {'/'.join([*parts[:2], '{id}', *parts[3:]]) if named else url.path}"
        assert route in ROUTES
        event = {
            "routeKey": route,
            "requestContext": {"authorizer": {"iam": {"userArn": self.by}}},
            "pathParameters": {"id": unquote(parts[2])} if named else None,
            "queryStringParameters": dict(parse_qsl(url.query)) or None,
            "body": json.dumps(body) if body is not None else "",
        }
        found = handler.handle(event, None)
        answer = json.loads(found["body"])
        if found["statusCode"] not in (200, 202):
            raise Refused(f"answered {found['statusCode']}: {answer['error']}")
        return answer


@pytest.fixture
def api(monkeypatch) -> Api:
    st.cache_data.clear()
    api = Api()
    monkeypatch.setattr(handler, "door", lambda: api.desk.door)
    monkeypatch.setattr(cases, "ask", api.ask)
    monkeypatch.setattr(source, "platform", lambda: None)
    return api


def page() -> AppTest:
    return AppTest.from_string("from console.screens import cases\ncases.show()", default_timeout=60)


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def words(page: AppTest) -> str:
    parts = (page.markdown, page.info, page.warning, page.error, page.subheader)
    return "\n".join(element.value for part in parts for element in part)


def test_an_empty_queue_says_when_a_case_opens(api):
    assert "A case opens as soon as a payment is decided REVIEW" in words(page().run())


def test_a_case_goes_from_the_queue_to_its_label(api):
    api.desk.opened("t1", fraud_score=0.7, reasons=["score"])

    shown = press(page().run(), "Next case")
    shown.radio[0].set_value("fraud")
    shown.text_area[0].set_value("the customer knows of no such payment")
    press(shown, "Decide")

    assert api.desk.labels() == [("t1", "1")]
    assert "Decided **fraud**" in words(shown)


def test_a_decision_whose_labels_follow_says_so(api):
    api.desk.opened("t1")
    api.desk.topic.down = True

    shown = press(page().run(), "Next case")
    shown.radio[0].set_value("fraud")
    shown.text_area[0].set_value("the customer knows of no such payment")
    press(shown, "Decide")

    assert "labels and answers follow within minutes" in words(shown)
    assert "Decided **fraud**" in words(shown)


def test_one_payment_of_a_case_can_be_judged_otherwise(api):
    api.desk.opened("t1")
    api.desk.take_in("t2")

    shown = press(page().run(), "Next case")
    shown.radio[0].set_value("fraud")
    next(box for box in shown.selectbox if box.label == "t2").set_value("honest")
    shown.text_area[0].set_value("t2 was the customer's own")
    press(shown, "Decide")

    assert api.desk.labels() == [("t1", "1"), ("t2", "0")]


def test_a_payment_is_no_markup_beside_its_choice(api):
    api.desk.opened("[pay](http://elsewhere.example)")
    api.desk.take_in("![x](http://elsewhere.example/p)")

    shown = press(page().run(), "Next case")

    assert not any("](" in box.label for box in shown.selectbox)


def test_without_a_reason_nothing_is_decided(api):
    api.desk.opened("t1")

    shown = press(page().run(), "Next case")
    shown.radio[0].set_value("honest")
    press(shown, "Decide")

    assert "says what the payments were, and why" in words(shown)
    assert api.desk.labels() == []


def test_a_payment_that_joined_while_somebody_looked_is_not_decided_with_the_others(api):
    api.desk.opened("t1")
    shown = press(page().run(), "Next case")
    shown.radio[0].set_value("fraud")
    shown.text_area[0].set_value("unknown to the customer")

    def before_the_decision(platform: object, verb: str, path: str, body: dict | None = None) -> dict:
        if path.endswith("/decide"):
            api.desk.take_in("t2")
        return api.ask(platform, verb, path, body)

    cases.ask = before_the_decision  # the fixture puts the first one back
    press(shown, "Decide")

    assert api.desk.labels() == []
    assert "The cases door answered 409" in words(shown)


def test_two_reviewers_get_different_cases(api):
    api.desk.opened("t1", "c1")
    api.desk.opened("t2", "c2")

    mine = press(page().run(), "Next case")
    api.by = BEN
    his = press(page().run(), "Next case")

    assert "Case of c1" in words(mine)
    assert "Case of c2" in words(his)


def test_who_does_not_hold_a_case_is_told_who_does(api):
    case = api.desk.opened("t1")
    press(page().run(), "Next case")
    api.by = BEN
    other = page()
    other.query_params["case"] = case

    shown = press(other.run(), "Release")

    assert "The cases door answered 409" in words(shown)
    assert api.desk.cases.of_payment("t1").holder == ADA


def test_a_case_that_is_not_there_is_told(api):
    shown = page()
    shown.query_params["case"] = "none"

    assert "The cases door answered 404" in words(shown.run())


def test_a_lead_gives_a_case_to_somebody_else(api):
    case = api.desk.opened("t1")
    shown = press(page().run(), "Next case")

    next(box for box in shown.text_input if box.label.startswith("To whom")).set_value(BEN)
    next(box for box in shown.text_input if box.label == "Why somebody else").set_value("Ada is on leave")
    press(shown, "Reassign")

    assert api.desk.cases.of_payment("t1").holder == BEN
    assert case in shown.query_params["case"]


def test_a_case_is_given_to_nobody_without_a_reason(api):
    api.desk.opened("t1")
    shown = press(page().run(), "Next case")

    assert "to whom, and why" in words(press(shown, "Reassign"))
    assert api.desk.cases.of_payment("t1").holder == ADA
