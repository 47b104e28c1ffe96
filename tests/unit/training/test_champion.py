"""Customers decide who wins, not rows, and the simplest wins a tie; the winner learns once more from all rows."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.encoding import Column, Encoding
from inference.archive import unpack
from inference.calibration import Calibration
from inference.model import BrokenArchive, Model
from training import evaluate
from training.additive import FittedTerms
from training.archive import About, Learnt, Part, write
from training.blend import blend
from training.calibration import crossfitted, reliability
from training.challenge import DRAWS, compared, judge, weighted_auc
from training.columns import Decisions, decide
from training.compiled import Unfaithful
from training.credit_set import BOOKKEEPING
from training.directions import direction
from training.folds import grouped
from training.frames import write_frame
from training.fraud_set import NothingToLearn
from training.learners import LEARNERS, by_risk, recoded
from training.prepare import split_as_known, split_by_time
from training.problems import AT_ONCE, PROBLEMS
from training.rows import Rows, Settings
from training.selection import Choice
from training.train import Hyperparameters, teaching, train

SIZE = 900
ENCODING = Encoding((Column("income"), Column("purpose", ("boat", "car", "house"))))


def noisy(y: np.ndarray, noise: float, seed: int) -> np.ndarray:
    return y + np.random.default_rng(seed).normal(0, noise, len(y))


def test_all_rows_of_a_customer_lie_in_one_fold_and_folds_have_like_shares_of_positives():
    rng = np.random.default_rng(0)
    customers, y = rng.integers(0, 300, SIZE), (rng.random(SIZE) < 0.1).astype(int)
    fold = grouped(y, customers, 5, seed=0)

    assert set(fold) == set(range(5))
    assert pd.Series(fold).groupby(customers).nunique().max() == 1
    rates = [y[fold == n].mean() for n in range(5)]
    assert max(rates) - min(rates) < 0.04
    assert np.array_equal(fold, grouped(y, customers, 5, seed=0))


def test_where_no_customer_comes_twice_each_row_is_in_one_of_stratified_folds():
    y = np.array([0, 1] * 50)
    fold = grouped(y, np.arange(100), 5, seed=0)

    assert [int(y[fold == n].sum()) for n in range(5)] == [10] * 5


def test_weights_count_as_so_many_rows():
    y, rank = np.array([0, 1, 0, 1]), np.array([0, 1, 1, 2])

    assert weighted_auc(rank, y, np.ones(4)) == (1 + 0.5 + 1 + 1) / 4
    assert weighted_auc(rank, y, np.array([1, 1, 3, 0])) == (1 + 3 * 0.5) / 4
    assert weighted_auc(rank, y, np.array([1, 0, 1, 0])) == 0.5, "a draw may hold one class only"


def test_a_better_score_wins_and_a_tie_goes_to_the_simpler():
    y = np.random.default_rng(1).integers(0, 2, SIZE)
    plain, worse = noisy(y, 0.8, 2), noisy(y, 2.0, 3)
    customers = np.arange(SIZE)

    assert judge({"simple": worse, "better": plain}, y, customers, 0).winner == "better"
    alike = plain + np.random.default_rng(9).normal(0, 0.05, SIZE)
    for pair in ((plain, alike), (alike, plain)):
        assert judge(dict(zip(("simple", "other"), pair, strict=True)), y, customers, 0).winner == "simple"
    assert judge({"alone": plain}, y, customers, 0).document()["behind_best"] == {}


def test_the_interval_is_wider_when_the_rows_are_of_few_customers():
    rng = np.random.default_rng(5)
    of = rng.integers(0, 60, SIZE)
    y = rng.integers(0, 2, 60)[of]
    a, b = (noisy(y, 0.5, 6) + rng.normal(0, s, 60)[of] for s in (0.5, 1.0))

    rows, customers = compared(a, b, y, np.arange(SIZE), 0), compared(a, b, y, of, 0)
    assert rows.value == customers.value
    assert customers.error > 2 * rows.error
    assert customers.low < customers.value < customers.high
    assert DRAWS >= 200


def test_a_calibration_that_makes_things_worse_is_not_kept_and_one_that_helps_is():
    rng = np.random.default_rng(7)
    margins = rng.normal(-1, 1, 4000)
    y = (rng.random(4000) < 1 / (1 + np.exp(-margins))).astype(int)
    customers = np.arange(4000)

    right, stretched = crossfitted(margins, y, customers, 0), crossfitted(3 * margins, y, customers, 0)
    assert stretched.kept
    assert stretched.log_loss_after < stretched.log_loss_before
    assert stretched.calibration.slope == pytest.approx(1 / 3, abs=0.05)
    assert right.log_loss_after >= right.log_loss_before - 1e-3
    short = crossfitted(margins[600:800], y[600:800], customers[:200], 0)
    assert short.log_loss_after > short.log_loss_before, "200 rows say less than what was right already"
    assert (short.kept, short.calibration.slope) == (False, 1.0)
    few = crossfitted(margins[:30], np.array([1] + [0] * 29), customers[:30], 0)
    assert (few.kept, few.calibration.slope, few.calibration.intercept) == (False, 1.0, 0.0)


def test_slope_and_intercept_say_in_which_way_probabilities_are_wrong():
    rng = np.random.default_rng(8)
    odds = rng.normal(0, 1.5, 20_000)
    y = (rng.random(20_000) < 1 / (1 + np.exp(-odds))).astype(int)

    def found(stretch: float, shift: float):
        return reliability(y, 1 / (1 + np.exp(-(stretch * odds + shift))))

    good = found(1, 0)
    assert good.slope_low < 1 < good.slope_high
    assert good.intercept_low < 0 < good.intercept_high
    assert good.slope_high - good.slope_low < 0.1
    assert found(2, 0).slope_high < 0.6, "too far apart"
    assert found(1, -1).intercept_low > 0.8, "too low on the whole"


def test_a_direction_is_found_where_the_risk_follows_a_number_and_not_where_it_turns():
    rng = np.random.default_rng(9)
    x = rng.uniform(0, 1, 5000)

    def told(risk: np.ndarray) -> np.ndarray:
        return (rng.random(5000) < risk).astype(int)

    assert direction(x, told(0.1 + 0.3 * x)) == 1
    assert direction(x, told(0.4 - 0.3 * x)) == -1
    assert direction(x, told(0.1 + 0.6 * np.abs(x - 0.3))) == 0, "it falls, then rises"
    assert direction(x, told(np.full(5000, 0.2))) == 0, "chance"
    assert direction(np.ones(5000), told(np.full(5000, 0.2))) == 0, "a constant"
    assert direction(np.where(x < 0.5, np.nan, x), told(0.1 + 0.3 * x)) == 1, "gaps say nothing"


def test_categories_are_put_in_the_order_of_their_risk_and_only_where_it_differs():
    rng = np.random.default_rng(10)
    code, noise = rng.integers(0, 3, 3000), rng.integers(0, 40, 3000)
    y = (rng.random(3000) < np.array([0.3, 0.1, 0.5])[code]).astype(int)
    x = np.column_stack([code, noise, code]).astype(np.float32)
    orders = by_risk(Rows(x, y, categorical=(0, 1)))

    assert orders == {0: (1, 0, 2)}
    cells = np.array([[0, 0, 0], [1, 0, 1], [2, 0, 2], [np.nan, 0, 3], [7, 0, 1]], np.float32)
    assert recoded(cells, orders)[:, 0].tolist()[:3] == [1, 0, 2]
    assert np.isnan(recoded(cells, orders)[3:, 0]).all(), "missing, and a code that nobody had"


@pytest.mark.parametrize("learner", ["logistic", "scorecard", "xgboost", "catboost"])
def test_no_learner_follows_a_number_against_the_direction_that_is_declared(learner):
    """Whoever earns more defaults less in these rows, and the declaration says the opposite."""
    rng = np.random.default_rng(11)
    x = rng.normal(size=(2000, 2)).astype(np.float32)
    y = (rng.random(2000) < 1 / (1 + np.exp(1.5 * x[:, 0] - x[:, 1]))).astype(int)
    fitted = LEARNERS[learner].fit(Rows(x, y, (1, 1)), Settings(30), 0)
    walk = np.column_stack([np.linspace(-3, 3, 50), np.zeros(50)]).astype(np.float32)

    assert np.diff(fitted.margins(walk)).min() >= 0
    assert np.diff(fitted.margins(walk[:, ::-1].copy())).max() > 0


def loans(size: int, seed: int, start: str) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    income, purpose = rng.lognormal(8, 1, size), rng.choice(["car", "house", "boat"], size)
    odds = 1.2 * (np.log(income) < 8) + 1.5 * (purpose == "boat") - 2.0
    return pd.DataFrame(
        {
            "identifier": [f"l{seed}-{i}" for i in range(size)],
            "customer_id": [f"c{i % (size // 2)}" for i in range(size)],
            "at": pd.Timestamp(start, tz="UTC") + pd.to_timedelta(np.arange(size), unit="min"),
            "label": (rng.random(size) < 1 / (1 + np.exp(-odds))).astype(int),
            "income": np.where(rng.random(size) < 0.1, np.nan, income),
            "purpose": purpose,
            "sex": np.where(purpose == "boat", "m", "f"),
        }
    )


@pytest.fixture
def places(tmp_path, monkeypatch):
    """What training leaves of two learners, as the job that compares them finds it."""
    monkeypatch.setattr(evaluate, "INPUT", tmp_path / "input")
    monkeypatch.setattr(evaluate, "OUTPUT", tmp_path / "output")
    parts = {"train": (1000, "2025-01-01"), "validation": (300, "2025-02-01"), "test": (300, "2025-03-01")}
    for seed, (name, (size, start)) in enumerate(parts.items()):
        write_frame(loans(size, seed, start), tmp_path / "input" / name / "rows.parquet")
    (tmp_path / "input" / "train" / "columns.json").write_text(json.dumps(ENCODING.document()))
    decided = decide(loans(1000, 0, "2025-01-01"), ["income", "purpose", "sex"])
    (tmp_path / "input" / "train" / "decided.json").write_text(json.dumps(decided.document()))
    for learner in ("logistic", "xgboost"):
        folder = tmp_path / learner
        folder.mkdir()
        train(Hyperparameters("credit", learner, f"job-{learner}"), tmp_path / "input", folder)
        archive = tmp_path / "input" / f"model-{learner}" / "model.tar.gz"
        archive.parent.mkdir()
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(folder, ".")
    return tmp_path


def test_the_winner_learns_once_more_from_all_rows_and_what_is_reported_is_of_rows_that_it_did_not_know(places):
    evaluate.main(["--problem", "credit", "--trained_with", "Rejects", "none", "--trained_with", "Default", "{}"])
    report = json.loads((places / "output" / "evaluation" / "evaluation.json").read_text())
    assert report["trained_with"] == {"Rejects": "none", "Default": "{}"}
    with tarfile.open(places / "output" / "model" / "model.tar.gz") as archive:
        unpack(archive, places / "kept")
    kept, before = Model(places / "kept"), Model(places / report["learner"])

    assert [c["learner"] for c in report["candidates"]] == ["logistic", "xgboost"]
    assert report["decided_by"]["winner"] == report["learner"] == kept.manifest["learner"]
    assert report["refit"]["rows"]["refit"] == 1600
    assert kept.manifest["trained_until"].startswith("2025-03-01")
    assert kept.manifest["settings"] == before.manifest["settings"]
    rows = [[3000.0, "boat"], [None, "car"], [9000.0, None]]
    assert kept.score(rows) != before.score(rows), "it has seen more"
    assert kept.score(rows) == pytest.approx(before.score(rows), abs=0.15)
    assert report["test"]["rows"] == 300
    assert {"slope", "intercept_low"} <= set(report["pooled"]["reliability"])
    assert report["pooled"]["rows"] == 1600, "each row once, by a model that did not know it"
    assert report["beside_simplest"]["learner"] == "logistic"
    assert report["set_aside"] == [{"name": "sex", "reason": "protected: sex; kept for evaluation"}]
    assert report["fairness"]["verdict"] == "breach"
    assert sorted(p.name for p in (places / "output" / "model").iterdir()) == ["model.tar.gz"]
    treated = json.loads((places / "output" / "evaluation" / "fairness.json").read_text())
    assert treated["rows"] == 600
    assert set(treated["columns"]["sex"]["groups"]) == {"f", "m"}
    assert {b["of"] for b in treated["breaches"]} >= {"ratio", "proxies"}, "a purpose gives the sex away"
    assert kept.manifest["protected_columns"]["kept_out"] == ["sex"]
    assert "sex" not in kept.encoding.names


def test_an_archive_has_the_codes_of_categories_that_its_model_learned_from(tmp_path):
    rows = loans(2000, 3, "2025-01-01")
    rows = pd.concat([rows] * 2, ignore_index=True)
    for name in ("train", "validation"):
        write_frame(rows, tmp_path / "data" / name / "rows.parquet")
    (tmp_path / "data" / "train" / "columns.json").write_text(json.dumps(ENCODING.document()))
    (tmp_path / "model").mkdir()
    train(Hyperparameters("credit", "xgboost", "job"), tmp_path / "data", tmp_path / "model")
    model = Model(tmp_path / "model")

    (purpose,) = [c for c in model.encoding.columns if c.name == "purpose"]
    assert purpose.categories[-1] == "boat", "the riskiest comes last"
    by_purpose = [model.score([[3000.0, p]])[0] for p in purpose.categories]
    assert max(by_purpose) == by_purpose[-1]
    assert model.manifest["directions"]["income"] == {"risk": "falling", "by": "found in the rows"}


def test_a_blend_weighs_what_each_learner_adds_and_leaves_out_what_adds_nothing():
    rng = np.random.default_rng(12)
    a, b = rng.normal(size=(2, 4000))
    y = (rng.random(4000) < 1 / (1 + np.exp(-(a + b - 1)))).astype(int)
    fold = grouped(y, np.arange(4000), 3, seed=0)
    found = blend({"a": a, "b": b, "against": -a}, y, fold)

    assert set(found.weights) == {"a", "b"}
    assert found.weights["a"] == pytest.approx(1, abs=0.15)
    assert found.intercept == pytest.approx(-1, abs=0.15)
    assert found.margins({"a": a, "b": b}) == pytest.approx(found.out_of_fold, abs=0.5)
    assert blend({"a": a, "against": -a}, y, fold) is None, "one alone is no blend"


def test_an_archive_of_several_models_serves_their_weighted_sum_and_explains_it(tmp_path):
    rows = loans(900, 4, "2025-01-01")
    learned = teaching(rows, ENCODING)
    parts = tuple(
        Part(Choice(name, PROBLEMS["credit"].candidates[name][0], None), fitted, weight)
        for name, weight in (("logistic", 0.5), ("xgboost", 0.75), ("catboost", 0.25))
        if (fitted := LEARNERS[name].fit(learned, replace(PROBLEMS["credit"].candidates[name][0], by_risk=False), 0))
    )
    learnt = Learnt(parts, Calibration(1.0, -0.2), {})
    write(About("b", PROBLEMS["credit"], ENCODING, Decisions(()), {}, 0), learnt, learned, learned.x, tmp_path)
    model = Model(tmp_path)
    cells = [[3000.0, "boat"], [None, "car"], [9000.0, None]]
    expected = sum(part.weight * part.fitted.margins(model.matrix(cells)) for part in parts)

    assert (model.manifest["learner"], model.runtime) == ("blend", "onnx")
    assert [p["learner"] for p in model.manifest["parts"]] == ["logistic", "xgboost", "catboost"]
    assert model.score(cells) == pytest.approx(learnt.calibration.probabilities(expected), abs=1e-6)
    assert model.reasons(cells)[0][0]["feature"] == "purpose"


def trained(folder, rows: pd.DataFrame, learners: tuple[str, ...] = tuple(PROBLEMS["credit"].candidates)):
    """Prepares, trains and judges; what the job that judges reports."""
    parts = split_by_time(rows, AT_ONCE)
    decided = decide(parts["train"], [c for c in rows.columns if c not in BOOKKEEPING])
    for name, part in parts.items():
        kept = part.drop(columns=decided.protected) if name == "train" else part
        write_frame(kept, folder / "input" / name / "rows.parquet")
    (folder / "input" / "train" / "columns.json").write_text(json.dumps(decided.encoding.document()))
    (folder / "input" / "train" / "decided.json").write_text(json.dumps(decided.document()))
    for learner in learners:
        (folder / learner).mkdir()
        train(Hyperparameters("credit", learner, learner), folder / "input", folder / learner)
        archive = folder / "input" / f"model-{learner}" / "model.tar.gz"
        archive.parent.mkdir()
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(folder / learner, ".")
    evaluate.main(["--problem", "credit"])
    return json.loads((folder / "output" / "evaluation" / "evaluation.json").read_text()), decided


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "INPUT", tmp_path / "input")
    monkeypatch.setattr(evaluate, "OUTPUT", tmp_path / "output")
    return tmp_path


def test_200_loans_of_500_columns_with_a_leak_and_a_category_for_each_loan_are_learnt_from(empty):
    rows = loans(200, 5, "2025-01-01")
    noise = np.random.default_rng(0).normal(size=(200, 500))
    many = {f"x{i}": noise[:, i] for i in range(500)}
    rows = pd.concat([rows, pd.DataFrame({**many, "many": [f"k{i}" for i in range(200)]})], axis=1)
    rows["told_afterwards"] = rows["label"] * 10.0 + 1
    report, decided = trained(empty, rows, ("xgboost",))
    aside = {d.name: d.reason for d in decided.columns if not d.used}

    for learner in ("logistic", "scorecard"):
        lone = LEARNERS[learner].fit(Rows(noise.astype(np.float32), rows["label"].to_numpy()), Settings(1), 0)
        assert np.isfinite(lone.margins(noise.astype(np.float32))).all(), "more columns than rows"
    assert report["refit"]["rows"]["refit"] == 200
    assert "too good" in aside["told_afterwards"]
    assert "many" in aside


def test_where_nothing_tells_the_outcomes_apart_a_scorecard_without_bins_loses_or_the_job_says_so(empty):
    rows = loans(400, 6, "2025-01-01")[["identifier", "customer_id", "at", "label"]]
    rows["noise"] = np.random.default_rng(1).normal(size=400)

    with pytest.raises(NothingToLearn, match="scorecard says the same of all 120 loans"):
        trained(empty, rows, ("scorecard",))


def test_a_model_that_gives_no_number_is_refused_by_name(empty):
    class Broken:
        name, encoding = "job-7", ENCODING

        def score(self, cells):
            return [0.5, float("nan")]

    with pytest.raises(evaluate.NoScore, match="job-7 gives 1 of 2 rows no number"):
        evaluate.scores(Broken(), loans(2, 7, "2025-01-01"))


def test_loans_judge_only_what_could_have_been_known_when_they_were_asked_for():
    rows = loans(3000, 8, "2025-01-01").assign(at=pd.date_range("2022-01-01", periods=3000, freq="8h", tz="UTC"))
    over = rows["at"] + pd.Timedelta(days=90)
    parts, said = split_as_known(rows, lambda first: pd.Index(rows.loc[over < first, "identifier"]))

    assert said == [
        "purged before the test rows: 270 of 2550 earlier rows",
        "purged before the validation rows: 270 of 1878 earlier rows",
    ]
    for earlier, later in (("train", "validation"), ("validation", "test")):
        assert parts[later]["at"].min() - parts[earlier]["at"].max() >= pd.Timedelta(days=90)
    assert len(parts["test"]) == 450


def test_where_a_purge_would_leave_too_little_all_rows_stay_and_that_is_said():
    rows = loans(900, 9, "2025-01-01")
    parts, said = split_as_known(rows, lambda first: pd.Index([]))

    assert {name: len(part) for name, part in parts.items()} == {"train": 630, "validation": 135, "test": 135}
    assert [line[:30] for line in said] == ["NOT PURGED before the test row", "NOT PURGED before the validati"]


def test_an_archive_of_a_sum_that_gives_other_margins_than_what_was_learnt_is_refused(tmp_path):
    learned = teaching(loans(400, 13, "2025-01-01"), ENCODING)

    class Otherwise(FittedTerms):
        def margins(self, matrix, rounds=None):
            return np.nextafter(super().margins(matrix), np.inf)

    fitted = Otherwise(LEARNERS["logistic"].fit(learned, Settings(1), 0).terms)
    learnt = Learnt((Part(Choice("logistic", Settings(1), None), fitted),), Calibration(), {})
    with pytest.raises(Unfaithful, match=r"the archive gives .* where the trained model gives"):
        write(About("s", PROBLEMS["credit"], ENCODING, Decisions(()), {}, 0), learnt, learned, learned.x, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"intercept": 0}',
        '{"intercept": 0, "terms": [{"shape": "line", "at": [2, 1], "adds": [0, 1], "missing": 0, "mean": 0}]}',
    ],
    ids=["empty", "list", "no terms", "places that fall"],
)
def test_a_file_that_is_no_sum_is_a_broken_archive(tmp_path, text):
    (tmp_path / "terms.json").write_text(text)
    manifest = {
        "name": "m",
        "learner": "logistic",
        "file": "terms.json",
        "feature_version": "v",
        "columns": ENCODING.document(),
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(BrokenArchive, match="the logistic of the archive cannot be used"):
        Model(tmp_path)


@pytest.mark.parametrize(
    "parts", [None, [], [{"learner": "logistic", "weight": -1}], [{"learner": "blend", "weight": 1}]]
)
def test_a_blend_without_usable_parts_is_a_broken_archive(tmp_path, parts):
    manifest = {"name": "m", "learner": "blend", "parts": parts, "feature_version": "v", "columns": ENCODING.document()}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(BrokenArchive, match="the manifest's parts"):
        Model(tmp_path)
