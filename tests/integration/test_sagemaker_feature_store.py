"""Feature groups through boto3: what goes in, what comes out, what stays."""

from __future__ import annotations

import io
import time

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from tests.integration.sagemaker_scene import BUCKET, ROLE, shared
from tests.waiting import eventually

EARLY, LATE = "2026-03-01T10:00:00Z", "2026-03-01T11:30:00Z"


@pytest.fixture(scope="module")
def scene(aws, tmp_path_factory):
    with shared(aws.aws, tmp_path_factory.mktemp("scene")) as scene:
        yield scene


@pytest.fixture(scope="module")
def runtime(scene):
    return scene.client("sagemaker-featurestore-runtime")


@pytest.fixture(scope="module")
def make_group(scene):
    def make(name, **changes):
        types = {"id": "String", "event_time": "String", "count": "Integral", "ratio": "Fractional"}
        sagemaker = scene.client("sagemaker")
        sagemaker.create_feature_group(
            **{
                "FeatureGroupName": name,
                "RecordIdentifierFeatureName": "id",
                "EventTimeFeatureName": "event_time",
                "FeatureDefinitions": [{"FeatureName": n, "FeatureType": t} for n, t in types.items()],
                "OnlineStoreConfig": {"EnableOnlineStore": True},
                "RoleArn": ROLE,
                **changes,
            }
        )
        scene.wait(sagemaker.describe_feature_group, "FeatureGroupStatus", FeatureGroupName=name)
        return name

    return make


def record(identifier, at=EARLY, **features):
    values = {"id": identifier, "event_time": at, **features}
    return [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]


def values(answer):
    return {feature["FeatureName"]: feature["ValueAsString"] for feature in answer.get("Record", [])}


def get(runtime, group, identifier, **members):
    return runtime.get_record(FeatureGroupName=group, RecordIdentifierValueAsString=identifier, **members)


def test_a_record_comes_back_as_it_was_put(runtime, make_group):
    group = make_group("round-trip")
    runtime.put_record(FeatureGroupName=group, Record=record("a", count="3", ratio="0.5"))
    assert values(get(runtime, group, "a")) == {"id": "a", "event_time": EARLY, "count": "3", "ratio": "0.5"}
    assert values(get(runtime, group, "a", FeatureNames=["count"])) == {"count": "3"}


def test_an_unknown_record_is_an_empty_answer_and_an_unknown_group_an_error(runtime, make_group):
    assert "Record" not in get(runtime, make_group("empty"), "nobody")
    with pytest.raises(runtime.exceptions.ResourceNotFound):
        get(runtime, "no-such-group", "a")


def test_the_newest_event_time_wins_whatever_the_order_of_writes(runtime, make_group):
    group = make_group("order")
    runtime.put_record(FeatureGroupName=group, Record=record("a", LATE, count="2"))
    runtime.put_record(FeatureGroupName=group, Record=record("a", EARLY, count="1"))
    assert values(get(runtime, group, "a"))["count"] == "2"


def test_a_batch_reports_single_errors_and_writes_the_rest(runtime, make_group):
    group = make_group("batch")
    entries = [{"FeatureGroupName": group, "Record": record(str(i), count=str(i))} for i in range(24)]
    entries.append({"FeatureGroupName": group, "Record": record("bad", count="many")})
    answer = runtime.batch_write_record(Entries=entries)
    assert [error["ErrorCode"] for error in answer["Errors"]] == ["ValidationError"]
    found = runtime.batch_get_record(
        Identifiers=[
            {"FeatureGroupName": group, "RecordIdentifiersValueAsString": [*map(str, range(24)), "bad"]},
            {"FeatureGroupName": "no-such-group", "RecordIdentifiersValueAsString": ["1"]},
        ]
    )
    assert sorted(int(r["RecordIdentifierValueAsString"]) for r in found["Records"]) == list(range(24))
    assert [error["ErrorCode"] for error in found["Errors"]] == ["ResourceNotFound"]
    assert found["UnprocessedIdentifiers"] == []


