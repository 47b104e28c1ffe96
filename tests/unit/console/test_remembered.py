"""Answers that are held for all who look."""

from __future__ import annotations

import threading

import pytest
from streamlit.testing.v1 import AppTest

from console import remembered as held
from tests.waiting import eventually


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1_000_000.0

        def time(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(held, "time", clock)
    held.begin_page()
    return clock


def counting(most: int = 5, copied: bool = True):
    asked: list[str] = []

    @held.remembered("asked", most=most, copied=copied)
    def question(what: str, _aside: object = None) -> list[str]:
        asked.append(what)
        return [f"{what} {len(asked)}"]

    return question, asked


def test_a_question_is_asked_once_within_a_minute(clock):
    question, asked = counting()

    assert question("a") == question("a", object()) == ["a 1"]
    clock.now += held.FRESH_SECONDS - 1
    assert question("a") == ["a 1"]

    assert asked == ["a"]
    assert held.oldest_shown() is None


def test_who_asks_later_gets_the_answer_of_before_and_the_next_one_the_new(clock):
    question, asked = counting()
    question("a")
    clock.now += held.FRESH_SECONDS

    assert question("a") == ["a 1"]
    assert held.oldest_shown().timestamp() == 1_000_000

    eventually(lambda: question("a") == ["a 2"])
    assert asked == ["a", "a"]


def test_who_asks_long_after_waits_for_a_new_answer(clock):
    question, _ = counting()
    question("a")
    clock.now += held.HELD_SECONDS

    assert question("a") == ["a 2"]
    assert held.oldest_shown() is None


def test_what_fails_is_told_and_asked_anew(clock):
    failing = [True]

    @held.remembered("asked", most=5)
    def question() -> str:
        if failing[0]:
            raise ValueError("refused")
        return "told"

    with pytest.raises(ValueError, match="refused"):
        question()
    failing[0] = False
    assert question() == "told"


def test_an_answer_of_before_is_shown_while_asking_anew_fails(clock):
    failing = threading.Event()
    tried = []

    @held.remembered("asked", most=5)
    def question() -> str:
        if failing.is_set():
            tried.append(1)
            raise ValueError("refused")
        return "told"

    question()
    failing.set()
    clock.now += held.FRESH_SECONDS
    assert question() == "told"
    eventually(lambda: tried)
    assert question() == "told"
    clock.now += held.HELD_SECONDS
    with pytest.raises(ValueError, match="refused"):
        question()


def test_all_who_wait_for_one_question_wait_for_the_same_answer(clock):
    go, asked = threading.Event(), []

    @held.remembered("asked", most=5)
    def question() -> int:
        asked.append(1)
        go.wait()
        return len(asked)

    found: list[int] = []
    waiting = [threading.Thread(target=lambda: found.append(question())) for _ in range(5)]
    for one in waiting:
        one.start()
    eventually(lambda: asked)
    go.set()
    for one in waiting:
        one.join()

    assert found == [1] * 5


def test_what_a_page_changes_in_an_answer_is_its_own(clock):
    question, _ = counting()
    question("a").append("changed")

    assert question("a") == ["a 1"]


def test_what_was_made_of_an_older_answer_is_as_old_as_that(clock):
    inner, _ = counting()

    @held.remembered("made", most=5)
    def outer(name: str) -> list[str]:
        return [name, *inner("a")]

    inner("a")
    clock.now += held.HELD_SECONDS - 1
    assert outer("of before") == ["of before", "a 1"]
    assert held.oldest_shown().timestamp() == 1_000_000
    clock.now += 1

    assert outer("of before") != ["of before", "a 1"], "nothing is shown that is ten minutes old"


def test_who_waits_for_one_answer_does_not_wait_for_those_of_others(clock):
    go = threading.Event()

    @held.remembered("asked", most=50)
    def question(what: int) -> int:
        if what:
            go.wait()
        return what

    waiting = [threading.Thread(target=question, args=(what,)) for what in range(1, 20)]
    for one in waiting:
        one.start()
    assert question(0) == 0
    go.set()
    for one in waiting:
        one.join()


def test_an_answer_may_be_held_no_longer_than_it_is_fresh(clock):
    @held.remembered("asked", most=5, held=held.FRESH_SECONDS)
    def question() -> float:
        return clock.now

    question()
    clock.now += held.FRESH_SECONDS

    assert question() == clock.now


def test_the_longest_unused_answer_goes_first(clock):
    question, asked = counting(most=2)
    for what in ("a", "b", "a", "c", "a", "b"):
        question(what)

    assert asked == ["a", "b", "c", "b"]


def test_a_page_says_that_it_shows_an_older_answer_and_the_next_one_does_not(monkeypatch):
    from console import source

    told = ["first"]
    monkeypatch.setattr(source, "analysts", lambda: type("A", (), {"ask": lambda self, zone, sql: [{"a": told[0]}]})())
    page = AppTest.from_string(
        "import streamlit as st\nfrom console import source\n"
        "@source.tells_what_failed\ndef show():\n    st.write(source.ask('silver', 'SELECT 1')[0]['a'])\nshow()"
    )
    page.run()
    assert [one.value for one in page.markdown] == ["first"]
    assert not page.caption
    told[0] = "second"
    monkeypatch.setattr(held, "FRESH_SECONDS", 0)

    page.run()
    assert [one.value for one in page.markdown] == ["first"]
    assert "asked at" in page.caption[0].value

    monkeypatch.setattr(held, "FRESH_SECONDS", 60)

    def shows_the_new_answer() -> bool:
        page.run()
        return [one.value for one in page.markdown] == ["second"] and not page.caption

    eventually(shows_the_new_answer)
