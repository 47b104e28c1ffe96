"""A trained archive scores as the fitted model did, whatever the learner."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from features.encoding import Column, Encoding
from features.fraud import FRAUD
from inference.model import Model
from training import learners
from training.frames import NoRows, read_folder, write_frame
from training.learners import LEARNERS, Rows
from training.prepare import split_by_time
from training.problems import PROBLEMS
from training.train import Hyperparameters, matrix, train


@pytest.fixture
def _few_rounds(monkeypatch):
    monkeypatch.setattr(learners, "ROUNDS", 20)


def rows(size: int, seed: int = 0) -> pd.DataFrame:
    """Numbers with gaps, a category, and a label that depends on both."""
    rng = np.random.default_rng(seed)
    income = rng.lognormal(8, 1, size)
    purpose = rng.choice(["car", "house", "school"], size)
    odds = (income < 3000) + (purpose == "school") - 1.0
    return pd.DataFrame(
        {
            "identifier": [f"l{i}" for i in range(size)],
            "at": pd.to_datetime(np.arange(size), unit="h", utc=True),
            "label": (rng.random(size) < 1 / (1 + np.exp(-2 * odds))).astype(int),
            "income": np.where(rng.random(size) < 0.1, np.nan, income),
            "purpose": purpose,
        }
    )


ENCODING = Encoding((Column("income"), Column("purpose", ("car", "house", "school"))))


@pytest.fixture
def data(tmp_path):
    """The channels as prepare leaves them."""
    parts = split_by_time(rows(400))
    for name in ("train", "validation"):
        write_frame(parts[name], tmp_path / "data" / name / "rows.parquet")
    (tmp_path / "data" / "train" / "columns.json").write_text(json.dumps(ENCODING.document()))
    (tmp_path / "model").mkdir()
    return tmp_path


@pytest.mark.usefixtures("_few_rounds")
@pytest.mark.parametrize("learner", LEARNERS)
def test_a_reloaded_archive_gives_the_probabilities_of_the_fitted_model(data, learner):
    train(Hyperparameters("credit", learner, "job-1", seed=3), data / "data", data / "model")
    model = Model(data / "model")
    frame = rows(50, seed=9)

    fit, _ = LEARNERS[learner]
    parts = {name: read_folder(data / "data" / name) for name in ("train", "validation")}
    learnt, held = (Rows(matrix(p, ENCODING), p["label"].to_numpy()) for p in parts.values())
    fitted = fit(learnt, held, 3, PROBLEMS["credit"].xgboost)
    cells = (
        frame[["income", "purpose"]].astype(object).where(frame[["income", "purpose"]].notna(), None).values.tolist()
    )
    served = model.score(cells)

    assert served == [float(p) for p in fitted.probabilities(matrix(frame, ENCODING))]
    assert len({round(p, 6) for p in served}) > 10, "it learnt something"
    assert all(0 < p < 1 for p in served)


@pytest.mark.usefixtures("_few_rounds")
def test_an_archive_says_what_it_is_and_carries_the_server_and_its_baseline(data):
    train(Hyperparameters("credit", "xgboost", "job-1"), data / "data", data / "model")
    manifest = json.loads((data / "model" / "manifest.json").read_text())

    assert manifest["feature_version"] == PROBLEMS["credit"].feature_version
    assert (manifest["name"], manifest["learner"], manifest["file"]) == ("job-1", "xgboost", "model.json")
    assert manifest["rows"] == {"train": 280, "validation": 60}
    assert 1 <= manifest["rounds"] <= 20
    assert Model(data / "model").booster.booster.num_boosted_rounds() == manifest["rounds"]
    known = json.loads((data / "model" / "baseline.json").read_text())
    assert set(known["columns"]) == {"income", "purpose"}
    code = data / "model" / "code"
    assert (code / "serve.py").is_file()
    assert {p.name for p in code.iterdir()} == {"serve.py", "features", "inference"}
    assert not list(code.rglob("__pycache__"))


@pytest.mark.usefixtures("_few_rounds")
def test_the_same_seed_trains_the_same_model(data):
    for name in ("a", "b"):
        (data / name).mkdir()
        train(Hyperparameters("credit", "xgboost", "job-1", seed=1), data / "data", data / name)

    assert (data / "a" / "model.json").read_bytes() == (data / "b" / "model.json").read_bytes()


def test_missing_cells_reach_the_learner_as_missing():
    frame = pd.DataFrame({"income": [1.5, None], "purpose": ["boat", "car"]})

    assert np.array_equal(matrix(frame, ENCODING), np.array([[1.5, np.nan], [np.nan, 0]], np.float32), equal_nan=True)


def test_hyperparameters_come_as_text_quoted_or_not():
    values = {"problem": '"fraud"', "learner": "catboost", "name": "job", "seed": "7"}

    assert Hyperparameters.parse(values) == Hyperparameters("fraud", "catboost", "job", 7)


def test_all_missing_hyperparameters_are_named():
    with pytest.raises(ValueError, match="hyperparameters problem, name are missing"):
        Hyperparameters.parse({"learner": "xgboost"})


@pytest.mark.parametrize(("problem", "learner"), [("mood", "xgboost"), ("fraud", "oracle")])
def test_an_unknown_problem_or_learner_is_named_with_those_there_are(problem, learner):
    with pytest.raises(ValueError, match=r"\['credit', 'fraud'\] and a learner of \['catboost', 'xgboost'\]") as wrong:
        Hyperparameters.parse({"problem": problem, "learner": learner, "name": "x"})
    assert problem in str(wrong.value)
    assert learner in str(wrong.value)


def test_a_seed_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="many"):
        Hyperparameters.parse({"problem": "fraud", "learner": "xgboost", "name": "x", "seed": "many"})


def test_a_channel_without_rows_is_named(tmp_path):
    with pytest.raises(NoRows, match=f"{tmp_path} holds no Parquet file"):
        read_folder(tmp_path)


def test_every_problem_is_trained_on_the_features_that_are_served():
    assert PROBLEMS["fraud"].feature_version == FRAUD.version
    assert PROBLEMS["fraud"].has_policy
    assert set(PROBLEMS["fraud"].unwatched) <= set(FRAUD.columns)
