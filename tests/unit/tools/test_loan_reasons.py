"""What is a reason at all, and how far a run's reasons can be relied on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.model import Model
from lending.deciding import MATERIAL, MOST_REASONS, Weight, principal
from lending.opened import Opened
from lending.policy import Reason
from lending.reliance import MOST_UNSTABLE, noisy, reliance, spread
from tests.unit.tools.test_lending import BAD, DOCUMENT, ENCODING, GOOD, archive, decide, kept, model, policy
from tools.lending import __main__ as command

__all__ = ["archive", "kept", "model"]  # fixtures
USUAL = 100.0  # income at which the line adds nothing
SLOPE = 0.02  # log-odds of one unit of income


@given(st.lists(st.floats(1e-6, 5), max_size=9))
def test_principal_reasons_are_the_strongest_that_are_material_or_the_one_there_is(raised):
    weights = [Weight(r, Reason(str(n), ("*",), "s"), (n,)) for n, r in enumerate(sorted(raised, reverse=True))]
    found = principal(weights)

    assert found == weights[: len(found)]
    assert len(found) <= MOST_REASONS
    assert all(w.raised >= MATERIAL for w in found) or found == weights[:1]
    assert bool(found) == bool(weights)
    if len(found) < min(MOST_REASONS, len(weights)):
        assert weights[len(found)].raised < MATERIAL


@pytest.mark.parametrize(("below", "is_told"), [(0.5 * MATERIAL / SLOPE, False), (2 * MATERIAL / SLOPE, True)])
def test_what_hardly_raised_the_score_is_no_reason(model, below, is_told):
    (found,) = decide(model, policy(), [replace(BAD, cells=(str(USUAL - below), *BAD.cells[1:]))])

    assert ("income" in found.reasons) == is_told
    assert found.reasons[:2] == ("delay", "amount")


def test_what_would_hardly_help_at_its_usual_value_is_no_reason_however_much_it_added(archive, tmp_path):
    """The usual income is just above the loan's: it adds 1.8, and all but a little of that would stay."""
    folder = tmp_path / "near"
    folder.mkdir()
    for path in archive.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    document = json.loads((folder / "baseline.json").read_text())
    document["columns"]["income"]["edges"] = [10 + 0.5 * MATERIAL / SLOPE + n / 1e6 for n in range(9)]
    (folder / "baseline.json").write_text(json.dumps(document))
    (found,) = decide(Model(folder), policy(), [BAD])

    assert found.reasons == ("delay", "amount", "purpose")


def test_without_what_is_told_the_score_falls_by_as_much_as_was_told(model):
    found = reliance(Opened(model), policy(), [GOOD, BAD, replace(BAD, loan_id="l3")])

    assert found["loans"] == 2
    assert found["coverage"] == {"with_a_reason": 1.0, "reasons_on_average": 4.0, "borne_at_the_median": 1.0}
    assert found["fidelity"]["share_of_the_way_at_the_median"] == pytest.approx(1.0)


def test_a_reason_that_four_others_leave_no_room_for_is_missing_in_coverage_and_fidelity(model):
    """Of five concepts four are told; the fifth, the purpose, goes on raising the score."""
    parted = [
        {"code": "last", "columns": ["pay_0"], "sentence": "a"},
        {"code": "before", "columns": ["pay_2"], "sentence": "b"},
        *DOCUMENT["reasons"][:2],
        *DOCUMENT["reasons"][3:],
    ]
    found = reliance(Opened(model), policy(reasons=parted), [BAD])

    assert found["coverage"]["reasons_on_average"] == 4.0
    # Contributions 1.8, .8, .8, .7, and .2 that is not told; usual values are another thing than the average.
    assert found["coverage"]["borne_at_the_median"] == pytest.approx(4.1 / 4.3, abs=0.02)
    assert 0.9 < found["fidelity"]["share_of_the_way_at_the_median"] < 1.0


def test_a_run_of_which_every_loan_is_approved_has_no_figures(model):
    assert reliance(Opened(model), policy(), [GOOD]) == {
        "loans": 0,
        "coverage": None,
        "fidelity": None,
        "stability": None,
    }


def test_reasons_near_an_edge_change_with_noise_and_others_do_not(model):
    far = [replace(BAD, loan_id=f"f{n}", cells=(str(10 + n), *BAD.cells[1:])) for n in range(20)]
    edge = USUAL - MATERIAL / SLOPE
    near = [replace(BAD, loan_id=f"n{n}", cells=(repr(edge + n / 1e6), *BAD.cells[1:])) for n in range(20)]

    assert reliance(Opened(model), policy(), far)["stability"]["of_the_value"]["changed"] == 0
    unstable = reliance(Opened(model), policy(), near)["stability"]["of_the_value"]
    assert unstable["changed"] > MOST_UNSTABLE
    assert unstable["low"] <= unstable["changed"] <= unstable["high"]


def test_noise_leaves_whole_numbers_whole_categories_alone_and_missing_cells_missing():
    rows = [
        ("100.5", "10", "", "0", "1", "car"),
        ("", "30", "4000", "0", "1", "house"),
        ("50.25", "20", "0", "0", "1", "car"),
    ]
    moved = noisy(ENCODING, rows, spread(ENCODING, rows), np.random.default_rng(1))

    assert [row[5] for row in moved] == ["car", "house", "car"]
    assert moved[0][2] == moved[1][0] == ""
    assert all(float(row[1]).is_integer() and float(row[3]) == 0 for row in moved)
    assert moved[0][0] != "100.5"
    assert abs(float(moved[0][0]) - 100.5) < 0.01 * 50.25 * 6
    assert moved[1][2] != "4000"


def test_the_command_prints_the_figures_and_keeps_them_beside_the_run(kept: Path, tmp_path, capsys):
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(DOCUMENT))
    command.main("decide", "", str(kept), str(file), "")
    capsys.readouterr()
    command.main("reasons", "", str(kept), "")
    said = capsys.readouterr().out
    (written,) = kept.glob("reasons-*.json")

    assert json.loads(written.read_text())["loans"] == 1
    for words in ("1 loans", "coverage: 100.0%", "fidelity:", "held: at most 2% by the spread", written.name):
        assert words in said
