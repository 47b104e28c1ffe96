"""Every limit of limits.py and of the API description, tripped by the smallest step beyond it."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import pytest

from local.sagemaker import limits, protocol
from local.sagemaker.errors import ApiError
from local.sagemaker.featurestore.groups import FeatureGroups
from local.sagemaker.featurestore.offline import OfflineStore
from local.sagemaker.featurestore.online import OnlineStore
from local.sagemaker.featurestore.runtime import FeatureRuntime
from local.sagemaker.hosting.endpoints import Endpoints
from local.sagemaker.hosting.invoke import Invocations
from local.sagemaker.hosting.models import Models
from local.sagemaker.jobs.lifecycle import Places
from local.sagemaker.jobs.processing import ProcessingJobs
from local.sagemaker.jobs.training import TrainingJobs
from local.sagemaker.jobs.transform import TransformJobs
from local.sagemaker.registry import Registry

AT = "2026-01-02T03:04:05Z"


def refused(what: str | None):
    return pytest.raises(ApiError, match=what) if what else nullcontext()


def checked(operation: str, **members):
    model = protocol.service_model(protocol.CONTROL_PLANE).operation_model(operation)
    report = []
    protocol._check_constraints(model.input_shape, members, "", report)
    if report:
        raise ApiError("ValidationException", "; ".join(report))


@pytest.mark.parametrize(
    ("operation", "environment", "said"),
    [
        ("CreateTransformJob", {f"A{i}": "" for i in range(16)}, None),
        ("CreateTransformJob", {f"A{i}": "" for i in range(17)}, "'Environment'.* less than or equal to 16"),
        ("CreateProcessingJob", {f"A{i}": "" for i in range(101)}, "less than or equal to 100"),
        ("CreateProcessingJob", {"A" * 257: ""}, "'Environment.key'.* less than or equal to 256"),
        ("CreateProcessingJob", {"A": "x" * 257}, "'Environment.A'.* less than or equal to 256"),
        ("CreateTrainingJob", {"A": "x" * 512}, None),
        ("CreateTrainingJob", {"A": "x" * 513}, "less than or equal to 512"),
        ("CreateTrainingJob", {"with-dash": ""}, "'Environment.key'.* regular expression pattern"),
        ("CreateTrainingJob", {"1ST": ""}, "regular expression pattern"),
    ],
)
def test_environments_have_the_number_length_and_names_that_the_api_allows(operation, environment, said):
    with refused(said):
        checked(operation, Environment=environment)


@pytest.fixture
def places():
    places = Places(1)
    yield places
    places.close()


@pytest.fixture
def transform(context, places):
    registry = Registry(context)
    models = Models(context, registry)
    models.create_model({"ModelName": "m", "PrimaryContainer": {"Image": "scene-ml:1"}})
    return TransformJobs(context, places, models)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"MaxConcurrentTransforms": 16, "MaxPayloadInMB": 6}, None),
        ({"MaxConcurrentTransforms": 17, "MaxPayloadInMB": 6}, "at most 100 MB together, got 17 x 6 MB"),
        ({"MaxConcurrentTransforms": 17}, "got 17 x 6 MB"),
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB: expected at most 100, got 101"),
        ({"MaxPayloadInMB": 0}, "chunked"),
        ({"MaxConcurrentTransforms": 0}, None),
    ],
)
def test_a_transform_job_has_100_mb_under_way_at_most(transform, members, said):
    source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/x"}}, "SplitType": "Line"}
    request = {"ModelName": "m", "TransformInput": source, "TransformOutput": {"S3OutputPath": "s3://b/y"}}
    with refused(said):
        transform.check({**request, "TransformResources": {"InstanceCount": 1}, **members})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"LocalPath": "/opt/ml/input"}, "LocalPath: expected a path below /opt/ml/processing/, got '/opt/ml/input'"),
        ({"LocalPath": "/opt/ml/processing/../model"}, "LocalPath"),
        ({"S3CompressionType": "Gzip"}, "S3CompressionType in File mode: expected None, got Gzip"),
        ({"S3InputMode": "Pipe"}, "Pipe mode"),
    ],
)
def test_a_processing_input_lies_below_its_folder_and_is_not_unpacked(context, places, changes, said):
    place = {"S3Uri": "s3://b/x", "LocalPath": "/opt/ml/processing/in", "S3DataType": "S3Prefix", **changes}
    request = {"ProcessingResources": {"ClusterConfig": {"InstanceCount": 1}}, "ProcessingInputs": [{"S3Input": place}]}
    with refused(said):
        ProcessingJobs(context, places).check(request)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"CheckpointConfig": {"S3Uri": "s3://b/c"}}, None),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/tmp/c"}}, "CheckpointConfig.LocalPath: expected"),
        ({"RetryStrategy": {"MaximumRetryAttempts": 3}}, "RetryStrategy is not offered"),
        ({"DebugHookConfig": {"S3OutputPath": "s3://b/c"}}, "DebugHookConfig is not offered"),
    ],
)
def test_a_training_job_is_refused_what_would_vanish(context, places, members, said):
    algorithm = {"AlgorithmSpecification": {"TrainingImage": "scene-ml:1", "TrainingInputMode": "File"}}
    with refused(said):
        TrainingJobs(context, places).check({**algorithm, **members})


def test_a_request_to_an_endpoint_has_6_mb(context):
    models = Models(context, Registry(context))
    endpoints = Endpoints(context, models, None)
    invocations = Invocations(context, endpoints)
    for size, said in ((limits.INVOCATION, "not found"), (limits.INVOCATION + 1, "exceeds the limit of 6291456 bytes")):
        with refused(said):
            asyncio.run(invocations.invoke("e", {}, b"x" * size))
    endpoints.close()
    invocations.close()


def test_a_model_package_has_50_metadata_properties(context):
    registry = Registry(context)
    registry.create_model_package(
        {"ModelPackageName": "p", "CustomerMetadataProperties": {str(i): "" for i in range(50)}}
    )
    with refused("CustomerMetadataProperties: expected at most 50 pairs, got 51"):
        registry.create_model_package(
            {"ModelPackageName": "q", "CustomerMetadataProperties": {str(i): "" for i in range(51)}}
        )


@pytest.fixture
def runtime(context):
    """The Feature Store runtime with one group `g` that has an online store."""
    online = OnlineStore(context.settings.root)
    offline = OfflineStore(context.settings, context.aws)
    groups = FeatureGroups(context, online)
    types = {"id": "String", "at": "String", "s": "String"}
    group = {
        "FeatureGroupName": "g",
        "RecordIdentifierFeatureName": "id",
        "EventTimeFeatureName": "at",
        "FeatureDefinitions": [{"FeatureName": n, "FeatureType": t} for n, t in types.items()],
        "OnlineStoreConfig": {"EnableOnlineStore": True, "StorageType": "Standard_V2"},
    }
    context.store.table("feature-group").put(
        "g", {**group, "FeatureGroupArn": "arn:g", "FeatureGroupStatus": "Created", "CreationTime": 0.0}
    )
    yield FeatureRuntime(groups, online, offline)
    offline.close()
    online.close()


def entry(**values):
    return {"FeatureGroupName": "g", "Record": [{"FeatureName": n, "ValueAsString": v} for n, v in values.items()]}


def test_a_record_has_350_kib_with_its_names(runtime):
    names = len("idats") + len("a") + len(AT)
    runtime.put_record(entry(id="a", at=AT, s="x" * (limits.RECORD - names)))
    with refused("the record: expected at most 358400 bytes, got 358401 bytes"):
        runtime.put_record(entry(id="a", at=AT, s="x" * (limits.RECORD - names + 1)))


def test_a_record_identifier_has_2_kib(runtime):
    runtime.put_record(entry(id="a" * 2048, at=AT))
    with refused("the record identifier: expected at most 2048 bytes"):
        runtime.put_record(entry(id="a" * 2049, at=AT))


@pytest.mark.parametrize(("count", "said"), [(25, None), (26, "1 to 25 entries, got 26"), (0, "got 0")])
def test_a_batch_writes_25_records(runtime, count, said):
    with refused(said):
        runtime.batch_write_record({"Entries": [entry(id=str(i), at=AT) for i in range(count)]})


@pytest.mark.parametrize(
    ("lists", "said"),
    [([100], None), ([50, 51], "1 to 100 identifiers and no empty list, got 101"), ([1, 0], "empty"), ([0], "got 0")],
)
def test_a_batch_reads_100_records(runtime, lists, said):
    with refused(said):
        runtime.batch_get_record(
            {
                "Identifiers": [
                    {"FeatureGroupName": "g", "RecordIdentifiersValueAsString": [str(i) for i in range(count)]}
                    for count in lists
                ]
            }
        )


def test_an_update_changes_100_features(runtime):
    features = [{"FeatureName": f"f{i}", "ValueAsString": "1"} for i in range(101)]
    with refused("at most 100 features, got 101"):
        runtime.update_record({"FeatureGroupName": "g", "RecordIdentifierValueAsString": "a", "Features": features})
