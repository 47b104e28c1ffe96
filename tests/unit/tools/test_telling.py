"""A long command says what runs, how far it is and what is left, and is never silent for long."""

from __future__ import annotations

import io

import pytest

from tools.telling import OFTEN, QUIET, Teller


class Clock:
    """Seconds as the test sets them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log():
    return io.StringIO()


@pytest.fixture
def teller(log, clock):
    return Teller(log, clock)


def lines(log: io.StringIO) -> list[str]:
    return log.getvalue().splitlines()


def test_each_step_says_what_is_left_and_then_how_long_it_took(teller, log, clock):
    def step() -> str:
        clock.now += 2
        return "found"

    assert teller.through({"first": step, "second": step}) == {"first": "found", "second": "found"}
    assert lines(log) == [
        "[   0.0 s] first ... after it: second",
        "[   2.0 s] first: 2.0 s",
        "[   2.0 s] second ...",
        "[   4.0 s] second: 2.0 s",
    ]
    assert [(phase.begun, phase.ended) for phase in teller.phases] == [(0.0, 2.0), (2.0, 4.0)]


def test_a_phase_that_fails_is_not_told_as_done(teller, log):
    with pytest.raises(ZeroDivisionError), teller.phase("work"):
        raise ZeroDivisionError

    assert lines(log) == ["[   0.0 s] work ..."]
    assert teller.phases == []


def test_what_is_under_way_is_told_again_after_a_silence_and_not_before(teller, log, clock):
    with teller.phase("night"), teller.phase("training"):
        told = len(lines(log))
        clock.now = QUIET - 0.1
        teller.remind()
        assert len(lines(log)) == told

        clock.now = QUIET
        teller.remind()
        teller.remind()
        assert lines(log)[told:] == ["[  10.0 s] night: 10 s so far, training: 10 s so far"]


def test_a_log_has_a_count_now_and_then_with_what_is_left(teller, log, clock):
    with teller.watched("rows"):
        for done in range(1, 13):
            clock.now += 1
            teller.far("rows", done * 1_000, 12_000)

    assert lines(log) == [
        "[   5.0 s] 5,000 of 12,000 rows",
        "[  10.0 s] 10,000 of 12,000 rows, some 2 s left",
    ]
    assert clock.now - 10 < OFTEN


def test_a_person_sees_every_count_in_one_line(clock):
    terminal = Terminal()
    teller = Teller(terminal, clock)
    teller.count("1 of 2")
    teller.count("2 of 2")
    teller.say("done")

    assert terminal.getvalue() == "\r\x1b[K[   0.0 s] 1 of 2\r\x1b[K[   0.0 s] 2 of 2\n[   0.0 s] done\n"
