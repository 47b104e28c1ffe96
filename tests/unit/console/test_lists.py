"""The lists page over the lists door's own code."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from lists.door import InvalidChange, ListsDoor
from scoring.entries import Entries
from scoring.policy import Listing
from streamlit.testing.v1 import AppTest

from console import source
from console.screens import lists
from tests.unit.lambda_functions.aws import ListsTable
from tests.unit.lambda_functions.cases_table import ADA
from tests.unit.lambda_functions.test_lists import Clock
from tests.unit.tools.test_entries import operators
from tools.cases import Refused
from tools.entries import Asked, changed
from tools.lists import replaced as policys_own
from tools.operators import Operators


@pytest.fixture
def mine(monkeypatch) -> Operators:
    mine = replace(operators(), entries=Entries(ListsTable(), "lists", Clock()))
    door = ListsDoor(mine.entries)

    def ask(platform: object, verb: str, path: str, body: dict) -> dict:
        assert (verb, path) == ("POST", "/lists")
        try:
            return door.take(body, ADA)
        except InvalidChange as wrong:
            raise Refused(f"answered 400: {wrong}") from None

    here = SimpleNamespace(client=None, prefix="risk-test", lake="lake")
    monkeypatch.setattr(source, "platform", lambda: here)
    monkeypatch.setattr(Operators, "of", lambda *_: mine)
    monkeypatch.setattr(lists, "ask", ask)
    return mine


def mules(mine: Operators, *values: str) -> None:
    changed(mine.entries, "mules", Asked("customer_id", kind="block", why="police, file 4711"), ADA, list(values))


def page(**asked: str) -> AppTest:
    found = AppTest.from_string("from console.screens import lists\nlists.show()", default_timeout=60)
    for key, value in asked.items():
        found.query_params[key] = value
    return found.run()


def fill(found: AppTest, values: str, why: str) -> AppTest:
    found.text_area[0].set_value(values)
    next(box for box in found.text_input if box.label == "Why").set_value(why)
    return found


def press(found: AppTest, label: str) -> AppTest:
    return next(button for button in found.button if button.label == label).click().run()


def told(found: AppTest) -> str:
    parts = (found.info, found.warning, found.error, found.success, found.code)
    return "\n".join(element.value for part in parts for element in part)


def test_without_lists_the_page_says_how_one_is_made(mine):
    assert "make list LIST=" in told(page())


def test_every_list_is_named_with_what_it_holds(mine):
    mules(mine, "C-1")
    policys_own(mine, "shops_of_old", Listing("merchant_id", frozenset({"m1", "m2"})))

    rows = page().dataframe[0].value

    assert rows["list"].tolist() == ["mules", "shops_of_old"]
    assert rows["kind"].tolist() == ["block", "of the policy"]
    assert rows["holds"].tolist() == ["any number", "2"]


def test_where_somebody_stands_is_told_with_who_put_them_there_and_why(mine):
    mules(mine, "C-1")

    assert "on list mules" in told(page(value="C-1"))
    assert "police, file 4711" in told(page(value="C-1"))
    assert "No list and no snooze holds this customer_id" in told(page(value="C-2"))


def test_an_entry_is_put_on_until_the_end_of_a_day_and_taken_off_again(mine):
    mules(mine)
    found = fill(page(), "C-7\n\n C-8 ", "a customer called")
    last = datetime.now(UTC).date() + timedelta(days=40)
    found.date_input[0].set_value(last)

    assert "2 put on mules" in told(press(found, "Put on"))
    assert f"on list mules until {last + timedelta(days=1)}T00:00:00" in told(page(value="C-8"))

    assert "1 taken off mules" in told(press(fill(page(), "C-8", "it was his brother"), "Take off"))
    assert "on list mules until" not in told(page(value="C-8"))


def test_a_change_without_a_reason_changes_nothing(mine):
    mules(mine)

    assert "which identifiers, and why" in told(press(fill(page(), "C-7", " "), "Put on"))
    assert mine.entries.about("customer_id", "C-7") == []


def test_what_the_door_refuses_is_told_in_its_words(mine):
    mules(mine)

    assert "The lists door answered 400" in told(press(fill(page(), "4111111111111111", "a card"), "Put on"))
