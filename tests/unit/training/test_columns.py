"""What becomes of every column is decided once, told by name, kept in the archive and held against newer rows."""

from __future__ import annotations

import json
import tarfile

import numpy as np
import pandas as pd
import pytest

from features.columns import CONSTANT
from features.contract import PROTECTED_PREFIX
from features.credit import PAYMENT_BEHAVIOUR
from features.declared import LEARNT_FROM, WrongDeclaration, declared_of
from features.encoding import Column, Encoding
from features.fraud import FRAUD
from inference.app import App
from inference.model import Model
from tests.unit.training.test_late import Lake
from training import credit_set, evaluate, fraud_set, prepare, score_set
from training.columns import FILE, TOO_GOOD, Decisions, contradictions, decide
from training.enough import LEAST_OF_A_CLASS, LEAST_THAT_TRAIN, require_rows
from training.frames import read_folder, write_frame
from training.fraud_set import NothingToLearn
from training.train import Hyperparameters, matrix, train

SIZE = 900
CLASSES = ("repaid loans", "defaults")


def frame(**columns) -> pd.DataFrame:
    """Rows that train, half of them positive in no order that a column knows."""
    rng = np.random.default_rng(0)
    (size,) = {len(cells) for cells in columns.values()}
    return pd.DataFrame({"label": rng.permutation(np.arange(size) % 2), **columns})


def decided(rows: pd.DataFrame, **train_on: str) -> dict:
    declared = declared_of(LEARNT_FROM, {"columns": {name: {"train_on": why} for name, why in train_on.items()}})
    return {d.name: d for d in decide(rows, [c for c in rows.columns if c != "label"], declared).columns}


def test_every_column_is_named_with_what_was_decided_and_the_bad_cells_are_counted():
    rows = frame(
        income=["NA", "abc", *(f"{i * 17.5}" for i in range(98))],
        purpose=["car", "house"] * 50,
        column0=[str(i) for i in range(100)],
        remarks=[f"said something long {i}" for i in range(100)],
    )
    said = decide(rows, ["income", "purpose", "column0", "remarks"]).lines()

    assert said[0] == "column income: number; 100 cells, 1 missing, 1 unreadable, 98 different"
    assert said[1] == "column purpose: category; 100 cells, 0 missing, 0 unreadable, 2 different"
    assert said[2].startswith("column column0 is SET ASIDE (row numbers")
    assert said[3].startswith("column remarks is SET ASIDE (free text")
    assert said[4] == "2 columns are used, 2 are set aside"
    assert not any("said something" in line or "abc" in line for line in said)


def known_afterwards(kind: str) -> tuple[np.ndarray, list]:
    y = np.random.default_rng(1).integers(0, 2, 200)
    noise = np.random.default_rng(2)
    return y, {
        "a number that defaults alone have": [float(noise.integers(1, 999)) if bad else 0.0 for bad in y],
        "empty unless it defaulted": [str(noise.integers(1, 999)) if bad else None for bad in y],
        "the other way round": [f"{-5.0 - bad + noise.random() / 2}" for bad in y],
        "a word": ["charged off" if bad else "fully paid" for bad in y],
        "true or false": [str(bool(bad)) for bad in y],
        "in the middle": [float(5 if bad else noise.choice([1, 2, 8, 9])) for bad in y],
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "a number that defaults alone have",
        "empty unless it defaulted",
        "the other way round",
        "a word",
        "true or false",
        "in the middle",
    ],
)
def test_a_column_that_alone_tells_the_outcome_is_set_aside_with_the_figure(kind):
    y, cells = known_afterwards(kind)
    found = decided(pd.DataFrame({"label": y, "recoveries": cells, "income": np.arange(200) * 7.5}))

    assert not found["recoveries"].used
    assert found["recoveries"].auc >= TOO_GOOD
    assert f"an AUC of {found['recoveries'].auc:.3f} over 200 rows" in found["recoveries"].reason
    assert found["income"].used


