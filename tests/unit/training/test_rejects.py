"""Declined loans teach where a training says so, by inferred outcomes that are in no figure."""

from __future__ import annotations

import json
import shutil
import tarfile

import numpy as np
import pandas as pd
import pytest

from features.credit import PAYMENT_BEHAVIOUR
from features.encoding import Column, Encoding
from inference.archive import unpack
from inference.model import Model
from tools.operate.experiments import comparable, differences
from training import credit_set, dossier, evaluate, prepare, rejects
from training.columns import decide
from training.default import Told
from training.evaluate import once_more
from training.frames import read_folder, write_frame
from training.fraud_set import NothingToLearn
from training.learners import LEARNERS
from training.problems import PROBLEMS
from training.reject_method import Rejects, WrongRejects
from training.rejects import Declined, compare, drawn, parcelled
from training.rows import Rows, Settings
from training.train import Hyperparameters, train

CREDIT = PROBLEMS["credit"]
ENCODING = Encoding((Column("income", None, "number"), Column("purpose", ("boat", "car"), "category")))


def test_a_band_s_declined_loans_are_taken_for_bad_as_often_as_its_known_ones_are_times_the_uplift():
    known = np.linspace(0, 0.999, 1000)
    y = (np.tile(np.arange(100), 10) < np.repeat(np.arange(10) * 8, 100)).astype(int)  # 0, 8, 16, ... 72 %
    found = parcelled(known, y, known[1::2], drawn(str(i) for i in range(500)), 1.5)

    assert [(b["known"], b["declined"], b["observed"]) for b in found.bands] == [(100, 50, True)] * 10
    assert [b["bad_rate"] for b in found.bands] == pytest.approx([0.08 * n for n in range(10)])
    assert [b["inferred_bad"] for b in found.bands] == [0, 6, 12, 18, 24, 30, 36, 42, 48, 50], "no more than all"
    assert [int(part.sum()) for part in np.split(found.y, 10)] == [b["inferred_bad"] for b in found.bands]


def test_beyond_what_was_lent_to_the_share_is_what_the_model_says_and_named_so():
    # Ten who were lent to all the same, and paid, make no rate.
    known, y = np.append(np.linspace(0, 0.2, 500), [0.6] * 10), np.append(np.tile([0, 0, 0, 0, 1], 100), [0] * 10)
    declined = np.repeat([0.4, 0.6], 245)
    found = parcelled(known, y, declined, drawn(str(i) for i in range(490)), 1.2)

    assert [found.y[:245].mean(), found.y[245:].mean()] == pytest.approx([0.48, 0.72], abs=0.002)
    assert {b["observed"] for b in found.bands if b["known"] > 10} == {True}
    assert {b["observed"] for b in found.bands if b["declined"]} == {False}


def test_which_loans_are_taken_for_bad_hangs_on_their_identifiers_alone():
    known, y = np.linspace(0, 1, 100), np.tile([0, 1], 50)
    names, same = [f"l{i}" for i in range(60)], np.full(60, 0.5)
    whole = dict(zip(names, parcelled(known, y, same, drawn(names), 1.0).y, strict=True))
    turned = dict(zip(names[::-1], parcelled(known, y, same, drawn(names[::-1]), 1.0).y, strict=True))

    assert whole == turned
    assert sum(whole.values()) == 30
    assert 0.3 < np.mean(drawn(str(i) for i in range(2000))) < 0.7
    assert len(set(drawn(names))) == 60


@pytest.mark.parametrize(
    "text", ["augment", "parcelling:0.5", "parcelling:x", "parcelling:nan", "none:2", "parcelling:11"]
)
def test_what_declined_loans_shall_teach_is_said_in_words_that_are_known(text):
    with pytest.raises(WrongRejects, match="expected none, parcelling, or parcelling:2 with an uplift of 1 to 10"):
        Rejects.parse(text)


def test_nothing_is_inferred_unless_it_is_asked_for():
    assert Rejects.parse("") == Rejects.parse("none") == Rejects("none")
    assert Rejects.parse("parcelling") == Rejects("parcelling", 1.5)
    assert Rejects.parse("parcelling:2") == Rejects("parcelling", 2.0)


