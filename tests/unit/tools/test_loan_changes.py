"""What would have to change for a yes: only what is declared, and only what the decision itself then is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.model import Model
from lending.changes import MOST_TOLD, ways
from lending.deciding import Loan
from lending.opened import Opened
from lending.policy import InvalidPolicy, Policy
from tests.unit.tools.test_lending import BAD, DOCUMENT, ENCODING, GOOD, archive, decide, kept, model, policy
from tools.lending import __main__ as command

__all__ = ["archive", "kept", "model"]  # fixtures
AMOUNT = {"column": "amount", "lowest": 0, "step": 5}
INCOME = {"column": "income", "highest": 200, "step": 10}
DELAY = {"column": "pay_0", "lowest": 0, "step": 1}


def with_cells(loan: Loan, **cells: float) -> Loan:
    found = list(loan.cells)
    for name, value in cells.items():
        found[ENCODING.names.index(name)] = repr(float(value))
    return replace(loan, cells=tuple(found))


def approves(model: Model, moving: Policy, loan: Loan) -> bool:
    return decide(model, moving, [loan])[0].decision == "APPROVE"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    income=st.integers(0, 200),
    amount=st.integers(0, 100),
    delay=st.integers(0, 10),
    tier=st.integers(0, 9),
    house=st.booleans(),
)
def test_every_change_that_is_told_is_approved_within_what_is_declared_and_none_nearer_is(
    model, income, amount, delay, tier, house
):
    moving = policy(moves=[AMOUNT, INCOME])
    loan = Loan("c", "l", (str(income), str(amount), str(delay), "0", str(tier), "house" if house else "car"))
    found = ways(Opened(model), moving, loan)

    assert len(found) <= MOST_TOLD
    if approves(model, moving, loan):
        assert found == []
    for way in found:
        assert approves(model, moving, with_cells(loan, **{change.column: change.to for change in way}))
        for change in way:
            assert change.was == float(loan.cells[ENCODING.names.index(change.column)])
            assert (0 <= change.to < change.was) if change.column == "amount" else change.was < change.to <= 200
    alone = [way[0] for way in found if len(way) == 1]
    for change in alone:
        step = -5 if change.column == "amount" else 10
        steps = round((change.to - change.was) / step)
        for nearer in (change.was + n * step for n in range(1, steps)):
            assert not approves(model, moving, with_cells(loan, **{change.column: nearer}))


def test_two_columns_move_where_none_leads_there_alone(model):
    loan = Loan("c", "l", ("10", "50", "0", "0", "0", "house"))
    far = policy(moves=[AMOUNT, INCOME])
    near = policy(moves=[{**AMOUNT, "lowest": 20}, {**INCOME, "highest": 80}], refer_from=0.16)

    assert {len(way) for way in ways(Opened(model), far, loan)} == {1}
    assert {len(way) for way in ways(Opened(model), near, loan)} == {2}


def test_a_loan_that_a_rule_declines_is_told_no_change_of_what_the_rule_does_not_look_at(model):
    war = replace(GOOD, cells=(*GOOD.cells[:-1], "war"))

    assert ways(Opened(model), policy(moves=[AMOUNT, INCOME]), war) == []


def test_a_loan_with_a_cell_that_could_not_be_read_is_told_nothing(model):
    loan = replace(BAD, unread=("income",))

    assert ways(Opened(model), policy(moves=[AMOUNT, INCOME]), loan) == []


def test_a_move_of_a_column_that_no_run_keeps_moves_nothing(model):
    moving = policy(moves=[{"column": "savings", "highest": 9, "step": 1}])

    assert ways(Opened(model), moving, BAD) == []
    assert len(decide(model, moving, [BAD])) == 1


@pytest.mark.parametrize(
    ("move", "told"),
    [
        ({"column": "amount", "step": 1}, "expected each to have column, step, and highest"),
        ({**AMOUNT, "highest": 9}, "expected each to have column, step, and highest"),
        ({**AMOUNT, "step": 0}, "move of amount, step: expected a number above 0"),
        ({**AMOUNT, "lowest": "low"}, "move of amount, lowest: expected a number"),
        ({**AMOUNT, "column": "age"}, "age is protected"),
    ],
)
def test_a_move_that_is_none_is_refused(move, told):
    with pytest.raises(InvalidPolicy, match=told):
        policy(moves=[move])


def test_a_category_and_a_column_that_is_declared_protected_cannot_move(model):
    with pytest.raises(InvalidPolicy, match="expected columns of numbers, and purpose is a category"):
        decide(model, policy(moves=[{**AMOUNT, "column": "purpose"}]), [GOOD])
    with pytest.raises(InvalidPolicy, match="tier is declared protected"):
        decide(model, policy(moves=[{**AMOUNT, "column": "tier"}]), [GOOD])


def test_the_command_tells_of_one_loan_and_of_a_whole_run(kept: Path, tmp_path, capsys):
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({**DOCUMENT, "moves": [AMOUNT, INCOME], "decline_from": 0.9}))
    command.main("decide", "", str(kept), str(file), "")
    capsys.readouterr()

    command.main("changes", "", str(kept), "", "l2")
    one = capsys.readouterr().out
    command.main("changes", "", str(kept), "", "l1")
    other = capsys.readouterr().out
    command.main("changes", "", str(kept), "", "")
    run = capsys.readouterr().out

    assert "would be approved with" in one or "no move that the policy declares leads to a yes" in one
    assert other == "APPROVE; nothing has to change\n"
    assert "1 of 2 loans were not approved" in run


def test_a_policy_without_moves_says_what_to_declare(kept: Path, tmp_path):
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(DOCUMENT))
    command.main("decide", "", str(kept), str(file), "")

    with pytest.raises(SystemExit, match="changes: moves: expected the columns that an applicant could change"):
        command.main("changes", "", str(kept), "", "l2")
