"""Records reach functions in order, and a poison record ends where it should."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

# Says what it was given, in its log: there the tests read it.
ECHO = """
import base64
def handler(event, context):
    print("BATCH " + ",".join(base64.b64decode(r["kinesis"]["data"]).decode() for r in event["Records"]))
"""
POISON = (
    ECHO
    + """
    if any(base64.b64decode(r["kinesis"]["data"]) == b"bad" for r in event["Records"]):
        raise ValueError("bad")
"""
)
PARTIAL = (
    ECHO
    + """
    bad = [r["kinesis"]["sequenceNumber"] for r in event["Records"] if base64.b64decode(r["kinesis"]["data"]) == b"bad"]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in bad]}
"""
)


@pytest.fixture
def stream(aws):
    """(stream name, its ARN, a function that maps it to a source and gives the function's name)."""
    kinesis = aws.client("kinesis")
    name = aws.name("stream")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    mappings = []

    def mapped(source: str, **settings: Any) -> str:
        function = aws.function(source)
        created = aws.client("lambda").create_event_source_mapping(
            EventSourceArn=arn, FunctionName=function, **{"StartingPosition": "TRIM_HORIZON", **settings}
        )
        mappings.append(created["UUID"])
        return function

    yield name, arn, mapped
    for mapping in mappings:
        aws.client("lambda").delete_event_source_mapping(UUID=mapping)
    kinesis.delete_stream(StreamName=name)


def put(aws, stream: str, values: list[str], key: str | None = None) -> None:
    records = [{"Data": value.encode(), "PartitionKey": key or value} for value in values]
    for start in range(0, len(records), 500):
        aws.client("kinesis").put_records(StreamName=stream, Records=records[start : start + 500])


def batches(aws, function: str) -> list[list[str]]:
    try:
        lines = aws.log(f"/aws/lambda/{function}")
    except aws.client("logs").exceptions.ResourceNotFoundException:
        return []
    return [line[6:].split(",") for line in lines if line.startswith("BATCH ")]


def flat(lists: list[list[str]]) -> list[str]:
    return [item for one in lists for item in one]


def queue(aws) -> tuple[str, str]:
    name = aws.name("dead")
    url = aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url, aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]


def test_a_poison_record_is_bisected_out_and_described_to_the_queue(aws, stream):
    name, arn, mapped = stream
    url, destination = queue(aws)
    put(aws, name, ["1", "2", "bad", "4", "5", "6"])
    function = mapped(
        POISON,
        BatchSize=6,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": destination}},
    )
    message = aws.wait(lambda: aws.client("sqs").receive_message(QueueUrl=url).get("Messages"))[0]
    body = json.loads(message["Body"])
    info = body["KinesisBatchInfo"]
    assert body["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert body["requestContext"]["functionArn"].endswith(f":function:{function}")
    assert body["responseContext"]["functionError"] == "Unhandled"
    assert (info["batchSize"], info["streamArn"]) == (1, arn)
    assert info["startSequenceNumber"] == info["endSequenceNumber"]
    aws.wait(
        lambda: (
            ["6"] in batches(aws, function)
            or ["5", "6"] in batches(aws, function)
            or ["4", "5", "6"] in batches(aws, function)
        )
    )
    assert batches(aws, function).count(["bad"]) == 2


def test_a_bucket_as_destination_gets_the_records_too(aws, stream):
    name, _, mapped = stream
    bucket = aws.bucket()
    put(aws, name, ["bad"])
    mapped(POISON, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}})
    s3 = aws.client("s3")
    found = aws.wait(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))[0]["Key"]
    assert found.startswith("aws/lambda/")
    assert "/shardId-000000000000/" in found
    payload = json.loads(json.loads(s3.get_object(Bucket=bucket, Key=found)["Body"].read())["payload"])
    assert base64.b64decode(payload["Records"][0]["kinesis"]["data"]) == b"bad"


def test_a_partial_answer_is_tried_again_from_the_lowest_failure(aws, stream):
    name, _, mapped = stream
    put(aws, name, ["1", "2", "bad", "4"])
    function = mapped(PARTIAL, FunctionResponseTypes=["ReportBatchItemFailures"], MaximumRetryAttempts=1)
    aws.wait(lambda: len(batches(aws, function)) >= 2)
    assert batches(aws, function)[:2] == [["1", "2", "bad", "4"], ["bad", "4"]]


def test_a_window_fills_the_batch(aws, stream):
    name, _, mapped = stream
    function = mapped(ECHO, BatchSize=3, MaximumBatchingWindowInSeconds=300)  # whichever ends first
    for value in "abc":
        put(aws, name, [value])
    aws.wait(lambda: batches(aws, function))
    assert batches(aws, function) == [["a", "b", "c"]]


