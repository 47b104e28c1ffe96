"""A function that only counts, on a stream with the settings of the stream door's own.

The stream door is held against it in the same run: it gets the same payments in batches of the same size, and does
nothing with them. How fast the machine and the local AWS bring payments to a function cancels out. Both find all of
the payments on their streams: how fast a stream takes them is a limit of Kinesis, by shard.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench import stand_in
from tools.operate.platform import Platform

SAME = (
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "ParallelizationFactor",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "FunctionResponseTypes",
)
PATIENCE, POLL = 60.0, 0.5  # seconds
HANDLER = """
import os
import time
import boto3

COUNTS = boto3.client("dynamodb")
COUNTED = "SET ended = :ended ADD counted :counted"


def handler(event, context):
    values = {":ended": {"N": str(time.time())}, ":counted": {"N": str(len(event["Records"]))}}
    COUNTS.update_item(
        TableName=os.environ["TABLE"],
        Key={"id": {"S": "all"}},
        UpdateExpression=COUNTED,
        ExpressionAttributeValues=values,
    )
    return {"batchItemFailures": []}
"""


class Counting(Platform):
    """The platform, whose stream is the one that is only counted."""

    @property
    def name(self) -> str:
        return self.outputs["stream_name"]

    def counted(self) -> dict[str, float]:
        found = self.client("dynamodb").get_item(TableName=self.name, Key={"id": {"S": "all"}}, ConsistentRead=True)
        return {name: float(value["N"]) for name, value in found.get("Item", {}).items() if "N" in value}

    def await_counts(self, expected: int, told: Callable[[int], None]) -> float:
        """When the last payment was counted, in seconds since 1970. Raises when nothing new comes."""
        seen, news = 0.0, time.monotonic()
        while time.monotonic() - news < PATIENCE:
            found = self.counted()
            if found.get("counted", 0.0) > seen:
                seen, news = found["counted"], time.monotonic()
                told(int(seen))
            if seen >= expected:
                return found["ended"]
            time.sleep(POLL)
        raise RuntimeError(f"the function that counts has counted {seen:.0f} of {expected} payments, and no more come")


@contextmanager
def beside(platform: Platform) -> Iterator[Counting]:
    """While it lasts there is a second stream, whose reader has the stream door's memory, role and settings. The role
    may do as much more as counting needs."""
    streams, functions, tables, roles = (platform.client(name) for name in ("kinesis", "lambda", "dynamodb", "iam"))
    name = f"{platform.prefix}-counted"
    own = streams.describe_stream_summary(StreamName=platform.outputs["stream_name"])["StreamDescriptionSummary"]
    mapping = reader(platform, f"{platform.prefix}-stream")
    tables.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    streams.create_stream(StreamName=name, ShardCount=own["OpenShardCount"])
    streams.get_waiter("stream_exists").wait(StreamName=name)
    if own.get("EncryptionType") == "KMS":
        streams.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=own["KeyId"])
        streams.get_waiter("stream_exists").wait(StreamName=name)
    role = functions.get_function_configuration(FunctionName=f"{platform.prefix}-stream")["Role"].rpartition("/")[2]
    stream = streams.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    table = tables.describe_table(TableName=name)["Table"]["TableArn"]
    roles.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(may_count(stream, table)))
    stand_in.function(functions, f"{platform.prefix}-stream", name, HANDLER, {"TABLE": name})
    source = functions.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=stream,
        StartingPosition="TRIM_HORIZON",
        Enabled=False,
        **{setting: mapping[setting] for setting in SAME if setting in mapping},
    )
    try:
        yield Counting({**platform.outputs, "stream_name": name})
    finally:
        functions.delete_event_source_mapping(UUID=source["UUID"])
        functions.delete_function(FunctionName=name)
        streams.delete_stream(StreamName=name)
        tables.delete_table(TableName=name)
        roles.delete_role_policy(RoleName=role, PolicyName=name)


def may_count(stream: str, table: str) -> dict:
    allowed = {stream: "kinesis:*", table: "dynamodb:UpdateItem"}
    statements = [{"Effect": "Allow", "Action": action, "Resource": arn} for arn, action in allowed.items()]
    return {"Version": "2012-10-17", "Statement": statements}


def reads(platform: Platform, function: str, enabled: bool) -> None:
    """Whether a function takes what is on its stream, or lets it wait."""
    platform.client("lambda").update_event_source_mapping(UUID=reader(platform, function)["UUID"], Enabled=enabled)


def reader(platform: Platform, function: str) -> dict:
    (mapping,) = platform.client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    return mapping
