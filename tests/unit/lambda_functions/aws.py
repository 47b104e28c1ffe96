"""AWS in memory, as far as the functions use it. Every request is held against botocore's own service model."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import ClassVar

import botocore.session
from botocore.validate import validate_parameters


@cache
def service(name: str):
    return botocore.session.get_session().get_service_model(name)


def valid(name: str, operation: str, request: dict) -> None:
    validate_parameters(request, service(name).operation_model(operation).input_shape)


class Down(Exception):
    """The service does not answer."""


class FeatureStore:
    """Online records by (group, identifier). `spared` calls leave their work undone, as throttling does."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, str]] = {}
        self.down = False
        self.down_for_writes = False
        self.spared = 0
        self.failing = 0
        self.read_error: str | None = None
        self.refused: str | None = None  # a group whose records cannot be read
        self.reads: list[list[dict]] = []
        self.writes: list[list[dict]] = []

    def batch_get_record(self, **request) -> dict:
        valid("sagemaker-featurestore-runtime", "BatchGetRecord", request)
        if self.down:
            raise Down
        self.reads.append(request["Identifiers"])
        if self.read_error:
            error = {"FeatureGroupName": "g", "RecordIdentifierValueAsString": "i", "ErrorMessage": ""}
            return {"Records": [], "Errors": [{**error, "ErrorCode": self.read_error}], "UnprocessedIdentifiers": []}
        asked = [
            (i["FeatureGroupName"], identifier)
            for i in request["Identifiers"]
            for identifier in i["RecordIdentifiersValueAsString"]
        ]
        done = asked if not self.spared else asked[: len(asked) // 2]
        left = asked[len(done) :]
        self.spared = max(0, self.spared - 1)
        refused = [
            {
                "FeatureGroupName": g,
                "RecordIdentifierValueAsString": i,
                "ErrorCode": "ThrottlingException",
                "ErrorMessage": "",
            }
            for g, i in done
            if g == self.refused
        ]
        return {
            "Records": [self._found(key) for key in done if key in self.records and key[0] != self.refused],
            "Errors": refused,
            "UnprocessedIdentifiers": [
                {"FeatureGroupName": g, "RecordIdentifiersValueAsString": [i for h, i in left if h == g]}
                for g in dict.fromkeys(g for g, _ in left)
            ],
        }

    def _found(self, key: tuple[str, str]) -> dict:
        group, identifier = key
        return {
            "FeatureGroupName": f"arn:aws:sagemaker:eu-west-1:000000000000:feature-group/{group}",
            "RecordIdentifierValueAsString": identifier,
            "Record": [{"FeatureName": n, "ValueAsString": v} for n, v in self.records[key].items()],
        }

    def batch_write_record(self, **request) -> dict:
        valid("sagemaker-featurestore-runtime", "BatchWriteRecord", request)
        if self.down or self.down_for_writes:
            raise Down
        entries = request["Entries"]
        self.writes.append(entries)
        refused, unprocessed = [], []
        if self.failing:
            self.failing -= 1
            refused = [{"Entry": entries[0], "ErrorCode": "InternalFailure", "ErrorMessage": "try again"}]
            entries = entries[1:]
        if self.spared:
            self.spared -= 1
            unprocessed, entries = entries[-1:], entries[:-1]
        for entry in entries:
            values = {f["FeatureName"]: f["ValueAsString"] for f in entry["Record"]}
            key = entry["FeatureGroupName"], next(iter(values.values()))
            # What is not later than the record is history, and goes nowhere: the offline store is not named.
            if key not in self.records or values["event_time"] > self.records[key]["event_time"]:
                self.records[key] = values
        return {"Errors": refused, "UnprocessedEntries": unprocessed}


class Endpoint:
    """Answers what `scorer` says of the request's rows."""

    def __init__(self, scorer: Callable[[list], list[float]] | None = None) -> None:
        self.scorer = scorer or (lambda rows: [0.01] * len(rows))
        self.model = "model-7"
        self.down = self.silent_on_reasons = False
        self.asked: list[list] = []
        self.explained: list[list] = []

    def invoke_endpoint(self, **request) -> dict:
        valid("sagemaker-runtime", "InvokeEndpoint", request)
        if self.down:
            raise Down
        document = json.loads(request["Body"])
        if document.get("explain") and self.silent_on_reasons:
            raise Down
        (self.explained if document.get("explain") else self.asked).append(document["rows"])
        answer = {"scores": self.scorer(document["rows"]), "model": self.model}
        if document.get("explain"):
            answer["reasons"] = [[{"feature": "amount", "meaning": f"Amount of {row[0]}"}] for row in document["rows"]]
        return {"Body": io.BytesIO(json.dumps({**answer, "feature_version": document["feature_version"]}).encode())}


class Stream:
    """Kinesis records in order, as a mapping would deliver them."""

    def __init__(self) -> None:
        self.records: list[dict] = []
        self.refusing = 0
        self.down = False

    def put_record(self, **request) -> None:
        valid("kinesis", "PutRecord", request)
        if len(request["Data"]) + len(request["PartitionKey"].encode()) > 2**20:
            raise ValueError("InvalidArgumentException")
        if self.refusing:
            self.refusing -= 1
            raise Down
        self.records.append(request)

    def put_records(self, **request) -> dict:
        """While it refuses, half of each request is taken."""
        valid("kinesis", "PutRecords", request)
        if self.down:
            raise Down
        taken = len(request["Records"]) // 2 if self.refusing else len(request["Records"])
        self.refusing = max(0, self.refusing - 1)
        self.records += request["Records"][:taken]
        said: list[dict] = [{"SequenceNumber": "1"}] * taken
        said += [{"ErrorCode": "ProvisionedThroughputExceededException"}] * (len(request["Records"]) - taken)
        return {"Records": said}


class Refused(Exception):
    """A condition of DynamoDB was not met; `response` as botocore gives it."""

    def __init__(self, item: dict | None) -> None:
        super().__init__("ConditionalCheckFailedException")
        self.response = {"Error": {"Code": "ConditionalCheckFailedException"}} | ({"Item": item} if item else {})


class Cancelled(Exception):
    """A transaction of DynamoDB was not carried out; `response` as botocore gives it."""

    def __init__(self, reasons: list[dict]) -> None:
        super().__init__("TransactionCanceledException")
        self.response = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}