def test_batches_above_the_limits_are_refused(runtime, make_group):
    group = make_group("limits")
    entry = {"FeatureGroupName": group, "Record": record("a")}
    with pytest.raises(ClientError, match="1 to 25"):
        runtime.batch_write_record(Entries=[entry] * 26)
    two = {"FeatureGroupName": group, "RecordIdentifiersValueAsString": [str(i) for i in range(51)]}
    with pytest.raises(ClientError, match="1 to 100"):
        runtime.batch_get_record(Identifiers=[two, two])


def test_a_soft_delete_counts_only_when_it_is_later(runtime, make_group):
    group = make_group("deletes")
    runtime.put_record(FeatureGroupName=group, Record=record("a", LATE))
    delete = {"FeatureGroupName": group, "RecordIdentifierValueAsString": "a"}
    runtime.delete_record(**delete, EventTime=EARLY)
    assert values(get(runtime, group, "a"))
    with pytest.raises(ClientError, match="not later"):
        runtime.delete_record(**delete, EventTime=EARLY, DeletionMode="HardDelete")
    runtime.delete_record(**delete, EventTime="2026-03-02T00:00:00Z")
    assert not values(get(runtime, group, "a"))
    runtime.put_record(FeatureGroupName=group, Record=record("a", LATE))
    assert not values(get(runtime, group, "a")), "an event before the deletion must not bring the record back"


def test_a_hard_delete_leaves_nothing_online_and_its_mark_only_in_the_stores_it_names(scene, runtime, make_group):
    store = {"S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/hard"}}
    group = make_group("hard", OfflineStoreConfig=store)
    for name, stores in (("a", ["OnlineStore"]), ("b", ["OnlineStore", "OfflineStore"])):
        runtime.put_record(FeatureGroupName=group, Record=record(name, EARLY), TargetStores=["OnlineStore"])
        runtime.delete_record(
            FeatureGroupName=group,
            RecordIdentifierValueAsString=name,
            EventTime=LATE,
            TargetStores=stores,
            DeletionMode="HardDelete",
        )
    assert runtime.list_records(FeatureGroupName=group, IncludeSoftDeletedRecords=True)["RecordIdentifiers"] == []
    runtime.put_record(FeatureGroupName=group, Record=record("a", EARLY), TargetStores=["OnlineStore"])
    assert values(get(runtime, group, "a")), "nothing remembers when it was deleted"
    described = scene.client("sagemaker").describe_feature_group(FeatureGroupName=group)
    prefix = described["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"].removeprefix(f"s3://{BUCKET}/")
    rows = eventually(lambda: offline_rows(scene, prefix))
    assert [(row["id"], row["is_deleted"]) for row in rows] == [("b", True)]


def test_a_record_expires_after_its_time_to_live(runtime, make_group):
    group = make_group("ttl")
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    hour = {"Unit": "Hours", "Value": 1}
    runtime.put_record(FeatureGroupName=group, Record=record("old", EARLY), TtlDuration=hour)
    runtime.put_record(FeatureGroupName=group, Record=record("new", now), TtlDuration=hour)
    assert not values(get(runtime, group, "old")), "expiry counts from the event time"
    assert get(runtime, group, "new", ExpirationTimeResponse="Enabled")["ExpiresAt"] > now


def test_records_are_listed_in_pages(runtime, make_group):
    group = make_group("listed")
    entries = [{"FeatureGroupName": group, "Record": record(f"r{i}")} for i in range(5)]
    runtime.batch_write_record(Entries=entries)
    first = runtime.list_records(FeatureGroupName=group, MaxResults=3)
    rest = runtime.list_records(FeatureGroupName=group, MaxResults=3, NextToken=first["NextToken"])
    assert [*first["RecordIdentifiers"], *rest["RecordIdentifiers"]] == [f"r{i}" for i in range(5)]


