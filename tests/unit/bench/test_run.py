"""A run of measurements says what it does, ends with what it missed, and then fails."""

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


def test_a_run_that_misses_a_target_lists_it_last_and_fails(measured, capsys):
    with pytest.raises(SystemExit) as ended:
        measured(api_p99_ratio=3.46, zip_mb=6.0, missing=1)

    assert ended.value.code == 1
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "missed: doors: api_p99_ratio is 3.46, not <= 1.5",
        "missed: doors: zip_mb is 6, not <= 5",
        "missed: doors: missing is 1, not 0",
    ]
    assert "**3.46**" in run.PAGE.read_text()


def test_a_run_that_misses_nothing_says_so_and_what_it_measures_before_it_does(measured, capsys):
    with pytest.raises(SystemExit) as ended:
        measured(api_p99_ratio=1.2, missing=0)

    said = capsys.readouterr().out.splitlines()
    assert ended.value.code == 0
    assert said[0].endswith("doors ...")
    assert "minutes" in said[-2]
    assert said[-1] == "no target was missed"


def test_each_part_says_which_come_after_it(measured, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "--only", "doors", "--only", "doors"])
    with pytest.raises(SystemExit):
        measured(missing=0)

    assert capsys.readouterr().out.splitlines()[0].endswith("doors ... after it: doors")


def test_the_long_load_comes_last_and_only_when_it_is_asked_for():
    short, long = run.parts(None, False), run.parts(None, True)

    assert "doors" in short
    assert "doors-long" not in short
    assert long == [*short, "doors-long"]
    assert run.parts(["doors"], True) == ["doors", "doors-long"]
    assert run.parts(["lake"], True) == ["lake"]
    assert run.parts(["doors"], False) == ["doors"]
