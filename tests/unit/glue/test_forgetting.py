"""One person out of a file: their rows go, everybody else's stay as they were."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import io
import json
import uuid
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.declaration import Prefix
from glue import forgetting, naming
from glue.forgetting import form_of, without
from glue.lake import Lake
from glue.requests import Request
from glue.transforms.forgetting import (
    Belongings,
    CannotRewrite,
    Person,
    Scrubbed,
    belongings,
    holds,
    of_others,
    scrubbed,
)
from glue.versions import Stored
from tools.archives import tarred

ANNA = Person("C-1", frozenset({"T-1", "T-2"}), frozenset({"L-1"}))


def parquet(rows: list[dict], **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, **options)
    return sink.getvalue()


def rows(body: bytes | None) -> list[dict]:
    assert body is not None
    return pq.read_table(io.BytesIO(body)).to_pylist()


def lines(*documents: dict) -> bytes:
    return "".join(json.dumps(d) + "\n" for d in documents).encode()


PAYMENTS = [
    {"transaction_id": "T-1", "customer_id": "C-1", "amount": 5},
    {"transaction_id": "T-9", "customer_id": "C-10", "amount": 7},
]


@pytest.mark.parametrize(
    "body",
    [
        parquet(PAYMENTS),
        lines(*PAYMENTS),
        b"transaction_id,customer_id,amount\nT-1,C-1,5\nT-9,C-10,7\n",
        b'\xef\xbb\xbf"customer_id";x\n'.replace(b";", b",") + b'"C-1",1\r\n"C-10",1\n',
        b"C-1,L-1,0.5\nC-10,L-9,0.5\n",
        parquet([{"identifier": "T-1", "label": 0}, {"identifier": "T-9", "label": 1}]),
        parquet([{"transaction_id": "T-2", "is_fraud": 0}, {"transaction_id": "T-22", "is_fraud": 1}]),
        lines({"loan_id": " L-1 ", "reasons": ["a"]}, {"loan_id": "L-2", "reasons": []}),
        parquet([{f" {name.upper()} ": cell for name, cell in row.items()} for row in PAYMENTS]),
        lines(*({name.upper(): cell for name, cell in row.items()} for row in PAYMENTS)),
        b"TRANSACTION_ID, Customer_Id ,AMOUNT\nT-1,C-1,5\nT-9,C-10,7\n",
    ],
    ids=[
        "parquet",
        "lines",
        "csv",
        "csv with a mark",
        "csv without header",
        "training",
        "labels",
        "quarantine",
        "parquet in capitals",
        "lines in capitals",
        "csv in capitals",
    ],
)
def test_a_persons_rows_go_and_the_others_stay(body):
    assert holds(body, ANNA)
    done = scrubbed(body, ANNA)
    assert (done.rows, done.cells) == (1, 0)
    assert done.content is not None
    assert not holds(done.content, ANNA)
    assert scrubbed(done.content, ANNA) == type(done)(done.content, 0, 0)


def test_other_lines_stay_byte_for_byte():
    body = b'id,customer_id\r\n"1, a",C-10\r\n2,C-1\r\n\xff\xfe,C-3'
    assert scrubbed(body, ANNA).content == b'id,customer_id\r\n"1, a",C-10\r\n\xff\xfe,C-3'


def test_other_rows_of_a_parquet_file_keep_their_types_and_order():
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    body = parquet([{"customer_id": c, "at": at, "more": [{"a": c}]} for c in ("C-3", "C-1", "C-2")])
    done = scrubbed(body, ANNA)
    assert rows(done.content) == [{"customer_id": c, "at": at, "more": [{"a": c}]} for c in ("C-3", "C-2")]
    assert pq.read_schema(io.BytesIO(done.content)) == pq.read_schema(io.BytesIO(body))


def test_times_that_spark_can_read_are_written_as_it_can_read_them():
    moment = datetime.datetime(2026, 1, 1)
    body = parquet([{"customer_id": c, "at": moment} for c in ("C-1", "C-2")], use_deprecated_int96_timestamps=True)
    physical = pq.ParquetFile(io.BytesIO(scrubbed(body, ANNA).content)).schema.column(1).physical_type
    assert physical == "INT96"


@pytest.mark.parametrize(
    "body",
    [parquet(PAYMENTS[:1]), lines(PAYMENTS[0]), b"customer_id,x\nC-1,1\n", b"C-1,L-1,0.5\n", lines(*PAYMENTS[:1] * 2)],
)
def test_a_file_without_a_row_left_is_no_file(body):
    assert scrubbed(body, ANNA).content is None


def test_a_file_that_does_not_hold_them_comes_back_byte_for_byte():
    for body in (parquet(PAYMENTS[1:]), lines(PAYMENTS[1]), b"", b"customer_id\n", b"{}", b'{\n "a": [1]\n}'):
        assert scrubbed(body, ANNA).content == body
        assert not holds(body, ANNA)


def test_a_word_in_somebody_elses_row_is_replaced_and_the_row_stays():
    told = {"transaction_id": "T-9", "customer_id": "C-10", "note": "sent by C-1, not C-10", "map": [("k", "C-1")]}
    kind = pa.schema(
        [(n, pa.string()) for n in ("transaction_id", "customer_id", "note")]
        + [("map", pa.map_(pa.string(), pa.string()))]
    )
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([told], kind), sink)
    done = scrubbed(sink.getvalue(), ANNA)
    assert (done.rows, done.cells) == (0, 2)
    expected = {**told, "note": "sent by forgotten, not C-10", "map": [("k", "forgotten")]}
    assert rows(done.content) == [expected]
    assert scrubbed(b"customer_id,note\nC-2,of C-1\n", ANNA).content == b"customer_id,note\nC-2,of forgotten\n"


def test_a_report_keeps_its_form_and_loses_the_words():
    report = {"examples": [{"transaction_id": "T-1"}, "T-10"], "about T-2": 3}
    done = scrubbed(json.dumps(report, indent=1).encode(), ANNA)
    assert json.loads(done.content) == {"examples": [{"transaction_id": "forgotten"}, "T-10"], "about forgotten": 3}
    assert done.cells == 2


def test_an_identifier_of_digits_is_looked_for_where_identifiers_stand():
    person = Person("4961", frozenset({"77"}))
    body = parquet(
        [
            {"customer_id": 4961, "transaction_id": 5, "amount_cents": 1, "note": "x"},
            {"customer_id": 8, "transaction_id": 6, "amount_cents": 4961, "note": "4961"},
        ]
    )
    assert [r["amount_cents"] for r in rows(scrubbed(body, person).content)] == [4961]
    assert not holds(lines({"customer_id": 49610, "row_number": 77}), person)
    assert holds(lines({"transaction_id": 77}), person)


DIGITS = Person("4961", frozenset({"77"}))
BIG = 1234567890123456789  # as a float it is written with an exponent by most


def of_digits(columns: tuple[str, ...], customer: object = 4961) -> list[dict]:
    return [dict(zip(columns, (mine, 5 + n), strict=True)) for n, mine in enumerate((customer, 8))]


@pytest.mark.parametrize("columns", [("customer_id", "amount"), (" CUSTOMER_ID", "AMOUNT "), ("Customer_Id\t", "n")])
@pytest.mark.parametrize("kind", ["parquet", "float", "csv", "lines", "float lines"])
def test_digits_are_found_however_the_column_is_spelt(columns, kind):
    rows_ = of_digits(columns, 4961.0 if "float" in kind else 4961)
    body = {
        "parquet": lambda: parquet(rows_),
        "float": lambda: parquet(rows_),
        "csv": lambda: (",".join(columns) + "\n4961,5\n8,6\n").encode(),
        "lines": lambda: lines(*rows_),
        "float lines": lambda: lines(*rows_),
    }[kind]()
    done = scrubbed(body, DIGITS, ())
    assert done.rows == 1
    assert not holds(done.content, DIGITS, ())
    assert done.content.count(b"PAR1") or b"8" in done.content


def test_a_large_identifier_that_came_as_a_float_is_the_whole_number_that_the_lake_reads():
    person = Person(str(int(float(BIG))))
    assert scrubbed(parquet([{"customer_id": float(BIG)}, {"customer_id": None}]), person).rows == 1


def test_an_identifier_in_bytes_is_found_and_bytes_that_are_no_text_stop_nothing():
    body = parquet([{"customer_id": c, "note": n} for c, n in ((b"C-1", b"x"), (b"\xff", b"of C-1"), (b"C-2", b"y"))])
    done = scrubbed(body, ANNA)
    assert rows(done.content) == [
        {"customer_id": b"\xff", "note": b"of forgotten"},
        {"customer_id": b"C-2", "note": b"y"},
    ]


def test_a_row_in_capitals_is_never_left_with_another_name():
    """Such a row would be taken in as a payment of a customer `forgotten`."""
    body = (
        b"TRANSACTION_ID,EVENT_TIME,CUSTOMER_ID,MERCHANT_ID,AMOUNT\nT-1,2018-04-01,C-1,m1,1\nT-9,2018-04-01,C-9,m1,1\n"
    )
    assert scrubbed(body, ANNA, ()).content == body.replace(b"T-1,2018-04-01,C-1,m1,1\n", b"")


def test_a_column_of_another_name_is_never_taken_for_a_loan():
    assert belongings(b"CUSTOMER_ID,TRANSACTION_ID\nC-1,T-1\n", "C-1", ()) == Belongings(frozenset({"T-1"}))
    assert belongings(b"account,amount\nC-1,5\n", "C-1", ()) == Belongings()


@pytest.mark.parametrize(
    "row",
    [b"77,2018-04-01,4961,m1,1,x", b"4961,m1", b'9,2018-04-01,"4961,m1,1', b'9,"2018, 4961",m,1,"', b"9; 4961 ;m1;1"],
    ids=["too many", "too few", "open quote", "open quote and as many cells", "other separator"],
)
def test_a_row_that_is_none_is_theirs_when_any_cell_is(row):
    head, other = b"transaction_id,event_time,customer_id,merchant_id,amount\n", b"9,2018-04-01,8,m1,1,4\n"
    done = scrubbed(head + row + b"\n" + other, DIGITS, ())
    assert (done.content, done.rows) == (head + other, 1)
    assert belongings(head + row, "4961", ()) == Belongings()


@pytest.mark.parametrize(
    "line",
    [
        "77,2018-04-01,x,m1,1,x",
        "9,2018-04-01,4961,m1",
        'a,"4961 ',
        '{"customer_id": 4961, "am',
        '{\\"customer_id\\":\\"4961\\"',
    ],
)
def test_the_text_of_a_quarantined_row_is_theirs_when_any_cell_is(line):
    empty = {"customer_id": None, "reasons": ["ragged_row"]}
    other = {**empty, "line": "49610,177,1"}
    done = scrubbed(lines({**empty, "line": line}, other), DIGITS)
    assert (done.content, done.rows) == (lines(other), 1)


@pytest.mark.parametrize(
    "body", [b"account,amount\n4961,5\n", parquet([{"account": 4961, "amount": 5}])], ids=["csv", "parquet"]
)
def test_a_file_of_which_nobody_knows_the_columns_is_named_and_not_guessed_at(body):
    assert holds(body, DIGITS, ())
    with pytest.raises(CannotRewrite, match="no column of it has an identifying name"):
        scrubbed(body, DIGITS, ())
    assert not holds(body, Person("4962"), ())


def test_only_what_batch_transform_reads_and_writes_is_read_without_a_header():
    body = b"4961,77,0.5\n8,9,0.5\n"
    for key in ("predictions/month=2026-03/a.csv.out", "training/scoring/2026-03/applications.csv"):
        assert without(key, body, DIGITS) == Scrubbed(b"8,9,0.5\n", 1, 0)
    with pytest.raises(CannotRewrite):
        without("raw/transactions/batch=b1/a.csv", body, DIGITS)
    assert without("athena/1.csv", b'"n","m","who"\n"1","2","4961"\n', DIGITS).content is None


@pytest.mark.parametrize(
    "note",
    ["of Müller-1", json.dumps({"by": "Müller-1"}), json.dumps([json.dumps({"by": "Müller-1"})])],
    ids=["plain", "in JSON", "in JSON in JSON"],
)
def test_a_name_that_json_wrote_in_numbers_is_found_and_replaced(note):
    person = Person("Müller-1")
    other = {"customer_id": "C-2", "note": "M\\u00fcller-10"}
    for body in (lines({"customer_id": "C-3", "note": note}, other), parquet([{"id": 1, "note": note}])):
        assert holds(body, person)
        done = scrubbed(body, person)
        assert (done.rows, done.cells) == (0, 1)
        assert not holds(done.content, person)
    assert b"ller-1" not in scrubbed(json.dumps([note], indent=1).encode(), person).content
    assert not holds(lines(other), person)


def test_what_json_needs_escaped_stays_so():
    person = Person("Müller-1")
    line = b'{"customer_id": "C-2", "note": "{\\"a\\": \\"M\\\\u00fcller-1 \\\\u0022 \\\\ud800\\"}"}\n'
    note = json.loads(scrubbed(line, person).content)["note"]
    assert json.loads(note) == {"a": 'forgotten " \ud800'}


def test_a_report_loses_digits_that_have_an_identifying_name():
    report = {"examples": [{"Transaction_ID": 77, "amount": 77}, {"transaction_id": "78"}], "rows": 4961}
    for body in (json.dumps([report]), json.dumps(report), json.dumps(report, indent=1)):
        done = scrubbed(body.encode(), DIGITS)
        (changed,) = [found] if isinstance(found := json.loads(done.content), dict) else found
        assert changed["examples"] == [{"Transaction_ID": "forgotten", "amount": 77}, {"transaction_id": "78"}]
        assert (changed["rows"], done.cells) == (4961, 1)


def test_digits_in_a_further_column_with_an_identifying_name_are_replaced():
    kind = pa.schema([("transaction_id", pa.string()), ("attributes", pa.map_(pa.string(), pa.string()))])
    sink = io.BytesIO()
    told = [("Customer_ID", "4961"), ("n", "4961")]
    pq.write_table(pa.Table.from_pylist([{"transaction_id": "9", "attributes": told}], kind), sink)
    assert holds(sink.getvalue(), DIGITS)
    done = scrubbed(sink.getvalue(), DIGITS)
    assert rows(done.content)[0]["attributes"] == [("Customer_ID", "forgotten"), ("n", "4961")]
    assert not holds(done.content, DIGITS)


def test_an_identifier_of_several_words_is_found_as_it_stands():
    person = Person("anna@example.org")
    body = lines({"customer_id": "C", "note": "<anna@example.org>"}, {"customer_id": "C", "note": "joanna@example.org"})
    done = scrubbed(body, person)
    assert [json.loads(line)["note"] for line in done.content.splitlines()] == ["<forgotten>", "joanna@example.org"]


PACKED = {
    "tar": tarred({"a/model.bin": b"\0C-1\0"}),
    "gzip": gzip.compress(b"x,C-1", mtime=0),
    "binary": b"\0\1 C-1 \0",
}


@pytest.mark.parametrize("body", PACKED.values(), ids=PACKED)
def test_what_is_packed_or_binary_is_searched_and_never_rewritten(body):
    assert holds(body, ANNA)
    with pytest.raises(CannotRewrite, match="make it again"):
        scrubbed(body, ANNA)
    other = Person("C-2")
    assert not holds(body, other)
    assert scrubbed(body, other).content == body


IN_RAW = "raw/transactions/batch=b1/a.csv"
HEAD = b"transaction_id,event_time,customer_id,merchant_id,amount\n"
ONE_NUL = b"9,2018-04-01,8,m\0,1\n"  # one broken row of somebody else, which the lake sets aside


@pytest.mark.parametrize(
    ("person", "row"), [(ANNA, b"T-1,2018-04-01,C-1,m1,1\n"), (DIGITS, b"77,2018-04-01,4961,m1,1\n")]
)
@pytest.mark.parametrize("key", [IN_RAW, "raw/transactions/batch=b1/payments", "athena/1.csv"])
def test_one_nul_byte_in_a_row_hides_nobody_elses_row(person, row, key):
    """As an archive the file would be searched for words only, and could not be rewritten for anybody."""
    body = HEAD + ONE_NUL + row
    assert holds(body, person, *form_of(key))
    assert belongings(body, person.customer_id, *form_of(key)).transactions == {row.partition(b",")[0].decode()}
    assert without(key, body, person).content == (None if key.startswith("athena/") else HEAD + ONE_NUL)
    assert without(key, body, Person("C-7")).content is body


@pytest.mark.parametrize("person", [ANNA, DIGITS], ids=["word", "digits"])
@pytest.mark.parametrize("cell", ["{}", "{}\0", "\0{}"], ids=["other cell", "behind", "before"])
def test_a_row_with_a_nul_byte_is_theirs_when_any_cell_is(person, cell):
    """It is no row for the lake, so nobody knows what its columns are; the quarantine keeps its text."""
    row = f"9,2018-04-01,{cell.format(person.customer_id)},m\0,1"
    done = without(IN_RAW, HEAD + row.encode() + b"\n" + ONE_NUL, person)
    assert (done.content, done.rows) == (HEAD + ONE_NUL, 1)
    assert scrubbed(lines({"customer_id": None, "reasons": ["nul_byte"], "line": row}), person).rows == 1


def test_a_nul_byte_among_json_lines_hides_nobody():
    mine, other = b'{"customer_id": 4961, "note": "\0"}\n', b'{"customer_id": 8, "note": "\0"}\n'
    assert without("decisions/decision_date=2026-03-02/a.json", mine + other, DIGITS).content == other


@pytest.mark.parametrize(
    "body", [*(PACKED[name] for name in PACKED if name != "gzip"), b"PK\x03\x04\n\0 C-1", b"P\0K\0\n\0C-1,1"]
)
def test_what_the_lake_refuses_as_no_text_is_never_rewritten_whatever_its_name(body):
    with pytest.raises(CannotRewrite, match="make it again"):
        without(IN_RAW, body, ANNA)


def zipped(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.csv", content)
    return target.getvalue()


TWO_ROWS = b"transaction_id,customer_id,note\nT-1,C-1,x\nT-9,C-10,caf\xc3\xa9\n"


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(TWO_ROWS, mtime=0),
        zipped(TWO_ROWS),
        gzip.compress(TWO_ROWS.decode().encode("utf-16"), mtime=0),
        TWO_ROWS.decode().encode("utf-16"),
        TWO_ROWS.replace(b",", b";"),
        TWO_ROWS.replace(b",", b"\t"),
        b"A note of the bank\n" + TWO_ROWS,
        TWO_ROWS.replace(b"\n", b",\n").replace(b"note,\n", b"note\n"),
        b"'transaction_id','customer_id','note'\n'T-1','C-1','x,y'\n'T-9','C-10','z'\n",
        TWO_ROWS.replace(b",x", b',"first line\nC-1 again, ""here""\nlast line"'),
    ],
    ids=["gzip", "zip", "both", "utf-16", "semicolons", "tabs", "note", "surplus", "single quotes", "many lines"],
)
def test_a_persons_rows_go_from_every_form_that_the_lake_reads(body):
    assert holds(body, ANNA, *form_of(IN_RAW))
    assert belongings(body, "C-1", *form_of(IN_RAW)).transactions == {"T-1"}
    done = without(IN_RAW, body, ANNA)
    assert done.rows == 1
    assert done.content is not None
    assert not holds(done.content, ANNA, *form_of(IN_RAW))
    assert belongings(done.content, "C-10", *form_of(IN_RAW)).transactions == {"T-9"}
    assert not any(word in done.content for word in (b"again", b"last line"))
    assert without(IN_RAW, done.content, ANNA).content is done.content


@pytest.mark.parametrize(
    ("body", "customer"),
    [
        (b't1,2024,777,"' + b"x" * 140_000 + b'"\n', "777"),
        (b't1,2024,777,"a\nb",\n', "777"),
    ],
    ids=["long cell", "two lines and a separator behind"],
)
def test_a_row_of_digits_goes_however_long_its_cells_are(body, customer):
    head, other = b"transaction_id,at,customer_id,note\n", b"t9,2024,778,x\n"
    assert without(IN_RAW, head + body + other, Person(customer)).content == head + other


@pytest.mark.parametrize(
    ("line", "customer"),
    [
        (b'{"customer_id": 12345.0}\n', "12345.0"),
        (b'{"customer_id": 1e5}\n', "1e5"),
        (b'{"customer_id": true}\n', "true"),
        (b'\xef\xbb\xbf{"customer_id": 7}\n', "7"),
        (b'no object\n{"customer_id": 7}\n', "7"),
    ],
)
def test_an_object_is_theirs_by_the_text_that_the_lake_reads_in_it(line, customer):
    done = without("raw/transactions/batch=b1/a.jsonl", line + b'{"customer_id": 8}\n', Person(customer))
    assert done.rows == 1
    assert done.content is not None
    assert done.content.endswith(b'{"customer_id": 8}\n')


def test_many_backslashes_take_no_time():
    assert not holds(("\\" * 200_000 + " \\u").encode(), ANNA)


@pytest.mark.parametrize("pack", [gzip.compress, zipped])
def test_a_packed_file_of_which_no_row_is_left_is_no_file(pack):
    assert without(IN_RAW, pack(b"transaction_id,customer_id\nT-1,C-1\n"), ANNA).content is None


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_archive_is_searched_as_it_is_and_stops_nothing(how):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", how) as archive:
        archive.writestr("a.csv", TWO_ROWS * 50)
    whole = target.getvalue()
    for place in range(35, len(whole) - 80, 3):
        damaged = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        holds(damaged, ANNA, *form_of(IN_RAW))


def test_an_identifier_that_is_a_uuid_is_found_as_the_lake_reads_it():
    identifier = uuid.UUID(int=7)
    column = pa.array([identifier.bytes, uuid.UUID(int=8).bytes], pa.binary(16))
    sink = io.BytesIO()
    pq.write_table(pa.table({"customer_id": column, "x": [1, 2]}), sink)
    done = without("raw/transactions/batch=b1/a.parquet", sink.getvalue(), Person(str(identifier)))

    assert [row["x"] for row in rows(done.content)] == [2]


def test_what_is_theirs_follows_from_rows_that_name_them():
    body = lines(*PAYMENTS, {"customer_id": "C-1", "loan_id": "L-1"}, {"transaction_id": "T-3"})
    assert belongings(body, "C-1") == Belongings(frozenset({"T-1"}), frozenset({"L-1"}))
    assert belongings(parquet(PAYMENTS), "C-1") == Belongings(frozenset({"T-1"}))
    assert belongings(tarred({"a": b"C-1"}), "C-1") == Belongings()


def test_what_somebody_else_also_names_is_not_theirs_alone():
    body = b"transaction_id,customer_id\nT-1,C-1\nT-1,C-5\nT-2,\n"
    assert of_others(body, ANNA).transactions == {"T-1"}


def test_a_loan_that_two_customers_asked_the_api_for_stays_with_the_other_one(monkeypatch):
    """Of an application at the door there is nothing in RAW: its answer alone says that somebody else has the loan."""
    held = {
        "predictions/loan_answers/day=2026-02-25/a-1.jsonl": lines({"customer_id": "C-1", "loan_id": "L-1"}),
        "predictions/loan_answers/day=2026-02-26/a-2.jsonl": lines({"customer_id": "C-2", "loan_id": "L-1"}),
        "predictions/credit_decisions/period=2026-02/decisions.jsonl": lines(
            {"customer_id": "C-1", "loan_id": "L-2"}, {"customer_id": "C-3", "loan_id": "L-3"}
        ),
        # Of another's loan there is the claim alone: the door ended before it wrote the row.
        "predictions/loan_claims/5.jsonl": lines({"customer_id": "C-2", "loan_id": "L-5"}),
        "predictions/credit_decisions/period=2026-03/decisions.jsonl": lines({"customer_id": "C-1", "loan_id": "L-5"}),
        "predictions/loan_claims/4.jsonl": lines(
            {"customer_id": "C-1", "loan_id": "L-4", "answer": {"customer_id": "C-1", "loan_id": "L-4"}}
        ),
    }
    objects = [Stored(key, "v1", ("v1",), ()) for key in held]
    monkeypatch.setattr(forgetting, "contents", lambda s3, bucket, stored: [("v1", "tag", held[stored.key])])
    monkeypatch.setattr(forgetting, "each", lambda spark, those, work: [x for one in those for x in work(None, one)])
    anna = forgetting.known(None, Lake("s3://bucket", "risk", None, None), objects, Person("C-1"))
    left = {key: without(key, body, anna).content for key, body in held.items()}

    assert anna.loans == {"L-2", "L-4"}
    assert left.pop("predictions/loan_claims/4.jsonl") is None
    assert left.pop("predictions/loan_claims/5.jsonl") == held["predictions/loan_claims/5.jsonl"]
    assert left.pop("predictions/credit_decisions/period=2026-03/decisions.jsonl") is None
    first, second, run = left.values()
    assert first is None
    assert second == held["predictions/loan_answers/day=2026-02-26/a-2.jsonl"]
    assert run == lines({"customer_id": "C-3", "loan_id": "L-3"})


CARDS = [
    {
        "transaction_id": "T-1",
        "customer_id": "C-1",
        "card_id": " K-1 ",
        "ip": "192.0.2.7",
        "attributes": [("till", "9")],
    },
    {"transaction_id": "T-2", "customer_id": "C-1", "card_id": "K-2", "ip": "198.51.100.1", "attributes": []},
    {"transaction_id": "T-3", "customer_id": "C-2", "card_id": "K-2", "ip": "192.0.2.9", "attributes": [("till", "8")]},
    {"transaction_id": "T-4", "customer_id": None, "card_id": None, "ip": None, "attributes": None},
]
OWN_COLUMNS = pa.field("attributes", pa.map_(pa.string(), pa.string()))


def paid(rows: list[dict]) -> bytes:
    texts = [pa.field(name, pa.string()) for name in ("customer_id", "card_id", "ip")]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, pa.schema([*texts, OWN_COLUMNS])), sink)
    return sink.getvalue()


def test_a_card_goes_with_the_customer_whose_payments_alone_name_it(monkeypatch):
    held = {
        "silver/transactions/event_date=2026-02-25/a.parquet": paid(CARDS[:2]),
        "silver/transactions/event_date=2026-02-26/b.parquet": paid(CARDS[2:]),
        "silver/fraud_labels/event_month=2026-02/c.parquet": paid([CARDS[2] | {"card_id": "K-1"}]),
    }
    objects = [Stored(key, "v1", ("v1",), ()) for key in held]
    monkeypatch.setattr(naming, "contents", lambda s3, bucket, stored: [("v1", "tag", held[stored.key])])
    monkeypatch.setattr(naming, "each", lambda spark, those, work: [x for one in those for x in work(None, one)])
    monkeypatch.setattr(naming, "PREFIXES", {"net": Prefix("net", "ip", 3, ".")})
    keys = ("card_id", "till", "net")

    found = naming.alone(None, "bucket", objects, "C-1", {"card_id": frozenset({"K-0", "K-2"})}, keys)

    assert found == {"card_id": {"K-0", "K-1"}, "till": {"9"}, "net": {"198.51.100"}}, "what others name is theirs"
    assert naming.alone(None, "bucket", objects, "C-1", {"card_id": frozenset({"K-0"})}, ()) == {}


def test_rows_of_a_feature_group_are_the_customers_by_the_card_and_those_of_others_stay():
    anna = replace(ANNA, named={"card_id": frozenset({"K-1"})})
    records = parquet([{"card_id": "K-1", "card_payment_count_7d": 1}, {"card_id": "K-2", "card_payment_count_7d": 2}])

    assert rows(scrubbed(records, anna).content) == [{"card_id": "K-2", "card_payment_count_7d": 2}]
    assert scrubbed(records, ANNA).content == records
    assert holds(records, anna)
    assert anna.identifiers["card_id"] == {"K-1"}
    named = replace(ANNA, named={"loan_id": frozenset({"L-9"})})
    assert named.identifiers["loan_id"] == ANNA.loans | {"L-9"}, "what is named besides takes the place of nothing"


def test_a_request_keeps_which_cards_were_the_customers():
    kept = {}
    lake = SimpleNamespace(
        put_json=lambda key, document: kept.update({key: document}),
        bucket="b",
        s3=SimpleNamespace(get_object=lambda Bucket, Key: {"Body": io.BytesIO(json.dumps(kept[Key]).encode())}),
    )
    name = hashlib.sha256(b"C-1").hexdigest()
    anna = replace(ANNA, named={"card_id": frozenset({"K-1"})})

    Request(lake, name, ANNA).keep(anna)

    assert Request.read(lake, name).customer == anna
