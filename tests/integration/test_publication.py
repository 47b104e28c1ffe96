"""Publication to Feature Store that was stopped goes on where it was."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

PROGRAM = Path(__file__).with_name("publication.py")


def run(aws, group: str, bucket: str, health: str) -> subprocess.CompletedProcess:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_DEFAULT_REGION": aws.aws.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(PROGRAM.parents[2]),
    }
    command = [sys.executable, str(PROGRAM), group, bucket, health]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_stopped_publication_writes_only_the_slices_that_are_left(aws):
    bucket, group = aws.bucket(), aws.name("customer")
    sagemaker = aws.client("sagemaker")
    sagemaker.create_feature_group(
        FeatureGroupName=group,
        RecordIdentifierFeatureName="customer_id",
        EventTimeFeatureName="event_time",
        FeatureDefinitions=[{"FeatureName": n, "FeatureType": "String"} for n in ("customer_id", "event_time")],
        OnlineStoreConfig={"EnableOnlineStore": True},
        OfflineStoreConfig={
            "S3StorageConfig": {"S3Uri": f"s3://{bucket}/offline"},
            "DisableGlueTableCreation": True,
        },
        RoleArn=aws.role(),
    )
    aws.wait(lambda: sagemaker.describe_feature_group(FeatureGroupName=group)["FeatureGroupStatus"] == "Created")

    first = run(aws, group, bucket, "ill")
    kept = settled(aws, bucket, group)
    second = run(aws, group, bucket, "healthy")

    assert first.returncode != 0
    assert "StoreRefused" in first.stderr
    assert second.returncode == 0, second.stderr[-2000:]
    done = json.loads(second.stdout.splitlines()[-1])["done"]
    assert 1 <= len(done) < 4, "some slices were finished by the first run"
    written = settled(aws, bucket, group)
    assert set(written) == {f"c{i}" for i in range(40)}, "no record is missing"
    marks = [slice_of(aws, bucket, number) for number in range(4)]
    assert sum(mark["records"] for mark in marks) == 40
    again = sum((written - kept).values())
    assert again == sum(marks[number]["records"] for number in range(4) if number not in done), "only what was left"


def slice_of(aws, bucket: str, number: int) -> dict:
    return json.loads(aws.client("s3").get_object(Bucket=bucket, Key=f"progress/customer/{number}.json")["Body"].read())


def settled(aws, bucket: str, group: str) -> Counter:
    """What the offline store holds of all that it has taken. Rows become files a while later, in the order in which
    they came: when one that comes last is there, all are."""
    last = aws.name("last")
    aws.client("sagemaker-featurestore-runtime").put_record(
        FeatureGroupName=group,
        Record=[
            {"FeatureName": "customer_id", "ValueAsString": last},
            {"FeatureName": "event_time", "ValueAsString": "2025-06-01T00:00:00Z"},
        ],
    )
    aws.wait(lambda: last in customers(aws, bucket))
    return Counter({name: n for name, n in customers(aws, bucket).items() if not name.startswith("last-")})


def customers(aws, bucket: str) -> Counter:
    """How often each customer was written to the offline store."""
    found: Counter = Counter()
    s3 = aws.client("s3")
    for item in s3.list_objects_v2(Bucket=bucket, Prefix="offline/").get("Contents", ()):
        if item["Key"].endswith(".parquet"):
            body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
            found.update(pq.read_table(io.BytesIO(body))["customer_id"].to_pylist())
    return found