class Table:
    """DynamoDB items of the doors' two tables, for the conditions that they use. `meanwhile` is done once, between a
    reading and the next writing; `refused` is a table that does not answer."""

    KEYS: ClassVar = {"risk-test-answers": "transaction_id", "risk-test-tails": "customer_id"}

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, dict]] = {name: {} for name in self.KEYS}
        self.down = False
        self.refused: str | None = None
        self.meanwhile: list[Callable[[], object]] = []
        self.spared = 0  # keys of the next readings that are left undone

    @property
    def items(self) -> dict[str, dict]:
        """Answers by transaction_id."""
        return self.tables["risk-test-answers"]

    @property
    def tails(self) -> dict[str, dict]:
        return self.tables["risk-test-tails"]

    def _of(self, table: str) -> tuple[dict[str, dict], str]:
        if self.down or table == self.refused:
            raise Down
        return self.tables[table], self.KEYS[table]

    def put_item(self, **request) -> None:
        valid("dynamodb", "PutItem", request)
        while self.meanwhile:
            self.meanwhile.pop(0)()
        items, name = self._of(request["TableName"])
        key = request["Item"][name]["S"]
        assert request["ConditionExpression"] == f"attribute_not_exists({name})"
        if key in items:
            raise Refused(items[key])
        items[key] = request["Item"]

    def transact_write_items(self, **request) -> None:
        valid("dynamodb", "TransactWriteItems", request)
        while self.meanwhile:
            self.meanwhile.pop(0)()
        puts = [member["Put"] for member in request["TransactItems"]]
        there = []
        for put in puts:
            items, name = self._of(put["TableName"])
            there.append(items.get(put["Item"][name]["S"]))
        fits = [meets(put, item) for put, item in zip(puts, there, strict=True)]
        if not all(fits):
            raise Cancelled(
                [
                    {"Code": "None"} if fit else {"Code": "ConditionalCheckFailed"} | ({"Item": item} if item else {})
                    for fit, item in zip(fits, there, strict=True)
                ]
            )
        for put in puts:
            items, name = self._of(put["TableName"])
            items[put["Item"][name]["S"]] = put["Item"]

    def get_item(self, **request) -> dict:
        valid("dynamodb", "GetItem", request)
        items, name = self._of(request["TableName"])
        assert request["ConsistentRead"] is True
        key = request["Key"][name]["S"]
        return {"Item": items[key]} if key in items else {}

    def batch_get_item(self, **request) -> dict:
        valid("dynamodb", "BatchGetItem", request)
        ((table, asked),) = request["RequestItems"].items()
        items, name = self._of(table)
        assert asked["ConsistentRead"] is True
        keys = asked["Keys"][self.spared :]
        left, self.spared = asked["Keys"][: self.spared], 0
        found = [items[key[name]["S"]] for key in keys if key[name]["S"] in items]
        return {"Responses": {table: found}, "UnprocessedKeys": {table: {**asked, "Keys": left}} if left else {}}

    def update_item(self, **request) -> None:
        valid("dynamodb", "UpdateItem", request)
        items, name = self._of(request["TableName"])
        key = request["Key"][name]["S"]
        if key not in items:
            raise Refused(None)
        items[key]["applied"] = request["ExpressionAttributeValues"][":yes"]


