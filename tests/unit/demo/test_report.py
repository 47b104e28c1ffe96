"""The report can be made of whatever a run found."""

from __future__ import annotations

from demo.figures import TIED
from demo.report import told, write_report
from tools.attacks.verdict import Attack
from tools.telling import Phase

LAKE = {"raw": 10, "bronze": 10, "silver": 9, "gold": 9, "quarantined": 1}
SUMMARY: dict = {
    "wall_s": 1.0,
    "terraform": {"resources": 3},
    "lake": LAKE,
    "parity": None,
    "credit": None,
    "fraud": None,
    "attacks": None,
}


def test_loans_whose_outcome_is_not_known_yet_are_reported_without_curves(tmp_path):
    credit = {"scored": 2, "auc": None, "ks": None, "predictions_uri": "s3://lake/predictions/"}
    seen = {"scores": {"l1": 0.2, "l2": 0.7}, "truth": {}, "rows": []}
    write_report({**SUMMARY, "credit": credit}, {"credit": seen}, [Phase("Lake", 0.0, 1.0)], tmp_path / "report.html")
    assert "Will this loan default" in (tmp_path / "report.html").read_text().replace("will", "Will")


def test_the_report_says_who_was_chosen_what_was_not_used_and_what_is_unfair(tmp_path):
    gap = {"value": 0.02, "low": 0.01, "high": 0.03, "ahead": 0.99, "tie": False}
    evaluation = {
        "learner": "logistic",
        "decided_by": {"winner": "logistic", "best": "logistic", "behind_best": {"scorecard": gap}},
        "set_aside": [{"name": "remarks", "reason": "free text"}],
        "fairness": {"verdict": "breach", "breaches": [{"column": "sex", "group": "m", "of": "ratio", "value": 0.61}]},
    }
    gain = {"value": -0.001, "low": -0.011, "high": 0.002}
    credit = {"scored": 1, "auc": None, "ks": None, "gain_over_logistic": gain, "predictions_uri": "s3://lake/"}
    seen = {"scores": {"l1": 0.2}, "truth": {}, "rows": []}
    evidence = {"credit": seen, "packages": {"credit": {"evaluation": evaluation}}}
    write_report({**SUMMARY, "credit": credit}, evidence, [Phase("Lake", 0.0, 1.0)], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text().replace(TIED, " ")

    for said in (
        "logistic ranks best",
        "0.010 to 0.030",
        "99 % of draws",
        "free text",
        "0.610",
        "[-0.011, 0.002], test",
    ):
        assert said in text, said


def test_payments_without_labels_or_api_answers_are_reported_too(tmp_path):
    fraud = {
        "streamed": 1,
        "decided": 1,
        "missing": 0,
        "duplicated": 0,
        "degraded": 0,
        "auc": None,
        "ap": None,
        "actions": {"APPROVE": 1, "REVIEW": 0, "BLOCK": 0},
        "api_p50_ms": None,
        "api_p99_ms": None,
        "stream_p50_ms": 3.0,
        "stream_p99_ms": 4.0,
    }
    decision = {"transaction_id": "t1", "fraud_score": 0.1, "action": "APPROVE", "reasons": []}
    seen = {"scores": {"t1": 0.1}, "truth": {}, "api_ms": [], "stream_ms": [3.0], "log": [decision]}
    write_report({**SUMMARY, "fraud": fraud}, {"fraud": seen}, [Phase("Lake", 0.0, 1.0)], tmp_path / "report.html")
    report = (tmp_path / "report.html").read_text()
    assert "unknown" in report
    assert report.index("payments decided") < report.index("AWS resources"), "the engineer's part comes last"


def test_a_payment_is_shown_with_what_made_its_score_and_not_with_the_threshold_that_it_is_above():
    decision = {
        "explanation": ["amount", "new device", "night", "far away"],
        "reasons": ["score_at_or_above_block_threshold"],
    }
    assert told(decision) == "amount; new device; night"
    assert told({**decision, "explanation": None}) == "score_at_or_above_block_threshold"


def test_each_attack_is_shown_and_one_that_got_through_is_told_apart(tmp_path):
    played = [Attack("ring", "8 payments", "8 blocked", "8 blocked", True), Attack("clock", "50", "47", "3 <b>", False)]
    summary = {**SUMMARY, "attacks": {"played": 2, "hold": 1}}
    write_report(summary, {"attacks": played}, [Phase("Lake", 0.0, 1.0)], tmp_path / "report.html")
    report = (tmp_path / "report.html").read_text()
    assert "<td>ring</td><td>yes</td><td>8 payments</td>" in report
    assert "<td>clock</td><td>NO</td><td>50</td><td>47</td><td>3 &lt;b&gt;</td>" in report
    assert "<span>attacks that hold</span><b>1</b><span>of 2</span>" in report
