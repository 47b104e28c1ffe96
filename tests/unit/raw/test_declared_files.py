"""What `columns.yaml` says of a file comes before what its rows tell."""

from __future__ import annotations

import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.contract import TRANSACTIONS
from features.declared import declared_of
from raw.reader import parts, rows
from raw.refusal import Unreadable
from raw.understanding import form_of

HEADER = "transaction_id,event_time,customer_id,merchant_id,amount,fee"


def read(path, file=None, **columns) -> list[dict]:
    declared = declared_of("transactions", {"file": file, "columns": columns})
    form = form_of(str(path), TRANSACTIONS, declared=declared)
    batches = (batch for part in parts(str(path), form) for batch in rows(str(path), form, part))
    return [row for batch in batches for row in pa.RecordBatch.from_pydict(batch.cells).to_pylist()]


def test_days_that_fit_two_orders_are_read_in_the_declared_one(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\nt1,03/04/2024 9:30,c1,m1,1.50,\n")

    for order, day in (("dmy", "2024-04-03 09:30"), ("mdy", "2024-03-04 09:30")):
        assert read(path, EVENT_TIME={"format": order})[0]["event_time"] == day
    with pytest.raises(Unreadable, match=r"no row tells which; .* or declare its format in columns\.yaml"):
        read(path)


def test_a_column_that_is_declared_to_be_plain_is_not_read_as_anything_else(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\nt1,1622548800,c1,m1,'1,50',\n".replace("'", '"'))

    assert [row["event_time"] for row in read(path)] == ["2021-06-01T12:00:00.000000Z"]
    plain = read(path, event_time={"format": "plain"}, amount={"format": "plain"})
    assert [(row["event_time"], row["amount"]) for row in plain] == [("1622548800", "1,50")]


def test_a_further_column_of_decimal_commas_is_one_of_numbers_once_it_is_declared(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n" + "".join(f't{n},2024-03-0{n},c1,m1,1,"-1.000,12{n}5"\n' for n in range(1, 4)))

    assert {row["fee"] for row in read(path)} == {f"-1.000,12{n}5" for n in range(1, 4)}
    assert {row["fee"] for row in read(path, fee={"format": "decimal_comma"})} == {f"-1000.12{n}5" for n in range(1, 4)}


def test_a_declared_column_that_only_later_objects_have_is_read_as_declared(tmp_path):
    path = tmp_path / "a.jsonl"
    payment = {
        "transaction_id": "t1",
        "event_time": "2024-03-01",
        "customer_id": "c1",
        "merchant_id": "m1",
        "amount": 1,
    }
    path.write_text(json.dumps(payment) + "\n" + json.dumps({**payment, "fee": "1,5"}) + "\n")

    assert [row.get("fee") for row in read(path, fee={"format": "decimal_comma"}, tip={"format": "thousands"})] == [
        None,
        "1.5",
    ]


@pytest.mark.parametrize("kind", ["double", "decimal", "json"])
def test_a_comma_is_declared_of_texts_and_changes_no_number(tmp_path, kind):
    payment = {"transaction_id": "t1", "event_time": "2024-03-01", "customer_id": "c1", "merchant_id": "m1"}
    path = tmp_path / ("a.jsonl" if kind == "json" else "a.parquet")
    if kind == "json":
        rows_ = [{**payment, "amount": 12.345}, {**payment, "amount": "12,345"}, {**payment, "amount": "1.234,5"}]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows_))
        wanted = ["12.345", "12.345", "1234.5"]
    else:
        type_ = pa.float64() if kind == "double" else pa.decimal128(18, 3)
        amounts = pa.array([Decimal("12.345"), Decimal("0.125")], pa.decimal128(18, 3)).cast(type_)
        pq.write_table(pa.table({**{name: [cell] * 2 for name, cell in payment.items()}, "amount": amounts}), path)
        wanted = ["12.345", "0.125"]

    assert [row["amount"] for row in read(path, amount={"format": "decimal_comma"})] == wanted


def test_a_declared_separator_quote_and_encoding_are_the_files(tmp_path):
    path = tmp_path / "a.csv"
    lines = f"{HEADER.replace(',', '|')}\nt1|2024-03-01|c1|'M\u00fcller| K\u00f6ln'|1|a;b,c\n"
    path.write_bytes(lines.encode("cp1252"))

    (row,) = read(path, {"separator": "|", "quote": "'", "encoding": "windows-1252"})
    assert (row["merchant_id"], row["fee"]) == ("M\u00fcller| K\u00f6ln", "a;b,c")
    with pytest.raises(
        Unreadable, match="column transaction_id, event_time, customer_id, merchant_id, amount is missing"
    ):
        read(path, {"separator": ";"})


def test_letters_of_windows_are_read_as_declared_though_later_rows_could_be_utf_8(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(f"{HEADER}\n".encode() + b"t1,2024-03-01,c1,M\xfcller,1,\nt2,2024-03-01,c1,M\xc3\xbcller,1,\n")

    found = read(path, {"encoding": "windows-1252"})
    assert [row["merchant_id"] for row in found] == ["M\u00fcller", "M\u00c3\u00bcller"]
