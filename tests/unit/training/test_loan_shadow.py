"""A credit candidate's decisions beside the live model's, on the same loans, whatever columns each of them uses."""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from release.comparison import ShadowDiffers, judged

from features.credit import PAYMENT_BEHAVIOUR
from features.encoding import Column, Encoding
from inference.additive import Term
from inference.additive import Terms as Sum
from inference.model import Model
from lending.deciding import WrongRun, vector_sha256
from lending.opened import Opened
from lending.policy import Policy
from tests.unit.inference.archives import written
from training import loan_shadow
from training.drift import baseline
from training.loan_shadow import Line, loans_in, newest, shadowed
from training.score_set import applications

N = 400
DOCUMENT = {
    "version": "test-1",
    "refer_from": 0.2,
    "decline_from": 0.5,
    "points": {"base_score": 600, "base_odds": 30, "pdo": 20},
    "bands": [{"name": "all", "below": 1}],
    "lgd": 0.5,
    "ead": 1000,
    "reasons": [
        {"code": "income", "columns": ["income"], "sentence": "Income insufficient"},
        {"code": "delay", "columns": ["delays"], "sentence": "Delinquent obligations"},
    ],
}
POLICY = Policy.parse(DOCUMENT)


def archive(folder: Path, name: str, **slopes: float) -> Path:
    """A sum of lines: what each column adds from 0 to 100."""
    columns = Encoding(tuple(Column(column) for column in slopes))
    lines = tuple(Term("line", (0.0, 100.0), (-slope, slope), mean=0.0) for slope in slopes.values())
    written(folder, name=name, learner="logistic", file="terms.json", columns=columns.document(), fingerprints={})
    (folder / "terms.json").write_text(json.dumps(Sum(-0.5, lines).document()))
    seen = np.random.default_rng(1).uniform(0, 100, (300, len(slopes))).astype(np.float32)
    (folder / "baseline.json").write_text(json.dumps(baseline(columns.names, seen, np.zeros(300), ())))
    return folder


def opened(folder: Path, name: str, **slopes: float) -> Opened:
    return Opened(Model(archive(folder / name, name, **slopes)))


def gold(rows: int = N) -> pd.DataFrame:
    """Loans whose customers earn less the more often they were late."""
    rng = np.random.default_rng(0)
    income = rng.permutation(np.linspace(0, 100, rows)).round(1)
    delays = np.clip(100 - income + rng.normal(0, 15, rows), 0, 100).round(1)
    told = [json.dumps({"income": f"{i}", "delays": f"{d}"}) for i, d in zip(income, delays, strict=True)]
    return pd.DataFrame(
        {
            "loan_id": [f"L{n}" for n in range(rows)],
            "customer_id": [f"C{n}" for n in range(rows)],
            "applied_at": pd.date_range("2026-01-01", periods=rows, freq="h", tz="UTC"),
            "amount_cents": 100_000,
            "term_months": 12,
            "attributes": told,
            **dict.fromkeys(PAYMENT_BEHAVIOUR.columns, np.nan),
        }
    )


def run_of(live: Opened, features: pd.DataFrame, started_at: str = "20260201T000000Z") -> list[Line]:
    """What a run of the live model has written of these loans."""
    loans = loans_in(applications(features), live.encoding)
    return [Line(loan.loan_id, started_at, live.name, vector_sha256(loan.cells)) for loan in loans]


def test_a_candidate_of_other_columns_decides_on_the_loans_that_the_live_model_has_decided(tmp_path):
    live, candidate = opened(tmp_path, "live", income=-3.0), opened(tmp_path, "new", income=-2.0, delays=1.0)
    found, probes = shadowed(live, candidate, POLICY, run_of(live, gold()), gold())

    assert (found["rows"], found["left_out"], found["unfit"]) == (N, {"gone": 0, "changed": 0}, None)
    assert found["rank_correlation"] > 0.9
    assert sum(found[name]["candidate"] for name in ("approved", "referred", "declined")) == pytest.approx(1)
    assert judged(found)["verdict"] == "passed"
    assert (probes["model"], len(probes["rows"])) == ("new", loan_shadow.PROBES)
    said = candidate.said([probe["cells"] for probe in probes["rows"]])
    assert said == [probe["score"] for probe in probes["rows"]]


