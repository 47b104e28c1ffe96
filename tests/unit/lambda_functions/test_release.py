"""An approved model package becomes what serves, once, however often the event comes."""

from __future__ import annotations

import json

import pytest
from release import handler
from release.promotion import Promotion
from scoring.policy import Policy

from features.fraud import FRAUD
from tests.unit.lambda_functions.aws import Bucket, Parameters, valid

ARN = "arn:aws:sagemaker:eu-west-1:000000000000:model-package/risk-test-{}/{}"
ROLE = "arn:aws:iam::000000000000:role/execution"
SOLVED = {"review_at": 0.4, "block_at": 0.8, "rules": [], "expected_cost_per_1000": 3.0}


class SageMaker:
    """Models, endpoint configurations and one endpoint; names can be taken once."""

    def __init__(self) -> None:
        self.models: dict[str, dict] = {}
        self.configs: dict[str, dict] = {}
        self.endpoints: dict[str, str] = {}
        self.refuses: Exception | None = None

    def create_model(self, **request) -> None:
        self._create("CreateModel", self.models, request["ModelName"], request)

    def create_endpoint_config(self, **request) -> None:
        self._create("CreateEndpointConfig", self.configs, request["EndpointConfigName"], request)

    def _create(self, operation: str, known: dict, name: str, request: dict) -> None:
        valid("sagemaker", operation, request)
        if self.refuses:
            raise self.refuses
        if name in known:
            raise ValueError(f"Cannot create already existing {operation.removeprefix('Create').lower()} {name!r}.")
        known[name] = request

    def update_endpoint(self, **request) -> None:
        valid("sagemaker", "UpdateEndpoint", request)
        if request["EndpointConfigName"] not in self.configs:
            raise KeyError(request["EndpointConfigName"])
        self.endpoints[request["EndpointName"]] = request["EndpointConfigName"]

    def describe_model_package(self, **request) -> dict:
        valid("sagemaker", "DescribeModelPackage", request)
        group, version = request["ModelPackageName"].split("/")[1:]
        return {
            "ModelPackageVersion": int(version),
            "InferenceSpecification": {"Containers": [{"ModelDataUrl": f"s3://lake/training/{group}/model.tar.gz"}]},
            "ModelMetrics": {
                "ModelQuality": {"Statistics": {"S3Uri": f"s3://lake/training/{group}/{version}/evaluation.json"}}
            },
        }


class Scene:
    """A promotion and what it works on."""

    def __init__(self) -> None:
        self.sagemaker, self.bucket, self.parameters = SageMaker(), Bucket(), Parameters()
        for version in (3, 4):
            self.bucket.objects[f"training/risk-test-fraud/{version}/evaluation.json"] = json.dumps(
                {"policy": SOLVED}
            ).encode()
            self.bucket.objects[f"training/risk-test-credit/{version}/evaluation.json"] = b'{"test": {}}'

    def release(self, problem: str = "fraud", version: int = 3) -> dict:
        promotion = Promotion(self.sagemaker, self.bucket, self.parameters, "risk-test", ROLE, "ml.m5.large")
        return promotion.release(ARN.format(problem, version), f"risk-test-{problem}")

    def recorded(self, problem: str = "fraud") -> dict:
        return json.loads(self.parameters.values[f"/risk-test/{problem}/release"])


def test_a_fraud_package_becomes_a_model_a_configuration_and_the_endpoints_choice():
    scene = Scene()
    scene.release()

    assert scene.sagemaker.models["risk-test-fraud-v3"]["PrimaryContainer"] == {
        "ModelPackageName": ARN.format("fraud", 3)
    }
    (variant,) = scene.sagemaker.configs["risk-test-fraud-v3"]["ProductionVariants"]
    assert (variant["ModelName"], variant["InstanceType"]) == ("risk-test-fraud-v3", "ml.m5.large")
    assert scene.sagemaker.endpoints == {"risk-test-fraud": "risk-test-fraud-v3"}


def test_the_release_parameter_says_what_serves():
    scene = Scene()
    answer = scene.release()

    assert scene.recorded() == {
        "model_package_arn": ARN.format("fraud", 3),
        "model_name": "risk-test-fraud-v3",
        "model_data": "s3://lake/training/risk-test-fraud/model.tar.gz",
        "endpoint_config": "risk-test-fraud-v3",
        "policy": {**SOLVED, "version": "3"},
    }
    assert answer == {"released": True, **scene.recorded()}


def test_the_policy_is_the_one_solved_for_this_model_and_bears_its_version():
    scene = Scene()
    scene.release(version=4)

    policy = Policy.parse(scene.recorded()["policy"], FRAUD.columns)
    assert (policy.version, policy.review_at) == ("4", 0.4)


def test_a_credit_package_serves_batches_and_needs_no_endpoint():
    scene = Scene()
    scene.release("credit")

    assert scene.sagemaker.endpoints == scene.sagemaker.configs == {}
    assert scene.recorded("credit")["endpoint_config"] is None
    assert scene.recorded("credit")["policy"] is None


def test_an_event_that_comes_twice_releases_the_same_thing():
    scene = Scene()

    assert scene.release() == scene.release()
    assert list(scene.sagemaker.models) == ["risk-test-fraud-v3"]


def test_a_later_version_takes_over():
    scene = Scene()
    scene.release(version=3)
    scene.release(version=4)

    assert scene.sagemaker.endpoints == {"risk-test-fraud": "risk-test-fraud-v4"}
    assert scene.recorded()["model_name"] == "risk-test-fraud-v4"


def test_a_refusal_of_sagemaker_is_not_taken_for_something_that_exists():
    scene = Scene()
    scene.sagemaker.refuses = PermissionError("not authorized to perform sagemaker:CreateModel")

    with pytest.raises(PermissionError):
        scene.release()
    assert scene.parameters.values == {}


def event(status: str, **further) -> dict:
    return {
        "detail": {
            "ModelPackageGroupName": "risk-test-fraud",
            "ModelPackageArn": ARN.format("fraud", 3),
            "ModelApprovalStatus": status,
            **further,
        }
    }


@pytest.fixture
def scene(monkeypatch) -> Scene:
    scene = Scene()
    promotion = Promotion(scene.sagemaker, scene.bucket, scene.parameters, "risk-test", ROLE, "ml.m5.large")
    monkeypatch.setattr(handler, "promotion", lambda: promotion)
    return scene


@pytest.mark.parametrize("further", [{}, {"UpdatedModelPackageFields": ["ModelApprovalStatus"]}])
def test_an_approval_releases(scene, further):
    assert handler.handle(event("Approved", **further), None)["released"] is True
    assert scene.recorded()["model_name"] == "risk-test-fraud-v3"


@pytest.mark.parametrize(
    "said",
    [
        event("Rejected"),
        event("PendingManualApproval"),
        event("Approved", UpdatedModelPackageFields=["CustomerMetadataProperties"]),
    ],
    ids=["rejected", "pending", "another edit"],
)
def test_anything_but_a_new_approval_releases_nothing_and_says_why(scene, said):
    answer = handler.handle(said, None)

    assert answer["released"] is False
    assert answer["reason"]
    assert scene.sagemaker.models == {}