def population(size: int, seed: int, start: str, prefix: str = "l") -> tuple[pd.DataFrame, np.ndarray]:
    """Loans, and whether a lender who likes incomes made them."""
    rng = np.random.default_rng(seed)
    income, purpose = rng.normal(3000, 1000, size), rng.choice(["car", "boat"], size)
    odds = (purpose == "boat") * 1.2 - (income - 3000) / 800 - 1.2
    rows = pd.DataFrame(
        {
            "identifier": [f"{prefix}{seed}-{i}" for i in range(size)],
            "customer_id": [f"{prefix}{seed}-c{i}" for i in range(size)],
            "at": pd.Timestamp(start, tz="UTC") + pd.to_timedelta(np.arange(size), unit="min"),
            "label": (rng.random(size) < 1 / (1 + np.exp(-odds))).astype(int),
            "income": income,
            "purpose": purpose,
        }
    )
    return rows, income + rng.normal(0, 500, size) > 2600


@pytest.fixture
def places(tmp_path, monkeypatch):
    """What preparing leaves of a lender's loans and of those that it declined."""
    monkeypatch.setattr(evaluate, "INPUT", tmp_path / "input")
    monkeypatch.setattr(evaluate, "OUTPUT", tmp_path / "output")
    refused = []
    for seed, (name, size, start) in enumerate(
        (("train", 1500, "2025-01-01"), ("validation", 500, "2025-02-01"), ("test", 500, "2025-03-01"))
    ):
        rows, made = population(size, seed, start)
        write_frame(rows[made], tmp_path / "input" / name / "rows.parquet")
        refused.append(rows[~made].drop(columns="label"))
    train_folder = tmp_path / "input" / "train"
    (train_folder / "columns.json").write_text(json.dumps(ENCODING.document()))
    decided = decide(read_folder(train_folder), ["income", "purpose"])
    (train_folder / "decided.json").write_text(json.dumps(decided.document()))
    write_frame(pd.concat(refused), train_folder / rejects.FILE)
    (train_folder / rejects.DECLARED).write_text(json.dumps(Rejects("parcelling", 2.0).document()))
    return tmp_path


def learnt(places, learners=("logistic", "xgboost")) -> dict:
    for learner in learners:
        folder = places / learner
        folder.mkdir()
        train(Hyperparameters("credit", learner, f"job-{learner}"), places / "input", folder)
        archive = places / "input" / f"model-{learner}" / "model.tar.gz"
        archive.parent.mkdir()
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(folder, ".")
    evaluate.main(["--problem", "credit"])
    return json.loads((places / "output" / "evaluation" / "evaluation.json").read_text())


def clear(places) -> None:
    """What a training left, so that it can be made again."""
    for folder in (places / "output", places / "logistic", places / "xgboost", *(places / "input").glob("model-*")):
        shutil.rmtree(folder)


def test_what_inferring_changed_is_told_beside_the_same_learner_without_it_on_loans_with_known_outcomes(places, capsys):
    report = learnt(places)
    found, seen = report["rejects"], report["rejects"]["effect"]
    known = [len(read_folder(places / "input" / name)) for name in ("validation", "test")]

    assert (found["method"], found["uplift"]) == ("parcelling", 2.0)
    assert seen["known"] == sum(known) == report["validation"]["rows"] + report["test"]["rows"]
    assert seen["auc_gain"]["low"] <= seen["auc_gain"]["value"] <= seen["auc_gain"]["high"]
    assert seen["measures"]["with"]["auc"] - seen["measures"]["without"]["auc"] == pytest.approx(
        seen["auc_gain"]["value"]
    )
    assert {"slope", "intercept_low", "brier"} <= set(seen["measures"]["with"])
    assert seen["mean_pd_of_declined"]["with"] > seen["mean_pd_of_declined"]["without"], "an uplift of 2"
    assert [a["of_known"] for a in seen["approved"]] == [0.6, 0.8]
    assert found["told"] in capsys.readouterr().out
    signed = json.loads((places / "output" / "evaluation" / "dossier.json").read_text())
    assert "assumed, not observed" in signed["limits"]
    assert [t["value"] for t in signed["tests"] if t["name"].startswith("AUC with inferred rejects")] == [
        seen["auc_gain"]["value"]
    ]
    page = (places / "output" / "evaluation" / "dossier.html").read_text()
    assert "Inferred outcomes of declined loans: parcelling, uplift 2" in page


