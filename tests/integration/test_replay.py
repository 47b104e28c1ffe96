"""Payments that could not be decided while the online store was away are decided once when they are replayed."""

from __future__ import annotations

import io
import json
from collections import Counter

from scoring.documents import Stored, write

from features.declaration import IDENTIFIERS
from tests.integration.conftest import LocalAws
from tools import package
from tools.archives import files_below, zipped
from tools.replay.__main__ import replay

PAYMENTS = [
    {
        "transaction_id": f"T{n}",
        "event_time": f"2026-03-01T10:{n:02}:00Z",
        "customer_id": f"C{n % 3}",
        "merchant_id": "M1",
        "amount": "12.50",
    }
    for n in range(9)
]


class Platform:
    """The stream door's own zip between stream, queue, tables and lake; the feature groups are still missing."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws, self.prefix, self.lake = aws, aws.name("risk"), aws.bucket()
        client = aws.client
        for stream in ("transactions", "merchants"):
            client("kinesis").create_stream(StreamName=f"{self.prefix}-{stream}", ShardCount=1)
        self.url = client("sqs").create_queue(QueueName=f"{self.prefix}-stream-failed")["QueueUrl"]
        for table, key in (("answers", "transaction_id"), ("tails", "customer_id")):
            client("dynamodb").create_table(
                TableName=f"{self.prefix}-{table}",
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        policy = {"version": "1", "review_at": 0.5, "block_at": 0.9, "rules": []}
        for table in ("policies", "releases"):
            client("dynamodb").create_table(
                TableName=f"{self.prefix}-{table}",
                KeySchema=[{"AttributeName": "problem", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "problem", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        write(client("dynamodb"), f"{self.prefix}-releases", "fraud", {"policy": policy}, Stored({}, 0))
        self.stream_door()

    def stream_door(self) -> None:
        client, root = self.aws.client, package.ROOT
        code = {**files_below(root, "features"), **files_below(root / "lambda", *package.FUNCTIONS["stream"])}
        settings = {f"{kind.upper()}_GROUP": f"{self.prefix}-{kind}" for kind in IDENTIFIERS}
        settings |= {
            "ALERT_TOPIC_ARN": client("sns").create_topic(Name=f"{self.prefix}-alerts")["TopicArn"],
            "REVIEW_TOPIC_ARN": client("sns").create_topic(Name=f"{self.prefix}-reviews")["TopicArn"],
            "ANSWERS_TABLE": f"{self.prefix}-answers",
            "ENDPOINT_NAME": "no-such-endpoint",
            "LAKE_BUCKET": self.lake,
            "LISTS_TABLE": f"{self.prefix}-lists",
            "METRIC_NAMESPACE": "RiskPlatform",
            "MERCHANT_STREAM": f"{self.prefix}-merchants",
            "POLICIES_TABLE": f"{self.prefix}-policies",
            "RELEASES_TABLE": f"{self.prefix}-releases",
            "SIGNING_KEY": client("kms").create_key()["KeyMetadata"]["Arn"],
            "TAILS_TABLE": f"{self.prefix}-tails",
        }
        client("lambda").create_function(
            FunctionName=f"{self.prefix}-stream",
            Runtime="python3.13",
            Role=self.aws.role(),
            Handler="stream.handler.handle",
            Code={"ZipFile": zipped(code)},
            Timeout=60,
            Environment={"Variables": settings},
        )
        arns = client("sqs").get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]
        stream = client("kinesis").describe_stream_summary(StreamName=f"{self.prefix}-transactions")
        client("lambda").create_event_source_mapping(
            EventSourceArn=stream["StreamDescriptionSummary"]["StreamARN"],
            FunctionName=f"{self.prefix}-stream",
            StartingPosition="TRIM_HORIZON",
            BisectBatchOnFunctionError=True,
            MaximumRetryAttempts=1,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            DestinationConfig={"OnFailure": {"Destination": arns["QueueArn"]}},
        )

    def repair(self) -> None:
        sagemaker = self.aws.client("sagemaker")
        for kind, key in IDENTIFIERS.items():
            name = f"{self.prefix}-{kind}"
            sagemaker.create_feature_group(
                FeatureGroupName=name,
                RecordIdentifierFeatureName=key,
                EventTimeFeatureName="event_time",
                FeatureDefinitions=[
                    {"FeatureName": n, "FeatureType": "String"} for n in (key, "event_time", "feature_version", "state")
                ],
                OnlineStoreConfig={"EnableOnlineStore": True},
                RoleArn="arn:aws:iam::000000000000:role/sagemaker",
            )
            self.aws.wait(
                lambda name=name: (
                    sagemaker.describe_feature_group(FeatureGroupName=name)["FeatureGroupStatus"] == "Created"
                )
            )

    def put(self, *records: bytes) -> None:
        for record in records:
            key = json.loads(record)["customer_id"] if record.startswith(b"{") else "none"
            self.aws.client("kinesis").put_record(
                StreamName=f"{self.prefix}-transactions", PartitionKey=key, Data=record
            )

    def waiting(self) -> int:
        """Messages in the failed queue, hidden ones too."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.aws.client("sqs").get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    def given_up(self) -> int:
        """Records that the messages in the queue stand for."""
        found = self.aws.client("sqs").receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        seen = {m["MessageId"]: json.loads(m["Body"]) for m in found.get("Messages", [])}
        return sum(body["KinesisBatchInfo"]["batchSize"] for body in seen.values())

    def lines(self, prefix: str) -> list[dict]:
        s3 = self.aws.client("s3")
        keys = [o["Key"] for o in s3.list_objects_v2(Bucket=self.lake, Prefix=prefix).get("Contents", ())]
        bodies = [io.BytesIO(s3.get_object(Bucket=self.lake, Key=key)["Body"].read()) for key in keys]
        return [json.loads(line) for body in bodies for line in body]

    def decided(self) -> Counter:
        return Counter(d["transaction_id"] for d in self.lines("decisions/"))


def test_payments_that_were_given_up_are_each_decided_once_after_the_repair(aws, capsys):
    platform = Platform(aws)
    platform.put(
        *(json.dumps(p).encode() for p in PAYMENTS[:6]), b"no payment", *(json.dumps(p).encode() for p in PAYMENTS[6:])
    )
    aws.wait(lambda: platform.given_up() == 9)
    assert not platform.decided()
    assert [row["line"] for row in platform.lines("quarantine/stream/")] == ["no payment"], "by the door itself"

    platform.repair()
    assert replay(aws, platform.prefix, platform.lake) == 0

    assert "9 payments replayed, 0 poison records set aside, 0 expired" in capsys.readouterr().out
    aws.wait(lambda: len(platform.decided()) == len(PAYMENTS))
    assert platform.decided() == {p["transaction_id"]: 1 for p in PAYMENTS}
    assert [row["line"] for row in platform.lines("quarantine/stream/")] == ["no payment"]
    assert platform.waiting() == 0

    # A run that was stopped before it could delete the message puts the payments once more: they are known.
    platform.put(
        *(json.dumps(p).encode() for p in PAYMENTS), json.dumps({**PAYMENTS[0], "transaction_id": "T9"}).encode()
    )
    aws.wait(lambda: platform.decided()["T9"])
    assert platform.decided() == {f"T{n}": 1 for n in range(10)}
