"""Cut-offs solved from profit, or from the bad rate that is borne."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lending.deciding import Decided, WrongRun
from lending.policy import InvalidPolicy
from tools.lending.cutoffs import Wanted, solve, told

POLICY = SimpleNamespace(lgd=0.4)


def loan(number: int, p: float | None, rules: tuple[str, ...] = (), exposure: float | None = 1000.0) -> Decided:
    found = dict.fromkeys(Decided.__dataclass_fields__)
    return Decided(**{**found, "loan_id": f"l{number}", "default_prob": p, "rules": rules, "exposure": exposure})


def portfolio(n: int = 4000, truth=lambda p: p, seed: int = 1) -> tuple[list[Decided], dict[str, int]]:
    """Loans of even probabilities, which default as `truth` says."""
    draw = np.random.default_rng(seed)
    p = draw.random(n)
    bad = draw.random(n) < truth(p)
    return [loan(k, float(p[k])) for k in range(n)], {f"l{k}": int(bad[k]) for k in range(n)}


def test_the_cut_off_is_where_a_loan_earns_nothing():
    decided, outcomes = portfolio()

    found = solve(POLICY, decided, outcomes, Wanted(0.1, None))

    assert found.decline_from == pytest.approx(0.1 / 0.5)


@pytest.mark.parametrize("seed", range(5))
def test_calibrated_probabilities_agree_with_what_would_have_earned_most(seed):
    decided, outcomes = portfolio(seed=seed)
    wanted = Wanted(0.1, None)

    found = solve(POLICY, decided, outcomes, wanted)

    assert found.best_low <= found.decline_from <= found.best_high
    assert found.profit <= found.profit_at_best
    assert not any("disagree" in line for line in told(found, wanted))


def test_probabilities_that_are_too_low_are_told():
    decided, outcomes = portfolio(truth=lambda p: np.minimum(1, 3 * p))
    wanted = Wanted(0.1, None)

    found = solve(POLICY, decided, outcomes, wanted)

    assert found.best_high < found.decline_from
    assert any("disagree beyond chance" in line for line in told(found, wanted))


def test_the_best_cut_off_is_the_one_that_a_look_at_each_finds():
    decided, outcomes = portfolio(300)
    gain = lambda cut: sum(  # noqa: E731
        (-0.4 if outcomes[one.loan_id] else 0.1) * 1000 for one in decided if one.default_prob < cut
    )

    found = solve(POLICY, decided, outcomes, Wanted(0.1, None))

    every = [*(one.default_prob for one in decided), 1.0]
    assert found.profit_at_best == pytest.approx(max(map(gain, every)))


def test_the_bad_rate_stays_surely_within_the_appetite():
    decided, outcomes = portfolio()

    found = solve(POLICY, decided, outcomes, Wanted(None, 0.1))

    approved = [one for one in decided if one.default_prob < found.decline_from]
    assert sum(outcomes[one.loan_id] for one in approved) / len(approved) == pytest.approx(found.bad_rate)
    assert found.bad_rate < found.bad_rate_high <= 0.1
    assert found.decline_from == pytest.approx(0.2, abs=0.05)  # half of the cut-off, where rates are even


def test_an_appetite_that_no_cut_off_keeps_is_refused():
    decided, outcomes = portfolio(truth=lambda p: np.full(len(p), 0.5))

    with pytest.raises(WrongRun, match=r"no cut-off keeps the bad rate surely at or below 1\.0%"):
        solve(POLICY, decided, outcomes, Wanted(None, 0.01))


def test_people_get_the_share_just_below_the_cut_off():
    decided, outcomes = portfolio()

    found = solve(POLICY, decided, outcomes, Wanted(0.1, None, refer=0.05))

    looked_at = [one for one in decided if found.refer_from <= one.default_prob < found.decline_from]
    assert len(looked_at) == 200


def test_loans_of_one_probability_go_to_people_together_or_not_at_all():
    decided = [loan(n, 0.1) for n in range(900)] + [loan(1000 + n, 0.15) for n in range(40)]
    outcomes = {one.loan_id: int(one.loan_id in ("l1", "l2")) for one in decided}

    found = solve(POLICY, decided, outcomes, Wanted(0.1, None, refer=0.05))

    assert (found.refer_from, found.referred) == (0.15, 40 / 940)


def test_a_loan_without_an_exposure_has_no_profit_and_is_no_good_loan():
    decided, outcomes = portfolio(200)
    decided[7] = loan(7, 0.1, exposure=None)

    with pytest.raises(WrongRun, match="1 of 200 loans with an outcome have no exposure"):
        solve(POLICY, decided, outcomes, Wanted(0.1, None))


def test_loans_that_a_rule_decides_and_loans_without_a_probability_move_no_cut_off():
    decided, outcomes = portfolio(500)
    more = [loan(10_000 + n, 0.01, rules=("war",)) for n in range(500)] + [loan(20_000, None)]
    told_of = outcomes | {one.loan_id: 1 for one in more}

    assert solve(POLICY, decided + more, told_of, Wanted(0.1, None)) == solve(
        POLICY, decided, outcomes, Wanted(0.1, None)
    )


def test_a_portfolio_in_which_nothing_is_worth_approving_has_its_best_below_all():
    decided, outcomes = portfolio(300, truth=lambda p: np.ones(len(p)))

    found = solve(POLICY, decided, outcomes, Wanted(0.1, None))

    assert found.profit_at_best == 0
    assert found.best_on_outcomes == min(one.default_prob for one in decided)


def test_too_few_outcomes_are_refused():
    decided, outcomes = portfolio(99)

    with pytest.raises(WrongRun, match="at least 100 loans with a probability and an outcome, got 99"):
        solve(POLICY, decided, outcomes, Wanted(0.1, None))


@pytest.mark.parametrize(
    ("margin", "appetite", "refer", "said"),
    [
        ("0.1", "0.1", "", "one of them"),
        ("", "", "0.1", "one of them"),
        ("8%", "", "", "MARGIN to be a share above 0 and below 1"),
        ("nan", "", "", "MARGIN"),
        ("", "1", "", "APPETITE"),
        ("0.1", "", "-1", "REFER"),
    ],
)
def test_what_is_no_share_is_refused_in_words(margin, appetite, refer, said):
    with pytest.raises(InvalidPolicy, match=said):
        Wanted.parse(margin, appetite, refer)


def test_nothing_asked_for_is_nothing_solved():
    assert Wanted.parse("", "", "") is None