def test_a_strong_column_and_one_of_too_few_rows_are_no_column_known_afterwards():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 600)
    strong = y + rng.normal(0, 0.45, 600)  # an AUC of .94
    many = [f"town {i}" for i in rng.integers(0, 60, 600)]
    assert decided(pd.DataFrame({"label": y, "score": strong, "town": many}))["score"].used
    assert decided(pd.DataFrame({"label": y, "score": strong, "town": many}))["town"].used

    # Nearly every one has a single row in either half: who learns them by heart knows all.
    rare = [f"town {i % 63}" for i in range(130)]
    assert decided(pd.DataFrame({"label": rng.integers(0, 2, 130), "town": rare}))["town"].used

    few = np.array([0] * 500 + [1] * 29)
    assert decided(pd.DataFrame({"label": few, "recoveries": few * 7.5}))["recoveries"].used


def test_a_protected_column_is_trained_on_only_with_a_reason_which_is_kept():
    rows = frame(age=[str(20 + i % 50) for i in range(100)], income=[str(i * 7.5) for i in range(100)])

    refused, allowed = decided(rows)["age"], decided(rows, age="a law of 2020 asks for it")["age"]

    assert not refused.used
    assert refused.reason == "protected: age; kept for evaluation"
    assert allowed.used
    assert allowed.reason == "protected: age; trained on because: a law of 2020 asks for it"


def test_decisions_survive_their_document():
    rows = frame(
        age=["1", "2"] * 20, purpose=["a", "b"] * 20, flag=["yes", "no"] * 20, income=[i * 7.5 for i in range(40)]
    )
    found = decide(rows, ["age", "purpose", "flag", "income"])

    assert Decisions.parse(json.loads(json.dumps(found.document(), allow_nan=False))) == found
    assert found.encoding.columns == (
        Column("purpose", ("a", "b")),
        Column("flag", kind="flag"),
        Column("income"),
    )


HELD = Encoding((Column("income"), Column("purpose", ("car", "house")), Column("owns", kind="flag")))


def test_newer_rows_that_contradict_a_column_are_told_by_name_and_without_their_content():
    rows = pd.DataFrame(
        {
            "income": ["plenty"] * 30 + ["5"] * 10,
            "purpose": ["car"] * 40,
            "owns": ["Yes", "no"] * 20,
        }
    )

    assert contradictions(HELD, rows, "the rows of May") == [
        "column income CONTRADICTS its training as number: 30 of 40 cells of the rows of May are no values of its "
        "kind, and are taken for missing"
    ]


def test_a_few_bad_cells_are_counted_and_contradict_nothing():
    rows = pd.DataFrame({"income": ["1"] * 99 + ["x"], "purpose": ["car"] * 98 + ["boat"] * 2, "owns": ["no"] * 100})

    income, purpose = contradictions(HELD, rows, "the rows of May")
    assert income.startswith("column income: 1 of 100 cells")
    assert purpose.startswith(
        "column purpose: 2 of 100 cells of the rows of May are categories that the model does not know"
    )


def test_a_column_that_is_gone_or_empty_is_told():
    rows = pd.DataFrame({"income": [None, float("nan"), "NA"], "purpose": ["car"] * 3})

    assert contradictions(HELD, rows, "the rows of May") == [
        "column income CONTRADICTS its training: the rows of May hold no value of it",
        "column owns CONTRADICTS its training: the rows of May hold no value of it",
    ]


def parts(train: list[int], validation: list[int], test: list[int]) -> dict[str, pd.DataFrame]:
    labels = {"train": train, "validation": validation, "test": test}
    start = pd.Timestamp("2018-01-01", tz="UTC")
    return {
        name: pd.DataFrame({"label": flags, "at": [start + pd.Timedelta(hours=i) for i in range(len(flags))]})
        for name, flags in labels.items()
    }


GOOD = [0, 1] * LEAST_THAT_TRAIN


def test_a_set_that_can_teach_is_taken():
    require_rows(parts(GOOD, [0, 1], [1, 0]), "loans", CLASSES)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            (GOOD[:28], [0, 1], [0, 1]),
            f"32 loans .* leave 28 that train, expected at least {LEAST_THAT_TRAIN}: bring older",
        ),
        (
            ([0] * 90, [0, 1], [0, 1]),
            "the 90 loans of the train part.* hold 0 defaults, expected at least 5: bring older",
        ),
        (([1] * 90, [0, 1], [0, 1]), "the train part.* hold 0 repaid loans"),
        (
            (GOOD, [0, 0, 0], [0, 1]),
            "the 3 loans of the validation part.* hold 0 defaults.* outcomes of the newest loans",
        ),
        ((GOOD, [0, 1], [1, 1]), "the 2 loans of the test part.* hold 0 repaid loans"),
        ((GOOD, [0, 1], []), "the 0 loans of the test part hold 0 repaid loans"),
    ],
)
def test_a_part_that_lacks_a_class_is_named_with_what_to_bring(given, said):
    with pytest.raises(NothingToLearn, match=said):
        require_rows(parts(*given), "loans", CLASSES)


