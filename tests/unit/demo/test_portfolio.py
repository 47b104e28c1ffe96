"""What a month's decisions amount to is counted from their own lines, and every rate says how many it rests on."""

from __future__ import annotations

import numpy as np
import pytest

from demo import charts, credit, portfolio
from demo.figures import TIED
from demo.measures import intervals, ranges


def line(loan: str, p: float | None, decision: str, band: str | None, exposure: float, *reasons: str) -> dict:
    return {
        "loan_id": loan,
        "customer_id": f"c-{loan}",
        "default_prob": p,
        "decision": decision,
        "band": band,
        "exposure": exposure,
        "expected_loss": None if p is None else p * exposure / 2,
        "reasons": list(reasons),
        "sentences": [f"sentence of {code}" for code in reasons],
        "policy_version": "1@abc",
    }


LINES = [
    line("l1", 0.02, "APPROVE", "A", 100.0),
    line("l2", 0.04, "APPROVE", "A", 300.0),
    line("l3", 0.20, "REFER", "C", 200.0, "income"),
    line("l4", 0.60, "DECLINE", "E", 400.0, "income", "utilisation"),
    line("l5", 0.50, "DECLINE", "E", 1000.0, "utilisation"),
    line("l6", None, "REFER", None, 50.0, "unread"),
]
TRUTH = {"l1": 0, "l2": 1, "l4": 1, "l5": 0, "l6": 0, "elsewhere": 1}


def test_each_decision_has_its_loans_money_and_what_became_of_those_that_are_known():
    found = portfolio.by_decision(portfolio.table(LINES, TRUTH))

    approved = found["APPROVE"]
    assert (approved["loans"], approved["exposure"], approved["expected_loss"]) == (2, 400.0, pytest.approx(7.0))
    assert approved["mean_pd"] == pytest.approx(0.03)
    assert approved["loss_share"] == pytest.approx(7 / 400)
    assert (approved["known"], approved["bad"]) == (2, 1)
    assert found["REFER"]["bad_rate"]["n"] == 1, "l3 is not known yet"
    assert [found[name]["loans"] for name in ("REFER", "DECLINE", "all")] == [2, 2, 6]
    assert sum(found[name]["share"]["value"] for name in portfolio.DECISIONS) == pytest.approx(1)


def test_a_rate_has_the_interval_of_wilson_and_none_without_anybody():
    found = portfolio.rate(10, 100)

    assert (found["value"], found["n"]) == (0.1, 100)
    assert (found["low"], found["high"]) == (pytest.approx(0.0552, abs=1e-4), pytest.approx(0.1744, abs=1e-4))
    assert portfolio.rate(0, 0) is None
    assert portfolio.rate(0, 5)["low"] == 0


def test_bands_come_in_the_order_of_their_risk_and_loans_without_a_probability_last():
    found = portfolio.by_band(portfolio.table(LINES, TRUTH))

    assert list(found) == ["A", "C", "E", "none"]
    assert (found["E"]["lowest_pd"], found["E"]["highest_pd"]) == (0.5, 0.6)
    assert (found["none"]["lowest_pd"], found["none"]["mean_pd"]) == (None, None)


def test_gains_say_how_many_of_all_defaults_the_riskiest_loans_hold():
    lines = [line(f"l{i}", i / 100, "APPROVE", "A", 1.0) for i in range(100)]
    truth = {f"l{i}": int(i >= 80) for i in range(100)}
    found = portfolio.gains(portfolio.table(lines, truth))

    assert [one["bad"] for one in found] == [10, 10, *[0] * 8]
    assert [one["caught"] for one in found[:3]] == [0.5, 1.0, 1.0]
    assert found[0]["lift"] == pytest.approx(5)
    assert portfolio.gains(portfolio.table(lines, {})) == []
    assert {one["caught"] for one in portfolio.gains(portfolio.table(lines, dict.fromkeys(truth, 0)))} == {None}


def test_a_cut_off_approves_the_safest_and_says_what_they_would_lose():
    found = {one["approved"]: one for one in portfolio.cut_offs(portfolio.table(LINES, TRUTH))}

    assert (found[0.6]["loans"], found[0.6]["cut_off"], found[0.6]["exposure"]) == (3, 0.2, 600.0)
    assert (found[1.0]["loans"], found[1.0]["bad"]) == (5, 2), "a loan without a probability is below no cut-off"


def test_reasons_are_counted_once_for_each_declined_loan_and_by_who_is_told_them_first():
    found = portfolio.reasons(portfolio.table(LINES, TRUTH))

    assert [(one["code"], one["loans"], one["first"]) for one in found] == [("utilisation", 2, 1), ("income", 1, 1)]
    assert found[1]["sentence"] == "sentence of income"
    assert found[1]["share"]["n"] == 2