def test_only_loans_that_were_declined_while_the_others_trained_teach_and_all_of_them_the_model_that_is_kept(places):
    report = learnt(places)
    declined = read_folder(places / "input" / "train", only=rejects.FILE)
    last = read_folder(places / "input" / "train", without=rejects.FILE)["at"].max()
    with tarfile.open(places / "output" / "model" / "model.tar.gz") as archive:
        unpack(archive, places / "kept")

    assert report["rejects"]["declined"] == (declined["at"] <= last).sum() < len(declined)
    kept = Model(places / "kept").manifest
    assert kept["rejects"]["declined"] == report["refit"]["rejects"]["declined"] == len(declined)
    assert kept["rejects"]["inferred_bad"] == sum(b["inferred_bad"] for b in kept["rejects"]["bands"])


def test_inferred_outcomes_are_in_no_figure(places):
    """Whatever the declined loans are, rows of every figure are the known ones."""
    report = learnt(places, ("logistic",))
    sizes = {n: len(read_folder(places / "input" / n, without=rejects.FILE)) for n in ("train", "validation", "test")}

    assert report["test"]["rows"] == sizes["test"]
    assert report["pooled"]["rows"] == sum(sizes.values())
    assert report["refit"]["rows"] == {
        "train": sizes["train"],
        "validation": sizes["validation"],
        "refit": sum(sizes.values()),
    }


def test_the_same_training_infers_the_same_bit_by_bit(places, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        train(Hyperparameters("credit", "xgboost", "job"), places / "input", tmp_path / name)
    first, second = ((tmp_path / name / "manifest.json").read_bytes() for name in ("a", "b"))

    assert first == second
    assert json.loads(first)["rejects"]["inferred_bad"] > 0
    assert (tmp_path / "a" / "model.onnx").read_bytes() == (tmp_path / "b" / "model.onnx").read_bytes()


def test_a_training_with_declined_loans_that_is_made_again_differs_in_nothing_that_reproducing_compares(places):
    """As `make reproduce` compares them: every figure, the digests of rows, and those of the archive's parts."""
    first = learnt(places)
    clear(places)
    again = learnt(places)
    assert differences(comparable(first, "job"), comparable(again, "job")) == []
    assert again["record"]["archive"] == first["record"]["archive"]
    assert again["rejects"]["inferred_bad"] > 0

    (places / "input" / "train" / rejects.DECLARED).write_text(json.dumps(Rejects("parcelling", 3.0).document()))
    clear(places)
    other = differences(comparable(first, "job"), comparable(learnt(places), "job"))
    assert "rejects.uplift" in other, "another uplift is found out"


def test_without_the_option_an_archive_says_nothing_of_declined_loans(places):
    (places / "input" / "train" / rejects.FILE).unlink()
    (places / "input" / "train" / rejects.DECLARED).unlink()
    report = learnt(places, ("logistic",))

    assert "rejects" not in report
    assert "rejects" not in report["refit"]
    assert "assumed" not in json.loads((places / "output" / "evaluation" / "dossier.json").read_text())["limits"]


def test_what_is_inferred_says_nothing_of_directions_and_of_the_order_of_categories():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=4000), rng.integers(0, 3, 4000)]).astype(np.float32)
    y = (rng.random(4000) < 1 / (1 + np.exp(-x[:, 0] - x[:, 1] + 2))).astype(int)
    rows = Rows(x, y, (0, 0), (1,))
    other_way = Rows(np.concatenate([x] * 3), np.concatenate([1 - y] * 3))
    settings = Settings(20, parameters={"max_depth": 2, "nthread": 1, "max_bin": 256}, inferred=True, by_risk=True)
    alone = LEARNERS["xgboost"].fit(rows, settings, 0)
    both = LEARNERS["xgboost"].fit(rows, settings, 0, other_way)

    assert both.orders == alone.orders == {1: (0, 1, 2)}
    said = both.margins(np.column_stack([np.linspace(-2, 2, 50), np.ones(50)]).astype(np.float32))
    assert np.all(np.diff(said) >= -1e-6), "still rising, as the known rows say"
    assert not np.array_equal(both.margins(x), alone.margins(x))


