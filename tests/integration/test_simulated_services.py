"""What the simulator assumes of AWS's services holds on the local AWS: the same calls get the same answers of both."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulation.models.dynamodb import DynamoDB
from simulation.models.feature_store import FeatureStore
from simulation.models.keys import Keys
from simulation.models.kinesis import Stream
from simulation.models.storage import S3
from simulation.scheduler import Scheduler
from tests.integration.sagemaker_scene import ROLE
from tests.waiting import eventually

OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
ABSENT = {"ConditionExpression": "attribute_not_exists(#key)", "ExpressionAttributeNames": {"#key": "id"}}


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler(random.Random(0), start=0, faults={})


def said(call: Callable[..., dict], **request: Any) -> object:
    """The parts of an answer, or of a refusal, that the doors look at."""
    try:
        answer = call(**request)
    except ClientError as refused:
        found = refused.response
        reasons = [(r["Code"], r.get("Item")) for r in found.get("CancellationReasons", [])]
        return found["Error"]["Code"], found.get("Item"), reasons
    kept = ("Item", "Attributes", "Responses", "Records", "Errors", "UnprocessedIdentifiers", "UnprocessedEntries")
    return {name: answer[name] for name in kept if answer.get(name)}


def item(identifier: str, version: int, **further: dict) -> dict:
    return {"id": {"S": identifier}, "version": {"N": str(version)}, **further}


def at_version(version: int) -> dict:
    return {"ConditionExpression": "version = :read", "ExpressionAttributeValues": {":read": {"N": str(version)}}}


def put(table: str, stored: dict, **condition: Any) -> dict:
    return {"Put": {"TableName": table, "Item": stored, **condition}}


def told_by_tables(client: Any, table: str) -> list[object]:
    """Conditional writes, transactions and reads, as the doors make them."""
    either = {
        "ConditionExpression": "attribute_not_exists(id) OR #n = :read",
        "ExpressionAttributeNames": {"#n": "version"},
        "ExpressionAttributeValues": {":read": {"N": "0"}},
    }
    noted = {
        "TableName": table,
        "UpdateExpression": "SET applied = :yes",
        "ConditionExpression": "attribute_exists(id)",
        "ExpressionAttributeValues": {":yes": {"BOOL": True}},
    }
    own = {"TableName": table, "ConsistentRead": True}
    both = {table: {"Keys": [{"id": {"S": "a"}}, {"id": {"S": "nobody"}}], "ConsistentRead": True}}
    return [
        said(client.get_item, Key={"id": {"S": "a"}}, **own),
        said(client.put_item, TableName=table, Item=item("a", 1), **ABSENT, **OLD),
        said(client.put_item, TableName=table, Item=item("a", 2), **ABSENT, **OLD),
        said(client.put_item, TableName=table, Item=item("a", 2), **ABSENT),
        said(client.put_item, TableName=table, Item=item("a", 2), **at_version(7), **OLD),
        said(client.put_item, TableName=table, Item=item("a", 2), **at_version(1), **OLD),
        said(client.put_item, TableName=table, Item=item("a", 3), **either),
        said(client.put_item, TableName=table, Item=item("d", 1), **either),
        said(client.update_item, Key={"id": {"S": "nobody"}}, **noted),
        said(client.update_item, Key={"id": {"S": "a"}}, ReturnValues="ALL_NEW", **noted),
        said(
            client.transact_write_items,
            TransactItems=[put(table, item("b", 1), **ABSENT, **OLD), put(table, item("a", 9), **at_version(1), **OLD)],
        ),
        said(client.get_item, Key={"id": {"S": "b"}}, **own),
        said(
            client.transact_write_items,
            TransactItems=[put(table, item("a", 9), **ABSENT, **OLD), put(table, item("c", 1), **at_version(1), **OLD)],
        ),
        said(
            client.transact_write_items,
            TransactItems=[put(table, item("b", 1), **ABSENT, **OLD), put(table, item("a", 9), **at_version(2), **OLD)],
        ),
        said(client.batch_get_item, RequestItems=both),
        said(client.get_item, Key={"id": {"S": "b"}}, **own),
    ]


def test_tables_answer_conditions_and_transactions_as_the_model_does(aws, scheduler):
    client, table = aws.client("dynamodb"), aws.name("simulated")
    client.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    of_aws = told_by_tables(client, table)
    client.delete_table(TableName=table)

    assert told_by_tables(DynamoDB(scheduler, "tables", {table: "id"}).client(), table) == of_aws


def test_a_transaction_that_is_sent_again_under_its_token_is_done_once(aws, scheduler):
    client, table = aws.client("dynamodb"), aws.name("simulated")
    client.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def twice(tables: Any) -> list[object]:
        once = {"TransactItems": [put(table, item("a", 1), **ABSENT)], "ClientRequestToken": "0" * 36}
        return [said(tables.transact_write_items, **once) for _ in range(2)]

    of_aws = twice(client)
    client.delete_table(TableName=table)

    assert twice(DynamoDB(scheduler, "tables", {table: "id"}).client()) == of_aws == [{}, {}]


def test_an_object_that_must_not_be_written_over_is_refused_as_by_the_model(aws, scheduler):
    bucket = aws.bucket()

    def told(s3: Any) -> list[object]:
        once = {"Bucket": bucket, "Key": "decisions/a", "IfNoneMatch": "*"}
        found = [said(s3.put_object, Body=body, **once) for body in (b"first", b"second")]
        body = s3.get_object(Bucket=bucket, Key="decisions/a")["Body"].read()
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="decisions/").get("Contents", [])
        nothing = s3.list_objects_v2(Bucket=bucket, Prefix="late/").get("Contents", [])
        return [*found, body, [each["Key"] for each in listed], nothing, said(s3.get_object, Bucket=bucket, Key="none")]

    of_aws = told(aws.client("s3"))
    aws.client("s3").delete_object(Bucket=bucket, Key="decisions/a")
    aws.client("s3").delete_bucket(Bucket=bucket)

    assert told(S3(scheduler, "bucket").client()) == of_aws


def test_a_key_lies_in_the_shard_in_which_the_model_puts_it(aws, scheduler):
    client, stream = aws.client("kinesis"), aws.name("simulated")
    client.create_stream(StreamName=stream, ShardCount=3)
    client.get_waiter("stream_exists").wait(StreamName=stream)
    records = [{"PartitionKey": f"customer-{n}", "Data": b"{}"} for n in range(40)]

    def shards(streams: Any) -> list[str]:
        return [said["ShardId"] for said in streams.put_records(StreamName=stream, Records=records)["Records"]]

    of_aws = shards(client)
    client.delete_stream(StreamName=stream)

    assert shards(Stream(scheduler, "stream", 3).client()) == of_aws
    assert len(set(of_aws)) == 3


def test_a_record_is_taken_only_with_a_later_time_as_by_the_model(aws, scheduler):
    sagemaker, group = aws.client("sagemaker"), aws.name("simulated")
    types = {"customer_id": "String", "event_time": "String", "state": "String"}
    sagemaker.create_feature_group(
        FeatureGroupName=group,
        RecordIdentifierFeatureName="customer_id",
        EventTimeFeatureName="event_time",
        FeatureDefinitions=[{"FeatureName": n, "FeatureType": t} for n, t in types.items()],
        OnlineStoreConfig={"EnableOnlineStore": True},
        RoleArn=ROLE,
    )
    describe = sagemaker.describe_feature_group
    eventually(lambda: describe(FeatureGroupName=group)["FeatureGroupStatus"] == "Created")

    def entry(at: int, state: str) -> dict:
        values = {"customer_id": "c", "event_time": f"2026-03-01T10:00:00.{at:03}Z", "state": state}
        record = [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]
        return {"FeatureGroupName": group, "TargetStores": ["OnlineStore"], "Record": record}

    def told(store: Any) -> list[object]:
        asked = [{"FeatureGroupName": group, "RecordIdentifiersValueAsString": ["c", "nobody"]}]
        found = []
        for at, state in ((5, "first"), (4, "earlier"), (5, "the same moment"), (6, "later")):
            written = said(store.batch_write_record, Entries=[entry(at, state)])
            (record,) = store.batch_get_record(Identifiers=asked)["Records"]
            values = {f["FeatureName"]: f["ValueAsString"] for f in record["Record"]}
            found.append((written, values, record["FeatureGroupName"].rpartition("/")[2]))
        return found

    of_aws = told(aws.client("sagemaker-featurestore-runtime"))
    sagemaker.delete_feature_group(FeatureGroupName=group)

    assert told(FeatureStore(scheduler, "store", {group: "customer_id"}).client()) == of_aws


def test_what_a_key_has_not_encrypted_is_refused_as_by_the_model(aws, scheduler):
    client = aws.client("kms")
    key = client.create_key()["KeyMetadata"]["KeyId"]

    def told(keys: Any) -> list[object]:
        made = keys.generate_data_key(KeyId=key, KeySpec="AES_256")
        plain = keys.decrypt(KeyId=key, CiphertextBlob=made["CiphertextBlob"])["Plaintext"]
        return [plain == made["Plaintext"], len(plain), said(keys.decrypt, KeyId=key, CiphertextBlob=b"of nobody")]

    of_aws = told(client)
    client.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)

    assert told(Keys(scheduler, "keys").client()) == of_aws
