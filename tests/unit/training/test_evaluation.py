"""The better archive is chosen on validation rows, and reported on test rows."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost

from features.encoding import numbers
from inference.model import Model
from training import evaluate as evaluation
from training.evaluate import evaluate
from training.frames import write_frame
from training.policy import Costs, total_cost
from training.problems import PROBLEMS

FRAUD = PROBLEMS["fraud"]
COSTS = Costs(review=6.0, capacity=0.05)


def payments(size: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    told = rng.normal(size=size)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i % 50}" for i in range(size)],
            "at": pd.Timestamp("2018-05-01", tz="UTC") + pd.to_timedelta(np.arange(size) % 3, unit="D"),
            "label": (told + rng.normal(size=size) > 2).astype(int),
            "amount": rng.uniform(100, 50_000, size),
            "told": told,
            "noise": rng.normal(size=size),
        }
    )


def archive(folder: Path, learner: str, column: int) -> Model:
    """Learned from one column alone."""
    rows = payments(4000, seed=1)
    x = rows[["amount", "told", "noise"]].to_numpy(np.float32)
    x[:, [i for i in range(3) if i != column]] = 0
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(x, rows["label"]), 20)
    folder.mkdir()
    booster.save_model(folder / "model.json")
    manifest = {
        "name": learner,
        "learner": "xgboost",
        "file": "model.json",
        "feature_version": "abc",
        "columns": numbers(["amount", "told", "noise"]).document(),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return Model(folder)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archives")
    models = [archive(folder / "noise", "noise", 2), archive(folder / "told", "told", 1)]
    return evaluate(FRAUD, models, payments(3000, seed=2), payments(3000, seed=3), COSTS)


def test_the_learner_that_ranks_validation_rows_better_is_kept(found):
    won, report = found

    noise, told = (candidate["validation"]["ap"] for candidate in report["candidates"])
    assert won.place == 1
    assert told > noise
    assert report["validation"]["ap"] == told


def test_what_is_reported_is_of_the_test_rows(found):
    _, report = found

    assert report["test"]["rows"] == 3000
    assert report["test"]["ap"] != report["validation"]["ap"]
    assert 0 < report["test"]["recall_at_fpr_0.001"] < report["test"]["recall_at_fpr_0.01"] < 1
    assert 0 < report["test"]["cp100"] < 0.5, "there are 50 cards to look at"


def test_thresholds_come_from_validation_rows_and_their_cost_from_test_rows(found):
    policy = found[1]["policy"]

    assert 0 < policy["review_at"] <= policy["block_at"] <= 1
    assert policy["model"] == "told", "the better one's"
    assert policy["costs"] == vars(COSTS)
    assert found[1]["test"]["expected_cost_per_1000"] != policy["expected_cost_per_1000"]


def test_the_job_leaves_the_better_archive_with_a_dossier_whose_hash_the_evaluation_repeats(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "INPUT", tmp_path / "input")
    monkeypatch.setattr(evaluation, "OUTPUT", tmp_path / "output")
    for name, column in (("noise", 2), ("told", 1)):
        archive(tmp_path / name, name, column)
        packed = tmp_path / "input" / f"model-{name}" / "model.tar.gz"
        packed.parent.mkdir(parents=True)
        with tarfile.open(packed, "w:gz") as tar:
            tar.add(tmp_path / name, ".")
    for seed, name in ((2, "validation"), (3, "test")):
        write_frame(payments(3000, seed), tmp_path / "input" / name / "rows.parquet")

    evaluation.main(["--problem", "fraud"])

    left = tmp_path / "output" / "evaluation"
    report, dossier = (json.loads((left / f"{name}.json").read_text()) for name in ("evaluation", "dossier"))
    assert report["dossier"]["sha256"] == dossier["sha256"]
    assert dossier["models"] == ["told"]
    assert dossier["window"][0].startswith("2018-05-01")
    assert "AUC" in (left / "dossier.html").read_text()
    kept = tmp_path / "output" / "model" / "model.tar.gz"
    assert kept.read_bytes() == (tmp_path / "input" / "model-told" / "model.tar.gz").read_bytes()


def test_a_cost_by_hand():
    y = np.array([1, 1, 1, 0, 0, 0])
    p = np.array([0.9, 0.5, 0.1, 0.9, 0.5, 0.1])
    amount = np.full(6, 100.0)
    costs = Costs(blocked_good=25, review=4, review_recall=0.9, lost_share=1.0)

    # one fraud passes, one of two reviews is fraud and found nine times in ten, one honest payment is blocked
    assert total_cost(y, p, amount, costs, 0.5, 0.9) == pytest.approx(100 + 10 + 25 + 2 * 4)