def test_calibration_is_on_known_loans_and_by_models_that_learnt_from_declined_ones_too():
    rows, made = population(3000, 5, "2025-01-01")
    x = np.column_stack([rows["income"], rows["purpose"] == "boat"]).astype(np.float32)
    known = Rows(x[made], rows["label"].to_numpy()[made], (0, 0))
    refused = Declined(Rejects("parcelling", 3.0), x[~made], drawn(rows["identifier"][~made]))
    settings = {"logistic": Settings(1, parameters={"C": 1.0})}
    customers = rows["customer_id"].to_numpy()[made]
    alone = once_more(CREDIT, settings, known, customers)
    both = once_more(CREDIT, settings, known, customers, refused)

    assert len(both.out_of_fold) == made.sum()
    assert not np.allclose(both.out_of_fold, alone.out_of_fold)
    level = [learnt.calibration.probabilities(learnt.out_of_fold).mean() for learnt in (alone, both)]
    assert level == pytest.approx([known.y.mean()] * 2, abs=0.01), "three times as many bad ones among the declined"
    raw = [1 / (1 + np.exp(-learnt.out_of_fold)) for learnt in (alone, both)]
    assert raw[1].mean() > raw[0].mean() + 0.005


def test_too_few_known_loans_for_folds_are_refused():
    x = np.arange(60, dtype=np.float32)[:, None]
    rows = Rows(x, (np.arange(60) == 0).astype(int), (0,))
    refused = Declined(Rejects("parcelling"), x, drawn(str(i) for i in range(60)))

    with pytest.raises(NothingToLearn, match="REJECTS: too few loans of either outcome for folds"):
        once_more(CREDIT, {"logistic": Settings(1, parameters={"C": 1.0})}, rows, np.arange(60).astype(str), refused)


def test_the_share_of_declined_loans_that_would_be_approved_is_at_cut_offs_of_each_score_s_own():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 1000)
    p = np.linspace(0.01, 0.5, 1000)
    found = compare(y, np.arange(1000), {"with": p, "without": p / 2}, {"with": p[500:], "without": p[500:] / 2}, 0)

    for approved in found["approved"]:
        assert approved["with"] == approved["without"] == pytest.approx((approved["of_known"] - 0.5) * 2, abs=0.01)
    assert found["auc_gain"]["value"] == 0


# Preparing


def silver(loans: int, declined: int) -> tuple[pd.DataFrame, Told]:
    """As many loans that were told, every fifth in default, and applications that were declined between them."""
    names = [f"l{i}" for i in range(loans)] + [f"d{i}" for i in range(declined)]
    spread = [*np.linspace(0, 700, loans), *np.linspace(0, 700, declined)]
    at = pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(spread, unit="D")
    features = pd.DataFrame(
        {
            "loan_id": names,
            "customer_id": [f"c-{name}" for name in names],
            "applied_at": at,
            "amount_cents": [100_000 + 1000 * (i % 7) for i in range(len(names))],
            "term_months": 12,
            "attributes": [
                json.dumps({"income": str(1000 + i % 90), "sex": "f" if i % 2 else "m"}) for i in range(len(names))
            ],
            "feature_version": PAYMENT_BEHAVIOUR.version,
            **{name: [float(i % 5) for i in range(len(names))] for name in PAYMENT_BEHAVIOUR.columns},
        }
    )
    known = features[features["loan_id"].str.startswith("l")]
    outcomes = pd.DataFrame(
        {
            "loan_id": known["loan_id"],
            "defaulted": [int(i % 5 == 0) for i in range(loans)],
            "observed_at": known["applied_at"] + pd.Timedelta(days=300),
        }
    )
    others = features[~features["loan_id"].isin(known["loan_id"])]
    decisions = pd.DataFrame(
        {
            "loan_id": [*known["loan_id"], *others["loan_id"]],
            "decided_at": [*known["applied_at"], *others["applied_at"]],
            "decision": ["approved"] * loans + ["declined"] * declined,
        }
    )
    return features, Told(outcomes=outcomes, decisions=decisions if declined else None)


def prepared(tmp_path, monkeypatch, declined: int, *more: str):
    monkeypatch.setattr(prepare, "INPUT", tmp_path / "in")
    monkeypatch.setattr(prepare, "OUTPUT", tmp_path / "out")
    features, told = silver(600, declined)
    write_frame(features, tmp_path / "in" / "features" / "x.parquet")
    write_frame(told.outcomes, tmp_path / "in" / "labels" / "outcomes" / "x.parquet")
    if told.decisions is not None:
        write_frame(told.decisions, tmp_path / "in" / "labels" / "decisions" / "x.parquet")
    prepare.main(["--problem", "credit", "--as_of", "2023-01-01T00:00:00Z", *more])
    return tmp_path / "out"


