"""A trained archive scores as the fitted model did, whatever the learner."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pandas as pd
import pytest
import xgboost

from features.encoding import Column, Encoding, numbers
from features.fraud import FRAUD
from inference.calibration import Calibration
from inference.model import Model
from training import compiled
from training.frames import NoRows, read_folder, write_frame
from training.fraud_set import NothingToLearn
from training.learners import LEARNERS, XGBOOST, Rows, Settings
from training.metrics import RANKING
from training.prepare import split_by_time
from training.problems import AT_ONCE, PROBLEMS
from training.selection import cannot_be_told_apart, choose, rolling, with_rounds
from training.train import Hyperparameters, matrix, teaching, train


def rows(size: int, seed: int = 0) -> pd.DataFrame:
    """Numbers with gaps, a category, and a label that depends on both."""
    rng = np.random.default_rng(seed)
    income = rng.lognormal(8, 1, size)
    purpose = rng.choice(["car", "house", "school"], size)
    odds = (income < 3000) + (purpose == "school") - 1.0
    return pd.DataFrame(
        {
            "identifier": [f"l{i}" for i in range(size)],
            "customer_id": [f"c{i}" for i in range(size)],
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
    parts = split_by_time(rows(400), AT_ONCE)
    for name in ("train", "validation"):
        write_frame(parts[name], tmp_path / "data" / name / "rows.parquet")
    (tmp_path / "data" / "train" / "columns.json").write_text(json.dumps(ENCODING.document()))
    (tmp_path / "model").mkdir()
    return tmp_path


@pytest.mark.parametrize("learner", LEARNERS)
def test_two_trainings_of_the_same_rows_leave_the_same_bytes(tmp_path, learner):
    taught = teaching(rows(400), ENCODING)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        LEARNERS[learner].fit(taught, Settings(20), seed=3).save(tmp_path / name / LEARNERS[learner].file)

    first, second = (next((tmp_path / name).iterdir()).read_bytes() for name in ("first", "second"))
    assert first == second


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_reloaded_archive_gives_the_probabilities_of_the_fitted_model(data, learner):
    train(Hyperparameters("credit", learner, "job-1", seed=3), data / "data", data / "model")
    model = Model(data / "model")
    frame = rows(50, seed=9)

    learnt = teaching(read_folder(data / "data" / "train"), ENCODING)
    settings = Settings(**model.manifest["settings"])
    fitted = LEARNERS[learner].fit(learnt, settings, 3)
    calibrated = Calibration.parse(model.manifest["calibration"])
    cells = (
        frame[["income", "purpose"]].astype(object).where(frame[["income", "purpose"]].notna(), None).values.tolist()
    )
    served = model.score(cells)

    assert served == pytest.approx(calibrated.probabilities(fitted.margins(matrix(frame, ENCODING))), abs=1e-6)
    assert Model(data / "model", runtime="native").score(cells) == pytest.approx(served, abs=1e-6)
    assert len({round(p, 6) for p in served}) > (3 if learner == "scorecard" else 10), "it learnt something"
    assert all(0 < p < 1 for p in served)


def test_an_archive_says_what_it_is_and_carries_the_server_and_its_baseline(data):
    meant = {"days_past_due": 60, "months": 24}
    (data / "data" / "train" / "states.json").write_text(json.dumps({"as_of": "2026-01-01", "default": meant}))
    train(Hyperparameters("credit", "xgboost", "job-1"), data / "data", data / "model")
    manifest = json.loads((data / "model" / "manifest.json").read_text())

    assert manifest["default"] == meant
    assert manifest["feature_version"] == PROBLEMS["credit"].feature_version
    assert (manifest["name"], manifest["learner"], manifest["file"]) == ("job-1", "xgboost", "model.json")
    assert manifest["rows"] == {"train": 280, "validation": 60}
    assert (manifest["compiled"], manifest["runtime"]) == ("model.onnx", "onnx")
    native = Model(data / "model", runtime="native").booster
    assert native.booster.num_boosted_rounds() == manifest["settings"]["rounds"]
    known = json.loads((data / "model" / "baseline.json").read_text())
    assert set(known["columns"]) == {"income", "purpose"}
    said = Model(data / "model").encoding.columns[list(known["columns"]).index("purpose")].categories
    assert 0 <= known["columns"]["purpose"]["commonest"] < len(said)
    assert "commonest" not in known["columns"]["income"]
    code = data / "model" / "code"
    assert (code / "serve.py").is_file()
    assert {p.name for p in code.iterdir()} == {"serve.py", "features", "inference"}
    assert not list(code.rglob("__pycache__"))


def test_the_same_seed_trains_the_same_model(data):
    for name in ("a", "b"):
        (data / name).mkdir()
        train(Hyperparameters("credit", "xgboost", "job-1", seed=1), data / "data", data / name)

    assert (data / "a" / "model.json").read_bytes() == (data / "b" / "model.json").read_bytes()


def rewritten(folder, change) -> None:
    """Changes the compiled trees of an archive."""
    path = folder / compiled.FILE
    model = onnx.load_model_from_string(path.read_bytes())
    change({a.name: a for a in model.graph.node[0].attribute})
    path.write_bytes(model.SerializeToString())


def other_leaf(attributes) -> None:
    attributes["target_weights"].floats[0] += 0.01


def other_border(attributes) -> None:
    """The first split compares the other way round when a cell is exactly at it."""
    attributes["nodes_modes"].strings[0] = b"BRANCH_LEQ"


def other_way_for_gaps(attributes) -> None:
    attributes["nodes_missing_value_tracks_true"].ints[0] ^= 1


@pytest.mark.parametrize("change", [other_leaf, other_border, other_way_for_gaps])
def test_an_archive_whose_compiled_trees_differ_anywhere_is_refused(data, change):
    train(Hyperparameters("credit", "xgboost", "job-1"), data / "data", data / "model")
    known = matrix(read_folder(data / "data" / "train"), ENCODING)
    assert compiled.require_faithful(data / "model", known, seed=0) <= compiled.TOLERANCE

    rewritten(data / "model", change)

    with pytest.raises(compiled.Unfaithful, match=r"the compiled model gives .* where the trained one gives"):
        compiled.require_faithful(data / "model", known, seed=0)


def test_a_candidate_is_judged_by_rows_that_are_later_than_all_it_learned_from():
    at = np.arange(100.0, dtype=np.float32)
    folds = rolling(Rows(at[:, None], (at % 2).astype(int)))

    assert [(f.learned.x.max(), f.judged.x.min(), f.judged.x.max()) for f in folds] == [(59, 60, 79), (79, 80, 99)]


def test_a_block_that_has_one_class_only_judges_nothing():
    y = np.array([0, 1] * 40 + [0] * 20)

    assert len(rolling(Rows(np.arange(100, dtype=np.float32)[:, None], y))) == 1


def test_rows_before_which_no_column_ever_differed_teach_no_candidate():
    late = np.where(np.arange(100) < 70, np.nan, np.arange(100)).astype(np.float32)

    assert len(rolling(Rows(late[:, None], np.array([0, 1] * 50)))) == 1
    assert rolling(Rows(np.ones((100, 1), np.float32), np.array([0, 1] * 50))) == []


def test_the_candidate_that_ranks_later_rows_best_is_chosen_with_its_rounds():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3)).astype(np.float32)
    data = Rows(x, ((x[:, 0] > 0) ^ (x[:, 1] > 0)).astype(int))  # one split alone knows nothing of it
    stump, tree = Settings(40, parameters={"max_depth": 1}), Settings(40, parameters={"max_depth": 3})

    choice = choose("xgboost", [stump, tree], rolling(data), RANKING["ap"], seed=0)

    assert choice.settings.parameters == {"max_depth": 3}
    assert choice.settings.rounds in (10, 20, 30, 40)
    assert choice.measure > 0.9
    assert choose("xgboost", [stump, tree], [], RANKING["ap"], seed=0).settings == stump


def test_a_candidate_has_the_rounds_that_it_is_best_with():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2_000, 3)).astype(np.float32)
    data = Rows(x, (x[:, 0] + x[:, 1] + rng.normal(size=2_000) > 1.5).astype(int))
    settings = Settings(200, parameters={"max_depth": 6, "eta": 0.3})  # learns the noise in the end

    chosen, _ = with_rounds("xgboost", settings, rolling(data), RANKING["ap"], seed=0)

    assert chosen.rounds == 50


def test_of_two_that_cannot_be_told_apart_the_simpler_is_taken():
    best = np.array([0.70, 0.72, 0.74])

    assert cannot_be_told_apart(best, best)
    assert cannot_be_told_apart(np.array([0.71, 0.70, 0.735]), best), "mean gap .005, standard error .0087"
    assert not cannot_be_told_apart(best - 0.01, best), "a gap that every fold shows"
    assert not cannot_be_told_apart(np.array([0.69]), np.array([0.70])), "one fold tells no error"


def test_a_rare_class_weighs_the_root_of_the_ratio_when_it_is_told_to():
    y = np.array([1] + [0] * 100)

    assert Settings(1, "root").positive_weight(y) == 10
    assert Settings(1).positive_weight(y) == 1


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
    with pytest.raises(
        ValueError, match=r"\['credit', 'fraud'\] and a learner of \['catboost', 'logistic', 'scorecard', 'xgboost'\]"
    ) as wrong:
        Hyperparameters.parse({"problem": problem, "learner": learner, "name": "x"})
    assert problem in str(wrong.value)
    assert learner in str(wrong.value)


def test_a_learner_that_a_problem_has_not_is_refused_with_those_that_it_has():
    with pytest.raises(ValueError, match=r"a learner of \['catboost', 'xgboost'\] for fraud, got 'logistic'"):
        Hyperparameters.parse({"problem": "fraud", "learner": "logistic", "name": "x"})


def test_a_seed_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="many"):
        Hyperparameters.parse({"problem": "fraud", "learner": "xgboost", "name": "x", "seed": "many"})


def test_a_channel_without_rows_is_named(tmp_path):
    with pytest.raises(NoRows, match=f"{tmp_path} holds no Parquet file"):
        read_folder(tmp_path)


def test_a_cell_that_cannot_be_read_or_is_infinite_reaches_the_learner_as_missing():
    mixed = pd.DataFrame({"income": ["1,200", "abc"], "purpose": ["car ", "NA"]})
    plain = pd.DataFrame({"income": [1.5, np.inf], "debt": [-np.inf, 2.0]})

    assert np.array_equal(matrix(mixed, ENCODING), np.array([[1200, 0], [np.nan, np.nan]], np.float32), equal_nan=True)
    assert np.array_equal(
        matrix(plain, numbers(["income", "debt"])), np.array([[1.5, np.nan], [np.nan, 2]], np.float32), equal_nan=True
    )


def test_a_model_whose_first_tree_is_a_leaf_of_nothing_is_compiled_faithfully(tmp_path):
    """The converter takes the base score of such a model for a margin."""
    x, y = np.arange(44, dtype=np.float32)[:, None], np.array([0] * 20 + [1] * 24)
    parameters = {
        "objective": "binary:logistic",
        "base_score": 0.5,
        "min_child_weight": 5,
        "subsample": 0.8,
        "nthread": 1,
    }
    drawn = (xgboost.train({**parameters, "seed": seed}, xgboost.DMatrix(x, y), 10) for seed in range(1000))
    booster = next(b for b in drawn if [json.loads(t).get("leaf") for t in b.get_dump(dump_format="json")][:1] == [0])
    booster.save_model(tmp_path / "model.json")
    (tmp_path / compiled.FILE).write_bytes(compiled.compile_model("xgboost", tmp_path / "model.json", 1))
    manifest = {
        "name": "tiny",
        "learner": "xgboost",
        "file": "model.json",
        "compiled": compiled.FILE,
        "feature_version": "abc",
        "columns": numbers(["x"]).document(),
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    assert compiled.require_faithful(tmp_path, x, seed=0) <= compiled.TOLERANCE


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_model_that_found_nothing_to_tell_rows_apart_by_is_no_model(data, learner):
    for name in ("train", "validation"):
        part = read_folder(data / "data" / name).assign(income=1.0, purpose="car")
        write_frame(part, data / "data" / name / "rows.parquet")

    with pytest.raises(NothingToLearn, match="no column tells the outcomes of the 280 loans apart"):
        train(Hyperparameters("credit", learner, "job-1"), data / "data", data / "model")


def test_bins_are_fine_where_money_has_sharp_edges_and_few_where_they_only_cost_time():
    fraud, credit = (PROBLEMS[name].candidates["xgboost"] for name in ("fraud", "credit"))

    assert [s.parameters.get("max_bin", XGBOOST["max_bin"]) for s in fraud] == [8192] * 3
    assert [s.parameters.get("max_bin", XGBOOST["max_bin"]) for s in credit] == [256] * 2


def test_no_archive_is_written_that_holds_a_number_which_json_has_not(data, monkeypatch):
    monkeypatch.setattr("training.archive.baseline", lambda *_: {"columns": {}, "score": float("nan")})

    with pytest.raises(ValueError, match="not JSON compliant"):
        train(Hyperparameters("credit", "xgboost", "job-1"), data / "data", data / "model")


def test_every_problem_is_trained_on_the_features_that_are_served():
    assert PROBLEMS["fraud"].feature_version == FRAUD.version
    assert PROBLEMS["fraud"].has_policy
    assert set(PROBLEMS["fraud"].unwatched) <= set(FRAUD.columns)
