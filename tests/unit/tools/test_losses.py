"""Expected losses over time come from what happened by month on book, and from no more than that."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace

import pytest

from lending.deciding import Decided, WrongRun
from lending.losses import Apart, Seen, apart, frauds_in, losses, meant_by, seen_of, stage_of, term_structure
from lending.policy import Increase, InvalidPolicy
from tests.unit.tools import test_lending as lending
from tools.lending.kept import Kept

ONE = Decided("c", "l", 0.19, 600, "A", "APPROVE", None, 1000.0, (), (), (), "v", "s", "m", "f", "h")
# 1,000 loans of two years: in each month one in a hundred of those that are left goes into default.
LEFT = [round(1000 * 0.99**month) for month in range(25)]
SEEN = [
    Seen(f"l{n}", month, 120 if n >= LEFT[month] else 0)
    for n in range(1000)
    for month in range(25)
    if month == 0 or n < LEFT[month - 1]
]


def test_the_hazard_of_a_month_is_the_share_of_those_at_risk_and_survival_is_what_is_left():
    months = term_structure(SEEN)

    assert [m.month for m in months] == list(range(1, 25))
    assert (months[0].at_risk, months[0].defaults) == (1000, 1000 - LEFT[1])
    assert all(m.survival == pytest.approx(LEFT[m.month] / 1000) for m in months)


def test_a_loan_that_is_seen_late_or_no_longer_counts_only_while_it_is_seen():
    late = [Seen(f"late{n}", month, 0) for n in range(50) for month in range(6, 10)]
    months = term_structure([*SEEN, *late])

    assert [m.at_risk - LEFT[m.month - 1] for m in months][4:11] == [0, 0, 50, 50, 50, 0, 0]


def test_a_loans_curve_meets_the_models_probability_at_its_horizon_and_goes_on_as_all_did():
    _, (found,) = losses([ONE], {"l": 24}, SEEN, lgd=0.5)
    months, (flat,) = losses([replace(ONE, default_prob=1 - LEFT[12] / 1000)], {"l": 24}, SEEN, lgd=0.5)

    assert found.pd_12m == pytest.approx(0.19)
    assert flat.pd_lifetime == pytest.approx(1 - months[23].survival)
    by_hand = sum((LEFT[t - 1] - LEFT[t]) / 1000 * 1000 * (1 - (t - 1) / 24) * 0.5 for t in range(1, 25))
    assert flat.loss_lifetime == pytest.approx(by_hand)
    assert flat.loss_12m < flat.loss_lifetime
    _, (discounted,) = losses([replace(ONE, default_prob=0.1)], {"l": 24}, SEEN, lgd=0.5, rate=0.1)
    _, (plain,) = losses([replace(ONE, default_prob=0.1)], {"l": 24}, SEEN, lgd=0.5)
    assert plain.loss_12m / 1.1 < discounted.loss_12m < plain.loss_12m


def test_what_the_performance_does_not_reach_is_not_told():
    _, (long,) = losses([ONE], {"l": 60}, SEEN, lgd=0.5)
    _, (open_ended,) = losses([ONE], {}, SEEN, lgd=0.5)

    assert (long.pd_lifetime, long.loss_lifetime) == (None, None)
    assert long.pd_12m == open_ended.pd_12m == pytest.approx(0.19)
    with pytest.raises(WrongRun, match="no term structure: 11 months on book have 100 loans at risk"):
        term_structure([one for one in SEEN if one.month < 12])
    with pytest.raises(WrongRun, match="with 0 defaults in them"):
        term_structure([Seen(f"l{n}", month, 0) for n in range(200) for month in range(25)])
    with pytest.raises(WrongRun, match="horizon is 36 months, the performance reaches 24"):
        losses([ONE], {}, SEEN, lgd=0.5, horizon=36)


@pytest.mark.parametrize(
    ("last", "stage"),
    [(None, 1), (Seen("l", 3, 29), 1), (Seen("l", 3, 30), 2), (Seen("l", 3, 90), 3), (Seen("l", 3, 0, True), 3)],
)
def test_a_stage_is_told_by_how_a_loan_was_seen_last(last, stage):
    assert stage_of(last)[0] == stage


@pytest.mark.parametrize(
    ("increase", "then", "now", "stage"),
    [
        (Increase(ratio=2), 0.19, 0.38, 2),
        (Increase(ratio=2), 0.19, 0.37, 1),
        (Increase(ratio=3), 0.1, 0.3, 2),  # on the border, which doubles miss by a hair
        (Increase(increase=0.01), 0.02, 0.03, 2),
        (Increase(increase=0.1), 0.19, 0.3, 2),
        (Increase(ratio=3, increase=0.01), 0.001, 0.004, 1),  # four times as much, and hardly more
        (Increase(ratio=3, increase=0.01), 0.01, 0.04, 2),
        (Increase(ratio=2), 0.0, 0.0, 1),  # nothing has risen
        (Increase(ratio=2), 0.19, None, 1),  # nobody has scored it again
        (None, 0.01, 0.9, 1),  # the policy calls nothing significant
    ],
)
def test_a_probability_that_has_risen_as_the_policy_says_makes_stage_2_and_its_loss_the_lifetimes(
    increase, then, now, stage
):
    again = {} if now is None else {"l": now}
    _, (found,) = losses([replace(ONE, default_prob=then)], {"l": 24}, SEEN, 0.5, increase=increase, again=again)
    assert (found.stage, found.because, found.pd_now) == (stage, "probability" if stage == 2 else "", now)
    if then:
        assert found.expected_credit_loss == (found.loss_lifetime if stage == 2 else found.loss_12m)


def test_days_past_due_make_stage_2_and_3_whatever_the_probability_is_now():
    for days, stage, because in ((45, 2, "days past due"), (95, 3, "default")):
        for now in (0.01, 0.9):
            rows = [*SEEN, Seen("l", 1, days)]
            _, (found,) = losses([ONE], {"l": 24}, rows, 0.5, increase=Increase(ratio=2), again={"l": now})
            assert (found.stage, found.because) == (stage, because)


def test_a_loan_in_default_loses_what_is_lost_and_one_that_is_late_its_lifetimes_loss():
    rows = [*SEEN, Seen("l", 1, 45)]
    _, (late,) = losses([ONE], {"l": 24}, rows, lgd=0.5)
    _, (gone,) = losses([ONE], {"l": 24}, [*rows, Seen("l", 2, 95)], lgd=0.5)

    assert (late.stage, late.expected_credit_loss) == (2, late.loss_lifetime)
    assert (gone.stage, gone.expected_credit_loss) == (3, 500.0)


def test_what_was_written_off_once_stays_in_default_and_unknown_days_are_those_that_were_last_known():
    paid = [Seen("l", 1, 0), Seen("l", 2, 0, True), Seen("l", 3, 0)]
    silent = [Seen("l", 3, None), Seen("l", 1, 0), Seen("l", 2, 95)]
    cured = [Seen("l", 1, 95), Seen("l", 2, 0)]

    for rows, stage in ((paid, 3), (silent, 3), (cured, 1)):
        _, (found,) = losses([ONE], {"l": 24}, [*SEEN, *rows], lgd=0.5)
        assert found.stage == stage


def test_a_loan_in_default_loses_what_is_lost_without_a_probability_too():
    rows = [*SEEN, Seen("l", 2, 95)]
    _, (found,) = losses([replace(ONE, default_prob=None)], {"l": 24}, rows, lgd=0.5)

    assert (found.stage, found.pd_12m, found.expected_credit_loss) == (3, None, 500.0)
    _, (healthy,) = losses([replace(ONE, default_prob=None)], {"l": 24}, SEEN, lgd=0.5)
    assert healthy.expected_credit_loss is None


def test_a_loan_first_seen_in_default_is_none_of_that_month_and_one_of_the_first_days_is_of_the_first():
    late = [Seen(f"late{n}", month, 120) for n in range(50) for month in (6, 7)]
    assert term_structure([*SEEN, *late]) == term_structure(SEEN)

    months, at_once = term_structure(SEEN), term_structure([*SEEN, *(Seen(f"fraud{n}", 0, 120) for n in range(50))])
    assert at_once[0].at_risk == months[0].at_risk + 50
    assert at_once[0].defaults == months[0].defaults + 50
    assert at_once[1].at_risk == months[1].at_risk


def test_a_loan_of_a_fraud_is_apart_in_no_stage_no_credit_loss_and_no_hazard():
    run = [ONE, replace(ONE, loan_id="f"), replace(ONE, loan_id="g", exposure=None)]
    rows = [*SEEN, *(Seen(name, 1, 120) for name in ("f", "g"))]
    months, found = losses(run, {}, rows, lgd=0.5, frauds={"f", "g"})

    assert [one.loan_id for one in found] == ["l"]
    assert months == term_structure(SEEN)
    assert apart(run, {"f", "g", "of another run"}) == [Apart("f", 1000.0), Apart("g", None)]


def test_a_fraud_is_one_by_the_latest_decision_whatever_order_lines_are_in():
    lines = [
        "loan_id,decided_at,decision\n",
        "f,2025-03-01T00:00:00+00:00,Fraud\n",
        "f,2025-01-01,approved\n",
        "cleared,2025-01-01,fraud\n",
        "cleared,2025-01-02T00:00:00Z,approved\n",
    ]
    assert frauds_in(lines) == {"f"}
    with pytest.raises(WrongRun, match="decisions: expected columns loan_id, decided_at, decision, got loan_id"):
        frauds_in(["loan_id\n", "f\n"])
    for line in ("f,soon,fraud\n", "f,2025-01-01\n", ",2025-01-01,fraud\n"):
        with pytest.raises(WrongRun, match="decisions, line 2: expected"):
            frauds_in([lines[0], line])


def test_lines_that_are_none_are_refused_by_their_number():
    with pytest.raises(WrongRun, match="expected columns loan_id, month_on_book"):
        seen_of(["loan_id,month\n", "l,1\n"])
    with pytest.raises(WrongRun, match="line 2: expected whole numbers"):
        seen_of(["loan_id,month_on_book,days_past_due\n", "l,one,0\n"])
    assert seen_of(["loan_id,month_on_book,days_past_due,charged_off\n", "l,1,,2.5\n"]) == [Seen("l", 1, None, True)]


@pytest.mark.parametrize(
    ("manifest", "meant"),
    [
        ({}, (90, 12)),
        ({"default": {"days_past_due": 60, "months": 24}}, (60, 24)),
        ({"default": {"months": 6}}, (90, 6)),
    ],
)
def test_a_default_is_what_the_archive_was_trained_by(manifest, meant):
    assert meant_by(manifest) == meant


@pytest.mark.parametrize("told", [None, "90", {"months": 0}, {"days_past_due": True}])
def test_a_definition_that_is_none_is_refused(told):
    with pytest.raises(WrongRun, match="the manifest's default: expected"):
        meant_by({"default": told})


archive, kept = lending.archive, lending.kept


def test_the_command_writes_a_line_for_each_loan_beside_the_run(kept, tmp_path, capsys):
    lending.command.main("decide", "", str(kept), lending.policy_file(tmp_path), "")
    lines = [f"{one.loan_id},{one.month},{one.days_past_due}\n" for one in SEEN]
    (tmp_path / "performance.csv").write_text("loan_id,month_on_book,days_past_due\n" + "".join(lines))
    lending.command.main("losses", "", str(kept), "", str(tmp_path / "performance.csv"), "", "0.05")
    (table,), (structure,) = kept.glob("losses-*.csv"), kept.glob("term-structure-*.csv")

    with table.open() as file:
        assert [row["loan_id"] for row in csv.DictReader(file)] == ["l1", "l2"]
    assert len(structure.read_text().splitlines()) == 25
    (frauds,) = kept.glob("frauds-*.csv")
    assert frauds.read_text() == "loan_id,exposure\n"
    said = capsys.readouterr().out
    assert "term structure of 24 months on book" in said
    assert "stage 1: 2 loans, expected credit loss" in said
    assert "a default is 90 days past due or a write-off; the model's probability is of 12 months" in said
    assert "nobody has told which loans are frauds" in said
    (tmp_path / "said.csv").write_text("loan_id,decided_at,decision\nl2,2025-02-01,fraud\nl1,2025-02-01,approved\n")
    asked = (str(tmp_path / "performance.csv"), "", "0.05", str(tmp_path / "said.csv"))
    lending.command.main("losses", "", str(kept), "", *asked)
    said = capsys.readouterr().out
    assert "stage 1: 1 loans" in said
    assert "fraud, in no stage and no credit loss: 1 loans, exposure " in said
    assert [line.partition(",")[0] for line in frauds.read_text().splitlines()] == ["loan_id", "l2"]
    assert "nobody has told" not in said
    with pytest.raises(SystemExit, match="expected MONTHS of at least 1"):
        lending.command.main("losses", "", str(kept), "", "x", "0", "")


INCREASE = {"significant_increase": {"ratio": 2.0, "increase": 0.01}}


@pytest.fixture
def again(kept, tmp_path):
    """The same loans, scored again: the first has come to owe, the second is gone."""
    folder = tmp_path / "again"
    folder.mkdir()
    worse = replace(lending.GOOD, cells=("10", "50", "3", "2", "9", "house"))
    (folder / "rows.csv").write_text(f"{worse.customer_id},{worse.loan_id},{','.join(worse.cells)}\n")
    with Kept(kept).model() as model:
        (p,) = model.score([worse.cells])
    (folder / "predictions.csv").write_text(f"{worse.customer_id},{worse.loan_id},{p!r}\n")
    shutil.copy(kept / "model.tar.gz", folder)
    return folder


def performance(folder) -> str:
    lines = [f"{one.loan_id},{one.month},{one.days_past_due}\n" for one in SEEN if one.loan_id not in ("l1", "l2")]
    (folder / "performance.csv").write_text("loan_id,month_on_book,days_past_due\n" + "".join(lines))
    return str(folder / "performance.csv")


def test_the_command_compares_with_a_later_run_and_says_of_how_many_loans_nothing_is_known(
    kept, again, tmp_path, capsys
):
    lending.command.main("decide", "", str(kept), lending.policy_file(tmp_path), "")
    asked = (performance(tmp_path), "", "", "", str(again))
    with pytest.raises(SystemExit, match="LATER: the policy has no significant_increase"):
        lending.command.main("losses", "", str(kept), "", *asked)
    policy = lending.policy_file(tmp_path, **INCREASE)
    lending.command.main("losses", "", str(kept), policy, *asked)
    said = capsys.readouterr().out
    assert "by a risen probability alone: 1; of 1 of 2 loans no probability is known now" in said
    (table,) = kept.glob("losses-*.csv")
    with table.open() as file:
        rows = {row["loan_id"]: row for row in csv.DictReader(file)}
    assert (rows["l1"]["stage"], rows["l1"]["because"]) == ("2", "probability")
    assert float(rows["l1"]["pd_now"]) >= 2 * float(rows["l1"]["pd_then"])
    assert (rows["l2"]["stage"], rows["l2"]["pd_now"]) == ("1", "")

    lending.command.main("losses", "", str(kept), "", asked[0])
    assert "the policy has no significant_increase: probabilities are not compared" in capsys.readouterr().out


def test_a_run_that_cannot_be_compared_is_refused(kept, again, tmp_path):
    policy = lending.policy_file(tmp_path, **INCREASE)
    asked = (performance(tmp_path), "", "", "")
    with pytest.raises(SystemExit, match="has the very rows of"):
        lending.command.main("losses", "", str(kept), policy, *asked, str(kept))
    for name in ("rows.csv", "predictions.csv"):
        (again / name).write_text((again / name).read_text().replace("c1,l1,", "c1,other,"))
    with pytest.raises(SystemExit, match="has none of the 2 loans"):
        lending.command.main("losses", "", str(kept), policy, *asked, str(again))
    with pytest.raises(WrongRun, match="default is 90 days past due within 12 months, that of the run 90 within 24"):
        lending.command.scored_again(Kept(kept), [], Kept(again), lending.policy(**INCREASE), (90, 24))


@pytest.mark.parametrize(
    "told", [{}, {"ratio": 1}, {"ratio": "2"}, {"increase": 0}, {"increase": 1}, {"more": 2}, 2, None]
)
def test_a_significant_increase_that_is_none_makes_the_policy_invalid(told):
    with pytest.raises(InvalidPolicy, match="significant_increase"):
        lending.policy(significant_increase=told)
