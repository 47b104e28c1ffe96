"""SageMaker as an application of its own: beside an S3 that knows nothing of it."""

from __future__ import annotations

import pytest

from local.sagemaker.pytest_plugin import serving
from tests.waiting import eventually

SCRIPT = """
import boto3, os, pathlib
listed = boto3.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"]
pathlib.Path("/opt/ml/processing/out/seen.txt").write_text(listed[0]["ProcessingJobName"])
"""


@pytest.fixture
def server(aws, tmp_path):
    with serving(tmp_path, aws.endpoint_url, aws.aws.region) as server:
        yield server


def test_a_job_of_the_application_alone_reads_and_writes_a_foreign_s3_and_reaches_the_application(aws, server):
    bucket, s3 = aws.bucket(), aws.client("s3")
    s3.put_object(Bucket=bucket, Key="code/job.py", Body=SCRIPT.encode())
    sagemaker = server.client("sagemaker")
    place = {"S3DataType": "S3Prefix", "S3InputMode": "File", "LocalPath": "/opt/ml/processing/code"}
    output = {"S3Uri": f"s3://{bucket}/out", "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}
    sagemaker.create_processing_job(
        ProcessingJobName="by-itself",
        RoleArn="arn:aws:iam::000000000000:role/any",
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
        AppSpecification={
            "ImageUri": "any-ml:1",
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/job.py"],
        },
        ProcessingInputs=[{"InputName": "code", "S3Input": {"S3Uri": f"s3://{bucket}/code/", **place}}],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": output}]},
    )

    def ended():
        job = sagemaker.describe_processing_job(ProcessingJobName="by-itself")
        return job["ProcessingJobStatus"] != "InProgress" and job

    job = eventually(ended)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert s3.get_object(Bucket=bucket, Key="out/seen.txt")["Body"].read() == b"by-itself"
    assert aws.client("sagemaker").list_processing_jobs(NameContains="by-itself")["ProcessingJobSummaries"] == []


def test_records_of_the_application_alone_come_back(server):
    sagemaker, runtime = server.client("sagemaker"), server.client("sagemaker-featurestore-runtime")
    sagemaker.create_feature_group(
        FeatureGroupName="g",
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": "String"} for name in ("id", "at")],
        OnlineStoreConfig={"EnableOnlineStore": True},
    )
    eventually(
        lambda: sagemaker.describe_feature_group(FeatureGroupName="g")["FeatureGroupStatus"] == "Created", "the group"
    )
    record = [
        {"FeatureName": "id", "ValueAsString": "a b"},
        {"FeatureName": "at", "ValueAsString": "2026-03-01T10:00:00Z"},
    ]
    runtime.put_record(FeatureGroupName="g", Record=record)

    assert runtime.get_record(FeatureGroupName="g", RecordIdentifierValueAsString="a b")["Record"] == record