def test_preparing_sets_declined_loans_beside_those_that_train_without_labels_or_protected_columns(
    tmp_path, monkeypatch, capsys
):
    out = prepared(tmp_path, monkeypatch, 300, "--rejects", "parcelling:2")
    declined = read_folder(out / "train", only=rejects.FILE)

    assert len(declined) == 300
    assert set(declined["identifier"].str[0]) == {"d"}
    assert not {"label", "sex"} & set(declined)
    assert {"income", "amount", *PAYMENT_BEHAVIOUR.columns} <= set(declined)
    assert json.loads((out / "train" / rejects.DECLARED).read_text()) == {"method": "parcelling", "uplift": 2.0}
    for name in ("train", "validation", "test"):
        assert set(read_folder(out / name, without=rejects.FILE)["identifier"].str[0]) == {"l"}
    assert "parcelling, uplift 2: outcomes of" in capsys.readouterr().out


def test_preparing_without_the_option_leaves_no_declined_loans(tmp_path, monkeypatch):
    out = prepared(tmp_path, monkeypatch, 300)

    assert not (out / "train" / rejects.FILE).exists()
    assert not (out / "train" / rejects.DECLARED).exists()


@pytest.mark.parametrize("declined", [0, 120])
def test_a_set_with_too_few_declined_loans_is_refused_before_anything_is_trained(tmp_path, monkeypatch, declined):
    with pytest.raises(NothingToLearn, match="REJECTS: expected at least 100 loans") as refused:
        prepared(tmp_path, monkeypatch, declined, "--rejects", "parcelling")
    assert f"({declined} in all)" in str(refused.value)


def test_a_wrong_word_is_refused_before_a_row_is_read():
    with pytest.raises(WrongRejects, match="got 'guess'"):
        prepare.main(["--problem", "credit", "--as_of", "2018-05-01T00:00:00Z", "--rejects", "guess"])


def test_withdrawn_loans_and_those_that_are_not_decided_yet_are_no_declined_ones():
    features, told = silver(20, 3)
    told.decisions.loc[20, "decision"] = "withdrawn"
    told.decisions.loc[21, "decided_at"] = pd.Timestamp("2024-01-01", tz="UTC")
    found = credit_set.declined(features, told, pd.Timestamp("2023-01-01", tz="UTC"))

    assert list(found["identifier"]) == ["d2"]


def seen(low: float, high: float, level: tuple[float, float]) -> dict:
    figures = {"intercept": sum(level) / 2, "intercept_low": level[0], "intercept_high": level[1]}
    gain = {"value": (low + high) / 2, "low": low, "high": high}
    return {"effect": {"known": 9, "bad": 2, "auc_gain": gain, "measures": {"with": figures, "without": figures}}}


@pytest.mark.parametrize(
    ("found", "verdicts"),
    [
        (seen(-0.02, 0.01, (-0.1, 0.1)), ["pass", "pass"]),
        (seen(-0.03, -0.01, (-0.1, 0.1)), ["warn", "pass"]),
        (seen(-0.02, 0.01, (0.3, 0.5)), ["pass", "warn"]),
        (seen(-0.02, 0.01, (-0.6, -0.3)), ["pass", "warn"]),
    ],
)
def test_the_dossier_warns_where_inferring_made_known_loans_worse_by_more_than_chance(found, verdicts):
    assert [answer.verdict for answer in dossier.inferred(found)] == verdicts


def test_what_is_inferred_for_a_fold_is_by_rates_of_other_rows_than_those_that_it_judges(monkeypatch):
    rows, made = population(1200, 6, "2025-01-01")
    x = np.column_stack([rows["income"], rows["purpose"] == "boat"]).astype(np.float32)
    known = Rows(x[made], rows["label"].to_numpy()[made], (0, 0))
    asked, given = [], rejects.parcelled
    monkeypatch.setattr(rejects, "parcelled", lambda *of: asked.append(of) or given(*of))
    refused = Declined(Rejects("parcelling"), x[~made], drawn(rows["identifier"][~made]))
    settings = {"logistic": Settings(1, parameters={"C": 1.0})}
    once_more(CREDIT, settings, known, rows["customer_id"].to_numpy()[made], refused)
    sizes = [len(y) for _, y, *_ in asked]

    assert sizes[-1] == made.sum(), "the model that is kept infers from all"
    assert sum(made.sum() - size for size in sizes[:-1]) == made.sum(), "each row is left out once"