def meets(put: dict, item: dict | None) -> bool:
    """Whether what is there meets the condition of a put: that there is nothing, or that its version was read."""
    if put["ConditionExpression"].startswith("attribute_not_exists("):
        return item is None
    assert put["ConditionExpression"] == "version = :read"
    return item is not None and item["version"] == put["ExpressionAttributeValues"][":read"]


class Kms:
    """Data keys of one key, each encrypted as its number, for the context that they were made for."""

    def __init__(self) -> None:
        self.made: list[tuple[str, dict]] = []
        self.down = False

    def generate_data_key(self, **request) -> dict:
        valid("kms", "GenerateDataKey", request)
        if self.down:
            raise Down
        self.made.append((request["KeyId"], request["EncryptionContext"]))
        number = len(self.made) - 1
        return {"CiphertextBlob": b"key %d" % number, "Plaintext": b"secret %d" % number}

    def decrypt(self, **request) -> dict:
        valid("kms", "Decrypt", request)
        if self.down:
            raise Down
        _, _, number = request["CiphertextBlob"].partition(b" ")
        made = {b"key %d" % n: each for n, each in enumerate(self.made)}
        if made.get(request["CiphertextBlob"]) != (request["KeyId"], request["EncryptionContext"]):
            raise NoKey
        return {"Plaintext": b"secret " + number}


class NoKey(Exception):
    """A text that the key has not encrypted; `response` as botocore gives it."""

    response: ClassVar = {"Error": {"Code": "InvalidCiphertextException"}}


class Documents:
    """The current documents by table and problem. `meanwhile` is done once, between a reading and the next writing."""

    def __init__(self, **bodies: dict) -> None:
        """Bodies of the fraud documents, by table."""
        self.items: dict[tuple[str, str], dict] = {}
        self.down = False
        self.reads = 0
        self.meanwhile: list[Callable[[], object]] = []
        for table, body in bodies.items():
            self.put(f"risk-test-{table}", body)

    def put(self, table: str, body: dict | None, problem: str = "fraud") -> None:
        """Whatever was there."""
        number = int(self.items.get((table, problem), {"number": {"N": "0"}})["number"]["N"]) + 1
        item = {"problem": {"S": problem}, "number": {"N": str(number)}, "body": {"S": json.dumps(body)}}
        self.items[table, problem] = item

    def body(self, table: str, problem: str = "fraud") -> dict:
        return json.loads(self.items[table, problem]["body"]["S"])

    def get_item(self, **request) -> dict:
        valid("dynamodb", "GetItem", request)
        assert request["ConsistentRead"] is True
        found = self.items.get((request["TableName"], request["Key"]["problem"]["S"]))
        return {"Item": found} if found else {}

    def batch_get_item(self, **request) -> dict:
        valid("dynamodb", "BatchGetItem", request)
        self.reads += 1
        if self.down:
            raise Down
        asked = {
            table: [key["problem"]["S"] for key in keys["Keys"]] for table, keys in request["RequestItems"].items()
        }
        assert all(keys["ConsistentRead"] for keys in request["RequestItems"].values())
        return {"Responses": {t: [self.items[t, p] for p in ps if (t, p) in self.items] for t, ps in asked.items()}}

    def put_item(self, **request) -> None:
        """For the one condition that documents are written by."""
        valid("dynamodb", "PutItem", request)
        while self.meanwhile:
            self.meanwhile.pop(0)()
        key = request["TableName"], request["Item"]["problem"]["S"]
        condition = request["ConditionExpression"]
        there = self.items.get(key)
        read = request["ExpressionAttributeValues"][":read"]
        assert request["ExpressionAttributeNames"] == {"#number": "number"}
        assert condition in ("#number = :read", "attribute_not_exists(problem) OR #number = :read")
        if there is None and not condition.startswith("attribute_not_exists(problem)"):
            raise Refused(None)
        if there is not None and there["number"] != read:
            raise Refused(None)
        self.items[key] = request["Item"]