def test_the_training_part_needs_more_of_a_class_than_the_others():
    few = [1] * (LEAST_OF_A_CLASS["train"] - 1) + [0] * 90

    with pytest.raises(NothingToLearn, match="hold 4 defaults, expected at least 5"):
        require_rows(parts(few, [0, 1], [0, 1]), "loans", CLASSES)


def loans(size: int = SIZE, month: str = "2018-01", **columns) -> tuple[pd.DataFrame, pd.DataFrame]:
    """GOLD rows of a lender without payments, an hour apart, and outcomes that `income` tells something about."""
    rng = np.random.default_rng(5)
    income = rng.normal(size=size)
    default = (income + rng.normal(size=size) < -0.5).astype(int)
    cells = {"income": [f"{x:.4f}" for x in income], **columns}
    texts = [
        json.dumps({name: values[i] for name, values in cells.items() if values[i] is not None}) for i in range(size)
    ]
    at = pd.Timestamp(f"{month}-01", tz="UTC") + pd.to_timedelta(np.arange(size), unit="m")
    features = pd.DataFrame(
        {
            "loan_id": [f"l{i}" for i in range(size)],
            "customer_id": [f"c{i}" for i in range(size)],
            "applied_at": at,
            "amount_cents": 100_000,
            "term_months": 12,
            "attributes": texts,
            "feature_version": prepare.PROBLEMS["credit"].feature_version,
        }
    )
    outcomes = pd.DataFrame({"loan_id": features["loan_id"], "defaulted": default, "observed_at": at})
    return features, outcomes


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The folders of the jobs, in a folder of the test's own."""
    for module in (prepare, evaluate, score_set):
        monkeypatch.setattr(module, "INPUT", tmp_path / "input")
        monkeypatch.setattr(module, "OUTPUT", tmp_path / "output")
    monkeypatch.setattr("boto3.client", lambda service: Lake({}))
    return tmp_path


def prepared(places, features, outcomes, declared=None) -> None:
    write_frame(features, places / "input" / "features" / "rows.parquet")
    write_frame(outcomes, places / "input" / "labels" / "rows.parquet")
    kept = places / "input" / "declared" / "columns.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({LEARNT_FROM: {"columns": declared}} if declared else {}))
    prepare.main(["--problem", "credit", "--as_of", "2018-06-01T00:00:00Z"])


def trained(places) -> None:
    """An archive, and the input of the scoring job beside it."""
    (places / "model").mkdir()
    train(Hyperparameters("credit", "xgboost", "job-1"), places / "output", places / "model")
    (places / "input" / "model").mkdir(parents=True)
    with tarfile.open(places / "input" / "model" / "model.tar.gz", "w:gz") as archive:
        for path in sorted((places / "model").iterdir()):
            archive.add(path, path.name)


NASTY = [
    "debt\nconsolidation",
    "a, b",
    '"quoted"',
    "line\u2028end",
    "tab\tand\r\nmore",
    "naïve 名前 🙂",
    "lone \ud800 half",
]


def test_from_gold_to_scores_every_loan_has_one_line_whatever_its_cells_hold_and_scores_as_in_training(places, capsys):
    purpose = [NASTY[i % len(NASTY)] for i in range(SIZE)]
    owns = [("true", "false", "Yes", "NO", None)[i % 5] for i in range(SIZE)]
    sex = ["f" if i % 3 else "m" for i in range(SIZE)]
    prepared(places, *loans(purpose=purpose, owns=owns, applicant_sex=sex, column0=[str(i) for i in range(SIZE)]))
    said = capsys.readouterr().out
    assert "column applicant_sex is SET ASIDE (protected: sex" in said
    assert "column column0 is SET ASIDE (row numbers" in said
    trained(places)
    month, _ = loans(purpose=[f" {p} " for p in purpose], owns=[o and o.upper() for o in owns], month="2018-06")
    write_frame(month, places / "input" / "features" / "rows.parquet")

    score_set.main(["--month", "2018-06"])

    assert "column" not in capsys.readouterr().out
    (file,) = (places / "output" / "rows").glob("*.csv")
    lines = file.read_bytes().decode().split("\n")[:-1]
    assert len(lines) == SIZE == len(file.read_text().splitlines())
    model = Model(places / "model")
    sent = "".join(line.split(",", 2)[2] + "\n" for line in lines)
    scores = [float(line) for line in App(model).from_csv(sent.encode()).body.decode().split()]
    rows = credit_set.applications(month).sort_values("identifier")
    assert np.array_equal(model.probabilities(matrix(rows, model.encoding)), scores)
    assert len(model.encoding.columns) == 3
    assert np.isfinite(matrix(rows, model.encoding)[:, model.encoding.names.index("purpose")]).all()


