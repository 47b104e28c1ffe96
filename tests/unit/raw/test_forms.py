"""Packed files, JSON lines and Parquet give the rows that a plain file of the same cells gives."""

from __future__ import annotations

import gzip
import io
import json
import uuid
import zipfile
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.contract import TRANSACTIONS
from raw.as_text import as_text
from raw.reader import Part, parts, rows
from raw.refusal import Unreadable
from raw.understanding import form_of

HEADER = "transaction_id,event_time,customer_id,merchant_id,amount"
CSV = f"{HEADER},colour\nt1,2018-04-02T09:30:00Z,c1,m1,12.50,red\nt2,2018-04-02T09:31:00Z,c2,m1,7,\n".encode()
ROWS = [
    {"transaction_id": "t1", "event_time": "2018-04-02T09:30:00Z", "customer_id": "c1", "merchant_id": "m1"}
    | {"amount": "12.50", "colour": "red"},
    {"transaction_id": "t2", "event_time": "2018-04-02T09:31:00Z", "customer_id": "c2", "merchant_id": "m1"}
    | {"amount": "7", "colour": ""},
]


def read(path) -> tuple[list[dict], list[tuple[int, str, str]]]:
    form = form_of(str(path), TRANSACTIONS)
    good, bad = [], []
    for part in parts(str(path), form):
        for batch in rows(str(path), form, part):
            good += pa.RecordBatch.from_pydict(batch.cells).to_pylist()
            bad += batch.faulty
    return good, bad


def zipped(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("a.csv.gz", gzip.compress(CSV)),
        ("a.csv", gzip.compress(CSV)),
        ("a.csv.gz", gzip.compress(CSV[:50]) + gzip.compress(CSV[50:])),
        ("a.csv.zip", zipped({"data.csv": CSV})),
        ("a.csv", zipped({"data.csv": CSV, "__MACOSX/data": b"x"})),
        ("a.csv.gz", gzip.compress(CSV.decode().encode("utf-16"))),
    ],
    ids=["plain", "gzip", "gzip by its bytes", "gzip twice", "zip", "zip of a Mac", "gzip of UTF-16"],
)
def test_a_packed_file_is_what_is_in_it(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)

    assert read(tmp_path / name) == (ROWS, [])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(CSV)[:-9], "is gzip that breaks off; bring the whole file"),
        (gzip.compress(CSV)[:20] + b"nonsense" * 9, "is damaged gzip; pack it anew"),
        (zipped({"one.csv": CSV, "two.csv": CSV}), "is a ZIP archive of 2 files; expected one file in it"),
        (zipped({"xl/workbook.xml": CSV}), "is a spreadsheet; export the sheet as CSV"),
        (zipped({"one.csv": CSV})[:-30], "is a damaged or locked ZIP archive"),
    ],
    ids=["cut off", "damaged", "two files", "spreadsheet", "zip cut off"],
)
def test_an_archive_that_cannot_be_taken_in_says_why(tmp_path, content, said):
    (tmp_path / "a.csv").write_bytes(content)

    with pytest.raises(Unreadable, match=said):
        read(tmp_path / "a.csv")


def test_objects_of_a_line_each_are_rows(tmp_path):
    """Numbers stay as they are written, an object may bring columns of its own, and names are known in any case."""
    plain = {
        "transaction_id": "t1",
        "event_time": "2018-04-02",
        "customer_id": 12345678901234567890,
        "merchant_id": "m",
    }
    lines = [
        json.dumps(plain)[:-1] + ', "Amount": 1.50}',
        json.dumps({**plain, "amount": 2, "seen": True, "path": [1, {"a": None}], "score": float("nan")}),
        "[1, 2]",
        "",
        '{"transaction_id": "t',
        json.dumps({**plain, "amount": 1, "AMOUNT": 2}),
        '{"amount": 1, "amount": 2}',
        json.dumps({**plain, "amount": 1, "note": "p\0q"}),
        json.dumps({**plain, "amount": 1, "note": "half"}).replace("half", "\\ud83d"),
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n")
    (first, *_, second), bad = read(tmp_path / "a.jsonl")

    assert (first["customer_id"], first["amount"]) == ("12345678901234567890", "1.50")
    assert (second["amount"], second["seen"], second["path"], second["score"]) == (
        "2",
        "true",
        '["1", {"a": null}]',
        None,
    )
    assert [(n, fault) for n, fault, _ in bad] == [
        (3, "no_json_object"),
        (5, "no_json_object"),
        (6, "name_twice"),
        (7, "no_json_object"),
        (8, "nul_byte"),
        (9, "not_utf8"),
    ]


def test_an_object_with_a_name_for_each_value_is_refused(tmp_path):
    plain = {"transaction_id": "t", "event_time": "2018-04-02", "customer_id": "c", "merchant_id": "m", "amount": 1}
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({**plain, f"key{n}": 1}) + "\n" for n in range(2100)))
    with pytest.raises(Unreadable, match="has more than 2000 different names in its objects"):
        read(tmp_path / "a.jsonl")


