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
from features.contract import CONTRACTS
from raw.reader import rows
from raw.understanding import form_of
from tools.raw_data.loaded import Loaded

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
    return Intake(Loaded(folder))


def refusal(folder) -> str:
    with pytest.raises(InputRefused) as refused:
        Intake.open(folder)
    return str(refused.value)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert refusal(tmp_path / "nowhere").startswith(f"{tmp_path / 'nowhere'}: expected a folder")


def test_a_folder_without_payments_or_loans_says_what_it_holds(folder):
    assert "found nothing" in refusal(folder)
    csv_file(folder / "fraud_labels.csv", ["x"])
    assert "expected transactions or loan_applications, as .parquet or .csv or" in refusal(folder)
    assert "found fraud_labels.csv" in refusal(folder)


def test_one_entity_in_two_files_is_refused(folder):
    csv_file(folder / "transactions.csv", PAYMENTS, payment(1, 1))
    (folder / "transactions.parquet").touch()

    assert "expected one file for transactions, found transactions.parquet and transactions.csv" in refusal(folder)


def test_a_folder_of_parts_is_one_file(folder):
    parts = folder / "transactions"
    parts.mkdir()
    csv_file(parts / "part-0.csv", PAYMENTS, payment(1, 1))
    csv_file(parts / "part-1.csv", [*PAYMENTS, "colour"], [*payment(2, 2), "red"])
    (parts / "_SUCCESS").touch()

    csv_file(parts / "part-2.csv", [*PAYMENTS, "Colour"], [*payment(3, 2), "blue"])

    intake = Intake.open(folder)
    assert intake.stream_day() == date(2018, 4, 2)
    assert intake.columns("transactions") == [*PAYMENTS, "colour"], "a name is spelt as it came first"
    assert [fields["colour"] for _, fields in intake.payments_of(date(2018, 4, 2))] == ["red", "blue"]
    (parts / "country=DE").mkdir()
    csv_file(parts / "country=DE" / "part-3.csv", PAYMENTS, payment(4, 2))
    assert "found folders named country=DE; write that column into the files" in refusal(folder)


def test_a_missing_column_is_named_with_what_was_expected_and_found(folder):
    csv_file(folder / "transactions.csv", ["transaction_id", "amount"], ["t1", "1"])

    assert refusal(folder) == (
        f"{folder / 'transactions.csv'}: column event_time, customer_id, merchant_id is missing; "
        "transactions needs transaction_id, event_time, customer_id, merchant_id, amount; "
        "the file has transaction_id, amount"
    )


def test_a_file_without_rows_is_refused(folder):
    csv_file(folder / "transactions.csv", PAYMENTS)

    assert "expected at least one row, found none" in refusal(folder)


def test_a_header_without_rows_is_as_good_as_no_file_where_a_pipeline_can_do_without(folder):
    csv_file(folder / "transactions.csv", PAYMENTS, payment(1, 2))
    csv_file(folder / "fraud_labels.csv", ["transaction_id", "is_fraud", "reported_at"])

    assert list(Intake.open(folder).files) == ["transactions"]


def test_a_file_that_is_no_parquet_is_refused(folder):
    (folder / "transactions.parquet").write_text("this is text, and long enough to look at")

    assert "transactions.parquet: cannot be read as parquet: " in refusal(folder)


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


def dealt(intake, folder, **stretch) -> list[list[str]]:
    """The cells of a stretch's rows, in the order of the file."""
    files = [path for path, _ in intake.deal("transactions", folder, **stretch)]
    return [[*map(str, row)] for path in files for row in duckdb.sql(f"SELECT * FROM '{path}'").fetchall()]


AWKWARD = [
    payment("0001", 1, amount="007.10"),
    payment("1e5", 1, amount="1e2", customer_id='Zoë "Z",', merchant_id="NULL"),
    payment("true", 2, event_time="2018-04-02 00:00:00"),
    payment("x", 2, event_time="soon"),
    payment("y", 3),
]


def test_dealing_out_changes_no_cell_and_loses_no_row(folder, tmp_path):
    intake = payments(folder, *AWKWARD)
    noon = datetime(2018, 4, 2)
    first = dealt(intake, tmp_path / "history", before=noon)
    second = dealt(intake, tmp_path / "rest", before=None, since=noon)

    assert (first, second) == ([*AWKWARD[:2], AWKWARD[3]], [AWKWARD[2], AWKWARD[4]])


