"""The report can be made of whatever a run found."""

from __future__ import annotations

from demo.report import write_report
from tools.telling import Phase

LAKE = {"raw": 10, "bronze": 10, "silver": 9, "gold": 9, "quarantined": 1}
SUMMARY = {"wall_s": 1.0, "terraform": {"resources": 3}, "lake": LAKE, "parity": None, "credit": None, "fraud": None}


def test_loans_whose_outcome_is_not_known_yet_are_reported_without_curves(tmp_path):
    credit = {"scored": 2, "auc": None, "ks": None, "predictions_uri": "s3://lake/predictions/"}
    seen = {"scores": {"l1": 0.2, "l2": 0.7}, "truth": {}, "rows": []}
    write_report({**SUMMARY, "credit": credit}, {"credit": seen}, [Phase("Lake", 0.0, 1.0)], tmp_path / "report.html")
    assert "Will this loan default" in (tmp_path / "report.html").read_text().replace("will", "Will")


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
    assert "unknown" in (tmp_path / "report.html").read_text()
