"""A run of measurements ends with what it missed, and fails for what is wrong, not for what is slow."""

from __future__ import annotations

import sys

import pytest

from bench import __main__ as run


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """`make bench` of one part that measures these figures, in folders of its own."""
    monkeypatch.setattr(sys, "argv", ["bench"])
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(run, "PAGE", tmp_path / "page.md")

    def measure(**figures):
        monkeypatch.setattr(run, "PARTS", {"doors": lambda asked: figures})
        run.main()

    return measure


def test_a_run_that_misses_a_target_of_speed_lists_it_last_and_does_not_fail(measured, capsys):
    measured(api_p99_ms=346.0, zip_mb=6.0, missing=0)

    assert capsys.readouterr().out.splitlines()[-2:] == [
        "missed: doors: api_p99_ms is 346, not <= 50",
        "missed: doors: zip_mb is 6, not <= 5",
    ]
    assert "**346**" in run.PAGE.read_text()


def test_a_run_in_which_a_payment_is_missing_fails_after_it_has_listed_all(measured, capsys):
    with pytest.raises(SystemExit, match="doors: missing is 1"):
        measured(api_p99_ms=346.0, missing=1)

    assert capsys.readouterr().out.splitlines()[-2:] == [
        "missed: doors: api_p99_ms is 346, not <= 50",
        "missed: doors: missing is 1, not 0",
    ]


def test_a_run_that_misses_nothing_says_so(measured, capsys):
    measured(api_p99_ms=46.0, missing=0)

    assert capsys.readouterr().out.splitlines()[-1] == "no target was missed"


def test_the_long_load_comes_last_and_only_when_it_is_asked_for():
    short, long = run.parts(None, False), run.parts(None, True)

    assert "doors" in short
    assert "doors-long" not in short
    assert long == [*short, "doors-long"]
    assert run.parts(["doors"], True) == ["doors", "doors-long"]
    assert run.parts(["lake"], True) == ["lake"]
    assert run.parts(["doors"], False) == ["doors"]