def test_a_row_without_a_readable_date_goes_to_the_first_stretch_once(folder, tmp_path):
    intake = payments(folder, *AWKWARD)
    days = [datetime(2018, 4, d) for d in (2, 3, 4)]
    found = []
    for number, (since, before) in enumerate(zip([None, *days], [*days, None], strict=True)):
        found.append([row[0] for row in dealt(intake, tmp_path / str(number), before=before, since=since)])

    assert found == [["t0001", "t1e5", "tx"], ["ttrue"], ["ty"], []]


def test_a_line_that_is_no_row_goes_to_the_first_stretch_byte_for_byte(folder, tmp_path):
    good = [",".join(payment(number, day)) for day in (1, 2) for number in range(day * 10, day * 10 + 10)]
    broken = "t9,2018-04-01,Café,m1,1".encode("latin-1")
    content = "\n".join([",".join(PAYMENTS), *good, ""]).encode() + broken + b"\nt8,short\n"
    (folder / "transactions.csv").write_bytes(content)
    intake = Intake.open(folder)
    first = dict(intake.deal("transactions", tmp_path / "1", before=datetime(2018, 4, 2)))
    later = intake.deal("transactions", tmp_path / "2", before=None, since=datetime(2018, 4, 2))

    assert [*first.values()] == [10, 2]
    assert [path.name for path, _ in later] == ["transactions.parquet"]
    assert [*first][1].read_bytes().split(b"\n")[1:] == [broken, b"t8,short", b""]


@pytest.mark.parametrize(
    ("separator", "lines"),
    [
        (",", [f"t{n},2018-04-01T10:00:00Z,Café,m1,1".encode("latin-1") for n in range(4)]),
        (";", [b"x1,2018-04-01T10:00:00Z,c,m,5"]),
        (",", [b'{"transaction_id": "t"}', b"t1,2018-04-01,c,m,5,6", b't2,2018-04-01,"c,m,5']),
    ],
    ids=["other letters", "other separator", "no rows"],
)
def test_what_was_no_row_in_the_users_file_is_none_in_what_is_dealt(folder, tmp_path, separator, lines):
    """Each alone might be a row of a file of its own."""
    days = [payment(day * 10 + n, day, customer_id="Zoë") for day in (1, 2) for n in range(10)]
    good = "\n".join(separator.join(row) for row in [PAYMENTS, *days])
    (folder / "transactions.csv").write_bytes(good.encode() + b"\n" + b"\n".join(lines))
    *_, (path, _) = Intake(Loaded(folder)).deal("transactions", tmp_path / "dealt", before=None)
    batches = list(rows(str(path), form_of(str(path), CONTRACTS["transactions"])))

    assert sum(len(batch.numbers) for batch in batches) == 0
    assert sum(len(batch.faulty) for batch in batches) == len(lines)


def test_what_is_dealt_is_given_no_second_meaning(folder, tmp_path):
    intake = payments(folder, *(payment(n, 1 + n % 2, amount="12,50") for n in range(200)))
    ((path, _),) = intake.deal("transactions", tmp_path / "dealt", before=None)
    form = form_of(str(path), CONTRACTS["transactions"])

    assert (form.resolved, form.meanings) == (True, ())


def test_types_of_parquet_become_the_texts_that_the_lake_reads_in_them(folder, tmp_path):
    duckdb.sql(
        "COPY (SELECT 't1' AS transaction_id, TIMESTAMP '2018-04-01 12:00:00' AS event_time, "
        "7.0::DOUBLE AS customer_id, "
        f"'m' AS merchant_id, 12.5::DOUBLE AS amount) TO '{folder}/transactions.parquet'"
    )
    assert dealt(Intake.open(folder), tmp_path / "part", before=datetime(2018, 4, 2)) == [
        ["t1", "2018-04-01 12:00:00", "7", "m", "12.5"]
    ]