@pytest.mark.parametrize("approves_as_many", [False, True])
def test_a_candidate_whose_scores_are_turned_around_is_refused(tmp_path, approves_as_many):
    live = opened(tmp_path, "live", income=-3.0)
    turned = opened(tmp_path, "turned", income=3.0)
    policy = POLICY if not approves_as_many else Policy.parse({**DOCUMENT, "refer_from": 0.378, "decline_from": 0.378})
    found, _ = shadowed(live, turned, policy, run_of(live, gold()), gold())
    if approves_as_many:  # half of all, and each time the other half
        assert abs(found["approved"]["live"] - found["approved"]["candidate"]) < 0.05
    assert found["rank_correlation"] == pytest.approx(-1)
    with pytest.raises(ShadowDiffers, match=r"rank correlation of the scores -1\.00"):
        judged(found)


def test_a_loan_whose_cells_are_not_those_that_were_decided_on_is_left_out_and_counted(tmp_path):
    live, candidate = opened(tmp_path, "live", income=-3.0), opened(tmp_path, "new", delays=2.0)
    lines, features = run_of(live, gold()), gold()
    features.loc[7, "attributes"] = json.dumps({"income": "1", "delays": "1"})
    found, _ = shadowed(live, candidate, POLICY, lines, features.drop(index=[3, 4]))
    assert (found["rows"], found["left_out"]) == (N - 3, {"gone": 2, "changed": 1})


def test_the_last_decision_on_a_loan_counts_and_the_newest_runs_first(monkeypatch):
    lines = [Line("a", "1", "live", "x"), Line("a", "2", "other", "y"), Line("b", "2", "live", "z")]
    lines += [Line("c", "1", "live", "old"), Line("c", "3", "live", "new")]
    assert {loan: line.vector for loan, line in newest(lines).items()} == {"a": "y", "b": "z", "c": "new"}
    monkeypatch.setattr(loan_shadow, "MOST", 1)
    assert list(newest(lines)) == ["c"]


def test_a_line_that_tells_no_decision_is_named_with_its_file(tmp_path):
    run = tmp_path / "period=2026-01" / "started_at=20260201T000000Z" / "run=r1"
    run.mkdir(parents=True)
    (run / "decisions.jsonl").write_text('{"loan_id": "L1", "model": "m", "vector_sha256": "v"}\n{"loan_id": "L2"}\n')
    expected = r"run=r1/decisions.jsonl, line 2: expected a decision with .*KeyError: 'model'"
    with pytest.raises(WrongRun, match=expected):
        list(loan_shadow.lines_in(tmp_path))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("reason", "no sentence for delays"),
        ("column", "no application of the runs that were decided lately has a value of delays"),
        ("feature", "the model was trained on delays, which this code does not compute"),
    ],
)
def test_a_candidate_that_could_decide_nothing_is_refused_with_what_hinders_it(tmp_path, wrong, why):
    live, features = opened(tmp_path, "live", income=-3.0), gold()
    candidate, policy = opened(tmp_path, "new", delays=2.0), POLICY
    if wrong == "reason":
        policy = Policy.parse({**DOCUMENT, "reasons": DOCUMENT["reasons"][:1]})
    elif wrong == "column":
        features["attributes"] = [json.dumps({"income": json.loads(text)["income"]}) for text in features["attributes"]]
    else:
        candidate.model.manifest["fingerprints"] = {"delays": "of another code"}
    found, probes = shadowed(live, candidate, policy, run_of(live, features), features)
    assert (found["rows"], probes["rows"]) == (0, [])
    with pytest.raises(ShadowDiffers, match=why):
        judged(found)


