"""An approved model package becomes what serves, once however often its event comes, and the last approval prevails."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from release import handler
from release.promotion import ArchiveChanged, EndpointBroken, EndpointBusy, Promotion, Unsigned
from scoring.documents import BOOTSTRAP, Conflict, first_release, read
from scoring.policy import Policy

from features.fraud import FRAUD
from tests.unit.lambda_functions.aws import Bucket, Documents, valid

ARN = "arn:aws:sagemaker:eu-west-1:000000000000:model-package/risk-test-{}/{}"
SERVING = {"instance_type": "ml.m5.large", "instances": 1, "most_instances": 1, "serverless_memory_mb": None}
KEY = "arn:aws:kms:eu-west-1:000000000000:key/lake"
ROLES = {problem: f"arn:aws:iam::000000000000:role/risk-test-{problem}-model" for problem in ("credit", "fraud")}
SOLVED = {"review_at": 0.4, "block_at": 0.8, "rules": [], "expected_cost_per_1000": 3.0}
RELEASES = "risk-test-releases"
PASSES = {"verdict": "pass", "failed": []}
FAILS = {"verdict": "fail", "failed": ["AUC", "calibration slope"]}


REGISTERED = datetime(2026, 3, 1, 9, tzinfo=UTC)


def archive(group: str) -> str:
    return f"training/{group}/model.tar.gz"


class SageMaker:
    """Models, endpoint configurations and one endpoint; names can be taken once."""

    def __init__(self) -> None:
        self.models: dict[str, dict] = {}
        self.configs: dict[str, dict] = {}
        self.endpoints: dict[str, dict] = {"risk-test-fraud": in_service("bootstrap")}
        self.statuses: dict[str, str] = {}  # of packages that are not approved any more
        self.reasons: dict[str, str] = {}  # that came with approvals
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
        endpoint = self.endpoints[request["EndpointName"]]
        if endpoint["EndpointStatus"] != "InService" or endpoint["EndpointConfigName"] == request["EndpointConfigName"]:
            raise ValueError("Cannot update endpoint")
        endpoint["EndpointStatus"] = "Updating"
        endpoint["PendingDeploymentSummary"] = {"EndpointConfigName": request["EndpointConfigName"]}

    def describe_endpoint(self, **request) -> dict:
        valid("sagemaker", "DescribeEndpoint", request)
        return self.endpoints[request["EndpointName"]]

    def change_over(self, deployed: bool = True) -> None:
        """What the endpoint was changing over to serves, or was rolled back."""
        endpoint = self.endpoints["risk-test-fraud"]
        wanted = endpoint.pop("PendingDeploymentSummary")
        endpoint["EndpointStatus"] = "InService"
        if deployed:
            endpoint.update(wanted)

    def describe_model_package(self, **request) -> dict:
        valid("sagemaker", "DescribeModelPackage", request)
        if self.statuses.get(request["ModelPackageName"]) == "gone":
            raise ValueError(f"ModelPackage {request['ModelPackageName']} does not exist.")
        group, version = request["ModelPackageName"].split("/")[1:]
        return {
            "ModelPackageVersion": int(version),
            "ModelApprovalStatus": self.statuses.get(request["ModelPackageName"], "Approved"),
            "CreationTime": REGISTERED,
            **({"ApprovalDescription": reason} if (reason := self.reasons.get(request["ModelPackageName"])) else {}),
            "InferenceSpecification": {
                "Containers": [{"Image": "risk:1", "ModelDataUrl": f"s3://lake/{archive(group)}"}]
            },
            "ModelMetrics": {
                "ModelQuality": {"Statistics": {"S3Uri": f"s3://lake/training/{group}/{version}/evaluation.json"}}
            },
        }


def in_service(config: str) -> dict:
    return {"EndpointConfigName": config, "EndpointStatus": "InService"}


class Scene:
    """A promotion and what it works on."""

    def __init__(self) -> None:
        self.sagemaker, self.bucket = SageMaker(), Bucket()
        self.network: dict[str, list[str]] | None = None
        self.serverless_memory_mb: int | None = None
        self.documents = Documents()
        for problem in ROLES:
            self.bucket.objects[archive(f"risk-test-{problem}")] = f"trained for {problem}".encode()
            self.bucket.written[archive(f"risk-test-{problem}")] = REGISTERED - timedelta(minutes=2)
        for version in (3, 4, 5):
            policy = {**SOLVED, "model": f"job-{version}"}
            self.bucket.objects[f"training/risk-test-fraud/{version}/evaluation.json"] = json.dumps(
                {"policy": policy, "dossier": PASSES}
            ).encode()
            self.bucket.objects[f"training/risk-test-credit/{version}/evaluation.json"] = json.dumps(
                {"test": {}, "dossier": PASSES}
            ).encode()

    def release(self, problem: str = "fraud", version: int = 3, minute: int = 0) -> dict:
        """Of a package that was approved in this minute."""
        return self.promotion().release(
            ARN.format(problem, version), f"risk-test-{problem}", f"2026-03-01T10:{minute:02}:00Z"
        )

    def promotion(self) -> Promotion:
        return Promotion(
            sagemaker=self.sagemaker,
            s3=self.bucket,
            dynamodb=self.documents,
            prefix="risk-test",
            roles=ROLES,
            serving={**SERVING, "serverless_memory_mb": self.serverless_memory_mb},
            network=self.network,
            key=KEY,
            lake="lake",
            releases=RELEASES,
        )

    def recorded(self, problem: str = "fraud") -> dict:
        return read(self.documents, RELEASES, problem, first_release(problem)).body


@pytest.mark.parametrize("problem", ["credit", "fraud"])
def test_a_model_runs_in_the_network_that_there_is_and_its_code_reaches_nothing_of_it(problem):
    inside, outside = Scene(), Scene()
    inside.network = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}
    inside.release(problem)
    outside.release(problem)

    model = inside.sagemaker.models[f"risk-test-{problem}-v3"]
    assert model["VpcConfig"] == inside.network
    assert model["EnableNetworkIsolation"]
    without = outside.sagemaker.models[f"risk-test-{problem}-v3"]
    assert "VpcConfig" not in without
    assert without["EnableNetworkIsolation"]


def test_a_serverless_endpoint_gets_a_model_that_joins_no_network_for_it_takes_no_other():
    scene = Scene()
    scene.network = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}
    scene.serverless_memory_mb = 2048
    scene.release("fraud")
    scene.release("credit")

    assert "VpcConfig" not in scene.sagemaker.models["risk-test-fraud-v3"]
    assert not scene.sagemaker.models["risk-test-fraud-v3"]["EnableNetworkIsolation"]
    assert scene.sagemaker.models["risk-test-credit-v3"]["VpcConfig"] == scene.network  # it scores batches


@pytest.mark.parametrize(
    ("dossier", "why"),
    [
        (FAILS, "these tests fail: AUC, calibration slope"),
        (None, "there is none"),
        ({}, "there is none"),
        ({"verdict": "FAIL", "failed": []}, "its verdict is FAIL"),
    ],
)
@pytest.mark.parametrize("problem", ROLES)
def test_an_approval_wherever_it_was_given_releases_no_version_whose_dossier_does_not_pass(problem, dossier, why):
    scene = Scene()
    evaluation = f"training/risk-test-{problem}/3/evaluation.json"
    scene.bucket.objects[evaluation] = json.dumps({"policy": {**SOLVED, "model": "m"}, "dossier": dossier}).encode()
    for reason in ("", "  ", "rejected: calibration is off", "override:  "):
        scene.sagemaker.reasons[ARN.format(problem, 3)] = reason
        with pytest.raises(Unsigned, match=why):
            scene.release(problem)
    assert (scene.sagemaker.models, scene.sagemaker.configs) == ({}, {})
    assert scene.recorded(problem)["model_package_arn"] is None

    scene.sagemaker.reasons[ARN.format(problem, 3)] = "override: the champion is broken; until Monday"
    assert scene.release(problem)["released"]


def test_a_dossier_that_only_warns_is_released():
    scene = Scene()
    evaluation = "training/risk-test-credit/3/evaluation.json"
    scene.bucket.objects[evaluation] = json.dumps({"dossier": {"verdict": "warn", "failed": []}}).encode()
    assert scene.release("credit")["released"]


def test_a_fraud_package_becomes_a_model_a_configuration_and_the_endpoints_choice():
    scene = Scene()
    scene.release()

    assert scene.sagemaker.models["risk-test-fraud-v3"]["PrimaryContainer"] == {
        "Image": "risk:1",
        "ModelDataUrl": "s3://lake/released/fraud/3/model.tar.gz",
    }
    (variant,) = scene.sagemaker.configs["risk-test-fraud-v3"]["ProductionVariants"]
    assert (variant["ModelName"], variant["InstanceType"]) == ("risk-test-fraud-v3", "ml.m5.large")
    scene.sagemaker.change_over()
    assert scene.sagemaker.endpoints == {"risk-test-fraud": in_service("risk-test-fraud-v3")}


def test_the_release_says_what_serves():
    scene = Scene()
    answer = scene.release()

    assert scene.recorded() == {
        "model_package_arn": ARN.format("fraud", 3),
        "model_name": "risk-test-fraud-v3",
        "model_data": "s3://lake/released/fraud/3/model.tar.gz",
        "endpoint_config": "risk-test-fraud-v3",
        "policy": {**SOLVED, "model": "job-3", "version": scene.recorded()["policy"]["version"]},
        "earlier_policy": {name: BOOTSTRAP[name] for name in ("version", "model", "review_at", "block_at")},
        "approved_at": "2026-03-01T10:00:00Z",
    }
    assert answer == {"released": True, "model_name": "risk-test-fraud-v3"}


@pytest.mark.parametrize("problem", ROLES)
def test_what_serves_is_a_copy_of_what_was_registered(problem):
    scene = Scene()
    scene.release(problem)

    serves = scene.sagemaker.models[f"risk-test-{problem}-v3"]["PrimaryContainer"]["ModelDataUrl"]
    assert serves == scene.recorded(problem)["model_data"] == f"s3://lake/released/{problem}/3/model.tar.gz"
    assert scene.bucket.objects[f"released/{problem}/3/model.tar.gz"] == f"trained for {problem}".encode()


def test_an_archive_that_was_written_over_after_its_package_was_registered_is_not_released():
    scene = Scene()
    scene.bucket.written[archive("risk-test-fraud")] = REGISTERED + timedelta(seconds=1)

    with pytest.raises(ArchiveChanged, match="written after its package was registered"):
        scene.release()
    assert scene.sagemaker.models == {}
    assert scene.recorded()["model_package_arn"] is None


def test_an_archive_that_was_released_before_serves_again_whatever_became_of_the_one_that_was_trained():
    scene = Scene()
    scene.release()
    scene.sagemaker.change_over()
    scene.bucket.objects[archive("risk-test-fraud")] = b"another"
    scene.bucket.written[archive("risk-test-fraud")] = REGISTERED + timedelta(days=1)

    assert scene.release(minute=1)["released"]
    assert scene.bucket.objects["released/fraud/3/model.tar.gz"] == b"trained for fraud"


def test_the_policy_is_the_one_solved_for_this_model_and_bears_its_version():
    scene = Scene()
    scene.release(version=4)

    policy = Policy.parse(scene.recorded()["policy"], FRAUD.columns)
    assert (policy.version.partition("@")[0], policy.review_at) == ("4", 0.4)


def test_a_credit_package_serves_batches_and_needs_no_endpoint():
    scene = Scene()
    scene.release("credit")

    assert scene.sagemaker.configs == {}
    assert scene.recorded("credit")["endpoint_config"] is None
    assert scene.recorded("credit")["policy"] is None


def test_the_thresholds_of_a_release_are_kept_under_the_version_that_decisions_bear():
    scene = Scene()
    scene.release(version=4)

    ((key, body),) = [(k, b) for k, b in scene.bucket.objects.items() if k.startswith("policies/fraud/thresholds/")]
    sha = hashlib.sha256(body).hexdigest()
    assert key == f"policies/fraud/thresholds/{sha}.json"
    assert json.loads(body) == {**SOLVED, "model": "job-4", "version": "4"}
    assert scene.recorded()["policy"]["version"] == f"4@{sha[:12]}"


def test_what_another_release_has_written_since_it_was_read_is_not_written_over():
    scene = Scene()
    scene.documents.meanwhile.append(lambda: scene.documents.put(RELEASES, {"model_name": "another"}))
    with pytest.raises(Conflict, match="written by somebody else"):
        scene.release()

    assert scene.recorded() == {"model_name": "another"}


def test_a_state_machine_finds_model_and_archive_beside_the_document():
    scene = Scene()
    scene.release("credit")

    item = scene.documents.items[RELEASES, "credit"]
    assert (item["model_name"]["S"], item["model_data"]["S"]) == (
        "risk-test-credit-v3",
        "s3://lake/released/credit/3/model.tar.gz",
    )


def test_an_event_that_comes_twice_releases_the_same_thing():
    scene = Scene()

    assert scene.release() == scene.release()
    assert list(scene.sagemaker.models) == ["risk-test-fraud-v3"]


@pytest.mark.parametrize("deployed", [False, True])
def test_a_release_that_is_tried_again_after_a_failure_ends_as_if_it_had_not_failed(deployed):
    """The endpoint was told, and the document was not written; SageMaker refuses the same change a second time."""
    scene, undisturbed = Scene(), Scene()
    undisturbed.release()
    before = dict(scene.documents.items)
    scene.release()
    scene.documents.items = before
    if deployed:
        scene.sagemaker.change_over()
    scene.release()

    assert {**scene.recorded(), "earlier_policy": None} == {**undisturbed.recorded(), "earlier_policy": None}
    assert deployed or scene.recorded() == undisturbed.recorded()


def test_a_later_version_takes_over():
    scene = Scene()
    scene.release(version=3)
    scene.sagemaker.change_over()
    scene.release(version=4)
    scene.sagemaker.change_over()

    assert scene.sagemaker.endpoints == {"risk-test-fraud": in_service("risk-test-fraud-v4")}
    assert scene.recorded()["model_name"] == "risk-test-fraud-v4"


def test_the_policy_of_the_model_that_serves_is_kept_until_the_endpoint_has_changed_over():
    scene = Scene()
    scene.release(version=3)
    assert scene.recorded()["earlier_policy"]["model"] == "bootstrap"
    scene.sagemaker.change_over()
    scene.release(version=4)

    assert scene.recorded()["earlier_policy"]["model"] == "job-3"


def test_the_policy_of_the_model_that_serves_is_kept_when_the_next_one_was_rolled_back():
    scene = Scene()
    scene.release(version=3)
    scene.sagemaker.change_over(deployed=False)
    scene.release(version=4)

    assert scene.recorded()["earlier_policy"]["model"] == "bootstrap"


@pytest.mark.parametrize("version", [3, 5], ids=["the one that serves", "a third one"])
def test_an_approval_during_an_update_waits_with_nothing_written_and_serves_when_it_comes_again(version):
    scene = Scene()
    scene.release(version=3, minute=1)
    scene.sagemaker.change_over()
    scene.release(version=4, minute=2)
    recorded, models = scene.recorded(), list(scene.sagemaker.models)
    with pytest.raises(EndpointBusy, match=f"v{version} waits: the endpoint is Updating and changes over to .*-v4"):
        scene.release(version=version, minute=3)
    assert (scene.recorded(), list(scene.sagemaker.models)) == (recorded, models)
    scene.sagemaker.change_over()
    scene.release(version=version, minute=3)
    scene.sagemaker.change_over()

    assert scene.sagemaker.endpoints == {"risk-test-fraud": in_service(f"risk-test-fraud-v{version}")}
    assert scene.recorded()["policy"]["model"] == f"job-{version}"
    assert scene.recorded()["earlier_policy"]["model"] == "job-4"


@pytest.mark.parametrize("status", ["Creating", "RollingBack", "SystemUpdating", "Updating"])
def test_an_approval_waits_for_an_endpoint_that_cannot_be_changed_for_another_reason(status):
    scene = Scene()
    scene.sagemaker.endpoints["risk-test-fraud"]["EndpointStatus"] = status
    with pytest.raises(EndpointBusy, match=f"v3 waits: the endpoint is {status}$"):
        scene.release()

    assert scene.recorded()["model_package_arn"] is None


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed"])
def test_an_endpoint_that_nothing_but_a_person_can_repair_is_an_error_of_the_release(status):
    scene = Scene()
    scene.sagemaker.endpoints["risk-test-fraud"]["EndpointStatus"] = status
    with pytest.raises(EndpointBroken, match=f"v3 cannot be released: the endpoint is {status}$"):
        scene.release()

    assert scene.recorded()["model_package_arn"] is None


def test_the_approval_of_a_package_that_is_gone_holds_nobody_up():
    scene = Scene()
    scene.sagemaker.statuses[ARN.format("fraud", 3)] = "gone"

    assert scene.release(version=3) == {"released": False, "reason": "the package is gone"}
    assert scene.recorded()["model_package_arn"] is None


def test_a_credit_package_waits_for_no_endpoint():
    scene = Scene()
    scene.release(version=3)

    assert scene.release("credit")["released"] is True


@pytest.mark.parametrize("problem", ["credit", "fraud"])
def test_of_two_approvals_that_come_in_the_wrong_order_the_later_one_serves(problem):
    scene = Scene()
    scene.release(problem, version=4, minute=2)
    before = scene.recorded(problem)
    answer = scene.release(problem, version=3, minute=1)

    assert answer == {"released": False, "reason": f"risk-test-{problem}-v4 was approved later and is released"}
    assert scene.recorded(problem) == before


@pytest.mark.parametrize("status", ["Rejected", "PendingManualApproval"])
def test_an_approval_that_was_withdrawn_while_it_waited_releases_nothing(status):
    scene = Scene()
    scene.sagemaker.statuses[ARN.format("fraud", 3)] = status

    assert scene.release() == {"released": False, "reason": f"the package is {status} by now"}
    assert scene.recorded()["model_package_arn"] is None


def test_a_refusal_of_sagemaker_is_not_taken_for_something_that_exists():
    scene = Scene()
    scene.sagemaker.refuses = PermissionError("not authorized to perform sagemaker:CreateModel")

    before = dict(scene.documents.items)
    with pytest.raises(PermissionError):
        scene.release()
    assert scene.documents.items == before


def event(status: str, **further) -> dict:
    """As the queue hands it on."""
    detail = {
        "ModelPackageGroupName": "risk-test-fraud",
        "ModelPackageArn": ARN.format("fraud", 3),
        "ModelApprovalStatus": status,
        **further,
    }
    body = {"source": "aws.sagemaker", "time": "2026-03-01T10:00:00Z", "detail": detail}
    times = {"ApproximateReceiveCount": "1"}
    return {"Records": [{"messageId": "m1", "body": json.dumps(body), "attributes": times}]}


DONE: dict = {"batchItemFailures": []}


@pytest.fixture
def scene(monkeypatch) -> Scene:
    scene = Scene()
    monkeypatch.setattr(handler, "promotion", scene.promotion)
    return scene


@pytest.mark.parametrize("further", [{}, {"UpdatedModelPackageFields": ["ModelApprovalStatus"]}])
def test_an_approval_releases(scene, further):
    assert handler.handle(event("Approved", **further), None) == DONE
    assert scene.recorded()["model_name"] == "risk-test-fraud-v3"


def test_an_approval_that_must_wait_goes_back_to_the_queue_and_the_log_says_why(scene, capsys):
    scene.release(version=4)

    assert handler.handle(event("Approved"), None) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert "risk-test-fraud-v3 waits" in json.loads(capsys.readouterr().out)["reason"]


def test_a_release_that_fails_is_an_error_of_the_function(scene):
    scene.sagemaker.refuses = PermissionError("not authorized to perform sagemaker:CreateModel")

    with pytest.raises(PermissionError):
        handler.handle(event("Approved"), None)


def test_an_approval_that_the_dossier_does_not_bear_out_rings_once_and_lets_those_behind_it_pass(scene, capsys):
    scene.bucket.objects["training/risk-test-fraud/3/evaluation.json"] = json.dumps({"dossier": FAILS}).encode()
    approval = event("Approved")
    with pytest.raises(Unsigned):
        handler.handle(approval, None)

    approval["Records"][0]["attributes"]["ApproximateReceiveCount"] = "2"
    assert handler.handle(approval, None) == DONE
    assert "these tests fail" in json.loads(capsys.readouterr().out)["reason"]
    assert scene.sagemaker.models == {}


@pytest.mark.parametrize(
    "said",
    [
        event("Rejected"),
        event("PendingManualApproval"),
        event("Approved", UpdatedModelPackageFields=["CustomerMetadataProperties"]),
    ],
    ids=["rejected", "pending", "another edit"],
)
def test_anything_but_a_new_approval_releases_nothing_and_says_why(scene, said, capsys):
    assert handler.handle(said, None) == DONE
    assert json.loads(capsys.readouterr().out)["reason"]
    assert scene.sagemaker.models == {}
