"""A candidate's scores beside those that were decided by, of the same payments."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from features.fraud import FRAUD
from tools.package import bootstrap_model
from training import shadow

LIVE = "job-3"


def decision(number: int, **other: object) -> dict:
    return {
        "transaction_id": f"T{number}",
        "decided_at": 1000 + number,
        "counted_at": 0,
        "overtaken": False,
        "vector": [0.0] * len(FRAUD.columns),
        "fraud_score": 0.3,
        "model": LIVE,
        "feature_version": FRAUD.version,
        **other,
    }


def test_two_scores_of_the_same_payments_are_compared_by_what_they_would_decide():
    live = np.array([0.1, 0.2, 0.6, 0.95])
    found = shadow.compared(live, np.array([0.1, 0.55, 0.4, 0.99]), (0.5, 0.9), (0.5, 0.9))

    assert found["rows"] == 4
    assert found["approved"] == {"live": 0.5, "candidate": 0.5, "only_live": 1, "only_candidate": 1}
    assert found["blocked"] == {"live": 0.25, "candidate": 0.25, "only_live": 0, "only_candidate": 0}
    assert found["farthest"] == pytest.approx(0.35)


def test_the_same_scores_are_no_difference_and_each_model_is_judged_by_its_own_thresholds():
    scores = np.random.default_rng(0).random(1000)
    same = shadow.compared(scores, scores, (0.5, 0.9), (0.5, 0.9))
    assert (same["score_psi"], same["approved"]["only_live"], same["farthest"]) == (0, 0, 0)

    sterner = shadow.compared(scores, scores, (0.5, 0.9), (0.2, 0.9))
    assert sterner["approved"]["only_live"] == int(((scores >= 0.2) & (scores < 0.5)).sum())


def test_the_last_decision_on_a_payment_counts_if_the_live_model_has_made_it_of_these_features():
    lines = [
        decision(1, fraud_score=0.1),
        decision(1, decided_at=2000, fraud_score=0.2),
        decision(2, model="another"),
        decision(3, vector=None, fraud_score=None),
        decision(4, feature_version="of before"),
        decision(5),
    ]
    assert [(d["transaction_id"], d["fraud_score"]) for d in shadow.applied(lines, LIVE)] == [("T1", 0.2), ("T5", 0.3)]


@pytest.mark.parametrize("count", [0, 50])
def test_the_job_writes_a_report_and_probes_that_the_archive_answers(tmp_path: Path, monkeypatch, count: int):
    monkeypatch.setattr(shadow, "INPUT", tmp_path / "in")
    monkeypatch.setattr(shadow, "OUTPUT", tmp_path / "out")
    lines = "".join(json.dumps(decision(number)) + "\n" for number in range(count))
    for day in ("newest", "before"):  # the log has but one day, which is handed over as both
        (tmp_path / "in" / "decisions" / day).mkdir(parents=True)
        (tmp_path / "in" / "decisions" / day / "1.json").write_text(lines)
    (tmp_path / "in" / "model").mkdir()
    with tarfile.open(tmp_path / "in" / "model" / "model.tar.gz", "w:gz") as archive:
        for name, content in bootstrap_model({}).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    shadow.main(["--live", LIVE, "--live-thresholds", "0.5", "0.9", "--thresholds", "0.5", "0.9"])

    found = json.loads((tmp_path / "out" / "shadow" / "shadow.json").read_text())
    probes = json.loads((tmp_path / "out" / "shadow" / "probes.json").read_text())
    assert (found["rows"], found["live"]) == (count, LIVE)
    assert (len(probes["rows"]), probes["feature_version"]) == (min(count, shadow.PROBES), FRAUD.version)
    assert {probe["score"] for probe in probes["rows"]} == ({0.01} if count else set())
