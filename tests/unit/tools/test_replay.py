"""What the stream door gave up comes back: once, whole, and without card numbers where people look."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring.terms import Terms
from stream.masking import masked, masked_line

from features.cards import is_card
from tests.unit.lambda_functions.aws import Bucket, valid
from tests.unit.lambda_functions.scene import fields
from tools.replay.dead_letters import Queue, Shards
from tools.replay.replay import Counts, Quarantine, Replay, Stream, StreamRefuses

BEGAN = 1_522_600_000_000
PAN = "4111111111111111"
STREAM = "risk-test-transactions"
ARN = f"arn:aws:kinesis:eu-west-1:000000000000:stream/{STREAM}"
ARRIVED = datetime(2018, 4, 1, 12, tzinfo=UTC)


class Refused(Exception):
    def __init__(self, code: str) -> None:
        self.response = {"Error": {"Code": code}}


def key_of(data: bytes) -> str:
    """The partition key of the record's producer: its customer, where there is one."""
    try:
        return json.loads(data)["customer_id"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return "none"


class Kinesis:
    """One shard. `trimmed` records are beyond retention; `refusing` answers of PutRecords take `taking` records."""

    def __init__(self, records: list[bytes]) -> None:
        self.records = [
            {
                "Data": data,
                "PartitionKey": key_of(data),
                "SequenceNumber": str(100 + n),
                "ApproximateArrivalTimestamp": ARRIVED,
            }
            for n, data in enumerate(records)
        ]
        self.trimmed = 0
        self.most = 3
        self.shards = ["shardId-000000000000"]
        self.refusing = 0
        self.taking = 1
        self.put: list[tuple[str, bytes]] = []

    def get_shard_iterator(self, **request: Any) -> dict:
        valid("kinesis", "GetShardIterator", request)
        if (request["StreamName"], request["ShardId"]) not in [(STREAM, shard) for shard in self.shards]:
            raise Refused("ResourceNotFoundException")
        if request["ShardIteratorType"] == "TRIM_HORIZON":
            return {"ShardIterator": str(self.trimmed)}
        position = int(request["StartingSequenceNumber"]) - 100
        if position < self.trimmed:
            raise Refused("InvalidArgumentException")
        return {"ShardIterator": str(position)}

    def get_paginator(self, operation: str) -> Kinesis:
        assert operation == "list_shards"
        return self

    def paginate(self, **request: Any) -> list[dict]:
        valid("kinesis", "ListShards", request)
        if request["StreamName"] != STREAM:
            raise Refused("ResourceNotFoundException")
        return [{"Shards": [{"ShardId": shard}]} for shard in self.shards]

    def get_records(self, **request: Any) -> dict:
        valid("kinesis", "GetRecords", request)
        position = int(request["ShardIterator"])
        found = self.records[position : position + min(request["Limit"], self.most)]
        position += len(found)
        return {
            "Records": found,
            "NextShardIterator": str(position),
            "MillisBehindLatest": 5 if position < len(self.records) else 0,
        }

    def put_records(self, **request: Any) -> dict:
        valid("kinesis", "PutRecords", request)
        taken = request["Records"]
        if self.refusing:
            self.refusing -= 1
            taken = taken[: self.taking]
        self.put += [(entry["PartitionKey"], entry["Data"]) for entry in taken]
        busy = {"ErrorCode": "ProvisionedThroughputExceededException"}
        return {"Records": [{} if n < len(taken) else busy for n in range(len(request["Records"]))]}


class Sqs:
    """Messages by receipt handle; a message that was received is hidden until somebody gives it back."""

    def __init__(self, *bodies: str, sent: int = BEGAN - 1) -> None:
        self.messages = {f"h{n}": (body, sent) for n, body in enumerate(bodies)}
        self.hidden: set[str] = set()

    def receive_message(self, **request: Any) -> dict:
        valid("sqs", "ReceiveMessage", request)
        there = [h for h in self.messages if h not in self.hidden][: request["MaxNumberOfMessages"]]
        self.hidden.update(there)
        return {
            "Messages": [
                {
                    "ReceiptHandle": h,
                    "Body": self.messages[h][0],
                    "Attributes": {"SentTimestamp": str(self.messages[h][1])},
                }
                for h in there
            ]
        }

    def change_message_visibility(self, **request: Any) -> None:
        valid("sqs", "ChangeMessageVisibility", request)
        self.hidden.discard(request["ReceiptHandle"])

    def delete_message(self, **request: Any) -> None:
        valid("sqs", "DeleteMessage", request)
        del self.messages[request["ReceiptHandle"]]


def letter(first: int, last: int, arn: str = ARN) -> str:
    info = {
        "shardId": "shardId-000000000000",
        "startSequenceNumber": str(100 + first),
        "endSequenceNumber": str(100 + last),
        "batchSize": last - first + 1,
        "streamArn": arn,
    }
    return json.dumps({"requestContext": {"condition": "RetryAttemptsExhausted"}, "KinesisBatchInfo": info})


def line(document: object) -> bytes:
    return json.dumps(document).encode()


def replayed(sqs: Sqs, kinesis: Kinesis, bucket: Bucket) -> Counts:
    return Replay(
        Queue(sqs, "https://queue", BEGAN),
        Shards(kinesis, lambda _: None),
        Stream(kinesis, "risk-test-transactions", lambda _: None),
        Quarantine(bucket, "lake"),
        Terms(bucket, "lake"),
        lambda: BEGAN,
    ).run()


PAYMENTS = [line(fields(n, customer=f"c{n}")) for n in range(8)]


def test_the_payments_of_a_range_come_back_as_they_were_and_no_others():
    kinesis, sqs, bucket = Kinesis(PAYMENTS), Sqs(letter(1, 5)), Bucket()

    counts = replayed(sqs, kinesis, bucket)

    assert kinesis.put == [(f"c{n}", PAYMENTS[n]) for n in range(1, 6)]
    assert (counts.messages, counts.replayed, counts.poison, counts.expired) == (1, 5, 0, 0)
    assert not sqs.messages
    assert not bucket.objects


def test_ranges_come_back_in_the_order_of_the_shard_whatever_the_queue_does():
    kinesis = Kinesis(PAYMENTS)

    replayed(Sqs(letter(6, 7), letter(0, 1), letter(3, 3)), kinesis, Bucket())

    assert [key for key, _ in kinesis.put] == ["c0", "c1", "c3", "c6", "c7"]


def test_a_poison_record_is_set_aside_with_its_reason_and_holds_up_nobody():
    broken = {**fields(1), "note": f"paid by {PAN}", "amount": "-1"}
    kinesis, bucket = Kinesis([PAYMENTS[0], line(broken), b"no JSON " + PAN.encode(), PAYMENTS[3]]), Bucket()

    counts = replayed(Sqs(letter(0, 3)), kinesis, bucket)

    assert [key for key, _ in kinesis.put] == ["c0", "c3"]
    assert counts.poison == 2
    rows = {row["sequence_number"]: row for row in bucket.lines("quarantine/stream/batch=2018-04-01/stage=door/")}
    assert rows["101"]["transaction_id"] == "t1"
    assert rows["101"]["reasons"] == ["note looks like a card number; send a token instead"]
    assert json.loads(rows["101"]["line"])["note"] == "paid by ****1111"
    assert rows["102"] == {
        "line": "no JSON ****1111",
        "reasons": ["the record is not JSON"],
        "source_file": "kinesis://risk-test-transactions/shardId-000000000000",
        "sequence_number": "102",
    }
    assert counts.reasons == {rows["101"]["reasons"][0]: 1, "the record is not JSON": 1}


@pytest.mark.parametrize(
    "poison", [[1], "text", 7, None, {"decision": 1}, {**fields(1), "decision": {"action": "APPROVE"}}]
)
def test_json_that_is_no_payment_is_poison(poison):
    bucket = Bucket()

    assert replayed(Sqs(letter(0, 0)), Kinesis([line(poison)]), bucket).poison == 1
    assert len(bucket.lines("quarantine/stream/")) == 1


def test_what_is_beyond_retention_is_counted_and_written_down_and_the_rest_comes_back():
    kinesis, sqs, bucket = Kinesis(PAYMENTS), Sqs(letter(0, 4)), Bucket()
    kinesis.trimmed = 2

    counts = replayed(sqs, kinesis, bucket)

    assert (counts.replayed, counts.expired) == (3, 2)
    (row,) = bucket.lines("quarantine/stream/batch=2018-04-01/")
    assert (row["first_sequence"], row["last_sequence"], row["expired"]) == ("100", "104", 2)
    assert not sqs.messages


def test_a_range_that_a_consumer_of_the_stream_gave_up_comes_back_too():
    kinesis = Kinesis(PAYMENTS)

    assert replayed(Sqs(letter(0, 3, f"{ARN}/consumer/risk-test-stream:1540591608")), kinesis, Bucket()).replayed == 4


def test_a_shard_that_went_with_its_last_record_has_expired():
    kinesis, sqs = Kinesis(PAYMENTS), Sqs(letter(0, 3))
    kinesis.shards = ["shardId-000000000001"]

    assert replayed(sqs, kinesis, Bucket()).expired == 4
    assert not sqs.messages


def test_a_stream_that_is_not_there_is_an_error_and_no_expiry():
    sqs = Sqs(letter(0, 3, ARN.replace("risk-test", "risk-other")))

    with pytest.raises(Refused):
        replayed(sqs, Kinesis(PAYMENTS), Bucket())
    assert list(sqs.messages) == ["h0"]
    assert not sqs.hidden


def test_a_range_that_is_gone_whole_takes_nothing_that_came_later():
    kinesis = Kinesis(PAYMENTS)
    kinesis.trimmed = 5

    counts = replayed(Sqs(letter(0, 3)), kinesis, Bucket())

    assert (counts.replayed, counts.expired, kinesis.put) == (0, 4, [])


def test_a_message_whose_records_the_stream_should_have_and_does_not_give_stays():
    kinesis, sqs, bucket = Kinesis(PAYMENTS), Sqs(letter(0, 3)), Bucket()
    del kinesis.records[2:]

    counts = replayed(sqs, kinesis, bucket)

    assert (counts.unread, counts.messages, counts.expired) == (1, 0, 0)
    assert list(sqs.messages) == ["h0"]
    assert not sqs.hidden
    assert not kinesis.put
    assert not bucket.objects
    assert "does not give" in counts.told()[-1]


def test_records_that_the_stream_refuses_for_a_while_are_put_again():
    kinesis = Kinesis(PAYMENTS)
    kinesis.refusing = 3

    assert replayed(Sqs(letter(0, 7)), kinesis, Bucket()).replayed == 8
    assert [key for key, _ in kinesis.put] == [f"c{n}" for n in range(8)]


def test_a_message_whose_payments_the_stream_refuses_stays_and_can_be_taken_at_once():
    kinesis, sqs = Kinesis(PAYMENTS), Sqs(letter(0, 7))
    kinesis.refusing, kinesis.taking = 100, 0

    with pytest.raises(StreamRefuses, match="ProvisionedThroughputExceededException; run again later"):
        replayed(sqs, kinesis, Bucket())
    assert list(sqs.messages) == ["h0"]
    assert not sqs.hidden


def test_a_record_is_set_aside_before_its_message_is_deleted():
    class Full(Bucket):
        def put_object(self, **request: Any) -> None:
            raise Refused("SlowDown")

    sqs = Sqs(letter(0, 0))
    with pytest.raises(Refused):
        replayed(sqs, Kinesis([b"poison"]), Full())

    assert list(sqs.messages) == ["h0"]


def test_what_fails_again_during_the_run_waits_for_the_next_one():
    sqs, kinesis = Sqs(letter(0, 0), sent=BEGAN + 1), Kinesis(PAYMENTS)

    assert replayed(sqs, kinesis, Bucket()) == Counts()
    assert list(sqs.messages) == ["h0"]
    assert not sqs.hidden
    assert not kinesis.put


@pytest.mark.parametrize("body", ["", "[]", "{}", json.dumps({"KinesisBatchInfo": {"shardId": 1}})])
def test_a_message_that_is_none_of_lambdas_stays_and_is_counted(body):
    sqs = Sqs(body, letter(0, 0))

    counts = replayed(sqs, Kinesis(PAYMENTS), Bucket())

    assert (counts.messages, counts.foreign) == (1, 1)
    assert list(sqs.messages) == ["h0"]
    assert "1 messages are no on-failure messages" in counts.told()[-1]


def test_poison_that_is_set_aside_twice_is_one_row():
    bucket = Bucket()
    for _ in range(2):
        replayed(Sqs(letter(0, 0)), Kinesis([b"poison"]), bucket)

    assert len(bucket.objects) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("spelt", [PAN, int(PAN), float(PAN), "4111 1111 1111 1111", f"card {PAN}!"])
def test_a_card_number_leaves_its_last_digits_however_it_is_spelt(spelt):
    said = json.dumps(masked({"a": [{"b": spelt}]}))

    assert "****" in said
    assert said.replace(" ", "").count("4111") == 0
    assert "1111" in said


def test_a_long_number_that_is_no_card_number_stays_readable_unless_the_line_is_not():
    assert masked({"transaction_id": "20180401000017"}) == {"transaction_id": "20180401000017"}
    assert masked_line("20180401000017") == "****0017"


@given(JSON)
def test_what_holds_no_card_number_is_kept_as_it_is(value):
    if not looks_like_pan_anywhere(value):
        assert masked(value) == value


def looks_like_pan_anywhere(value: object) -> bool:
    if isinstance(value, dict):
        return any(looks_like_pan_anywhere(v) for pair in value.items() for v in pair)
    if isinstance(value, list):
        return any(looks_like_pan_anywhere(v) for v in value)
    return sum(c.isdigit() for c in str(value)) >= 13 or is_card(str(value)) or isinstance(value, float)
