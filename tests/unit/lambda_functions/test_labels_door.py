"""The labels door: what a reviewer says becomes a file of the RAW contract, once and whole."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labels import handler
from labels.door import InvalidLabels, LabelsDoor, parse
from scoring.labels import LabelFiles, NotStored

from features.contract import FRAUD_LABELS
from tests.unit.lambda_functions.aws import Bucket
from tests.unit.lambda_functions.scene import Scene

NOW = 1_522_575_001_000  # 2018-04-01T09:30:01Z
PAN = "4111111111111111"


class Refused(Exception):
    def __init__(self, code: str) -> None:
        self.response = {"Error": {"Code": code}}


class WriteOnce(Bucket):
    """S3 that keeps what is there when asked to."""

    def put_object(self, **request: Any) -> None:
        if request.get("IfNoneMatch") == "*" and request["Key"] in self.objects:
            raise Refused("PreconditionFailed")
        super().put_object(**request)


def label(number: int = 1, fraud: object = 1, at: object = "2018-03-30T10:00:00Z", **more: object) -> dict:
    return {"transaction_id": f"t{number}", "is_fraud": fraud, "reported_at": at, **more}


def door(bucket: Bucket, now: int = NOW) -> LabelsDoor:
    return LabelsDoor(LabelFiles(bucket, "lake"), Scene().frauds(), lambda: now)


def rows(bucket: Bucket) -> list[dict]:
    return [row for body in bucket.objects.values() for row in csv.DictReader(io.StringIO(body.decode()))]


def test_one_label_becomes_a_file_of_the_contract_in_todays_batch():
    bucket = WriteOnce()

    said = door(bucket).take(label())

    (key,) = bucket.objects
    assert key == f"raw/fraud_labels/batch=2018-04-01/{said['file']}"
    assert key.endswith(".csv")
    assert rows(bucket) == [{"transaction_id": "t1", "is_fraud": "1", "reported_at": "2018-03-30T10:00:00.000Z"}]
    assert (said["accepted"], said["batch"], said["repeated"]) == (1, "2018-04-01", False)
    assert bucket.objects[key].decode().splitlines()[0].split(",") == list(FRAUD_LABELS.required)


def test_the_same_labels_in_another_order_are_the_same_file_and_raw_is_not_written_over():
    bucket = WriteOnce()
    both = [label(1), label(2, 0)]

    first, second = door(bucket).take(both), door(bucket).take([*reversed(both), both[0]])

    assert len(bucket.objects) == 1
    assert (first["repeated"], second["repeated"]) == (False, True)
    assert first["file"] == second["file"]
    assert second["accepted"] == 2


def test_another_word_on_the_same_payment_is_another_file():
    bucket = WriteOnce()
    door(bucket).take(label(fraud=1))
    door(bucket).take(label(fraud=0, at="2018-03-31T10:00:00Z"))

    assert len(bucket.objects) == 2


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "label 1: expected a JSON object with transaction_id, is_fraud, reported_at and nothing else"),
        ([], "expected 1 to 500 labels, got 0"),
        ([label(n) for n in range(501)], "expected 1 to 500 labels, got 501"),
        ({"transaction_id": "t1", "is_fraud": 1}, "expected a JSON object with transaction_id, is_fraud, reported_at"),
        (label(note=f"card {PAN}"), "nothing else"),
        ({**label(), "transaction_id": PAN}, "transaction_id looks like a card number"),
        ({**label(), "transaction_id": " "}, "transaction_id: expected text of 1 to 128 characters"),
        ({**label(), "transaction_id": "t" * 129}, "transaction_id: expected text of 1 to 128 characters"),
        ({**label(), "transaction_id": 7}, "transaction_id: expected text"),
        ({**label(), "transaction_id": "t1\nt2,1,2018"}, "transaction_id: expected printable characters"),
        ({**label(), "transaction_id": "\ud800"}, "transaction_id: expected printable characters"),
        (label(fraud=True), "is_fraud: expected 1 for fraud or 0"),
        (label(fraud="1"), "is_fraud: expected 1 for fraud or 0"),
        (label(fraud=2), "is_fraud: expected 1 for fraud or 0"),
        (label(fraud=[]), "is_fraud: expected 1 for fraud or 0"),
        (label(fraud=1.0), "is_fraud: expected 1 for fraud or 0"),
        (label(at="yesterday"), "reported_at: expected an ISO 8601 instant"),
        (label(at=None), "reported_at: expected an ISO 8601 instant"),
        (label(at="2018-04-02T09:30:02Z"), "reported_at: expected at most five minutes ahead of the clock"),
        ([label(1), label(1, 0)], "label 2: another label of this request says the opposite"),
        ([label(1), {}, label(2), []], "label 2: .*; label 4: "),
        ([{}] * 30, "label 10: [^;]*; and 20 more"),
    ],
)
def test_a_request_with_a_fault_is_refused_with_its_place_and_nothing_of_it_is_taken(document, said):
    bucket = WriteOnce()

    with pytest.raises(InvalidLabels, match=said) as refused:
        door(bucket).take(document)
    assert PAN not in str(refused.value)
    assert not bucket.objects


@given(
    st.dictionaries(
        st.tuples(
            st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=128),
            st.integers(0, NOW),
        ),
        st.sampled_from((0, 1)),
        min_size=1,
        max_size=20,
    )
)
def test_every_label_that_is_taken_in_is_one_line_that_reads_back(wanted):
    """The lake reads a line as a row; an identifier must not become two of them."""
    from features.values import instant, iso

    bucket = WriteOnce()
    try:
        door(bucket).take([label(fraud=f, at=iso(at)) | {"transaction_id": t} for (t, at), f in wanted.items()])
    except InvalidLabels:
        return
    (body,) = bucket.objects.values()
    assert len(body.decode().split("\n")) == len(rows(bucket)) + 2
    read = {(r["transaction_id"], instant(r["reported_at"])): int(r["is_fraud"]) for r in rows(bucket)}
    assert read == {(t.strip(" \t\n\v\f\r"), at): fraud for (t, at), fraud in wanted.items()}


def test_labels_are_read_in_order_of_payment_and_time():
    later, earlier = label(1, 0, "2018-03-31T10:00:00Z"), label(1, 1)

    assert [x.is_fraud for x in parse([label(2), later, earlier], NOW)] == [1, 0, 1]


def test_what_s3_refuses_for_another_reason_is_not_called_repeated(capsys):
    class Closed(Bucket):
        def put_object(self, **request: Any) -> None:
            raise Refused("AccessDenied")

    with pytest.raises(NotStored):
        door(Closed()).take(label())
    assert "labels were not stored" in capsys.readouterr().out


def test_labels_that_a_closed_lake_does_not_take_are_asked_for_again(monkeypatch):
    monkeypatch.setenv("ANSWERS_TABLE", "answers")
    monkeypatch.setenv("LAKE_BUCKET", "lake")
    monkeypatch.setenv("MERCHANT_STREAM", "merchants")
    monkeypatch.setenv("METRIC_NAMESPACE", "Risk")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    handler.door.cache_clear()
    try:
        said = handler.handle({"body": json.dumps(label())}, None)
    finally:
        handler.door.cache_clear()

    assert said["statusCode"] == 503
    assert "send the same again" in json.loads(said["body"])["error"]


@pytest.mark.parametrize("body", ["", "{", "null", "[" * 100_000])
def test_a_body_that_is_no_label_is_a_client_error(body, monkeypatch):
    monkeypatch.setenv("ANSWERS_TABLE", "answers")
    monkeypatch.setenv("LAKE_BUCKET", "lake")
    monkeypatch.setenv("MERCHANT_STREAM", "merchants")
    monkeypatch.setenv("METRIC_NAMESPACE", "Risk")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for event in ({"body": body}, {"body": base64.b64encode(body.encode()).decode(), "isBase64Encoded": True}):
        said = handler.handle(event, None)
        assert said["statusCode"] == 400
        assert json.loads(said["body"])["error"]
