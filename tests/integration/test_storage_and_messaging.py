"""Storage, messages, keys and alarms as the platform uses them: one set of tests for both local clouds."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from botocore.exceptions import ClientError
from scoring import documents

from tests.waiting import eventually

from .backends import Backend


@pytest.fixture
def undo() -> Iterator[Callable[..., Any]]:
    """Registers what takes back what a test has made: LocalStack outlives the test."""
    with ExitStack() as stack:
        yield stack.callback


def name(stem: str) -> str:
    return f"{stem}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def key(backend: Backend, undo: Callable[..., Any]) -> str:
    kms = backend.client("kms")
    arn = kms.create_key(Description="test")["KeyMetadata"]["Arn"]
    undo(kms.schedule_key_deletion, KeyId=arn, PendingWindowInDays=7)
    return arn


@pytest.fixture
def bucket(backend: Backend, undo: Callable[..., Any], key: str) -> str:
    """A bucket as the lake is: encrypted by its own key, with versions."""
    s3, bucket = backend.client("s3"), name("lake")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    undo(s3.delete_bucket, Bucket=bucket)

    def empty() -> None:
        listed = s3.list_object_versions(Bucket=bucket)
        for version in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])

    undo(empty)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
        },
    )
    return bucket


@pytest.fixture
def queue(backend: Backend, undo: Callable[..., Any]) -> Queue:
    made = Queue(backend.client("sqs"), name("queue"))
    undo(made.delete)
    return made


class Queue:
    """A queue that services may send to."""

    def __init__(self, sqs: Any, queue: str) -> None:
        self.sqs = sqs
        self.url = sqs.create_queue(QueueName=queue)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]
        self.arn = attributes["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]},
            "Action": "sqs:SendMessage",
            "Resource": self.arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def take(self, count: int = 1) -> list[str]:
        """The bodies of so many messages, removed from the queue."""
        taken: list[str] = []

        def enough() -> bool:
            answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                taken.append(message["Body"])
            return len(taken) >= count

        eventually(enough)
        return taken

    def delete(self) -> None:
        self.sqs.delete_queue(QueueUrl=self.url)


@pytest.fixture
def topic(backend: Backend, undo: Callable[..., Any], queue: Queue) -> str:
    """A topic that the queue is subscribed to."""
    sns = backend.client("sns")
    arn = sns.create_topic(Name=name("alerts"))["TopicArn"]
    undo(sns.delete_topic, TopicArn=arn)
    subscription = sns.subscribe(
        TopicArn=arn, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "true"}
    )
    undo(sns.unsubscribe, SubscriptionArn=subscription["SubscriptionArn"])
    return arn


def test_an_object_is_encrypted_by_the_bucket_s_key_and_comes_back_as_it_was(backend, bucket, key):
    s3, body = backend.client("s3"), bytes(range(256)) * 40
    s3.put_object(Bucket=bucket, Key="raw/transactions/batch=1/part.parquet", Body=body)
    got = s3.get_object(Bucket=bucket, Key="raw/transactions/batch=1/part.parquet")
    assert got["Body"].read() == body
    assert (got["ServerSideEncryption"], got["SSEKMSKeyId"]) == ("aws:kms", key)


def test_a_replaced_and_a_deleted_object_stay_as_versions(backend, bucket):
    s3 = backend.client("s3")
    first = s3.put_object(Bucket=bucket, Key="gold/part", Body=b"one")["VersionId"]
    s3.put_object(Bucket=bucket, Key="gold/part", Body=b"two")
    s3.delete_object(Bucket=bucket, Key="gold/part")
    assert s3.get_object(Bucket=bucket, Key="gold/part", VersionId=first)["Body"].read() == b"one"
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="gold/part")


def test_a_listing_by_prefix_is_complete_over_several_pages(backend, bucket):
    s3 = backend.client("s3")
    keys = [f"decisions/{number:02}" for number in range(12)]
    for wanted in keys:
        s3.put_object(Bucket=bucket, Key=wanted, Body=b"")
    s3.put_object(Bucket=bucket, Key="predictions/0", Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="decisions/", PaginationConfig={"PageSize": 5}
    )
    assert [item["Key"] for page in pages for item in page["Contents"]] == keys


def test_a_received_message_is_hidden_until_it_is_deleted_or_given_back(backend, queue):
    queue.send("payment")
    sqs = backend.client("sqs")

    def receive() -> list[dict]:
        answer = sqs.receive_message(QueueUrl=queue.url, VisibilityTimeout=3_600, AttributeNames=["All"])
        return answer.get("Messages", [])

    (first,) = eventually(receive)
    assert receive() == []
    sqs.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = eventually(receive)
    assert (again["Body"], again["Attributes"]["ApproximateReceiveCount"]) == ("payment", "2")
    assert again["MessageId"] == first["MessageId"]
    sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=again["ReceiptHandle"])


def test_an_alert_reaches_the_topic_s_queue(backend, topic, queue):
    backend.client("sns").publish_batch(
        TopicArn=topic,
        PublishBatchRequestEntries=[{"Id": str(number), "Message": f"blocked {number}"} for number in range(3)],
    )
    assert sorted(queue.take(3)) == ["blocked 0", "blocked 1", "blocked 2"]


def test_payments_of_one_customer_stay_in_order(backend, undo):
    kinesis, stream = backend.client("kinesis"), name("transactions")
    kinesis.create_stream(StreamName=stream, ShardCount=2)
    undo(kinesis.delete_stream, StreamName=stream)
    kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    sent = [(f"customer-{number % 5}", number) for number in range(50)]
    for start in (0, 25):
        answer = kinesis.put_records(
            StreamName=stream,
            Records=[
                {"PartitionKey": customer, "Data": json.dumps(number).encode()}
                for customer, number in sent[start : start + 25]
            ],
        )
        assert answer["FailedRecordCount"] == 0
    by_customer: dict[str, list[int]] = {}
    shards = kinesis.list_shards(StreamName=stream)["Shards"]
    for shard in shards:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records = kinesis.get_records(ShardIterator=iterator, Limit=100)["Records"]
        sequence = [int(record["SequenceNumber"]) for record in records]
        assert sequence == sorted(sequence)
        for record in records:
            by_customer.setdefault(record["PartitionKey"], []).append(json.loads(record["Data"]))
    assert len(shards) == 2
    assert by_customer == {f"customer-{rest}": list(range(rest, 50, 5)) for rest in range(5)}


def test_a_kept_content_is_written_once(backend, bucket):
    s3 = backend.client("s3")
    assert documents.write_once(s3, bucket, "policies/x", b"first")
    assert not documents.write_once(s3, bucket, "policies/x", b"second")
    assert s3.get_object(Bucket=bucket, Key="policies/x")["Body"].read() == b"first"


def test_a_secret_opens_in_its_own_context_only(backend, key):
    kms = backend.client("kms")
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext={"customer": "1"})["CiphertextBlob"]
    assert b"secret" not in sealed
    assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"customer": "1"})["Plaintext"] == b"secret"
    with pytest.raises(ClientError, match="InvalidCiphertext"):
        kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"customer": "2"})


def test_an_event_reaches_the_queue_of_the_rule_that_it_matches(backend, queue, undo):
    events, rule = backend.client("events"), name("approved")
    pattern = {"source": ["risk.models"], "detail": {"ModelApprovalStatus": ["Approved"]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    undo(events.delete_rule, Name=rule)
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": queue.arn}])
    undo(events.remove_targets, Rule=rule, Ids=["queue"])
    for status in ("Rejected", "Approved"):
        detail = json.dumps({"ModelApprovalStatus": status})
        events.put_events(Entries=[{"Source": "risk.models", "DetailType": "Model", "Detail": detail}])
    (message,) = queue.take()
    assert json.loads(message)["detail"] == {"ModelApprovalStatus": "Approved"}


def test_an_alarm_tells_its_topic_when_a_metric_crosses_its_threshold(backend, topic, queue, undo):
    cloudwatch, alarm, namespace = backend.client("cloudwatch"), name("degraded"), name("Risk")
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace=namespace,
        MetricName="degraded",
        Dimensions=[{"Name": "door", "Value": "stream"}],
        Statistic="Sum",
        ComparisonOperator="GreaterThanThreshold",
        Threshold=0,
        Period=10,
        EvaluationPeriods=1,
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
    )
    undo(cloudwatch.delete_alarms, AlarmNames=[alarm])
    dimensions = [{"Name": "door", "Value": "stream"}]

    def told() -> list[str]:
        cloudwatch.put_metric_data(
            Namespace=namespace, MetricData=[{"MetricName": "degraded", "Dimensions": dimensions, "Value": 3}]
        )
        answer = queue.sqs.receive_message(QueueUrl=queue.url, WaitTimeSeconds=1)
        return [message["Body"] for message in answer.get("Messages", [])]

    (message,) = eventually(told)
    assert (json.loads(message)["AlarmName"], json.loads(message)["NewStateValue"]) == (alarm, "ALARM")
    (state,) = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    assert state["StateValue"] == "ALARM"
