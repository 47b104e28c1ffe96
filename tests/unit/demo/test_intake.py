"""The user's files: refused with a reason, or dealt out without changing a cell."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from datetime import date, datetime

import duckdb
import pytest

from demo.intake import InputRefused, Intake

PAYMENTS = ["transaction_id", "event_time", "customer_id", "merchant_id", "amount"]
LOANS = ["loan_id", "customer_id", "applied_at", "amount"]


@pytest.fixture
def folder(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    return data


def csv_file(path, header, *rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def payment(number, day, time="12:00:00", **changes):
    row = dict(zip(PAYMENTS, [f"t{number}", f"2018-04-{day:02d}T{time}Z", "c1", "m1", "12.50"], strict=True))
    return [*{**row, **changes}.values()]


def payments(folder, *rows):
    csv_file(folder / "transactions.csv", PAYMENTS, *rows)
    return Intake.open(folder)


def refusal(folder) -> str:
    with pytest.raises(InputRefused) as refused:
        Intake.open(folder)
    return str(refused.value)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert refusal(tmp_path / "nowhere").startswith(f"{tmp_path / 'nowhere'}: expected a folder")


def test_a_folder_without_payments_or_loans_says_what_it_holds(folder):
    assert "found nothing" in refusal(folder)
    csv_file(folder / "fraud_labels.csv", ["x"])
    assert "expected transactions or loan_applications, as .csv or .parquet, found fraud_labels.csv" in refusal(folder)


def test_one_entity_in_two_files_is_refused(folder):
    csv_file(folder / "transactions.csv", PAYMENTS, payment(1, 1))
    (folder / "transactions.parquet").touch()

    assert "expected one file for transactions, found transactions.parquet and transactions.csv" in refusal(folder)


def test_a_missing_column_is_named_with_what_was_expected_and_found(folder):
    csv_file(folder / "transactions.csv", ["transaction_id", "amount"], ["t1", "1"])

    assert refusal(folder) == (
        f"{folder / 'transactions.csv'}: column event_time, customer_id, merchant_id is missing; "
        "expected transaction_id, event_time, customer_id, merchant_id, amount; found transaction_id, amount"
    )


def test_a_file_without_rows_is_refused(folder):
    csv_file(folder / "transactions.csv", PAYMENTS)

    assert "expected at least one row, found none" in refusal(folder)


def test_a_file_that_is_no_parquet_is_refused(folder):
    (folder / "transactions.parquet").write_text("this is text, and long enough to look at")

    assert "transactions.parquet: expected a readable parquet file, found:" in refusal(folder)


def test_the_last_whole_day_is_streamed(folder):
    rows = [payment(f"{day}-{n}", day) for day in (1, 2, 3) for n in range(10)]
    fragment = [payment(f"4-{n}", 4) for n in range(4)]

    assert payments(folder, *rows).stream_day() == date(2018, 4, 3)
    assert payments(folder, *rows, *fragment).stream_day() == date(2018, 4, 3), "a fragment is no day"
    assert payments(folder, *rows, *fragment, payment("4-5", 4)).stream_day() == date(2018, 4, 4)


def test_a_time_with_an_offset_belongs_to_its_utc_day(folder):
    rows = [payment(1, 1), payment(2, 2, event_time="2018-04-02T01:00:00+02:00")]

    with pytest.raises(InputRefused, match="expected payments of several days, found 1"):
        payments(folder, *rows).stream_day()


def test_rows_without_a_readable_date_make_no_day(folder):
    rows = [payment(1, 1), payment(2, 2), payment(3, 3, event_time="soon"), payment(4, 3, event_time="")]

    assert payments(folder, *rows).stream_day() == date(2018, 4, 2)


def test_without_payments_there_is_no_day_and_without_loans_no_month(folder):
    csv_file(folder / "loan_applications.csv", LOANS, ["l1", "c1", "2018-04-01", "5"])
    assert Intake.open(folder).stream_day() is None
    (folder / "loan_applications.csv").unlink()

    assert payments(folder, payment(1, 1)).score_month() is None


def loans(folder, *dates):
    csv_file(folder / "loan_applications.csv", LOANS, *([f"l{i}", "c1", d, "5"] for i, d in enumerate(dates)))
    return Intake.open(folder)


def test_the_last_month_with_a_fair_share_of_loans_is_scored(folder):
    months = ["2018-03-05"] * 50 + ["2018-04-05"] * 50

    assert loans(folder, *months).score_month() == date(2018, 4, 1)
    assert loans(folder, *months, "2018-05-01").score_month() == date(2018, 4, 1), "one in a hundred is no share"


def test_loans_of_one_month_are_refused_since_nothing_could_be_learnt_before(folder):
    with pytest.raises(InputRefused, match="applications of at least two months, found 1"):
        loans(folder, "2018-04-05", "2018-04-06").score_month()


def test_the_days_reach_over_payments_and_loans(folder):
    csv_file(folder / "transactions.csv", PAYMENTS, payment(1, 5), payment(2, 9))

    assert loans(folder, "2018-03-31", "2018-04-06").days() == (date(2018, 3, 31), date(2018, 4, 9))


def cells(path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]


AWKWARD = [
    payment("0001", 1, amount="007.10"),
    payment("1e5", 1, amount="1e2", customer_id='Zoë "Z", ', merchant_id="NULL"),
    payment("true", 2, event_time="2018-04-02 00:00:00"),
    payment("x", 2, event_time="soon"),
    payment("y", 3),
]


def test_dealing_out_changes_no_cell_and_loses_no_row(folder, tmp_path):
    intake = payments(folder, *AWKWARD)
    noon = datetime(2018, 4, 2)
    parts = [tmp_path / "history.csv", tmp_path / "rest.csv"]

    assert intake.deal("transactions", parts[0], before=noon) == 3
    assert intake.deal("transactions", parts[1], before=None, since=noon) == 2
    assert sorted(cells(parts[0]) + cells(parts[1])) == sorted(AWKWARD)


def test_a_row_without_a_readable_date_goes_to_the_first_stretch_once(folder, tmp_path):
    intake = payments(folder, *AWKWARD)
    days = [datetime(2018, 4, d) for d in (2, 3, 4)]
    found = []
    for number, (since, before) in enumerate(zip([None, *days], [*days, None], strict=True)):
        intake.deal("transactions", tmp_path / f"{number}.csv", before=before, since=since)
        found.append([row[0] for row in cells(tmp_path / f"{number}.csv")])

    assert found == [["t0001", "t1e5", "tx"], ["ttrue"], ["ty"], []]


def test_parquet_stays_parquet_with_its_types(folder, tmp_path):
    duckdb.sql(
        "COPY (SELECT 't1' AS transaction_id, TIMESTAMP '2018-04-01 12:00:00' AS event_time, 7 AS customer_id, "
        f"'m' AS merchant_id, 12.5::DOUBLE AS amount) TO '{folder}/transactions.parquet'"
    )
    target = tmp_path / "part.parquet"

    assert Intake.open(folder).deal("transactions", target, before=datetime(2018, 4, 2)) == 1
    (row,) = duckdb.sql(f"SELECT * FROM '{target}'").fetchall()
    assert row == ("t1", datetime(2018, 4, 1, 12), 7, "m", 12.5)


def test_a_folder_with_a_quote_in_its_name_is_read(tmp_path):
    folder = tmp_path / "o'brien"
    folder.mkdir()

    assert payments(folder, payment(1, 1), payment(2, 2)).stream_day() == date(2018, 4, 2)


def test_a_target_with_a_quote_in_its_name_is_written(folder, tmp_path):
    target = tmp_path / "o'brien" / "part.csv"

    assert payments(folder, payment(1, 1)).deal("transactions", target, before=None) == 1
    assert target.is_file()


def test_the_days_payments_come_in_order_each_once_without_broken_ones(folder):
    intake = payments(
        folder,
        payment(3, 2, "15:00:00"),
        payment(1, 2, "09:00:00"),
        payment(1, 2, "10:00:00", amount="99"),
        payment(2, 2, "09:00:00"),
        payment(4, 2, amount="a lot"),
        payment(5, 2, customer_id=""),
        payment(6, 2, customer_id="4111111111111111"),
        payment(7, 3),
        payment(8, 1),
    )
    found = list(intake.payments_of(date(2018, 4, 2)))

    assert [p.transaction_id for p, _ in found] == ["t1", "t2", "t3"]
    assert found[0][0].amount == 1250, "the first of two"
    assert found[0][1] == dict(zip(PAYMENTS, payment(1, 2, "09:00:00"), strict=True))


def test_the_truth_is_the_latest_judgement(folder):
    csv_file(
        folder / "fraud_labels.csv",
        ["transaction_id", "is_fraud", "reported_at"],
        ["t1", "0", "2018-04-05"],
        ["t1", "1", "2018-04-07"],
        ["t2", "1.0", "2018-04-05"],
        ["t3", "perhaps", "2018-04-05"],
    )
    intake = payments(folder, payment(1, 1))

    assert intake.truth("fraud_labels", "transaction_id", "is_fraud") == {"t1": 1, "t2": 1}
    assert intake.truth("loan_outcomes", "loan_id", "defaulted") == {}


def test_an_instant_without_an_offset_is_utc_wherever_the_demo_runs(folder):
    rows = [[*payment(n, 1 + n // 2, time="01:00:00")] for n in range(4)]
    csv_file(folder / "transactions.csv", PAYMENTS, *([*r[:1], r[1].rstrip("Z"), *r[2:]] for r in rows))
    code = f"from demo.intake import Intake; from pathlib import Path; print(Intake.open(Path({str(folder)!r})).days())"
    found = {
        zone: subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True
        ).stdout
        for zone in ("UTC", "America/New_York", "Asia/Tokyo")
    }
    assert len(set(found.values())) == 1, found


def test_a_row_with_too_few_or_too_many_cells_does_not_refuse_the_file(folder):
    text = "\n".join([",".join(PAYMENTS), *(",".join(payment(n, 1 + n // 3)) for n in range(9)), "t90,2018-04-02", ""])
    (folder / "transactions.csv").write_text(text)
    assert Intake.open(folder).stream_day() is not None
