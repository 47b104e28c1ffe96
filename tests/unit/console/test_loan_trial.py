"""One loan, explained and tried with other cells."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from console import source
from console.loan_trial import in_words, tried, ways_in_words, with_cells
from lending.changes import Change
from lending.opened import Opened
from tests.unit.tools.test_lending import BAD, ENCODING, GOOD, archive, decide, kept, model, policy

__all__ = ["archive", "kept", "model"]  # fixtures


def test_a_trial_says_what_a_run_decides_of_the_same_loan(model):
    for loan in (GOOD, BAD):
        (decided,) = decide(model, policy(), [replace(loan, kept=None)])
        trial = tried(Opened(model), policy(), loan)

        assert trial.decision == decided.decision
        assert (trial.default_prob, trial.points, trial.band) == (decided.default_prob, decided.points, decided.band)
        assert tuple(trial.rules) == decided.rules


def test_contributions_of_two_loans_differ_by_what_their_log_odds_differ(model):
    low, high = (tried(Opened(model), policy(), loan) for loan in (GOOD, BAD))

    log_odds = [np.log(one.default_prob / (1 - one.default_prob)) for one in (low, high)]
    added = [sum(value for _, value in one.contributions) for one in (low, high)]
    assert added[1] - added[0] == pytest.approx(log_odds[1] - log_odds[0], abs=1e-4)
    sizes = [abs(value) for _, value in high.contributions]
    assert sizes == sorted(sizes, reverse=True)


def test_other_cells_are_written_as_the_model_reads_them(model):
    changed = with_cells(Opened(model), replace(BAD, unread=("income",)), {"income": 120.0, "amount": None})

    cells = dict(zip(ENCODING.names, changed.cells, strict=True))
    assert (cells["income"], cells["amount"]) == ("120.0", "")
    assert changed.unread == (), "what is tried is read"
    others = {name for name in ENCODING.names if name not in ("income", "amount")}
    assert {n: cells[n] for n in others} == {
        n: c for n, c in zip(ENCODING.names, BAD.cells, strict=True) if n in others
    }


def test_a_cell_that_could_not_be_read_sends_a_loan_to_a_person_until_another_is_tried(model):
    unread = replace(GOOD, unread=("income",))

    assert tried(Opened(model), policy(), unread).decision == "REFER"
    assert tried(Opened(model), policy(), with_cells(Opened(model), unread, {"income": 100.0})).decision == "APPROVE"


def test_ways_to_a_yes_are_told_in_words_and_are_none_without_moves(model):
    moving = policy(moves=[{"column": "income", "highest": 200, "step": 10}])
    poor = replace(BAD, cells=("10", "50", "0", "0", "0", "house"))

    assert [way.split(" to ")[0] for way in ways_in_words(Opened(model), moving, poor)] == ["income from 10"]
    assert ways_in_words(Opened(model), policy(), poor) == []
    assert in_words((Change("amount", 50.0, 45.0), Change("income", 10.0, 20.5))) == (
        "amount from 50 to 45 and income from 10 to 20.5"
    )


@pytest.fixture
def fetched(kept, monkeypatch) -> Iterator[list[Path]]:
    """Folders that runs were fetched into: each time another run is the newest of the month."""
    folders: list[Path] = []

    def fetch(clients, prefix, lake, month, folder) -> str:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        folders.append(folder)
        return f"run-{len(folders)}"

    monkeypatch.setattr(source, "fetch", fetch)
    here = SimpleNamespace(client=lambda name: name, prefix="risk-test", lake="lake")
    monkeypatch.setattr(source, "platform", lambda: here)
    source.loan_run.clear()
    yield folders
    source.loan_run.clear()


def test_a_run_is_fetched_once_with_its_model_and_loans_by_name_and_leaves_no_file(fetched):
    run = source.loan_run("2025-02", "run-1")

    assert source.loan_run("2025-02", "run-1").name == run.name == "run-1"
    assert set(run.loans) == {GOOD.loan_id, BAD.loan_id}
    assert [folder for folder in fetched if folder.exists()] == []
    trial = tried(run.model, policy(), run.loans[GOOD.loan_id])
    assert trial.default_prob == run.loans[GOOD.loan_id].kept


def test_a_loan_that_a_newer_run_decided_is_looked_for_in_that_run(fetched):
    assert source.loan_run("2025-02", "run-1").name == "run-1"
    assert source.loan_run("2025-02", "run-2").name == "run-2"


class Interrupted(Opened):
    """Somebody else asks about other rows right after the rows of the first question were remembered."""

    between: list | None = None

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "_last" and value is not None and self.between is not None:
            rows, self.between = self.between, None
            self.said(rows)


def test_a_loan_that_is_asked_about_while_another_is_has_its_own_probability(model):
    shared = Interrupted(model)
    shared.between = [BAD.cells]

    assert shared.said([GOOD.cells]) == Opened(model).said([GOOD.cells])
    assert shared.between is None