def test_what_a_column_means_is_decided_by_all_of_its_rows(folder, tmp_path):
    """The second stretch alone would not tell day from month."""
    rows = [payment(day, 1, event_time=f"{day:02}/04/2018 10:00") for day in (20, 21, 1, 2)]
    intake = payments(folder, *rows)

    assert intake.stream_day() == date(2018, 4, 21)
    assert [row[1] for row in dealt(intake, tmp_path, before=datetime(2018, 4, 3))] == [
        "2018-04-01 10:00",
        "2018-04-02 10:00",
    ]


def test_a_folder_with_a_quote_in_its_name_is_read(tmp_path):
    folder = tmp_path / "o'brien"
    folder.mkdir()

    assert payments(folder, payment(1, 1), payment(2, 2)).stream_day() == date(2018, 4, 2)


def test_a_target_with_a_quote_in_its_name_is_written(folder, tmp_path):
    target = tmp_path / "o'brien"

    assert payments(folder, payment(1, 1)).deal("transactions", target, before=None) == [
        (target / "transactions.parquet", 1)
    ]


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


def test_payments_come_in_the_home_currency_and_those_of_an_unknown_one_are_left_to_the_lake(folder):
    csv_file(
        folder / "transactions.csv",
        [*PAYMENTS, "currency", "order_no"],
        *([*payment(n, 2), "EUR", ""] for n in range(1, 4)),
        [*payment(4, 2, amount="10"), "usd", "4111111111111111"],
        [*payment(5, 2), "XAU", ""],
        *([*payment(n, 1), "EUR", ""] for n in range(6, 20)),
    )
    csv_file(
        folder / "exchange_rates.csv",
        ["currency", "day", "rate"],
        ["EUR", "2018-04-01", "1"],
        ["USD", "2018-04-01", "0.5"],
    )
    (folder / "columns.yaml").write_text("transactions: {columns: {order_no: {card_numbers: numbers of orders}}}")

    found = {p.transaction_id: p.amount for p, _ in Intake.open(folder).payments_of(date(2018, 4, 2))}
    assert sorted(found) == ["t1", "t2", "t3", "t4"]
    assert found["t4"] == 500


def test_of_two_payments_with_one_identifier_the_first_of_the_file_is_streamed_as_the_lake_keeps_it(folder):
    rows = [payment(1, 2, "23:40:00", amount="1.00"), payment(1, 2, "10:40:00", amount="87.00")]
    intake = payments(folder, *rows, payment(2, 1), payment(2, 2, amount="5.00"))

    assert [p.amount for p, _ in intake.payments_of(date(2018, 4, 2))] == [100], "t2 belongs to the day before"


def test_blanks_around_a_cell_do_not_reach_the_stream(folder):
    intake = payments(folder, payment(1, 1), payment(2, 2, customer_id="c0   "))

    assert [fields["customer_id"] for _, fields in intake.payments_of(date(2018, 4, 2))] == ["c0"]


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


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("event_time", "soon", "column event_time cannot be read in 3 of 9 rows; expected an ISO 8601 instant"),
        ("amount", "a lot", "column amount cannot be read in 3 of 9 rows; expected an amount such as 12.50"),
        ("customer_id", "", "column customer_id is empty in 3 of 9 rows"),
    ],
)
def test_a_column_that_the_lake_could_not_use_is_refused_with_what_came_and_where(folder, column, cell, said):
    rows = [payment(n, 1 + n % 3, **({column: cell} if n % 3 == 1 else {})) for n in range(9)]
    csv_file(folder / "transactions.csv", PAYMENTS, *rows)

    assert said in refusal(folder)
    assert not cell or f"found {cell!r} in row 2" in refusal(folder)


def test_a_day_that_may_as_well_be_a_month_is_refused_with_both_readings(folder):
    csv_file(folder / "transactions.csv", PAYMENTS, *(payment(n, 1, event_time=f"0{n}/04/2024") for n in (3, 5)))

    assert "column event_time: '03/04/2024' may be 2024-04-03 or 2024-03-04" in refusal(folder)


def test_a_row_with_too_few_or_too_many_cells_does_not_refuse_the_file(folder):
    text = "\n".join([",".join(PAYMENTS), *(",".join(payment(n, 1 + n // 3)) for n in range(18)), "t90,2018-04-02", ""])
    (folder / "transactions.csv").write_text(text)
    assert Intake.open(folder).stream_day() is not None
