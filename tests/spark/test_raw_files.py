"""RAW files: every row's origin, rows that are no rows, and errors that name file, column, expected and found."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
from collections import Counter
from datetime import datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.values import MISSING
from glue.raw import ContractBroken, read_raw
from tests.spark.rows import TAKEN_IN, TRANSACTIONS, payment
from tools.raw_data.loaded import Loaded

HEADER = ",".join(payment())


@pytest.fixture
def folder(tmp_path):
    def write(name: str, *lines: str) -> str:
        path = tmp_path / name
        path.write_bytes(("\n".join(lines) + "\n").encode())
        return str(path)

    return write


def csv_row(number: int) -> str:
    return f"t{number:05d},2018-04-02T09:30:00Z,c1,m1,12.50"


def test_all_cells_are_text_and_every_row_knows_where_it_came_from(spark, folder):
    uri = folder("a.csv", HEADER, csv_row(1), csv_row(2))

    first, second = read_raw(spark, [uri], TRANSACTIONS, {uri: TAKEN_IN}).sort("row_number").collect()
    assert (first.transaction_id, first.amount, first.source_file, first.row_number) == ("t00001", "12.50", uri, 1)
    assert (second.transaction_id, second.row_number) == ("t00002", 2)
    assert first.ingested_at == TAKEN_IN.replace(tzinfo=None)
    assert (first.currency, first.attributes, first.fault, first.line) == (None, {}, None, None)


def test_quotes_commas_and_letters_of_any_language_survive(spark, folder):
    uri = folder("a.csv", HEADER, '"t ""1"", a",2018-04-02,Zoë,"m,1",1')

    row = read_raw(spark, [uri], TRANSACTIONS).first()
    assert (row.transaction_id, row.customer_id, row.merchant_id) == ('t "1", a', "Zoë", "m,1")


def written(tmp_path, name: str, **columns) -> str:
    pq.write_table(pa.table(columns), tmp_path / name)
    return str(tmp_path / name)


def test_files_whose_columns_and_types_differ_are_read_together_and_numbered_apart(spark, folder, tmp_path):
    """A new column, one in another type, another order and another case, and an optional one that is gone."""
    text = {"event_time": ["2018-04-02"], "customer_id": ["c1"], "merchant_id": ["m1"]}
    files = [
        folder("a.csv", f"{HEADER},channel", f"{csv_row(1)},web"),
        written(tmp_path, "b.parquet", transaction_id=[7], **text, amount=pa.array([12], pa.int32())),
        written(
            tmp_path, "c.parquet", transaction_id=["t8"], **text, amount=pa.array([12], pa.int64()), colour=["red"]
        ),
        written(tmp_path, "d.parquet", Amount=[Decimal("12.50")], TRANSACTION_ID=[9.0], **text),
    ]
    rows = {r.transaction_id: r for r in read_raw(spark, files, TRANSACTIONS).collect()}

    assert {key: (row.amount, row.channel, row.attributes, row.row_number) for key, row in rows.items()} == {
        "t00001": ("12.50", "web", {}, 1),
        "7": ("12", None, {}, 1),
        "t8": ("12", None, {"colour": "red"}, 1),
        "9": ("12.50", None, {}, 1),
    }


def test_a_time_of_a_parquet_file_without_zone_is_utc(spark, tmp_path):
    times = pa.array([datetime(2018, 4, 2, 9, 30)], pa.timestamp("us"))
    cells = {name: ["x"] for name in payment() if name != "event_time"}

    assert read_raw(spark, [written(tmp_path, "a.parquet", event_time=times, **cells)], TRANSACTIONS).first()[1] == (
        "2018-04-02 09:30:00"
    )


def test_further_columns_may_have_the_names_of_our_own(spark, folder):
    uri = folder("a.csv", f"{HEADER},row_number,batch,cells,line,", f"{csv_row(1)},77,b9,x,y,z")

    row = read_raw(spark, [uri], TRANSACTIONS).first()
    assert row.row_number == 1
    assert row.attributes == {"row_number": "77", "batch": "b9", "cells": "x", "line": "y", "column_10": "z"}


def test_rows_are_numbered_through_all_stretches_of_each_file(spark, folder):
    files = [
        folder("a.csv", HEADER, *(csv_row(n) for n in range(1, 1001))),
        folder("b.csv", HEADER, *(csv_row(n) for n in range(2001, 4001))),
    ]
    rows = read_raw(spark, files, TRANSACTIONS, part_size=16_000)
    numbered = {r.transaction_id: (r.source_file, r.row_number) for r in rows.collect()}

    first = {f"t{n:05d}": (files[0], n) for n in range(1, 1001)}
    assert numbered == first | {f"t{n + 2000:05d}": (files[1], n) for n in range(1, 2001)}


def named(number: int) -> str:
    """As people name files: with what an address writes otherwise."""
    return f"chargebacks {number} of 100% (é+#).csv"


def many(folder, count: int) -> dict[str, datetime]:
    """Small files of one header, each with other rows and another time."""
    return {
        folder(named(n), HEADER, *(csv_row(100 * n + i) for i in range(n % 4)), "", "t,short"): TAKEN_IN
        + timedelta(seconds=n)
        for n in range(count)
    }


def test_every_row_of_many_small_files_knows_where_it_came_from(spark, folder):
    put_at = many(folder, 60)
    rows = read_raw(spark, list(put_at), TRANSACTIONS, put_at).collect()

    expected = {
        (uri, i + 1, at.replace(tzinfo=None), f"t{100 * n + i:05d}", None)
        for n, (uri, at) in enumerate(put_at.items())
        for i in range(n % 4)
    } | {(uri, n % 4 + 2, at.replace(tzinfo=None), None, "ragged_row") for n, (uri, at) in enumerate(put_at.items())}
    assert {(r.source_file, r.row_number, r.ingested_at, r.transaction_id, r.fault) for r in rows} == expected
    assert len(rows) == len(expected)


def test_neither_spark_jobs_nor_the_plan_grow_with_the_number_of_small_files(spark, folder):
    put_at = many(folder, 60)

    def effort(count: int) -> tuple[int, int]:
        spark.sparkContext.setJobGroup(f"{count} files", "")
        rows = read_raw(spark, list(put_at)[:count], TRANSACTIONS, put_at)
        jobs = len(spark.sparkContext.statusTracker().getJobIdsForGroup(f"{count} files"))
        plan = re.sub(r"#\d+", "#", rows._jdf.queryExecution().optimizedPlan().toString())  # numbers of the session
        return jobs, len(plan)

    assert effort(30) == effort(3)


def test_files_of_two_headers_are_read_together_each_with_its_own(spark, folder):
    longer = f"{HEADER},channel"
    files = [folder(f"{n}.csv", longer if n % 2 else HEADER, csv_row(n) + (",web" if n % 2 else "")) for n in range(6)]
    rows = {r.source_file: (r.transaction_id, r.channel) for r in read_raw(spark, files, TRANSACTIONS).collect()}

    assert rows == {uri: (f"t{n:05d}", "web" if n % 2 else None) for n, uri in enumerate(files)}


def test_parquet_files_of_one_form_are_numbered_apart(spark, tmp_path):
    def part(number: int) -> str:
        path = tmp_path / f"part-{number}.parquet"
        cells = {name: [f"{name}-{number}-{i}" for i in range(number * 3)] for name in payment()}
        pq.write_table(pa.table(cells), path, row_group_size=2)
        return str(path)

    files = [part(n) for n in range(1, 4)]
    rows = read_raw(spark, files, TRANSACTIONS).collect()

    assert {(r.source_file, r.row_number, r.transaction_id) for r in rows} == {
        (uri, i + 1, f"transaction_id-{n}-{i}") for n, uri in enumerate(files, 1) for i in range(n * 3)
    }


def test_a_file_without_rows_is_no_error(spark, folder):
    assert read_raw(spark, [folder("a.csv", HEADER)], TRANSACTIONS).collect() == []


# Rows that are no rows: one file of them, read once.
LINES = {
    1: csv_row(1).encode(),
    2: b"t2,2018-04-02,c1,m1",
    3: b"t3,2018-04-02,c1,m1,1,surplus",
    4: b't4,2018-04-02,c1,"m1,1',
    5: b't5,2018-04-02,c1,m1,"1',
    6: b't6,2018-04-02,"c',
    7: b'1",m1,1',
    8: b"t8,2018-04-02,c\x00,m1,1",
    9: "t9,2018-04-02,Zoë,m1,1".encode("latin-1"),
    10: b"",
    11: b"t11,2018-04-02,4111 1111 1111 1111,m1",
    12: ("t12" + "," * 5000).encode(),
    13: "t13,2018-04-02,Zoë,m1,1".encode(),
}


@pytest.fixture(scope="module")
def faults(spark, tmp_path_factory):
    """Reason and cells by row number."""
    path = tmp_path_factory.mktemp("raw") / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b"\r\n" + b"\r\n".join(LINES.values()) + b"\r\n")
    return {r.row_number: r for r in read_raw(spark, [str(path)], TRANSACTIONS, longest_line=6000).collect()}


def reasons(faults, *numbers: int) -> list[str | None]:
    return [faults[n].fault for n in numbers]


def test_a_byte_order_mark_is_no_part_of_the_first_column(faults):
    assert faults[1].transaction_id == "t00001"


def test_a_row_with_too_few_or_too_many_cells_is_ragged(faults):
    assert reasons(faults, 2, 3, 12) == ["ragged_row"] * 3


def test_a_quote_that_is_not_closed_ends_with_its_line(faults):
    assert reasons(faults, 4, 5, 13) == ["unclosed_quote", "unclosed_quote", None]


def test_a_line_end_within_quotes_is_part_of_the_cell(faults):
    assert (faults[6].fault, faults[6].customer_id) == (None, "c\n1")


def test_a_nul_byte_is_a_fault(faults):
    assert reasons(faults, 8) == ["nul_byte"]


def test_a_row_in_latin_1_is_a_fault_and_one_in_utf_8_is_none(faults):
    assert reasons(faults, 9) == ["not_utf8"]
    assert (faults[13].fault, faults[13].customer_id) == (None, "Zoë")


def test_a_blank_line_is_no_row_but_counts_as_a_line(faults):
    assert set(faults) == set(LINES) - {7, 10}, "line 7 is the rest of row 6"


def test_a_faulty_row_keeps_its_line_instead_of_cells(faults):
    assert (faults[2].line, faults[2].transaction_id) == ("t2,2018-04-02,c1,m1", None)
    assert faults[1].line is None


# Files that cannot be taken in


def refusal(spark, uri: str) -> str:
    with pytest.raises(ContractBroken) as refused:
        read_raw(spark, [uri], TRANSACTIONS).collect()
    assert str(refused.value).startswith(f"{uri}: ")
    return str(refused.value).removeprefix(f"{uri}: ")


def test_missing_columns_are_named_with_the_file_what_is_needed_and_what_it_has(spark, folder):
    uri = folder("a.csv", "transaction_id,event_time,when,amount", "t1,2018-04-02,x,1")

    assert refusal(spark, uri) == (
        "column customer_id, merchant_id is missing; transactions needs "
        "transaction_id, event_time, customer_id, merchant_id, amount; "
        "the file has transaction_id, event_time, when, amount"
    )


def test_a_card_number_in_place_of_a_columns_name_is_not_repeated(spark, folder):
    assert "4111" not in refusal(spark, folder("a.csv", "t1,2018-04-02,4111111111111111,m1,1"))


def test_a_column_that_comes_twice_is_named(spark, folder):
    assert refusal(spark, folder("a.csv", f"{HEADER},Amount", f"{csv_row(1)},2")) == (
        "expected every column once, whatever its case; the file has amount, amount"
    )
    assert "the file has x, X" in refusal(spark, folder("a.csv", f"{HEADER},x,X", f"{csv_row(1)},2,3"))


def test_a_truncated_parquet_file_is_named(spark, tmp_path):
    uri = written(tmp_path, "a.parquet", **{name: ["x"] * 100 for name in payment()})
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content[: len(content) // 2])

    assert refusal(spark, uri).startswith("cannot be read as parquet: ")


def test_a_parquet_file_that_is_named_csv_is_told_apart(spark, tmp_path):
    assert refusal(spark, written(tmp_path, "a.csv", x=[1])) == "is a Parquet file; name it .parquet"


def test_a_file_of_another_kind_is_named_with_the_kinds_that_are_read(spark, folder):
    for name in ("a.xlsx", "_a.csv", ".a.csv"):
        assert refusal(spark, folder(name, "x")).startswith("expected a file ending in .parquet or .csv")


# The lake's job and whoever looks at a folder before give the same rows and the same faults.

NAMES = [*HEADER.split(","), "note"]
CELLS = ("", " x ", "a,b", 'say "no"', "two\nlines", "Zoë", "ﬁ\u2028", "'q'", "1e5", "007", "2018-04-02", "nan", ";|\t")
BROKEN = b'\nt,short\nt,"open,1\n' + "é,2018,c,m,1\n".encode("latin-1") + b"\0\n"
WRITERS = {
    "plain.csv": lambda rows: table_text(rows),
    "quoted.csv": lambda rows: table_text(rows, quoting=csv.QUOTE_ALL),
    "semicolons.csv": lambda rows: table_text(rows, delimiter=";"),
    "tabs.csv": lambda rows: table_text(rows, delimiter="\t", lineterminator="\r\n"),
    "packed.csv.gz": lambda rows: gzip.compress(table_text(rows)),
    "sixteen.csv": lambda rows: table_text(rows).decode().encode("utf-16"),
    "broken.csv": lambda rows: (
        table_text(rows) + b'\nt,short\nt,"open,1\n' + "é,2018,c,m,1\n".encode("latin-1") + b"\0\n"
    ),
    "lines.jsonl": lambda rows: "".join(json.dumps(dict(row)) + "\n" for row in rows).encode() + b"[]\n",
    "strings.parquet": lambda rows: parquet_of({name: [dict(row).get(name) for row in rows] for name in NAMES}),
    "typed.parquet": lambda rows: parquet_of(
        {
            **{name: ["x"] * 3 for name in NAMES},
            "event_time": pa.array([datetime(2018, 4, 2)] * 3, pa.timestamp("ns")),
            "amount": [1.5, None, float("nan")],
            "seen": [True, None, False],
            "at": pa.array([time(9), None, time(10)]),
        }
    ),
}


def table_text(rows, **how) -> bytes:
    target = io.StringIO()
    writer = csv.DictWriter(target, NAMES, **{"lineterminator": "\n", **how})
    writer.writeheader()
    writer.writerows(map(dict, rows))
    return target.getvalue().encode()


def parquet_of(columns) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def there(name: str, cell: str) -> bool:
    """Whether a cell goes to Spark: of the contract's columns no tool's word for missing does."""
    return bool(cell) and not (cell in MISSING and name in {c.name for c in TRANSACTIONS.columns})


def test_the_job_and_the_intake_read_the_same_rows_and_the_same_faults(spark, tmp_path):
    drawn = random.Random(5)
    folders = {}
    for name, write in WRITERS.items():
        rows = [[(column, drawn.choice(CELLS)) for column in NAMES] for _ in range(40)]
        folder = tmp_path / name.replace(".", "_")
        folder.mkdir()
        path = folder / ("transactions" + name[name.index(".") :])
        path.write_bytes(write(rows))
        folders[str(path)] = folder
    by_job: dict[str, set] = {path: set() for path in folders}
    for row in read_raw(spark, list(folders), TRANSACTIONS).collect():
        known = {c.name: getattr(row, c.name) for c in TRANSACTIONS.columns}
        cells = {name: cell for name, cell in {**known, **row.attributes}.items() if cell}
        by_job[row.source_file].add((row.row_number, frozenset(cells.items()), row.fault))
    for path, folder in folders.items():
        loaded = Loaded(folder)
        names = loaded.columns("transactions")
        rows_read = loaded.ask(f"SELECT * FROM {loaded.table('transactions')}")
        by_intake = {
            (number, frozenset((n, cell) for n, cell in zip(names, cells, strict=True) if there(n, cell)), None)
            for number, _, *cells in rows_read
        }
        faulty = [fault for _, _, fault in by_job[path] if fault]
        assert {row for row in by_job[path] if row[2] is None} == by_intake, path
        assert Counter(faulty) == loaded.faults["transactions"].counts, path
        assert len(rows_read) >= 3