def test_a_candidate_that_says_the_same_of_all_loans_is_refused(tmp_path):
    live, candidate = opened(tmp_path, "live", income=-3.0), opened(tmp_path, "same", income=0.0)
    policy = Policy.parse({**DOCUMENT, "refer_from": 0.999, "decline_from": 0.999})  # all are approved by both
    found, _ = shadowed(live, candidate, policy, run_of(live, gold()), gold())
    assert found["rank_correlation"] == 0
    with pytest.raises(ShadowDiffers, match=r"rank correlation of the scores 0\.00"):
        judged(found)


def test_loans_that_another_model_has_decided_are_compared_as_they_are_now(tmp_path):
    """Between a release and the next run the live model has decided on none: a second candidate must not slip by."""
    live, turned = opened(tmp_path, "live", income=-3.0), opened(tmp_path, "turned", income=3.0)
    before = [replace(line, model="before", vector="of other columns") for line in run_of(live, gold())]
    found, _ = shadowed(live, turned, POLICY, before, gold())
    assert found["rows"] == N
    with pytest.raises(ShadowDiffers):
        judged(found)


def test_where_nothing_was_decided_nothing_is_said_and_that_is_written(tmp_path):
    live, candidate = opened(tmp_path, "live", income=-3.0), opened(tmp_path, "new", delays=2.0)
    found, _ = shadowed(live, candidate, POLICY, [], gold())
    assert judged(found) == {"rows": 0, "verdict": "too few", "left_out": {"gone": 0, "changed": 0}}


def test_a_policy_that_fits_the_candidate_alone_compares_nothing_and_says_so(tmp_path):
    live, candidate = opened(tmp_path, "live", income=-3.0), opened(tmp_path, "new", delays=2.0)
    policy = Policy.parse({**DOCUMENT, "reasons": DOCUMENT["reasons"][1:]})
    found, _ = shadowed(live, candidate, policy, run_of(live, gold()), gold())
    assert judged(found)["verdict"] == "too few"
    assert "does not fit the live model: reasons: no sentence for income" in judged(found)["why"]


def test_the_job_reads_what_the_release_hands_it_and_writes_report_and_probes(tmp_path, monkeypatch):
    monkeypatch.setattr(loan_shadow, "INPUT", tmp_path / "in")
    monkeypatch.setattr(loan_shadow, "OUTPUT", tmp_path / "out")
    for name, slopes in (("live", {"income": -3.0}), ("candidate", {"delays": 3.0})):
        (tmp_path / "in" / name).mkdir(parents=True)
        folder = archive(tmp_path / name, name, **slopes)
        with tarfile.open(tmp_path / "in" / name / "model.tar.gz", "w:gz") as packed:
            for path in folder.iterdir():
                packed.add(path, path.name)
    features = gold()
    (tmp_path / "in" / "features").mkdir()
    features.to_parquet(tmp_path / "in" / "features" / "1.parquet")
    (tmp_path / "in" / "policy").mkdir()
    (tmp_path / "in" / "policy" / "1.json").write_bytes(POLICY.canonical)
    run = tmp_path / "in" / "decisions" / "period=2026-01" / "started_at=20260201T000000Z" / "run=1"
    run.mkdir(parents=True)
    lines = run_of(Opened(Model(tmp_path / "live")), features)
    told = [{"loan_id": x.loan_id, "model": x.model, "vector_sha256": x.vector, "decision": "REFER"} for x in lines]
    (run / "decisions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))
    loan_shadow.main(["--policy", POLICY.sha256])

    report = json.loads((tmp_path / "out" / "shadow" / "shadow.json").read_text())
    probes = json.loads((tmp_path / "out" / "shadow" / "probes.json").read_text())
    assert (report["rows"], report["live"], report["candidate"]) == (N, "live", "candidate")
    assert judged(report)["verdict"] == "passed"
    assert len(probes["rows"]) == loan_shadow.PROBES
    with pytest.raises(SystemExit, match="nothing is compared: expected the policy"):
        loan_shadow.main(["--policy", hashlib.sha256(b"another").hexdigest()])