def test_latest_begins_after_what_is_there_and_at_timestamp_at_its_instant(aws, stream):
    name, _, mapped = stream
    put(aws, name, ["old"])
    put(aws, name, ["middle"])
    since = _arrival(aws, name, b"middle")
    latest = mapped(ECHO, StartingPosition="LATEST")
    instant = mapped(ECHO, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=since)
    put(aws, name, ["new"])
    assert aws.wait(lambda: flat(batches(aws, latest))) == ["new"]
    aws.wait(lambda: flat(batches(aws, instant)) == ["middle", "new"])


def _arrival(aws, stream: str, data: bytes) -> Any:
    kinesis = aws.client("kinesis")
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = kinesis.get_records(ShardIterator=iterator)["Records"]
    return next(record["ApproximateArrivalTimestamp"] for record in records if record["Data"] == data)


def test_order_is_kept_per_partition_key_when_batches_run_in_parallel(aws, stream):
    name, _, mapped = stream
    records = [f"{key}{number}" for number in range(40) for key in "abcd"]
    aws.client("kinesis").put_records(
        StreamName=name, Records=[{"Data": record.encode(), "PartitionKey": record[0]} for record in records]
    )
    function = mapped(ECHO, ParallelizationFactor=4, BatchSize=10)
    aws.wait(lambda: sum(map(len, batches(aws, function))) == len(records))
    seen = flat(batches(aws, function))
    for key in "abcd":
        numbers = [int(record[1:]) for record in seen if record[0] == key]
        assert sorted(numbers) == list(range(40))
    # Log lines of parallel batches interleave, the batches of one key do not.
    assert all(batch == sorted(batch, key=lambda record: int(record[1:])) for batch in batches(aws, function))


def test_a_shard_refuses_record_by_record_what_is_too_much(aws, stream):
    name, _, mapped = stream
    function = mapped(ECHO)
    many = [{"Data": b"x" * 5000, "PartitionKey": f"{number}"} for number in range(400)]
    answer = aws.client("kinesis").put_records(StreamName=name, Records=many)
    refused = [record for record in answer["Records"] if "ErrorCode" in record]
    assert answer["FailedRecordCount"] == len(refused) > 0
    assert {record["ErrorCode"] for record in refused} == {"ProvisionedThroughputExceededException"}
    assert f"Rate exceeded for shard shardId-000000000000 in stream {name}" in refused[0]["ErrorMessage"]
    taken = len(many) - len(refused)
    aws.wait(lambda: len(flat(batches(aws, function))) == taken)


def test_a_mapping_may_read_through_a_consumer_of_its_own(aws, stream):
    name, arn, _ = stream
    kinesis, lambda_ = aws.client("kinesis"), aws.client("lambda")
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="fan")["Consumer"]["ConsumerARN"]
    settings = {"FunctionName": aws.function(ECHO), "StartingPosition": "TRIM_HORIZON"}
    with pytest.raises(lambda_.exceptions.InvalidParameterValueException, match="Consumer does not exist"):
        lambda_.create_event_source_mapping(EventSourceArn=f"{consumer}0", **settings)
    mapping = lambda_.create_event_source_mapping(EventSourceArn=consumer, **settings)
    assert mapping["EventSourceArn"] == consumer
    put(aws, name, ["1"])
    aws.wait(lambda: batches(aws, settings["FunctionName"]) == [["1"]])
    lambda_.delete_event_source_mapping(UUID=mapping["UUID"])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("BatchSize", 10_001),
        ("TumblingWindowInSeconds", 901),
        ("ParallelizationFactor", 11),
        ("MaximumRecordAgeInSeconds", 59),
        ("MaximumRetryAttempts", 10_001),
        ("MaximumBatchingWindowInSeconds", 301),
    ],
)
def test_a_mapping_outside_of_lambda_s_ranges_is_refused(aws, stream, setting: str, value: int):
    _, _, mapped = stream
    with pytest.raises(aws.client("lambda").exceptions.ClientError, match="must have value"):
        mapped(ECHO, **{setting: value})


def test_a_mapping_says_what_it_was_told_and_what_came_of_it(aws, stream):
    name, _, mapped = stream
    function = mapped(ECHO)
    found = aws.client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"][0]
    assert (found["BatchSize"], found["MaximumRetryAttempts"], found["BisectBatchOnFunctionError"]) == (100, -1, False)
    assert found["LastProcessingResult"] == "No records processed"
    put(aws, name, ["1"])
    aws.wait(lambda: aws.client("lambda").get_event_source_mapping(UUID=found["UUID"])["LastProcessingResult"] == "OK")
