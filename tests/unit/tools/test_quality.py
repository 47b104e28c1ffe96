"""The Handbook's protocol against days that can be counted by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from features.fraud import FRAUD
from tools.quality import rejects
from tools.quality.__main__ import measure as measured
from tools.quality.credit import END
from tools.quality.credit import measure as credit
from tools.quality.fraud import Payments, told
from tools.quality.fraud import measure as fraud
from tools.quality.handbook import Fold, consecutive, earlier, parts
from tools.quality.handbook_peer import features
from tools.raw_data.files import Unusable
from tools.telling import Teller
from training.credit_set import states
from training.default import Told
from training.reject_method import Rejects

START = date(2018, 5, 7)


def days(*offsets: int) -> np.ndarray:
    return np.array([np.datetime64(START + timedelta(days=n), "D") for n in offsets])


def test_a_week_teaches_a_week_is_skipped_and_a_week_tests():
    offsets = range(-1, 22)
    teaches, tests = parts(days(*offsets), np.array(["c"] * 23), np.zeros(23, int), Fold(START))

    assert [n for n, yes in zip(offsets, teaches, strict=True) if yes] == list(range(0, 7))
    assert [n for n, yes in zip(offsets, tests, strict=True) if yes] == list(range(14, 21))


def test_a_card_leaves_the_test_when_its_fraud_was_in_the_week_that_teaches():
    _, tests = parts(days(3, 14, 14), np.array(["a", "a", "b"]), np.array([1, 0, 0]), Fold(START))

    assert tests.tolist() == [False, False, True]


@pytest.mark.parametrize(("fraud_on", "first_left_out"), [(6, 14), (7, 15), (8, 16), (12, 20)])
def test_a_card_leaves_the_test_from_the_day_on_which_its_fraud_is_known(fraud_on, first_left_out):
    offsets = [fraud_on, *range(14, 21)]
    _, tests = parts(days(*offsets), np.array(["a"] * 8), np.array([1] + [0] * 7), Fold(START))

    assert [n for n, yes in zip(offsets, tests, strict=True) if yes] == list(range(14, first_left_out))


def test_a_fraud_whose_label_comes_after_the_test_takes_nobody_out():
    _, tests = parts(days(13, 14, 20), np.array(["a"] * 3), np.array([1, 0, 0]), Fold(START))

    assert tests.tolist() == [False, True, True]


def test_folds_follow_each_other_by_a_week():
    assert [fold.start for fold in consecutive(START, 3)] == [START, date(2018, 5, 14), date(2018, 5, 21)]


def test_settings_are_chosen_on_weeks_whose_labels_were_all_known_when_the_first_fold_trained():
    first = Fold(START)
    folds = earlier(first, date(2018, 4, 1), 3)

    assert [fold.start for fold in folds] == [date(2018, 4, 23), date(2018, 4, 16), date(2018, 4, 9)]
    assert all(fold.end <= first.start + timedelta(days=7) for fold in folds)
    assert all(fold.end + timedelta(days=7) <= first.test_start for fold in folds)
    assert earlier(first, date(2018, 4, 17), 3) == folds[:1]


def history(size: int = 6000, seed: int = 0) -> Payments:
    """Seven weeks of payments whose fraud shows in one feature."""
    rng = np.random.default_rng(seed)
    at = pd.Timestamp("2018-04-01", tz="UTC") + pd.to_timedelta(np.sort(rng.uniform(0, 49, size)), unit="D")
    told = rng.normal(size=size)
    vectors = pd.DataFrame({name: np.zeros(size) for name in FRAUD.columns})
    vectors["amount"] = told
    vectors.insert(0, "transaction_id", [f"t{i}" for i in range(size)])
    vectors.insert(1, "customer_id", [f"c{i}" for i in rng.integers(0, 3000, size)])
    vectors["merchant_id"] = [f"m{i}" for i in rng.integers(0, 100, size)]
    vectors["event_time"] = at
    labels = pd.DataFrame(
        {
            "transaction_id": vectors["transaction_id"],
            "is_fraud": (told + rng.normal(size=size) / 4 > 2).astype(int),
            "reported_at": at + pd.Timedelta(days=7),
        }
    )
    return Payments(vectors, labels)


def test_each_fold_is_reported_with_its_rows_and_the_means_are_of_the_folds():
    payments = history()
    found = fraud(payments, date(2018, 4, 22), 2, Teller())

    assert [fold["start"] for fold in found["folds"]] == ["2018-04-22", "2018-04-29"]
    assert found["mean"]["ap"] == pytest.approx(np.mean([fold["ap"] for fold in found["folds"]]))
    assert all(fold["auc"] > 0.8 for fold in found["folds"]), "the fraud shows"
    since = (payments.day - np.datetime64("2018-04-22")).astype(int)
    assert found["folds"][0]["train_rows"] == ((since >= 0) & (since < 7)).sum()
    assert found["chosen_on"] == ["2018-04-08", "2018-04-01"]


def test_the_handbooks_own_features_are_measured_on_the_same_rows():
    payments = history()
    found = fraud(payments, date(2018, 4, 22), 2, Teller(), peers=True)
    peer = found["peers"]["handbook"]
    assert [*found["peers"]] == ["handbook", "handbook_exact", "handbook_closed_days"]

    for name in ("start", "train_rows", "test_rows"):
        assert [fold[name] for fold in peer["folds"]] == [fold[name] for fold in found["folds"]]
    assert peer["mean"]["auc"] > 0.8, "the amount tells"
    line, *_ = told(found)
    assert f"ours {found['mean']['ap'] - peer['mean']['ap']:+.4f}" in line


@pytest.mark.parametrize("closed_days", [False, True])
def test_the_handbooks_features_are_what_its_definitions_say(closed_days):
    rng = np.random.default_rng(5)
    size = 300
    rows = pd.DataFrame(
        {
            "event_time": pd.Timestamp("2018-04-01", tz="UTC")
            + pd.to_timedelta(np.sort(rng.integers(0, 60 * 24, size)), unit="h"),
            "customer_id": rng.choice(["a", "b"], size),
            "merchant_id": rng.choice(["m", "n"], size),
            "amount": rng.integers(1, 9000, size).astype(float),
            "is_fraud": rng.integers(0, 2, size),
        }
    )
    found = features(rows, closed_days)

    for number in (0, 17, 120, 299):
        row, day = rows.loc[number], pd.Timedelta(days=1)
        hour, weekday = row["event_time"].hour, row["event_time"].weekday()
        expected = [row["amount"] / 100, float(weekday >= 5), float(hour <= 6)]
        for key, value, delay in (("customer_id", rows["amount"] / 100, 0), ("merchant_id", rows["is_fraud"], 7)):
            for days in (1, 7, 30):
                known = row["event_time"]
                if closed_days and delay:
                    known = (known - pd.Timedelta(hours=6)).floor("D")
                until = known - delay * day
                own = (rows[key] == row[key]) & (rows["event_time"] <= until)
                seen = value[own & (rows["event_time"] > until - days * day)]
                expected += [len(seen), seen.mean() if len(seen) else 0.0]
        assert found[number] == pytest.approx(expected)


def test_frauds_that_were_not_known_when_the_test_starts_do_not_teach():
    """As in a bank: what nobody has reported yet passes for honest."""
    payments, fold = history(), Fold(date(2018, 4, 22))
    known, _, _ = payments.split(fold)
    payments.labels.loc[payments.labels.index % 2 == 0, "reported_at"] += pd.Timedelta(days=30)
    learned, tested, _ = payments.split(fold)

    assert len(learned.y) == len(known.y)
    assert 0.3 < learned.y.sum() / known.y.sum() < 0.7, "half of the frauds"
    assert tested.y.mean() == pytest.approx(known.y.mean(), rel=0.5), "what is tested is the truth"


def test_folds_beyond_the_data_are_refused_with_the_days_that_are_there():
    with pytest.raises(Unusable, match=r"need labelled payments from 2018-04-22 to 2018-06-02; .* to 2018-05-19"):
        fraud(history(), date(2018, 4, 22), 4, Teller())


def test_credit_is_measured_on_every_loan_once():
    rng = np.random.default_rng(0)
    income = rng.normal(size=400)
    loans = pd.DataFrame(
        {
            "loan_id": [f"l{i}" for i in range(400)],
            "customer_id": [f"c{i}" for i in range(400)],
            "applied_at": pd.Timestamp("2025-01-01", tz="UTC"),
            "amount_cents": 100,
            "term_months": 12,
            "attributes": [f'{{"income": "{value:.4f}"}}' for value in income],
        }
    )
    outcomes = pd.DataFrame(
        {
            "loan_id": loans["loan_id"],
            "defaulted": (income + rng.normal(size=400) / 2 < 0).astype(int),
            "observed_at": pd.Timestamp("2025-06-01", tz="UTC"),
        }
    )
    found = credit(loans, Told(outcomes), Teller())

    assert found["states"]["labelled"] == 400
    assert [fold["test_rows"] for fold in found["folds"]] == [80] * 5
    assert set(found["mean"]) == {"auc", "ks", "brier", "ece"}
    assert found["mean"]["auc"] > 0.85
    assert found["mean"]["brier"] < 0.25


def test_loans_of_any_year_that_can_be_read_are_measured():
    loans = pd.DataFrame(
        {"loan_id": ["l0", "l1"], "applied_at": pd.to_datetime(["1962-01-01", "1962-01-02"], utc=True)}
    )
    told = Told(loans[["loan_id"]].assign(defaulted=[0, 1], observed_at=loans["applied_at"] + pd.Timedelta(days=30)))

    assert states(loans, told, END)["labelled"] == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "expected make quality FRAUD=dir"),
        ({"START": "2018-05-20"}, "expected make quality FRAUD=dir"),
        ({"CREDIT": "x", "START": "2018-05-20"}, "START and FOLDS belong to FRAUD"),
        ({"FRAUD": "x", "START": "soon"}, "START: expected the first day that teaches, as 2018-05-20, got 'soon'"),
        ({"FRAUD": "x"}, "START: expected the first day"),
        ({"FRAUD": "x", "START": "2018-05-20", "PEERS": "all"}, "expected PEERS=1, got PEERS=all"),
        ({"FRAUD": "x", "START": "2018-05-20", "FOLDS": "0"}, "FOLDS: expected a whole number from 1 to 52, got '0'"),
        ({"FRAUD": "x", "START": "2018-05-20", "FOLDS": "many"}, "FOLDS: expected a whole number"),
        ({"CREDIT": "no-such-folder"}, "no-such-folder: expected a folder with files of the RAW contract"),
    ],
)
def test_wrong_words_are_refused_with_what_was_expected(given, said):
    with pytest.raises(Unusable) as wrong:
        measured(given, Teller())
    assert said in str(wrong.value)


def book(size: int) -> tuple[pd.DataFrame, Told]:
    """Loans of two numbers that both speak of the risk; a lender sees one of them."""
    rng = np.random.default_rng(3)
    income, debt = rng.normal(size=(2, size))
    loans = pd.DataFrame(
        {
            "loan_id": [f"l{i}" for i in range(size)],
            "customer_id": [f"c{i}" for i in range(size)],
            "applied_at": pd.Timestamp("2025-01-01", tz="UTC"),
            "amount_cents": 100,
            "term_months": 12,
            "attributes": [f'{{"debt": "{d:.4f}", "income": "{i:.4f}"}}' for d, i in zip(debt, income, strict=True)],
        }
    )
    bad = rng.random(size) < 1 / (1 + np.exp(1.5 - 1.5 * debt + income))
    outcomes = pd.DataFrame(
        {
            "loan_id": loans["loan_id"],
            "defaulted": bad.astype(int),
            "observed_at": pd.Timestamp("2025-06-01", tz="UTC"),
        }
    )
    return loans, Told(outcomes)


def test_inferring_is_held_to_the_truth_of_loans_that_a_lender_would_have_declined(monkeypatch):
    monkeypatch.setattr(rejects, "LEARNT_BY", ("logistic",))
    loans, told_of = book(1000)
    found = rejects.measure(loans, told_of, Teller(), Rejects("parcelling", 1.0))
    more = rejects.measure(loans, told_of, Teller(), Rejects("parcelling", 3.0))
    seen, lifted = (report["lenders"]["sees what the model sees"] for report in (found, more))
    one, other = seen["learners"]["logistic"], lifted["learners"]["logistic"]

    assert found["loans"] == sum(found["folds"]) == 1000
    assert [round(f["declined"] / 800, 2) for f in seen["folds"]] == [0.3] * 5
    assert set(one["ways"]) == {"all outcomes", "accepted alone", "rejects inferred"}
    truth = one["ways"]["accepted alone"]["declined"]
    assert truth["bad_rate"] == other["ways"]["rejects inferred"]["declined"]["bad_rate"] > 0.4
    level = {name: one["ways"][name]["declined"]["mean_pd"] for name in one["ways"]}
    assert level["all outcomes"] == pytest.approx(truth["bad_rate"], abs=0.08)
    assert other["ways"]["rejects inferred"]["declined"]["mean_pd"] > level["rejects inferred"] + 0.02
    for way in ("all outcomes", "accepted alone"):
        assert other["ways"][way] == one["ways"][way], "what is inferred is seen by nobody else"
    assert np.mean([f["inferred_rate"]["logistic"] for f in lifted["folds"]]) > 0.6
    assert found["mean"]["logistic AUC gained where the lender sees what the model sees"] == one["gained"]["value"]
    knowing = found["lenders"]["knows more"]
    assert np.mean([f["bad_rate"] for f in knowing["folds"]]) > np.mean([f["bad_rate"] for f in seen["folds"]]) + 0.05
    assert any("taken for bad" in line for line in rejects.told(found))


def test_a_set_in_which_a_lender_would_decline_too_few_loans_is_refused():
    with pytest.raises(Unusable, match="REJECTS: expected at least 417 loans and 20 of either outcome, got 300"):
        rejects.measure(*book(300), Teller(), Rejects("parcelling"))


@pytest.mark.parametrize(
    "given", [{"FRAUD": "x", "REJECTS": "parcelling"}, {"CREDIT": "x", "PEERS": "1", "REJECTS": "parcelling"}]
)
def test_inferring_is_a_measurement_of_its_own(given):
    with pytest.raises(Unusable, match="REJECTS belongs to CREDIT"):
        measured(given, Teller())
