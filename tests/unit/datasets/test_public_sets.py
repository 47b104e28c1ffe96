"""Every public set becomes files that keep the RAW contract."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.catalog import SETS
from datasets.dated_loan_sets import DATED_LOAN_SETS
from datasets.describe import markdown
from datasets.loan_sets import GERMAN_COLUMNS, LOAN_SETS
from datasets.payment_sets import PAYMENT_SETS
from features.contract import CONTRACTS, PROTECTED_PREFIX
from features.payment import Payment
from features.values import cents, instant

PAYMENTS = [s.name for s in PAYMENT_SETS]
LOANS = [s.name for s in LOAN_SETS]
WEEK_MS, MONTH_MS = 7 * 86_400_000, 30 * 86_400_000


def rows(folder, entity):
    return pq.read_table(folder / f"{entity}.parquet").to_pylist()


def test_every_declared_set_is_tried_here(frames):
    assert set(frames) == set(PAYMENTS + LOANS) == set(SETS) - {"generated"} - {s.name for s in DATED_LOAN_SETS}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("name", PAYMENTS)
def test_payments_of_a_public_set_are_accepted_at_the_door(name, suffix, published, converted, frames):
    stem = next(s.stem for s in PAYMENT_SETS if s.name == name)
    out = converted(name, published(name, suffix=suffix, stem=stem))
    payments = rows(out, "transactions")
    assert len(payments) == len(frames[name]())
    for fields in payments:
        told = {k: str(v) for k, v in fields.items() if v is not None}
        assert Payment.parse(told).amount == cents(fields["amount"])
        assert fields["event_time"].endswith("Z")
    assert len({fields["transaction_id"] for fields in payments}) == len(payments)


def test_what_a_file_tells_of_a_payment_fills_the_contracts_columns(published, converted, frames):
    (sparkov,) = {
        (p["latitude"], p["longitude"], p["card_id"] == p["customer_id"])
        for p in rows(converted("sparkov", published("sparkov")), "transactions")
    }
    ieee = rows(converted("ieee_cis", published("ieee_cis")), "transactions")
    person = frames["paysim"]().assign(nameDest=["M1", "C1"] * 6)
    paysim = rows(converted("paysim", published("paysim", person)), "transactions")
    short = frames["sparkov"]().drop(columns=["merch_lat", "merch_long"])

    assert sparkov == (36.01, -82.04, True)
    assert {p["currency"] for p in ieee} == {"USD"}
    assert ieee[0]["customer_id"].startswith(ieee[0]["card_id"] + "|")
    assert [(p["merchant_id"], p["beneficiary_id"]) for p in paysim[:2]] == [("M1", None), ("C1", "C1")]
    assert "latitude" not in rows(converted("sparkov", published("sparkov", short)), "transactions")[0]


@pytest.mark.parametrize("name", PAYMENTS)
def test_a_payments_label_is_known_seven_days_after_it(name, published, converted):
    out = converted(name, published(name))
    when = {p["transaction_id"]: instant(p["event_time"]) for p in rows(out, "transactions")}
    labels = rows(out, "fraud_labels")
    assert {label["transaction_id"] for label in labels} == set(when)
    assert {label["is_fraud"] for label in labels} == {0, 1}
    assert all(instant(label["reported_at"]) - when[label["transaction_id"]] == WEEK_MS for label in labels)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("name", LOANS)
def test_loans_of_a_public_set_have_an_application_and_an_outcome_thirty_days_later(name, suffix, published, converted):
    stem = next(s.stem for s in LOAN_SETS if s.name == name)
    out = converted(name, published(name, suffix=suffix, stem=stem))
    applied = {loan["loan_id"]: instant(loan["applied_at"]) for loan in rows(out, "loan_applications")}
    outcomes = rows(out, "loan_outcomes")
    assert len(applied) == len(outcomes) == 12
    assert {outcome["defaulted"] for outcome in outcomes} == {0, 1}
    assert all(instant(o["observed_at"]) - applied[o["loan_id"]] == MONTH_MS for o in outcomes)


@pytest.mark.parametrize("name", PAYMENTS + LOANS)
def test_required_columns_are_there_and_full(name, published, converted):
    out = converted(name, published(name))
    entities = ("transactions", "fraud_labels") if name in PAYMENTS else ("loan_applications", "loan_outcomes")
    for entity in entities:
        table = pq.read_table(out / f"{entity}.parquet")
        for column in CONTRACTS[entity].required:
            assert table[column].null_count == 0
        for column in CONTRACTS[entity].columns:
            if column.type in ("text", "instant") and column.name in table.column_names:
                assert table.schema.field(column.name).type == pa.string()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("taiwan", ("sex", "age", "marriage")),
        ("german", ("sex", "age", "foreign_worker")),
        ("home_credit", ("gender", "birth", "family_status")),
        ("give_me_some_credit", ("age",)),
        ("sparkov", ("gender", "dob")),
    ],
)
def test_protected_attributes_are_kept_under_their_prefix_only(name, words, published, converted):
    out = converted(name, published(name))
    entity = "transactions" if name in PAYMENTS else "loan_applications"
    names = pq.read_schema(out / f"{entity}.parquet").names
    for word in words:
        carriers = [n for n in names if n == word or n.endswith(f"_{word}") or n.endswith(f"_{word}_in_years")]
        assert carriers or word == "age", f"{word} is gone"
        assert all(n.startswith(PROTECTED_PREFIX) for n in carriers)
    assert any(n.startswith(PROTECTED_PREFIX) for n in names)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_column_that_names_the_kind_of_fraud_never_appears(suffix, published, converted):
    out = converted("handbook", published("handbook", suffix=suffix))
    for file in out.iterdir():
        assert not [name for name in pq.read_schema(file).names if "scenario" in name.lower()]


def test_the_lenders_own_score_never_appears(published, converted):
    out = converted("lending_club", published("lending_club"))
    assert not {"int_rate", "sub_grade"} & set(pq.read_schema(out / "loan_applications.parquet").names)


def test_balances_that_give_a_fraud_away_never_appear(published, converted):
    out = converted("paysim", published("paysim"))
    assert not [name for name in pq.read_schema(out / "transactions.parquet").names if "balance" in name]


def test_identifiers_of_loans_are_no_features(published, converted):
    out = converted("taiwan", published("taiwan"))
    assert "id" not in pq.read_schema(out / "loan_applications.parquet").names


def test_start_and_days_select_a_stretch_of_payments(published, converted):
    out = converted("handbook", published("handbook"), START="2018-04-03", DAYS="2")
    days = {p["event_time"][:10] for p in rows(out, "transactions")}
    assert days == {"2018-04-03", "2018-04-04"}
    assert len(rows(out, "fraud_labels")) == len(rows(out, "transactions"))


def test_lower_case_columns_of_the_handbook_are_known_too(published, converted, frames):
    frame = frames["handbook"]().rename(columns=str.lower)
    out = converted("handbook", published("handbook", frame))
    assert len(rows(out, "transactions")) == len(frame)


def test_a_folder_of_daily_files_is_read_in_order(tmp_path, converted, frames):
    folder = tmp_path / "daily"
    folder.mkdir()
    frame = frames["handbook"]()
    for day, part in frame.groupby(frame["TX_DATETIME"].dt.date):
        part.to_parquet(folder / f"{day}.parquet", index=False)
    out = converted("handbook", folder)
    assert [p["transaction_id"] for p in rows(out, "transactions")] == [str(i) for i in range(len(frame))]


def test_text_files_and_parquet_files_give_the_same_contract(tmp_path, published, frames):
    told = {}
    for suffix in (".csv", ".parquet"):
        SETS["handbook"]({"SOURCE": str(published("handbook", suffix=suffix))}, tmp_path / suffix)
        told[suffix] = rows(tmp_path / suffix, "transactions")
    assert told[".csv"] == told[".parquet"]


def test_the_original_german_file_without_names_is_read(tmp_path, converted):
    codes = "A11 6 A34 A43 1169 A65 A75 4 A93 A101 4 A121 67 A143 A152 2 A173 1 A192 A201 1"
    assert len(codes.split()) == len(GERMAN_COLUMNS)
    path = tmp_path / "german.data"
    path.write_text(f"{codes}\n{codes[:-1]}2\n")
    out = converted("german", path)
    loan = rows(out, "loan_applications")[0]
    assert (cents(loan["amount"]), loan["term_months"], loan["purpose"]) == (116_900, 6, "A43")
    assert loan["protected_foreign_worker"] == "A201"
    assert [outcome["defaulted"] for outcome in rows(out, "loan_outcomes")] == [0, 1]


def test_the_identity_file_joins_its_columns_to_the_payments_it_knows(tmp_path, converted, frames):
    folder = tmp_path / "ieee"
    folder.mkdir()
    frames["ieee_cis"]().to_csv(folder / "train_transaction.csv", index=False)
    identity = pd.DataFrame({"TransactionID": [2_987_004], "id_01": [-5.0], "DeviceType": ["mobile"]})
    identity.to_csv(folder / "train_identity.csv", index=False)
    (folder / "test_transaction.csv").write_text("TransactionID\n1\n")
    out = converted("ieee_cis", folder)
    found = {p["transaction_id"]: p["device_type"] for p in rows(out, "transactions")}
    assert len(found) == 12
    assert {k: v for k, v in found.items() if v} == {"2987004": "mobile"}


def test_a_withheld_card_is_one_customer_in_whichever_batch_it_falls(published, converted, monkeypatch):
    monkeypatch.setattr("datasets.source.ROWS", 1)
    out = converted("ieee_cis", published("ieee_cis", suffix=".parquet"))
    assert len({p["customer_id"] for p in rows(out, "transactions")}) == 3


def test_two_days_of_payments_are_dealt_out_at_their_own_time_of_day(published, converted, frames):
    out = converted("ulb", published("ulb"), START="2024-02-01", DAYS="4")
    moments = [p["event_time"] for p in rows(out, "transactions")]
    assert {m[:10] for m in moments} == {"2024-02-01", "2024-02-02", "2024-02-03", "2024-02-04"}
    seconds = [instant(m) // 1000 % 86_400 for m in moments]
    assert seconds == [t % 86_400 for t in frames["ulb"]()["Time"]]


def test_loans_are_spread_evenly_over_at_least_six_months(published, converted):
    out = converted("heloc", published("heloc"))
    moments = [instant(loan["applied_at"]) for loan in rows(out, "loan_applications")]
    gaps = {later - earlier for earlier, later in pairwise(moments)}
    assert gaps == {181 * 86_400_000 // 12}
    assert moments[0] == instant("2025-01-01T00:00:00Z")
    assert moments[-1] < instant("2025-07-01T00:00:00Z") <= moments[-1] + max(gaps)


def test_a_seed_shuffles_loans_over_the_same_calendar(tmp_path, published):
    source = str(published("heloc"))
    told = []
    for number, seed in enumerate(("1", "1", "2")):
        SETS["heloc"]({"SOURCE": source, "SEED": seed}, tmp_path / str(number))
        told.append([loan["applied_at"] for loan in rows(tmp_path / str(number), "loan_applications")])
    assert told[0] == told[1] != told[2]
    assert sorted(told[0]) == sorted(told[2]) != told[0]


def test_cells_that_a_publisher_marks_as_missing_are_missing(published, converted):
    out = converted("give_me_some_credit", published("give_me_some_credit"))
    assert [loan["monthly_income"] for loan in rows(out, "loan_applications")][:2] == ["9120", None]


@pytest.mark.parametrize(("suffix", "block"), [(".csv", 1 << 20), (".csv", 200), (".parquet", 1)])
def test_a_big_file_is_never_held_whole(suffix, block, tmp_path, published, monkeypatch):
    monkeypatch.setattr("datasets.source.ROWS", 5)
    monkeypatch.setattr("datasets.source.BLOCK", block)
    SETS["handbook"]({"SOURCE": str(published("handbook", suffix=suffix))}, tmp_path / "out")
    file = pq.ParquetFile(tmp_path / "out" / "transactions.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [5, 5, 2]


def test_every_set_is_described_with_publisher_and_licence():
    text = markdown()
    for declared in (*PAYMENT_SETS, *LOAN_SETS):
        assert f"## {declared.name}\n" in text
        assert declared.publisher in text
        assert f"Licence: {declared.licence}" in text
