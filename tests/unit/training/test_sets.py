"""Training sets hold what was known at the time, and nothing that was not."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from features.credit import PAYMENT_BEHAVIOUR
from features.encoding import Column
from features.fraud import FRAUD
from training import credit_set, fraud_set, prepare
from training.default import Told, WrongDefinition
from training.frames import NoRows, write_frame
from training.fraud_set import MATURITY, NothingToLearn
from training.policy import InvalidCosts
from training.prepare import SHARES, OldFeatures, of_version, split_by_time
from training.problems import AT_ONCE

AS_OF = pd.Timestamp("2018-05-01", tz="UTC")


def vectors(*times: str) -> pd.DataFrame:
    frame = pd.DataFrame({name: [float(i) for i in range(len(times))] for name in FRAUD.columns})
    frame.insert(0, "transaction_id", [f"t{i}" for i in range(len(times))])
    frame.insert(1, "customer_id", [f"c{i}" for i in range(len(times))])
    frame["event_time"] = pd.to_datetime(list(times), utc=True, format="ISO8601")
    return frame


def labels(*rows: tuple[str, int, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["transaction_id", "is_fraud", "reported_at"])
    frame["reported_at"] = pd.to_datetime(frame["reported_at"], utc=True, format="ISO8601")
    return frame


def test_a_payment_younger_than_a_label_takes_to_mature_is_not_learnt_from():
    edge = AS_OF - MATURITY
    features = vectors("2018-04-01", "2018-04-02", str(edge), str(edge - pd.Timedelta(milliseconds=1)))
    known = labels(*((f"t{i}", i % 2, "2018-04-28") for i in range(4)))

    assert list(fraud_set.assemble(features, known, AS_OF)["identifier"]) == ["t0", "t1", "t3"]


def test_the_label_is_the_latest_one_that_was_known_by_then():
    features = vectors("2018-04-01", "2018-04-02", "2018-04-03")
    known = labels(
        ("t0", 0, "2018-04-05"),
        ("t0", 1, "2018-04-06"),
        ("t0", 0, "2018-05-02"),  # learnt after the set was made
        ("t1", 0, "2018-04-05"),
        ("t2", 1, "2018-05-01T00:00:00.001"),
    )
    rows = fraud_set.assemble(features, known, AS_OF)

    assert dict(zip(rows["identifier"], rows["label"], strict=True)) == {"t0": 1, "t1": 0, "t2": 0}


def test_a_matured_payment_that_nobody_reported_is_honest():
    features = vectors("2018-04-01", "2018-04-02", "2018-04-03")
    rows = fraud_set.assemble(features, labels(("t1", 1, "2018-04-05")), AS_OF)

    assert dict(zip(rows["identifier"], rows["label"], strict=True)) == {"t0": 0, "t1": 1, "t2": 0}


def test_the_fraud_set_has_the_features_in_order_and_its_rows_by_time():
    features = vectors("2018-04-03", "2018-04-01", "2018-04-02")
    rows = fraud_set.assemble(features, labels(*((f"t{i}", i % 2, "2018-04-10") for i in range(3))), AS_OF)

    assert list(rows.columns) == ["identifier", "customer_id", "at", "label", *FRAUD.columns]
    assert list(rows["identifier"]) == ["t1", "t2", "t0"]
    assert fraud_set.fit_encoding(rows).names == FRAUD.columns


@pytest.mark.parametrize("flags", [(), (0, 0), (1, 1)])
def test_a_fraud_set_of_one_kind_is_refused_with_what_to_bring(flags):
    known = labels(*((f"t{i}", flag, "2018-04-10") for i, flag in enumerate(flags)))

    with pytest.raises(NothingToLearn, match="bring older payments or labels"):
        fraud_set.assemble(vectors("2018-04-01", "2018-04-02"), known, AS_OF)


def loans(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "loan_id": f"l{i}",
                "customer_id": f"c{i}",
                "applied_at": pd.Timestamp(f"2018-03-{i + 1:02d}", tz="UTC"),
                "amount_cents": 100_000,
                "term_months": 12,
                "attributes": "{}",
                **dict.fromkeys(PAYMENT_BEHAVIOUR.columns, 1.0),
                **row,
            }
            for i, row in enumerate(rows)
        ]
    )


def outcomes(*flags: int, observed_at: str = "2018-04-20") -> Told:
    return Told(verdicts(*flags, observed_at=observed_at))


def verdicts(*flags: int, observed_at: str = "2018-04-20") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "loan_id": [f"l{i}" for i in range(len(flags))],
            "defaulted": flags,
            "observed_at": pd.to_datetime([observed_at] * len(flags), utc=True),
        }
    )


def attributes(**values) -> dict:
    return {"attributes": json.dumps(values)}


def test_the_applications_own_columns_are_candidates_beside_ours():
    rows = credit_set.assemble(
        loans(attributes(purpose="car", income="5"), attributes(purpose="house")), outcomes(0, 1), AS_OF
    )

    assert {"amount", "term_months", "purpose", "income", *PAYMENT_BEHAVIOUR.columns} <= set(rows.columns)
    assert list(rows["amount"]) == [1000.0, 1000.0]
    assert list(rows["label"]) == [0, 1]


def test_protected_columns_are_never_trained_on_and_stay_for_evaluation():
    rows = credit_set.assemble(
        loans(
            attributes(protected_group="f", SEX="1", page_group="b"),
            attributes(protected_group="m", SEX="2", page_group="a"),
        ),
        outcomes(0, 1),
        AS_OF,
    )
    decided = credit_set.decided(rows)

    assert {"protected_group", "SEX"} <= set(rows.columns)
    assert decided.encoding.names == ("page_group",)
    assert decided.protected == ["SEX", "protected_group"]
    assert credit_set.fit_encoding(rows) == decided.encoding


def test_only_outcomes_observed_by_then_and_loans_made_before_then_are_learnt_from():
    known = verdicts(0, 1, 1, 0)
    known.loc[2, "observed_at"] = AS_OF + pd.Timedelta(milliseconds=1)
    frame = loans({}, {}, {}, {"applied_at": AS_OF})

    assert list(credit_set.assemble(frame, Told(known), AS_OF)["identifier"]) == ["l0", "l1"]


@pytest.mark.parametrize(("as_of", "label"), [("2018-06-29", 0), ("2018-06-30", 1), ("2018-09-01", 0)])
def test_of_the_outcomes_of_a_loan_the_latest_that_was_observed_by_then_is_learnt(as_of, label):
    """Good in April, defaulted in June, cured in August: the order of the rows is no order of time."""
    later = [verdicts(flag, observed_at=day) for flag, day in ((0, "2018-08-30"), (1, "2018-06-30"))]
    rows = credit_set.assemble(
        loans({}, {}, {}),
        Told(pd.concat([*later, verdicts(0, 1, 0)], ignore_index=True)),
        pd.Timestamp(as_of, tz="UTC"),
    )

    assert list(rows["identifier"]) == ["l0", "l1", "l2"]
    assert list(rows["label"]) == [label, 1, 0]


@pytest.mark.parametrize("name", ["label", "identifier", "at", "customer_id", "amount", "customer_payment_count_7d"])
def test_a_column_of_the_user_that_bears_one_of_our_names_is_set_aside(name):
    """A RAW column called `label` is most likely the answer itself."""
    rows = credit_set.assemble(loans(attributes(**{name: "1"}), attributes(**{name: "0"})), outcomes(0, 1), AS_OF)

    assert list(rows.columns).count(name) == 1
    assert list(rows["label"]) == [0, 1]
    assert list(rows["identifier"]) == ["l0", "l1"]
    (aside,) = [d for d in credit_set.decided(rows).columns if d.name == f"{name} (of the file)"]
    assert not aside.used
    assert "the platform's own columns" in aside.reason


@pytest.mark.parametrize("flags", [(), (0, 0)])
def test_a_credit_set_of_one_kind_is_refused_with_what_to_bring(flags):
    with pytest.raises(NothingToLearn, match="bring older loans or outcomes"):
        credit_set.assemble(loans({}, {}), outcomes(*flags), AS_OF)


def test_the_encoding_is_fitted_on_the_training_rows_alone():
    rows = credit_set.assemble(
        loans(attributes(purpose="car"), attributes(purpose="house"), attributes(purpose="boat")),
        outcomes(0, 1, 0),
        AS_OF,
    )
    encoding = credit_set.fit_encoding(rows.iloc[:2])

    assert Column("purpose", ("car", "house")) in encoding.columns
    assert not {"identifier", "customer_id", "at", "label"} & set(encoding.names)
    assert "amount" not in encoding.names, "a constant teaches nothing"


def timeline(*times: int) -> pd.DataFrame:
    return pd.DataFrame({"at": pd.to_datetime(list(times), unit="h", utc=True), "row": range(len(times))})


def test_the_oldest_rows_train_and_the_newest_test():
    parts = split_by_time(timeline(*range(100)), AT_ONCE)

    assert list(parts) == list(SHARES)
    assert [len(part) for part in parts.values()] == [70, 15, 15]
    assert parts["train"]["at"].max() < parts["validation"]["at"].min()
    assert parts["validation"]["at"].max() < parts["test"]["at"].min()


@pytest.mark.parametrize(
    "times", [[h // 10 for h in range(100)], [0] * 60 + [1] * 25 + [2] * 15, [0] * 100, list(range(3)), [5]]
)
def test_rows_of_one_instant_never_fall_on_both_sides_and_none_is_lost(times):
    parts = list(split_by_time(timeline(*times), AT_ONCE).values())
    instants = [set(part["at"]) for part in parts]

    assert sorted(row for part in parts for row in part["row"]) == list(range(len(times)))
    assert not instants[0] & instants[1]
    assert not instants[1] & instants[2]
    assert not instants[0] & instants[2]


def test_a_blocked_payment_teaches_only_what_somebody_said_of_it():
    features = vectors("2018-04-01", "2018-04-02", "2018-04-03", "2018-04-04")
    features["blocked"] = [1, 1, 0, None]
    known = labels(("t1", 1, "2018-04-09"))

    found = fraud_set.assemble(features, known, AS_OF)

    assert dict(zip(found["identifier"], found["label"], strict=True)) == {"t1": 1, "t2": 0, "t3": 0}


def test_rows_that_had_not_matured_when_validation_began_do_not_train():
    parts = split_by_time(timeline(*range(100)), pd.Timedelta(hours=10))

    assert list(parts["train"]["row"]) == list(range(60)), "validation begins with row 70"
    assert [len(parts[name]) for name in ("validation", "test")] == [15, 15]


def test_a_history_that_is_shorter_than_labels_take_teaches_nothing_and_says_so():
    with pytest.raises(NothingToLearn, match="bring older rows"):
        split_by_time(timeline(*range(100)), pd.Timedelta(hours=70))


def test_vectors_of_other_declarations_are_refused_with_what_to_run():
    features = vectors("2018-04-01", "2018-04-02", "2018-04-03")
    features["feature_version"] = ["old", FRAUD.version, "old"]

    with pytest.raises(OldFeatures, match=r"2 of 3 vectors from 2018-04-01 to 2018-04-03 .* old, this code makes"):
        of_version(features, FRAUD.version)
    assert len(of_version(features[1:2], FRAUD.version)) == 1


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"day": 90}', '{"months": 0}', '{"months": true}', '{"days_past_due": 1.5}', '{"months": 9999}'],
)
def test_a_wrong_definition_of_default_is_refused_before_a_row_is_read(text):
    with pytest.raises(WrongDefinition, match="expected an object with days_past_due or months, whole numbers"):
        prepare.main(["--problem", "credit", "--as_of", "2018-05-01T00:00:00Z", "--default", text])


def test_what_a_lender_told_is_known_by_its_columns_wherever_it_lies(tmp_path):
    """One folder holds whichever tables there are, beside one that says nothing of what became of a loan."""
    performance = {
        "loan_id": ["l0"],
        "observed_at": [AS_OF],
        "balance_cents": [1],
        "charged_off_cents": [0],
        "paid_cents": [0],
    }
    write_frame(verdicts(0, 1), tmp_path / "a" / "x.parquet")
    write_frame(pd.DataFrame({**performance, "days_past_due": [30]}), tmp_path / "b" / "x.parquet")
    write_frame(loans({}, {}).drop(columns="attributes"), tmp_path / "c" / "x.parquet")
    told = credit_set.told_in(tmp_path)

    assert told.decisions is None
    assert list(told.outcomes["defaulted"]) == [0, 1]
    assert (list(told.performance["days_past_due"]), told.performance["observed_at"][0]) == ([30], AS_OF)
    (tmp_path / "a" / "x.parquet").unlink()
    (tmp_path / "b" / "x.parquet").unlink()
    with pytest.raises(NoRows, match="outcomes or performance or decisions"):
        credit_set.told_in(tmp_path)


def test_wrong_costs_are_refused_before_a_row_is_read_or_a_model_trained():
    with pytest.raises(InvalidCosts, match="expected review"):
        prepare.main(["--problem", "fraud", "--as_of", "2018-05-01T00:00:00Z", "--costs", '{"review": "dear"}'])