def test_a_file_of_lines_without_objects_says_so(tmp_path):
    (tmp_path / "a.jsonl").write_text("1\n2\n")

    with pytest.raises(Unreadable, match="expected a JSON object in each line, found none"):
        read(tmp_path / "a.jsonl")


NAMED = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pa.array([7]), "7"),
        (pa.array([7], pa.uint64()), "7"),
        (pa.array([7.0]), "7"),
        (pa.array([0.0001]), "0.0001"),
        (pa.array([12345678.5]), "12345678.5"),
        (pa.array([float("nan")]), None),
        (pa.array([Decimal("7.00")]), "7"),
        (pa.array([Decimal("12.50")], pa.decimal128(38, 2)), "12.50"),
        (pa.array([True]), "true"),
        (pa.array(["x"]).dictionary_encode(), "x"),
        (pa.array(["x"], pa.large_string()), "x"),
        (pa.array([b"x"]), "x"),
        (pa.array([NAMED.bytes], pa.binary(16)), str(NAMED)),
        (pa.array([b"0123456789abcdef"], pa.binary(16)), "0123456789abcdef"),
        (pa.array([time(9, 30, 1)]), "09:30:01"),
        (pa.array([date(2018, 4, 2)]), "2018-04-02"),
        (pa.array([datetime(2018, 4, 2, 9, 30)], pa.timestamp("ns")), "2018-04-02 09:30:00"),
        (pa.array([datetime(2018, 4, 2, 9, 30, 0, 500_000)], pa.timestamp("ms")), "2018-04-02 09:30:00.5"),
        (pa.array([datetime(2018, 4, 2, 9, 30, tzinfo=UTC)], pa.timestamp("us", "Asia/Tokyo")), "2018-04-02 09:30:00"),
        (pa.array([["a", "b"]]), '["a", "b"]'),
        (pa.array([None]), None),
    ],
)
def test_a_cell_of_parquet_is_the_same_text_whatever_its_type(tmp_path, column, text):
    names = HEADER.split(",")
    table = pa.table({**{name: ["x"] for name in names}, "further": column})
    pq.write_table(table, tmp_path / "a.parquet")
    ((row,), bad) = read(tmp_path / "a.parquet")

    assert (row["further"], bad) == (text, [])


def test_times_of_hive_and_impala_are_read(tmp_path):
    names = HEADER.split(",")
    times = pa.array([datetime(2018, 4, 2, 9, 30)], pa.timestamp("ns"))
    table = pa.table({**{name: ["x"] for name in names}, "event_time": times})
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)

    assert read(tmp_path / "a.parquet")[0][0]["event_time"] == "2018-04-02 09:30:00"


def test_a_row_of_parquet_with_bytes_that_are_no_text_is_a_fault_and_keeps_them(tmp_path):
    names = HEADER.split(",")
    cells = pa.array([b"ok", b"Caf\xe9", b"n\0"])
    pq.write_table(pa.table({**{name: ["x"] * 3 for name in names}, "customer_id": cells}), tmp_path / "a.parquet")
    good, bad = read(tmp_path / "a.parquet")

    assert [row["customer_id"] for row in good] == ["ok"]
    assert [(n, fault) for n, fault, _ in bad] == [(2, "not_utf8"), (3, "nul_byte")]
    assert b"Caf\xe9" in bad[0][2].encode(errors="surrogateescape")


def test_a_column_that_no_text_can_be_made_of_is_named_with_what_to_do(tmp_path):
    names = HEADER.split(",")
    beyond = pa.array([[2**62]], pa.list_(pa.timestamp("us")))
    pq.write_table(pa.table({**{name: ["x"] for name in names}, "paid_at": beyond}), tmp_path / "a.parquet")

    with pytest.raises(Unreadable, match=r"column paid_at: cells of type list.* cannot be written as text .*leave the"):
        read(tmp_path / "a.parquet")


def test_stretches_of_parquet_give_the_rows_of_the_whole(tmp_path, monkeypatch):
    names = HEADER.split(",")
    table = pa.table({name: [f"{name}{n}" for n in range(1000)] for name in names})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=10)
    monkeypatch.setattr("raw.reader.ROWS", 25)
    path = str(tmp_path / "a.parquet")
    form = form_of(path, TRANSACTIONS)
    found = [b for part in parts(path, form) for b in rows(path, form, part)]

    assert len(parts(path, form)) == 10
    assert [n for b in found for n in b.numbers.tolist()] == list(range(1, 1001))
    assert [c for b in found for c in b.cells["amount"].to_pylist()] == table["amount"].to_pylist()
    assert parts(path, form)[0] == Part(0, 10, 0)


def test_a_nested_cell_is_json_whatever_its_numbers_and_bytes_are():
    cells = pa.array([{"a": [float("inf"), -float("inf"), float("nan"), 1.5], "b": b"caf\xc3\xa9", "c": b"\xff"}])

    (text,) = as_text(cells).to_pylist()

    assert json.loads(text, parse_constant=pytest.fail) == {"a": ["inf", "-inf", None, 1.5], "b": "café", "c": "\ufffd"}
