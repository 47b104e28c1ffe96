"""One person out of a file: their rows go, everybody else's stay as they were."""

from __future__ import annotations

import datetime
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from glue.transforms.forgetting import (
    Belongings,
    CannotRewrite,
    Person,
    belongings,
    holds,
    of_others,
    scrubbed,
)
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
    ],
    ids=["parquet", "lines", "csv", "csv with a mark", "csv without header", "training", "labels", "quarantine"],
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


def test_an_identifier_of_several_words_is_found_as_it_stands():
    person = Person("anna@example.org")
    body = lines({"customer_id": "C", "note": "<anna@example.org>"}, {"customer_id": "C", "note": "joanna@example.org"})
    done = scrubbed(body, person)
    assert [json.loads(line)["note"] for line in done.content.splitlines()] == ["<forgotten>", "joanna@example.org"]


PACKED = {"tar": tarred({"a/model.bin": b"\0C-1\0"}), "gzip": gzip.compress(b"x,C-1"), "binary": b"\0\1 C-1 \0"}


@pytest.mark.parametrize("body", PACKED.values(), ids=PACKED)
def test_what_is_packed_or_binary_is_searched_and_never_rewritten(body):
    assert holds(body, ANNA)
    with pytest.raises(CannotRewrite, match="make it again"):
        scrubbed(body, ANNA)
    other = Person("C-2")
    assert not holds(body, other)
    assert scrubbed(body, other).content == body


def test_what_is_theirs_follows_from_rows_that_name_them():
    body = lines(*PAYMENTS, {"customer_id": "C-1", "loan_id": "L-1"}, {"transaction_id": "T-3"})
    assert belongings(body, "C-1") == Belongings(frozenset({"T-1"}), frozenset({"L-1"}))
    assert belongings(parquet(PAYMENTS), "C-1") == Belongings(frozenset({"T-1"}))
    assert belongings(tarred({"a": b"C-1"}), "C-1") == Belongings()


def test_what_somebody_else_also_names_is_not_theirs_alone():
    body = b"transaction_id,customer_id\nT-1,C-1\nT-1,C-5\nT-2,\n"
    assert of_others(body, ANNA).transactions == {"T-1"}