def test_what_was_decided_lies_in_the_archive_with_what_is_protected(places):
    sex = ["f" if i % 3 else "m" for i in range(SIZE)]
    age = [str(20 + i % 50) for i in range(SIZE)]
    prepared(places, *loans(sex=sex, age=age), declared={"age": {"train_on": "asked for by law"}})
    trained(places)

    kept = {d["name"]: d for d in json.loads((places / "model" / FILE).read_text())["columns"]}
    manifest = json.loads((places / "model" / "manifest.json").read_text())
    assert kept["sex"]["reason"] == "protected: sex; kept for evaluation"
    assert kept["term_months"]["reason"] == "all its cells are the same"
    assert (kept["income"]["kind"], kept["income"]["used"]) == ("number", True)
    assert manifest["protected_columns"] == {
        "kept_out": ["sex"],
        "trained_on": {"age": "protected: age; trained on because: asked for by law"},
    }
    assert [c["name"] for c in manifest["columns"]] == ["age", "income"]


def test_protected_columns_lie_where_models_are_judged_and_not_where_they_are_trained(places):
    prepared(places, *loans(**{f"{PROTECTED_PREFIX}group": ["a", "b"] * (SIZE // 2)}))

    names = {part: set(read_folder(places / "output" / part).columns) for part in ("train", "validation", "test")}
    assert {part for part, columns in names.items() if "protected_group" in columns} == {"validation", "test"}


def test_one_bad_cell_neither_changes_a_column_nor_stops_training_or_a_month_wherever_it_stands(places, capsys):
    for place in (10, 650, 890):  # train, validation, test
        features, outcomes = loans()
        cells = json.loads(features.loc[place, "attributes"])
        features.loc[place, "attributes"] = json.dumps({**cells, "income": "a lot"})
        prepared(places, features, outcomes)
        assert [c["name"] for c in json.loads((places / "output" / "train" / "columns.json").read_text())] == ["income"]
    assert "column income: 1 of 135 cells of the test rows are no values of its kind" in capsys.readouterr().out

    trained(places)
    month, _ = loans(month="2018-06")
    month.loc[3, "attributes"] = '{"income": "a lot"}'
    write_frame(month, places / "input" / "features" / "rows.parquet")
    score_set.main(["--month", "2018-06"])

    assert "column income: 1 of 900 cells of the applications of 2018-06" in capsys.readouterr().out
    (said,) = (places / "output" / "unread" / "applications-2018-06.csv").read_text().splitlines()
    assert said.endswith(",l3,income")
    assert "l3,\n" in (places / "output" / "rows" / "applications-2018-06.csv").read_text().replace('""', "")


def test_a_month_in_which_a_column_of_the_model_was_renamed_is_refused_with_its_name(places):
    prepared(places, *loans())
    trained(places)
    month, _ = loans(month="2018-06", earnings=["1.5"] * SIZE)
    month["attributes"] = month["attributes"].str.replace('"income"', '"renamed"')
    write_frame(month, places / "input" / "features" / "rows.parquet")

    with pytest.raises(SystemExit, match="no application of 2018-06 has a value of income"):
        score_set.main(["--month", "2018-06"])


def test_a_day_has_its_own_loans_and_one_without_loans_has_nothing_to_score(places, capsys):
    prepared(places, *loans())
    trained(places)
    month, _ = loans(month="2018-06")
    month["applied_at"] = month["applied_at"].dt.normalize() + pd.Timedelta(hours=9)
    month.loc[:4, "applied_at"] = pd.Timestamp("2018-06-29T08:00:00Z")
    month = month[(month["applied_at"] < "2018-06-29") | (month["applied_at"] == "2018-06-29T08:00:00Z")]
    month.loc[:4, "attributes"] = "{}"
    write_frame(month, places / "input" / "features" / "rows.parquet")

    score_set.main(["--day", "2018-06-29", "--lake", "l"])
    assert "5 applications of 2018-06-29, 0 of them late" in capsys.readouterr().out, "those before had the column"
    assert len((places / "output" / "rows" / "applications-2018-06-29.csv").read_text().splitlines()) == 5
    score_set.main(["--day", "2018-06-30", "--lake", "l"])
    assert "no loan application of 2018-06-30, nor a late one: nothing to score" in capsys.readouterr().out
    month["attributes"] = "{}"
    write_frame(month, places / "input" / "features" / "rows.parquet")
    with pytest.raises(SystemExit, match="no application of 2018-06-29 has a value of income"):
        score_set.main(["--day", "2018-06-29", "--lake", "l"])


def test_a_days_run_takes_late_loans_and_its_columns_are_judged_by_its_own(places, capsys, monkeypatch):
    prepared(places, *loans())
    trained(places)
    month, _ = loans(month="2018-06")
    month.loc[1:, "applied_at"] = pd.Timestamp("2018-06-02T08:00:00Z")
    month.loc[4:, "applied_at"] = pd.Timestamp("2018-06-03T08:00:00Z")
    monkeypatch.setattr("boto3.client", lambda service: Lake({"day=2018-06-01/run=a": ["l0"]}))
    write_frame(month.loc[:3], places / "input" / "features" / "rows.parquet")
    score_set.main(["--day", "2018-06-03", "--lake", "l"])

    rows = places / "output" / "rows" / "applications-2018-06-03.csv"
    assert [line.split(",")[1] for line in rows.read_text().splitlines()] == ["l1", "l2", "l3"]
    assert "3 applications of 2018-06-03, 3 of them late ones" in capsys.readouterr().out
    month.loc[4:, "attributes"] = "{}"
    write_frame(month, places / "input" / "features" / "rows.parquet")
    with pytest.raises(SystemExit, match="no application of 2018-06-03 has a value of income"):
        score_set.main(["--day", "2018-06-03", "--lake", "l"])
    with pytest.raises(SystemExit, match="expected --lake"):
        score_set.main(["--day", "2018-06-03"])
    with pytest.raises(SystemExit, match="a day of the calendar, got '2018-02-31'"):
        score_set.main(["--day", "2018-02-31", "--lake", "l"])


@pytest.mark.parametrize(
    "asked", [("--day", "2018-06"), ("--day", "2018"), ("--month", "2018"), ("--month", "2018-06-29")]
)
def test_a_period_that_is_cut_short_or_another_is_refused_and_is_no_prefix(asked):
    with pytest.raises(SystemExit, match="expected --month YYYY-MM or --day YYYY-MM-DD"):
        score_set.main(list(asked))


def test_a_model_is_not_asked_about_features_that_are_computed_otherwise_by_now():
    own = PAYMENT_BEHAVIOUR.fingerprints

    score_set.require_meant(own)
    for fingerprints in ({**own, "gone": "12345678"}, {**own, "customer_payment_count_30d": "12345678"}):
        with pytest.raises(SystemExit, match=r"trained on (gone|customer_payment_count_30d), which this code does not"):
            score_set.require_meant(fingerprints)


def test_loans_without_a_column_to_learn_from_are_refused_with_what_became_of_each(places):
    with pytest.raises(
        NothingToLearn, match=r"no column with two different values .*income: all its cells are the same"
    ):
        prepared(places, *loans(income=["5"] * SIZE))


def test_a_small_set_is_refused_with_how_many_rows_are_needed(places):
    with pytest.raises(
        NothingToLearn, match=r"40 loans with a known outcome leave 28 that train, expected at least 50"
    ):
        prepared(places, *loans(40))


def test_a_test_part_of_one_class_is_refused_before_anything_is_trained_and_before_anything_is_measured(places):
    features, outcomes = loans()
    outcomes.loc[765:, "defaulted"] = 0
    with pytest.raises(NothingToLearn, match=r"the 135 loans of the test part.* hold 0 defaults"):
        prepared(places, features, outcomes)

    for name in ("validation", "test"):
        write_frame(parts([], [0, 1], [0, 0])[name], places / "input" / name / "rows.parquet")
    with pytest.raises(NothingToLearn, match=r"the 2 loans of the test part.* hold 0 defaults"):
        evaluate.main(["--problem", "credit"])


def test_a_column_that_may_be_trained_on_and_is_not_there_is_refused(places):
    with pytest.raises(WrongDeclaration, match="'gender' is to be trained on and is no column of the set"):
        prepared(places, *loans(), declared={"gender": {"train_on": "asked for by law"}})


def test_what_is_declared_comes_before_what_is_found(places, capsys):
    declared = {
        "income": {"risk": "falling", "unit": "EUR a year", "missing": ["-999"]},
        "branch": {"type": "category"},
        "desk": {"ignore": "an inner code"},
        "household": {"entity": "household"},
        "ward": {"protected": "true"},
        "race_track": {"not_protected": "horses"},
        "elsewhere": {"type": "number"},
    }
    columns = {
        "income": ["-999" if i % 5 == 0 else str(1000 + i % 70) for i in range(SIZE)],
        "branch": [str(i % 3) for i in range(SIZE)],
        "desk": [str(i % 4) for i in range(SIZE)],
        "household": [str(i % 90) for i in range(SIZE)],
        "ward": ["n" if i % 2 else "s" for i in range(SIZE)],
        "race_track": ["Ascot" if i % 3 else "Epsom" for i in range(SIZE)],
    }
    prepared(places, *loans(**columns), declared=declared)
    said = capsys.readouterr().out
    trained(places)

    kept = {d["name"]: d for d in json.loads((places / "model" / FILE).read_text())["columns"]}
    train = int(0.7 * SIZE)
    assert (kept["income"]["missing"], kept["income"]["unreadable"]) == (train // 5, 0)
    assert (kept["income"]["unit"], kept["income"]["risk"]) == ("EUR a year", "falling")
    assert (kept["branch"]["kind"], kept["branch"]["categories"]) == ("category", ["0", "1", "2"])
    assert kept["desk"]["reason"] == "ignored, as declared: an inner code"
    assert kept["household"]["reason"] == "identifiers of a household, as declared"
    assert (kept["ward"]["protected"], kept["ward"]["used"]) == ("declared", False)
    assert "column elsewhere is declared and not there" in said
    model = Model(places / "model")
    assert kept["race_track"]["reason"] == "not protected because: horses"
    assert model.encoding.names == ("branch", "income", "race_track")
    assert model.encoding.encode([1, "-999.0", "Ascot"]) == [1.0, None, 0.0]
    assert model.encoding.directions == (0, -1, 0)
    asked = pd.DataFrame({"branch": "1", "income": np.arange(900, 1200), "race_track": "Ascot"})
    scores = model.probabilities(matrix(asked, model.encoding))
    assert np.ptp(scores) > 0
    assert (np.diff(scores) <= 0).all()


def test_a_declared_number_whose_cells_are_mostly_none_is_told(places, capsys):
    income = [str(i % 50) if i % 10 == 0 else "low" for i in range(SIZE)]
    prepared(places, *loans(income=income), declared={"income": {"type": "number"}})

    assert (
        "column income: number, as declared; 630 cells, 0 missing, 567 unreadable, 5 different, which CONTRADICTS"
        in (capsys.readouterr().out)
    )


def test_the_features_of_payments_are_declared_and_all_of_them_are_used():
    rows = pd.DataFrame({name: [1.0, None] for name in FRAUD.columns})

    found = fraud_set.decided(rows)
    assert found.encoding == fraud_set.fit_encoding(rows)
    assert found.encoding.names == FRAUD.columns
    assert {(d.cells, d.missing, d.different) for d in found.columns} == {(2, 1, 1)}


def test_features_that_are_the_same_in_every_row_are_set_aside():
    rows = pd.DataFrame({name: [1.0, None] for name in FRAUD.columns}).assign(is_new_device=None, is_night=1.0)

    found = fraud_set.decided(rows)

    assert found.encoding.names == tuple(c for c in FRAUD.columns if c not in ("is_new_device", "is_night"))
    assert {d.reason for d in found.columns if not d.used} == {CONSTANT}