def test_only_newer_storage_types_take_partial_updates(runtime, make_group):
    update = {"RecordIdentifierValueAsString": "a", "Features": [{"FeatureName": "count", "ValueAsString": "9"}]}
    with pytest.raises(ClientError, match="Standard_V2"):
        runtime.update_record(FeatureGroupName=make_group("plain"), **update)
    group = make_group("v2", OnlineStoreConfig={"EnableOnlineStore": True, "StorageType": "Standard_V2"})
    with pytest.raises(runtime.exceptions.ResourceNotFound):
        runtime.update_record(FeatureGroupName=group, **update)
    runtime.put_record(FeatureGroupName=group, Record=record("a", count="1", ratio="0.5"))
    runtime.update_record(FeatureGroupName=group, **update)
    assert values(get(runtime, group, "a")) == {"id": "a", "event_time": EARLY, "count": "9", "ratio": "0.5"}


def test_every_write_becomes_a_typed_offline_row_in_its_hour(scene, runtime, make_group):
    store = {"S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/offline"}}
    group = make_group("history", OfflineStoreConfig=store)
    runtime.put_record(FeatureGroupName=group, Record=record("a", LATE, count="2", ratio="0.5"))
    runtime.put_record(FeatureGroupName=group, Record=record("a", EARLY, count="1"))
    runtime.delete_record(FeatureGroupName=group, RecordIdentifierValueAsString="a", EventTime=LATE)
    described = scene.client("sagemaker").describe_feature_group(FeatureGroupName=group)
    uri = described["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    prefix = uri.removeprefix(f"s3://{BUCKET}/")
    rows = eventually(lambda: (found := offline_rows(scene, prefix)) and len(found) == 3 and found)
    assert [(r["hour"], r["count"], r["is_deleted"]) for r in rows] == [
        ("10", 1, False),
        ("11", None, True),
        ("11", 2, False),
    ]
    assert all(row["write_time"] >= row["api_invocation_time"] for row in rows)
    catalog = described["OfflineStoreConfig"]["DataCatalogConfig"]
    glue = scene.client("glue")
    table = glue.get_table(DatabaseName=catalog["Database"], Name=catalog["TableName"])["Table"]
    assert {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}["count"] == "bigint"
    partitions = glue.get_partitions(DatabaseName=catalog["Database"], TableName=catalog["TableName"])["Partitions"]
    assert sorted(partition["Values"][-1] for partition in partitions) == ["10", "11"]


def offline_rows(scene, prefix):
    rows = []
    for key in scene.keys(prefix):
        body = scene.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        hour = key.partition("hour=")[2][:2]
        rows += [{**row, "hour": hour} for row in pq.read_table(io.BytesIO(body)).to_pylist()]
    return sorted(rows, key=lambda row: (row["hour"], row["count"] or 0))


def test_features_can_be_added_and_tags_come_back(scene, runtime, make_group):
    group = make_group("grows", Tags=[{"Key": "team", "Value": "risk"}])
    sagemaker = scene.client("sagemaker")
    added = [{"FeatureName": "score", "FeatureType": "Fractional"}]
    arn = sagemaker.update_feature_group(FeatureGroupName=group, FeatureAdditions=added)["FeatureGroupArn"]
    runtime.put_record(FeatureGroupName=group, Record=record("a", score="0.25"))
    assert values(get(runtime, group, "a"))["score"] == "0.25"
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "risk"}]


def test_a_deleted_group_forgets_its_records(scene, runtime, make_group):
    group = make_group("again")
    runtime.put_record(FeatureGroupName=group, Record=record("a"))
    sagemaker = scene.client("sagemaker")
    sagemaker.delete_feature_group(FeatureGroupName=group)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_feature_group(FeatureGroupName=group)
    assert not values(get(runtime, make_group("again"), "a"))


def test_a_group_that_cannot_exist_on_aws_is_refused(make_group):
    with pytest.raises(ClientError, match="reserved"):
        make_group("reserved", FeatureDefinitions=definitions("id", "event_time", "is_deleted"))
    with pytest.raises(ClientError, match="not among"):
        make_group("lost", FeatureDefinitions=definitions("id"))


def definitions(*names):
    return [{"FeatureName": name, "FeatureType": "String"} for name in names]