class There(Exception):
    """An object that must not be written over is there already; `response` as botocore gives it."""

    response: ClassVar = {"Error": {"Code": "PreconditionFailed"}}


class Gone(Exception):
    """There is no such object, or the right to know; `response` as botocore gives it to who may not list."""

    response: ClassVar = {"Error": {"Code": "AccessDenied"}}


class Bucket:
    """S3 objects by key. Below a `refused` prefix none is taken. `meanwhile` is done once, before the next writing."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.written: dict[str, datetime] = {}  # when, of objects that are copied
        self.refused: str | None = None
        self.meanwhile: list[Callable[[], object]] = []

    def put_object(self, **request) -> None:
        valid("s3", "PutObject", request)
        while self.meanwhile:
            self.meanwhile.pop(0)()
        if self.refused and request["Key"].startswith(self.refused):
            raise Down
        if request.get("IfNoneMatch") and request["Key"] in self.objects:
            raise There
        self.objects[request["Key"]] = request["Body"]

    def get_object(self, **request) -> dict:
        valid("s3", "GetObject", request)
        if request["Key"] not in self.objects:
            raise Gone(request["Key"])
        return {"Body": io.BytesIO(self.objects[request["Key"]])}

    def list_objects_v2(self, **request) -> dict:
        valid("s3", "ListObjectsV2", request)
        begins, delimiter = request["Prefix"], request.get("Delimiter")
        below = {key: body for key, body in self.objects.items() if key.startswith(begins)}
        if delimiter:
            folders = {begins + key.removeprefix(begins).partition(delimiter)[0] + delimiter for key in below}
            return {"CommonPrefixes": [{"Prefix": folder} for folder in sorted(folders)]} if folders else {}
        found = [{"Key": key, "ETag": str(hash(body))} for key, body in below.items()]
        return {"Contents": found} if found else {}

    def copy_object(self, **request) -> None:
        key = request["CopySource"]["Key"]
        valid(
            "s3", "CopyObject", request | {"CopySource": f"{request['CopySource']['Bucket']}/{key}"}
        )  # as boto3 sends it
        if self.written[key] > request["CopySourceIfUnmodifiedSince"]:
            raise RuntimeError("An error occurred (PreconditionFailed) when calling the CopyObject operation")
        self.objects[request["Key"]] = self.objects[key]

    def lines(self, prefix: str = "decisions/") -> list[dict]:
        bodies = [body for key, body in self.objects.items() if key.startswith(prefix)]
        return [json.loads(line) for body in bodies for line in body.decode().splitlines()]


class Messages:
    """SNS messages in order."""

    def __init__(self) -> None:
        self.messages: list[dict] = []
        self.asked = 0
        self.calls = 0
        self.down = False
        self.refusing = 0

    def publish_batch(self, **request) -> dict:
        valid("sns", "PublishBatch", request)
        self.asked += 1
        if len(request["PublishBatchRequestEntries"]) > 10:
            raise ValueError("TooManyEntriesInBatchRequest")
        if self.down:
            raise Down
        self.calls += 1
        entries = request["PublishBatchRequestEntries"]
        refused, entries = entries[: self.refusing], entries[self.refusing :]
        self.messages += [json.loads(e["Message"]) for e in entries]
        return {
            "Successful": [],
            "Failed": [{"Id": e["Id"], "Code": "Throttled", "SenderFault": False} for e in refused],
        }


def kinesis_record(
    data: bytes | str | dict, sequence: int, arrived: float = 1_522_575_000.5, key: str | None = None
) -> dict:
    """One record as Lambda hands it to the function. Its partition key is the customer, if nothing else is given."""
    if key is None:
        key = str(data.get("customer_id", "")).strip() if isinstance(data, dict) else "c1"
    if isinstance(data, dict):
        data = json.dumps(data)
    if isinstance(data, str):
        data = data.encode()
    return {
        "eventID": f"shardId-000000000000:{sequence}",
        "kinesis": {
            "sequenceNumber": str(sequence),
            "partitionKey": key,
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": arrived,
        },
    }


class ListsTable:
    """DynamoDB items by `value` and `list`. `down` does not answer; `spared` keys of the next readings are left undone;
    `page` is how many items a query gives at once."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict] = {}
        self.down = False
        self.spared, self.page, self.together = 0, 100, 0

    @staticmethod
    def at(key: dict) -> tuple[str, str]:
        return key["value"]["S"], key["list"]["S"]

    def batch_get_item(self, **request) -> dict:
        valid("dynamodb", "BatchGetItem", request)
        if self.down:
            raise Down
        ((table, asked),) = request["RequestItems"].items()
        keys = [self.at(key) for key in asked["Keys"]]
        assert asked["ConsistentRead"] is True
        assert len(set(keys)) == len(keys) <= 100
        left, self.spared = asked["Keys"][: self.spared], 0
        found = [self.items[key] for key in keys[len(left) :] if key in self.items]
        return {"Responses": {table: found}, "UnprocessedKeys": {table: {**asked, "Keys": left}} if left else {}}

    def query(self, **request) -> dict:
        valid("dynamodb", "Query", request)
        assert request["KeyConditionExpression"] == "#value = :value"
        value = request["ExpressionAttributeValues"][":value"]["S"]
        after = self.at(request["ExclusiveStartKey"]) if "ExclusiveStartKey" in request else ("", "")
        keys = sorted(key for key in self.items if key[0] == value and key > after)
        more = {"value": {"S": value}, "list": {"S": keys[self.page - 1][1]}} if len(keys) > self.page else None
        found = [self.items[key] for key in keys[: self.page]]
        return {"Items": found} | ({"LastEvaluatedKey": more} if more else {})

    def put_item(self, **request) -> None:
        valid("dynamodb", "PutItem", request)
        assert request["ConditionExpression"] == "attribute_not_exists(#list)"
        if self.at(request["Item"]) in self.items:
            raise Refused(self.items[self.at(request["Item"])])
        self.items[self.at(request["Item"])] = request["Item"]

    def transact_write_items(self, **request) -> None:
        valid("dynamodb", "TransactWriteItems", request)
        members = [next(iter(member.items())) for member in request["TransactItems"]]
        keys = [self.at(told.get("Item") or told["Key"]) for _, told in members]
        assert len(set(keys)) == len(keys) <= 100
        self.together = max(self.together, len(keys))
        for key, (did, told) in zip(keys, members, strict=True):
            if did == "Delete":
                self.items.pop(key, None)
            else:
                self.items[key] = told["Item"] if did == "Put" else self.updated(key, told)

    def updated(self, key: tuple[str, str], told: dict) -> dict:
        values, rule = told["ExpressionAttributeValues"], told["ExpressionAttributeNames"]["#rule"]
        item = dict(self.items.get(key) or told["Key"])
        if told["UpdateExpression"] == "SET #rule = :told, expires = :last":
            return {**item, rule: values[":told"], "expires": values[":last"]}
        assert told["UpdateExpression"] == "REMOVE #rule SET expires = :last"
        item.pop(rule, None)
        return {**item, "expires": values[":last"]}

    def batch_write_item(self, **request) -> dict:
        """Half of each request is left."""
        valid("dynamodb", "BatchWriteItem", request)
        ((table, asked),) = request["RequestItems"].items()
        assert len(asked) <= 25
        done = asked[: (len(asked) + 1) // 2]
        for each in done:
            self.items.pop(self.at(each["DeleteRequest"]["Key"]), None)
        left = asked[len(done) :]
        return {"UnprocessedItems": {table: left} if left else {}}