def test_calibration_lays_what_came_true_beside_what_was_predicted():
    p = np.repeat([0.1, 0.9], 500)
    y = np.concatenate([np.arange(500) % 10 == 0, np.arange(500) % 10 > 0]).astype(float)
    found = portfolio.calibration(p, y)

    assert len(found) == 10
    assert all(one["met"]["low"] <= one["predicted"] <= one["met"]["high"] for one in found)
    assert found[0]["predicted"] == pytest.approx(0.1)
    assert portfolio.calibration([], []) == []


def test_no_axis_of_the_report_is_logarithmic_and_each_kind_of_a_histogram_adds_up_to_100():
    scores = {f"l{i}": i / 1000 for i in range(1000)}
    truth = {name: int(i % 100 == 0) for i, name in enumerate(scores)}
    plots = [
        charts.histogram(scores, truth, "honest", "fraud"),
        charts.waiting({"one": [1.0, 2.0, 900.0], "other": []}),
        charts.gains([]),
        *(made["plot"] for made in charts.curves(scores, truth, "Fraud")),
        *(made["plot"] for made in credit.pictures(portfolio.table(LINES, TRUTH))),
    ]

    assert [plot.layout.xaxis.type for plot in plots] == [None] * len(plots)
    assert [plot.layout.yaxis.type for plot in plots] == [None] * len(plots)
    assert [sum(bars.y) for bars in plots[0].data] == pytest.approx([100, 100])
    assert [bars.name for bars in plots[0].data] == ["990 honest", "10 fraud"]


def test_the_credit_part_says_what_when_by_which_versions_and_on_how_many_loans():
    summary = {"scored": 6, "month": "2026-08", "as_of": "2026-08-01", "auc": 0.7, "ks": 0.4, "known": 5, "bad": 2}
    summary["intervals"] = {"auc": (0.6, 0.8), "ks": (0.3, 0.5)}
    refit = {"rows": {"refit": 90}, "trained_until": "2026-07-01 10:00", "default": {"days_past_due": 90, "months": 12}}
    evaluation = {
        "learner": "logistic",
        "refit": refit,
        "decided_by": {"winner": "logistic", "best": "logistic", "behind_best": {}},
        "set_aside": [],
        "fairness": {"verdict": "within policy", "breaches": []},
        "rejects": {"told": "rejects by parcelling"},
    }
    policy = {"refer_from": 0.12, "decline_from": 0.25, "lgd": 0.45}
    evidence = {
        "credit": {"scores": {"l1": 0.02}, "truth": TRUTH, "lines": LINES, "policy": policy},
        "packages": {"credit": {"package": "arn:of/1", "evaluation": evaluation}},
    }
    found = credit.section(summary, evidence)
    about = {name: value.replace(TIED, " ") for name, value in found["tables"][0]["rows"]}

    assert about["month decided on"] == "2026-08"
    assert about["model version"] == "arn:of/1"
    assert about["default is"].startswith("90 days past due within 12 months; of outcomes told alone")
    assert about["credit policy"] == "1@abc"
    assert "from 25.0 %" in about["it decides"]
    assert about["declined loans taught"] == "rejects by parcelling"
    tiles = {name: (value.replace(TIED, " "), on.replace(TIED, " ")) for name, value, on in found["tiles"]}
    assert tiles["AUC"] == ("0.700", "[0.600, 0.800], 5 loans with known outcome, 2 in default")
    assert tiles["approved"][0] == "33.3 %"
    assert tiles["expected loss of what is approved"] == ("7", "of 400 lent")
    assert "2 loans" in tiles["declined"][1]
    (examples,) = [t for t in found["tables"] if t["title"].startswith("The riskiest of the declined")]
    assert tuple(cell.replace(TIED, " ") for cell in examples["rows"][0]) == (
        "l4",
        "60.0 %",
        "E",
        "400",
        "120",
        "sentence of income; sentence of utilisation",
        "default",
    )


def test_intervals_hold_what_was_measured_and_are_wider_with_fewer_customers():
    rng = np.random.default_rng(0)
    y = np.tile([0, 0, 0, 1], 200)
    p = y * 0.5 + rng.normal(0, 0.5, 800)
    alone, shared = intervals(y, p, np.arange(800)), intervals(y, p, np.arange(800) // 40)
    found = ranges({str(i): p[i] for i in range(800)}, {"1": 0, "3": 1}, {str(i): "c" for i in range(800)})

    for name in ("auc", "ap", "ks"):
        assert alone[name][0] < alone[name][1]
    assert np.diff(alone["auc"]) < 0.12
    assert set(shared) == {"auc", "ap", "ks"}
    assert intervals(np.zeros(5), p[:5], np.arange(5)) == {}
    assert (found["known"], found["bad"]) == (2, 1)
