"""An approved model package becomes what serves, once however often its event comes, and the last approval prevails."""

from __future__ import annotations

import hashlib
import itertools
import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from release import handler
from release.comparison import ShadowDiffers, judged
from release.guard import Aborted, Guard, GuardRings
from release.promotion import ArchiveChanged, EndpointBroken, EndpointBusy, NothingBefore, Promotion, Unsigned
from release.starting import Start
from release.watching import NONE_SEEN, PROBES, AnswersBadly, NotAsAsked, Watch, require_answers
from scoring.documents import BOOTSTRAP, Conflict, first_release, read
from scoring.policy import Policy

from features.canonical import canonical
from features.fraud import FRAUD
from tests.unit.lambda_functions.aws import Bucket, Documents, Endpoint, valid

ARN = "arn:aws:sagemaker:eu-west-1:000000000000:model-package/risk-test-{}/{}"
SERVING = {"instance_type": "ml.m5.large", "instances": 1, "most_instances": 1, "serverless_memory_mb": None}
KEY = "arn:aws:kms:eu-west-1:000000000000:key/lake"
ROLES = {problem: f"arn:aws:iam::000000000000:role/risk-test-{problem}-model" for problem in ("credit", "fraud")}
API_ROLE = "arn:aws:iam::000000000000:role/risk-test-credit-api"
SOLVED = {"review_at": 0.4, "block_at": 0.8, "rules": [], "expected_cost_per_1000": 3.0}
RELEASES, POLICIES = "risk-test-releases", "risk-test-policies"
MACHINE = "arn:aws:states:eu-west-1:000000000000:stateMachine:risk-test-release"
GUARD = Guard(600, 300, ("risk-test-guard-errors", "risk-test-guard-latency"), "risk-test-guard-abort")
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
        self.updates: list[dict] = []

    def describe_endpoint_config(self, **request) -> dict:
        valid("sagemaker", "DescribeEndpointConfig", request)
        return self.configs[request["EndpointConfigName"]]

    def describe_model(self, **request) -> dict:
        valid("sagemaker", "DescribeModel", request)
        return self.models[request["ModelName"]]

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
        self.updates.append(request)
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

    def bake(self) -> None:
        """The new fleet takes its part of the traffic."""
        variant = {"VariantName": "champion", "VariantStatus": [{"Status": "Baking"}]}
        self.endpoints["risk-test-fraud"]["PendingDeploymentSummary"]["ProductionVariants"] = [variant]

    def change_over(self, deployed: bool = True, problem: str = "fraud") -> None:
        """What the endpoint was changing over to serves, or was rolled back."""
        endpoint = self.endpoints[f"risk-test-{problem}"]
        wanted = endpoint.pop("PendingDeploymentSummary")
        endpoint["EndpointStatus"] = "InService"
        if deployed:
            endpoint["EndpointConfigName"] = wanted["EndpointConfigName"]
        else:
            endpoint["FailureReason"] = "One or more alarms rang: risk-test-guard-errors"

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


class Machines:
    """Step Functions: runs by name."""

    def __init__(self) -> None:
        self.runs: dict[str, str] = {}
        self.inputs: dict[str, dict] = {}

    def start_execution(self, **request) -> dict:
        valid("stepfunctions", "StartExecution", request)
        arn = f"{MACHINE.replace('stateMachine', 'execution')}:{request['name']}"
        if self.runs.get(arn, "RUNNING") != "RUNNING":
            raise Refusal("ExecutionAlreadyExists")
        self.runs[arn], self.inputs[request["name"]] = "RUNNING", json.loads(request["input"])
        return {"executionArn": arn}

    def describe_execution(self, **request) -> dict:
        valid("stepfunctions", "DescribeExecution", request)
        if request["executionArn"] not in self.runs:
            raise Refusal("ExecutionDoesNotExist")
        return {"status": self.runs[request["executionArn"]]}


class Alarms:
    """CloudWatch: those that ring."""

    def __init__(self) -> None:
        self.ring: set[str] = set()

    def describe_alarms(self, **request) -> dict:
        valid("cloudwatch", "DescribeAlarms", request)
        states = {name: "ALARM" if name in self.ring else "OK" for name in request["AlarmNames"]}
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": state} for name, state in states.items()]}

    def set_alarm_state(self, **request) -> None:
        valid("cloudwatch", "SetAlarmState", request)
        (self.ring.add if request["StateValue"] == "ALARM" else self.ring.discard)(request["AlarmName"])


class Refusal(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


def in_service(config: str) -> dict:
    return {"EndpointConfigName": config, "EndpointStatus": "InService"}


class Scene:
    """A promotion and what it works on."""

    def __init__(self) -> None:
        self.sagemaker, self.bucket = SageMaker(), Bucket()
        self.endpoint, self.machines, self.alarms = Endpoint(), Machines(), Alarms()
        self.network: dict[str, list[str]] | None = None
        self.asked = False  # whether single loans ask an endpoint
        self.serverless_memory_mb: int | None = None
        self.instances = 1
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
            roles={**ROLES, "credit-api": API_ROLE} if self.asked else ROLES,
            serving={
                **SERVING,
                "serverless_memory_mb": self.serverless_memory_mb,
                "instances": self.instances,
                "asked_memory_mb": 3072,
            },
            network=self.network,
            key=KEY,
            lake="lake",
            releases=RELEASES,
            policies=POLICIES,
            guard=GUARD,
        )

    def watch(self) -> Watch:
        return Watch(
            sagemaker=self.sagemaker,
            runtime=self.endpoint,
            lenders=self.endpoint,
            s3=self.bucket,
            dynamodb=self.documents,
            prefix="risk-test",
            lake="lake",
            releases=RELEASES,
            asked=("credit",) if self.asked else (),
        )

    def starting(self) -> Start:
        return Start(self.machines, self.documents, MACHINE, "risk-test", RELEASES)

    def look(self, problem: str = "fraud", version: int = 3, **further) -> dict:
        return self.watch().look(problem, f"risk-test-{problem}-v{version}", NONE_SEEN, **further)

    def promote(self, problem: str = "fraud", version: int = 3, minute: int = 0) -> None:
        """The whole way of a release that goes well."""
        self.release(problem, version, minute)
        if problem == "fraud":
            self.sagemaker.change_over()
            self.endpoint.model = f"job-{version}"
        assert self.look(problem, version)["state"] == "serves"

    def recorded(self, problem: str = "fraud") -> dict:
        return read(self.documents, RELEASES, problem, first_release(problem)).body


def asked_scene() -> Scene:
    scene = Scene()
    scene.asked, scene.network = True, {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    scene.sagemaker.endpoints["risk-test-credit"] = in_service("bootstrap")
    return scene


def test_one_approval_of_credit_releases_one_archive_to_batches_and_to_single_loans():
    scene = asked_scene()
    scene.release("credit")
    batch, single = (scene.sagemaker.models[f"risk-test-credit-v3{end}"] for end in ("", "-api"))
    config = scene.sagemaker.configs["risk-test-credit-v3"]

    assert batch["PrimaryContainer"] == single["PrimaryContainer"]
    assert (batch["EnableNetworkIsolation"], single["EnableNetworkIsolation"]) == (True, False), "serverless takes none"
    assert "VpcConfig" not in single
    assert single["ExecutionRoleArn"] == API_ROLE
    assert config["ProductionVariants"][0]["ServerlessConfig"] == {"MemorySizeInMB": 3072, "MaxConcurrency": 5}
    assert "KmsKeyId" not in config
    assert scene.look("credit")["state"] == "changing"
    assert not scene.recorded("credit")["promoted"]
    scene.sagemaker.change_over(problem="credit")
    assert scene.look("credit")["state"] == "serves"
    assert (scene.recorded("credit")["promoted"], scene.recorded("credit")["endpoint_config"]) == (
        True,
        "risk-test-credit-v3",
    )


def test_a_version_that_does_not_serve_single_loans_scores_no_batches_either():
    scene = asked_scene()
    scene.release("credit", 3)
    scene.sagemaker.change_over(problem="credit")
    scene.look("credit", 3)
    scene.release("credit", 4, 1)
    scene.sagemaker.change_over(deployed=False, problem="credit")

    assert scene.look("credit", 4)["state"] == "undone"
    assert scene.recorded("credit")["model_name"] == "risk-test-credit-v3"
    assert scene.recorded("credit")["undone"]["model_name"] == "risk-test-credit-v4"


def test_a_version_of_credit_waits_while_its_endpoint_changes_over_to_another():
    scene = asked_scene()
    scene.release("credit", 3)
    with pytest.raises(EndpointBusy, match="changes over to risk-test-credit-v3"):
        scene.release("credit", 4, 1)


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
        "trained_with": None,
        "approved_at": "2026-03-01T10:00:00Z",
        "promoted": False,
        "served": [],
        "before": first_release("fraud"),
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


def test_a_state_machine_finds_the_promoted_model_and_its_archive_beside_the_document_until_another_is_promoted():
    scene = asked_scene()

    def found() -> tuple:
        item = scene.documents.items[RELEASES, "credit"]
        return tuple(item.get(name, {}).get("S") for name in ("model_name", "model_data"))

    def version(n: int) -> tuple:
        return f"risk-test-credit-v{n}", f"s3://lake/released/credit/{n}/model.tar.gz"

    scene.release("credit")
    assert found() == (None, None)  # the endpoint changes over: nothing is proven yet
    scene.sagemaker.endpoints["risk-test-credit"] = in_service("risk-test-credit-v3")
    assert scene.look("credit")["state"] == "serves"
    assert found() == version(3)

    for n, deployed, stands in ((4, False, 3), (5, True, 5)):
        scene.release("credit", n, minute=n)
        assert found() == version(3)
        scene.release("credit", n, minute=n)  # tried again
        assert found() == version(3)
        scene.sagemaker.endpoints["risk-test-credit"] = in_service(f"risk-test-credit-v{n if deployed else 3}")
        scene.look("credit", n)
        assert found() == version(stands)


def test_a_state_machine_finds_what_the_promoted_model_was_trained_with():
    """As further members of a list of pipeline parameters: the machine of drift puts them behind its own."""
    scene = Scene()
    told = {"Costs": '{"review": 4, "note": "it\'s \\"{}\\""}', "Fairness": "{}"}
    for version in (3, 4):
        path = f"training/risk-test-fraud/{version}/evaluation.json"
        document = json.loads(scene.bucket.objects[path]) | ({"trained_with": told} if version == 3 else {})
        scene.bucket.objects[path] = json.dumps(document).encode()

    def trains_anew() -> list | None:
        beside = scene.documents.items[RELEASES, "fraud"].get("trained_with")
        return beside and json.loads('[{"Name":"AsOf","Value":"now"}' + beside["S"] + "]")

    asked = [{"Name": "AsOf", "Value": "now"}, *({"Name": n, "Value": v} for n, v in told.items())]
    scene.promote(version=3)
    assert trains_anew() == asked
    scene.release(version=4, minute=1)
    assert trains_anew() == asked
    scene.sagemaker.change_over(deployed=False)
    assert scene.look(version=4)["state"] == "undone"
    assert trains_anew() == asked
    scene.promote(version=4, minute=2)
    assert trains_anew() is None  # its evaluation is of before this was kept


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
RUN = "fraud-3-20260301T100000Z"


@pytest.fixture
def scene(monkeypatch) -> Scene:
    scene = Scene()
    for name in ("promotion", "watch", "starting"):
        monkeypatch.setattr(handler, name, getattr(scene, name))
    monkeypatch.setattr(handler, "guard", lambda: GUARD)
    monkeypatch.setattr(handler, "client", {"cloudwatch": scene.alarms, "s3": scene.bucket}.__getitem__)
    return scene


@pytest.mark.parametrize("further", [{}, {"UpdatedModelPackageFields": ["ModelApprovalStatus"]}])
def test_an_approval_starts_a_run_of_the_release(scene, further):
    assert handler.handle(event("Approved", **further), None) == DONE
    assert scene.machines.inputs == {
        RUN: {
            "package": ARN.format("fraud", 3),
            "group": "risk-test-fraud",
            "approved_at": "2026-03-01T10:00:00Z",
        }
    }


def test_an_approval_waits_in_the_queue_while_another_of_its_problem_is_released(scene, capsys):
    scene.starting().start(ARN.format("fraud", 4), "risk-test-fraud", "2026-03-01T09:00:00Z")
    assert handler.handle(event("Approved"), None) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert "risk-test-fraud-v3 waits: fraud-4-" in json.loads(capsys.readouterr().out)["reason"]
    scene.starting().start(ARN.format("credit", 3), "risk-test-credit", "2026-03-01T10:00:00Z")  # another problem

    scene.machines.runs = dict.fromkeys(scene.machines.runs, "FAILED")
    assert handler.handle(event("Approved"), None) == DONE
    assert RUN in scene.machines.inputs


def test_an_approval_that_is_delivered_twice_starts_one_run_and_none_after_its_end(scene, capsys):
    handler.handle(event("Approved"), None)
    assert handler.handle(event("Approved"), None) == DONE
    scene.machines.runs = dict.fromkeys(scene.machines.runs, "SUCCEEDED")
    handler.handle(event("Approved"), None)

    assert list(scene.machines.inputs) == [RUN]
    assert "was started before" in capsys.readouterr().out.splitlines()[-1]


def test_the_steps_of_a_run_come_to_the_same_function(scene):
    about = {"package": ARN.format("fraud", 3), "group": "risk-test-fraud", "approved_at": "2026-03-01T10:00:00Z"}
    prepared = handler.handle({"step": "prepare", **about}, None)
    assert prepared == {
        "released": True, "problem": "fraud", "model": "risk-test-fraud-v3", "guarded": True, "shadow": None,
        "compared": None,
    }  # fmt: skip
    served = handler.handle({"step": "serve", "guarded": True, **about}, None)
    assert (served["state"], served["seen"]) == ("changing", NONE_SEEN)
    scene.sagemaker.change_over()
    scene.endpoint.model = "job-3"
    looked = handler.handle(
        {"step": "look", "problem": "fraud", "model": "risk-test-fraud-v3", "seen": NONE_SEEN, "shadow": None}, None
    )
    assert looked["state"] == "serves"


def test_an_approval_that_is_withdrawn_during_its_run_releases_nothing(scene):
    about = {"package": ARN.format("fraud", 3), "group": "risk-test-fraud", "approved_at": "2026-03-01T10:00:00Z"}
    scene.sagemaker.statuses[ARN.format("fraud", 3)] = "Rejected"
    assert handler.handle({"step": "prepare", **about}, None)["released"] is False
    assert handler.handle({"step": "serve", "guarded": True, **about}, None)["state"] == "withdrawn"


@pytest.mark.parametrize(
    ("rings", "error"), [("risk-test-guard-errors", GuardRings), ("risk-test-guard-abort", Aborted)]
)
def test_nothing_is_released_while_an_alarm_rings_that_would_undo_it(scene, rings, error):
    scene.alarms.ring.add(rings)
    about = {"package": ARN.format("fraud", 3), "group": "risk-test-fraud", "approved_at": "2026-03-01T10:00:00Z"}
    with pytest.raises(error, match=rings):
        handler.handle({"step": "serve", "guarded": True, **about}, None)
    assert scene.sagemaker.updates == []

    assert handler.handle({"step": "serve", "guarded": False, **about}, None)["released"]  # it is brought back in need


def test_a_release_begins_without_the_abort_of_the_one_before(scene):
    scene.alarms.ring.add("risk-test-guard-abort")
    about = {"package": ARN.format("fraud", 3), "group": "risk-test-fraud", "approved_at": "2026-03-01T10:00:00Z"}
    handler.handle({"step": "prepare", **about}, None)
    assert scene.alarms.ring == set()


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
    assert scene.machines.runs == {}


# What becomes of it


def test_the_endpoint_is_told_to_shift_a_part_first_and_to_come_back_when_an_alarm_rings(scene):
    scene.instances = 20
    scene.release()
    (update,) = scene.sagemaker.updates
    policy = update["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"] == {
        "Type": "CANARY", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 2}, "WaitIntervalInSeconds": 600
    }  # fmt: skip
    assert policy["MaximumExecutionTimeoutInSeconds"] > 600 + policy["TerminationWaitInSeconds"] == 900
    assert undoing(update) == [*GUARD.alarms, GUARD.abort]
    assert update["RetainAllVariantProperties"]  # what scaling has made of it


def test_one_instance_has_no_part_that_could_serve_alone_but_alarms_undo_it_all_the_same(scene):
    scene.release()
    deployment = scene.sagemaker.updates[0]["DeploymentConfig"]
    assert deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    assert len(deployment["AutoRollbackConfiguration"]["Alarms"]) == 3


def test_a_serverless_endpoint_changes_over_without_fleets(scene):
    scene.serverless_memory_mb = 2048
    scene.release()
    assert scene.sagemaker.updates == [{"EndpointName": "risk-test-fraud", "EndpointConfigName": "risk-test-fraud-v3"}]


def test_what_has_served_before_comes_back_at_once_whatever_rings_and_is_compared_with_nothing(scene):
    scene.bucket.objects["decisions/decision_date=2026-03-01/1.json"] = b"{}"
    scene.promote(version=3)
    scene.promote(version=4, minute=1)
    prepared = scene.promotion().prepare(ARN.format("fraud", 3), "risk-test-fraud", "2026-03-01T10:02:00Z")
    assert (prepared["guarded"], prepared["shadow"]) == (False, None)
    scene.promote(version=3, minute=2)

    assert "DeploymentConfig" in scene.sagemaker.updates[1]
    assert "DeploymentConfig" not in scene.sagemaker.updates[2]
    assert scene.recorded()["served"] == ["risk-test-fraud-v4", "risk-test-fraud-v3"]


def test_a_candidate_is_compared_with_what_serves_on_the_newest_two_days_of_decisions(scene):
    for day in ("2026-02-27", "2026-03-01", "2026-02-28"):
        scene.bucket.objects[f"decisions/decision_date={day}/1.json"] = b"{}"
    first = scene.promotion().prepare(ARN.format("fraud", 3), "risk-test-fraud", "2026-03-01T10:00:00Z")
    assert first["shadow"] is None  # the bootstrap model knows nothing that another could differ from
    scene.promote(version=3)
    shadow = scene.promotion().prepare(ARN.format("fraud", 4), "risk-test-fraud", "2026-03-01T10:01:00Z")["shadow"]

    assert (shadow["day_before"], shadow["day"]) == ("2026-02-28", "2026-03-01")
    assert shadow["model_data"] == "s3://lake/released/fraud/4/model.tar.gz"
    assert shadow["arguments"] == ["--live", "job-3", "--live-thresholds", "0.4", "0.8", "--thresholds", "0.4", "0.8"]
    assert scene.recorded()["model_name"] == "risk-test-fraud-v3"
    assert len(scene.sagemaker.updates) == 1
    assert shadow["overridden"] is False
    scene.sagemaker.reasons[ARN.format("fraud", 4)] = "override: it shall block more"
    again = scene.promotion().prepare(ARN.format("fraud", 4), "risk-test-fraud", "2026-03-01T10:01:00Z")
    assert again["shadow"]["overridden"] is True


def test_probes_count_once_the_canary_takes_traffic_and_only_what_the_new_model_answers(scene):
    scene.release()
    assert scene.look() == {"state": "changing", "seen": NONE_SEEN}
    assert scene.endpoint.asked == []
    scene.sagemaker.bake()
    assert scene.look()["seen"] == {"probes": PROBES, "answered": 0, "failed": 0, "differing": 0}
    scene.endpoint.model = "job-3"
    assert scene.look()["seen"] == {"probes": PROBES, "answered": PROBES, "failed": 0, "differing": 0}
    scene.endpoint.down = True
    assert scene.look()["seen"] == {"probes": PROBES, "answered": 0, "failed": PROBES, "differing": 0}


def test_an_endpoint_that_hangs_does_not_take_the_functions_own_time(scene):
    scene.release()
    scene.sagemaker.bake()
    scene.endpoint.model = "job-3"
    ticks = itertools.count(0, 4)
    watch = replace(scene.watch(), clock=lambda: next(ticks))
    assert watch.look("fraud", "risk-test-fraud-v3", NONE_SEEN)["seen"]["probes"] == 2


def test_what_the_endpoint_answers_is_held_against_what_the_shadow_run_has_computed(scene, capsys):
    scene.release()
    scene.sagemaker.bake()
    scene.endpoint.model = "job-3"
    rows = [{"vector": [0.0] * len(FRAUD.columns), "score": score} for score in (0.01, 0.02)]
    probes = {"feature_version": FRAUD.version, "rows": rows}
    scene.bucket.objects["monitoring/shadow/fraud/3/probes.json"] = json.dumps(probes).encode()
    shadow = {"folder": "monitoring/shadow/fraud/3"}
    assert scene.look(shadow=shadow)["seen"]["differing"] == PROBES // 2
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["canary_differing"] == PROBES // 2

    other = {**probes, "feature_version": "of an older deployment"}
    scene.bucket.objects["monitoring/shadow/fraud/3/probes.json"] = json.dumps(other).encode()
    assert scene.look(shadow=shadow)["seen"]["differing"] == 0


def test_a_model_that_serves_is_promoted_with_what_was_seen_of_it(scene):
    scene.release()
    scene.sagemaker.change_over()
    scene.endpoint.model = "job-3"
    compared = {"rows": 900, "verdict": "passed"}
    assert scene.look(compared=compared)["state"] == "serves"

    recorded = scene.recorded()
    assert (recorded["promoted"], recorded["served"], recorded["shadow"]) == (True, ["risk-test-fraud-v3"], compared)
    assert recorded["canary"]["answered"] == PROBES
    assert "before" not in recorded
    assert scene.look()["state"] == "serves"  # Step Functions may ask twice
    assert scene.recorded() == recorded


def test_a_canary_without_traffic_is_promoted_by_its_probes_alone_and_says_so(scene):
    scene.release()
    scene.sagemaker.change_over()  # it never answered while it baked
    scene.endpoint.model = "job-3"
    assert scene.look()["state"] == "serves"
    assert scene.recorded()["canary"] == {"probes": PROBES, "answered": PROBES, "failed": 0, "differing": 0}


@pytest.mark.parametrize("wrong", ["answers nothing", "another model answers", "other scores"])
def test_a_model_that_does_not_answer_as_it_must_is_not_promoted_until_it_does(scene, wrong):
    scene.release()
    scene.sagemaker.change_over()
    scene.endpoint.model = "job-2" if wrong == "another model answers" else "job-3"
    scene.endpoint.down = wrong == "answers nothing"
    shadow = {"folder": "monitoring/shadow/fraud/3"}
    rows = [{"vector": [0.0] * len(FRAUD.columns), "score": 0.02 if wrong == "other scores" else 0.01}]
    probes = json.dumps({"feature_version": FRAUD.version, "rows": rows}).encode()
    scene.bucket.objects["monitoring/shadow/fraud/3/probes.json"] = probes
    with pytest.raises(AnswersBadly, match="is not promoted: of 40 probes"):
        scene.look(shadow=shadow)
    assert not scene.recorded()["promoted"]

    scene.endpoint.down, scene.endpoint.model = False, "job-3"
    if wrong != "other scores":
        assert scene.look(shadow=shadow)["state"] == "serves"
    assert scene.recorded()["promoted"] == (wrong != "other scores")


def released_badly(problem: str) -> tuple[Scene, dict]:
    """A scene whose fourth version has all the traffic after the third one served, and what was released before."""
    scene = asked_scene()
    for version in (3, 4):
        scene.release(problem, version, minute=version)
        scene.sagemaker.change_over(problem=problem)
        if version == 3:
            scene.endpoint.model = "job-3"
            assert scene.look(problem)["state"] == "serves"
            before = scene.recorded(problem)
    return scene, before


@pytest.mark.parametrize("problem", ["credit", "fraud"])
def test_what_served_before_serves_again_in_the_place_of_a_model_that_answers_badly(problem):
    scene, before = released_badly(problem)
    seen, bad = {**NONE_SEEN, "probes": 40}, f"risk-test-{problem}-v4"
    back = scene.promotion().bring_back(problem, bad, "it answers badly", seen, {"verdict": "alike"})
    assert back == {"state": "changing", "seen": seen}
    update = scene.sagemaker.updates[-1]
    assert update["EndpointConfigName"] == f"risk-test-{problem}-v3"
    assert "DeploymentConfig" not in update
    assert update.get("RetainAllVariantProperties") == (True if problem == "fraud" else None)
    recorded = scene.recorded(problem)
    assert recorded.pop("undone") == {
        "model_package_arn": ARN.format(problem, 4),
        "model_name": bad,
        "approved_at": "2026-03-01T10:04:00Z",
        "why": "it answers badly",
        "shadow": {"verdict": "alike"},
        "canary": seen,
    }
    if problem == "fraud":  # the doors judge its last answers by its own thresholds
        earlier = recorded["earlier_policy"]
        assert (earlier["model"], earlier["review_at"], earlier["block_at"]) == ("job-4", 0.4, 0.8)
        assert earlier["version"] not in (None, recorded["policy"]["version"])
    assert {**recorded, "earlier_policy": None} == {**before, "earlier_policy": None}

    assert scene.look(problem, 4)["state"] == "changing"
    scene.sagemaker.change_over(problem=problem)
    assert scene.look(problem, 4)["state"] == "undone"
    assert scene.recorded(problem)["undone"]["why"] == "it answers badly"


def test_a_step_that_brings_back_goes_on_where_it_was_cut_off():
    scene, before = released_badly("credit")

    def back() -> dict:
        return scene.promotion().bring_back("credit", "risk-test-credit-v4", "why", NONE_SEEN, None)

    scene.documents.meanwhile.append(lambda: scene.documents.put(RELEASES, scene.recorded("credit"), "credit"))
    with pytest.raises(Conflict):
        back()
    updates = len(scene.sagemaker.updates)
    assert back()["state"] == back()["state"] == "changing"  # told of what it changes over to; and done
    scene.sagemaker.change_over(problem="credit")
    assert back()["state"] == "changing"
    assert len(scene.sagemaker.updates) == updates
    assert scene.recorded("credit")["model_name"] == before["model_name"]


def test_nothing_is_brought_back_where_the_bootstrap_model_served_before():
    scene = asked_scene()
    scene.release("credit")
    scene.sagemaker.change_over(problem="credit")
    recorded = scene.recorded("credit")
    with pytest.raises(NothingBefore, match="bad; nothing was released before it: approve another version"):
        scene.promotion().bring_back("credit", "risk-test-credit-v3", "bad", NONE_SEEN, None)
    assert scene.recorded("credit") == recorded


def test_a_look_that_comes_again_after_the_promotion_brings_nothing_back():
    scene = asked_scene()
    scene.promote()
    recorded, updates = scene.recorded(), len(scene.sagemaker.updates)
    with pytest.raises(NothingBefore, match="bad; it has answered well and was promoted before: make rollback"):
        scene.promotion().bring_back("fraud", "risk-test-fraud-v3", "bad", NONE_SEEN, None)
    assert (scene.recorded(), len(scene.sagemaker.updates)) == (recorded, updates)


@pytest.mark.parametrize(
    ("failed", "why"),
    [
        ({"Error": "AnswersBadly", "Cause": '{"errorMessage": "of 40 probes"}'}, "of 40 probes"),
        ({"Error": "AnswersBadly", "Cause": "no JSON"}, "no JSON"),
        ({"Error": "AnswersBadly"}, "AnswersBadly"),
    ],
)
def test_what_failed_is_told_in_the_words_of_the_function(failed, why):
    assert handler.message_of(failed) == why


@pytest.mark.parametrize(("failed", "fine"), [(4, True), (5, False)])
def test_of_ten_probes_one_may_fail(failed, fine):
    met = {"probes": 40, "answered": 40 - failed, "failed": failed, "differing": 0}
    with nullcontext() if fine else pytest.raises(AnswersBadly, match="5 failed"):
        require_answers("risk-test-fraud-v3", met)


def test_a_release_that_is_tried_again_after_the_endpoint_was_told_writes_its_document_whatever_rings(scene):
    about = {"package": ARN.format("fraud", 3), "group": "risk-test-fraud", "approved_at": "2026-03-01T10:00:00Z"}
    scene.documents.meanwhile.append(throttled)
    with pytest.raises(Refusal, match="ThrottlingException"):
        handler.handle({"step": "serve", "guarded": True, **about}, None)
    assert (len(scene.sagemaker.updates), scene.recorded()["model_name"]) == (1, None)

    scene.alarms.ring.add("risk-test-guard-errors")
    assert handler.handle({"step": "serve", "guarded": True, **about}, None)["state"] == "changing"
    assert (len(scene.sagemaker.updates), scene.recorded()["model_name"]) == (1, "risk-test-fraud-v3")


def test_an_attack_that_rings_holds_up_no_release_and_undoes_none(scene, monkeypatch):
    rings = "risk-test-guard-blocked"
    guard = replace(GUARD, alarms=(*GUARD.alarms, rings))
    monkeypatch.setattr(handler, "guard", lambda: guard)
    monkeypatch.setattr(handler, "promotion", lambda: replace(scene.promotion(), guard=guard))
    scene.alarms.ring.add(rings)
    about = {"package": ARN.format("fraud", 3), "group": "risk-test-fraud", "approved_at": "2026-03-01T10:00:00Z"}
    assert handler.handle({"step": "serve", "guarded": True, **about}, None)["state"] == "changing"
    assert undoing(scene.sagemaker.updates[-1]) == [*GUARD.alarms, GUARD.abort]

    scene.sagemaker.change_over()
    scene.alarms.ring.clear()
    later = {**about, "package": ARN.format("fraud", 4), "approved_at": "2026-03-01T10:01:00Z"}
    handler.handle({"step": "serve", "guarded": True, **later}, None)
    assert undoing(scene.sagemaker.updates[-1]) == [*GUARD.alarms, rings, GUARD.abort]


def throttled() -> None:
    raise Refusal("ThrottlingException")


def undoing(update: dict) -> list[str]:
    """Names of alarms that undo a change of the endpoint."""
    return [alarm["AlarmName"] for alarm in update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]]


def test_a_release_that_sagemaker_undoes_is_what_was_released_before_and_says_why(scene):
    scene.promote(version=3)
    before = scene.recorded()
    scene.release(version=4, minute=1)
    scene.sagemaker.change_over(deployed=False)
    looked = scene.look(version=4)

    assert (looked["state"], looked["why"]) == ("undone", "One or more alarms rang: risk-test-guard-errors")
    undone = scene.recorded().pop("undone")
    assert (undone["model_name"], undone["approved_at"]) == ("risk-test-fraud-v4", "2026-03-01T10:01:00Z")
    assert {name: value for name, value in scene.recorded().items() if name != "undone"} == before
    assert scene.look(version=4)["state"] == "undone"  # asked twice, written once
    scene.promote(version=5, minute=2)
    assert scene.recorded()["served"] == ["risk-test-fraud-v3", "risk-test-fraud-v5"]


def test_a_first_release_that_sagemaker_undoes_leaves_the_bootstrap_model(scene):
    scene.release(version=3)
    scene.sagemaker.change_over(deployed=False)
    scene.look(version=3)
    assert {**scene.recorded(), "undone": None} == {**first_release("fraud"), "undone": None}
    item = scene.documents.items[RELEASES, "fraud"]
    assert not {"model_name", "model_data"} & item.keys()


def test_a_release_that_is_tried_again_after_its_document_was_written_still_knows_what_was_before(scene):
    scene.promote(version=3)
    before = scene.recorded()
    scene.release(version=4, minute=1)
    scene.release(version=4, minute=1)
    scene.sagemaker.change_over(deployed=False)
    scene.look(version=4)
    assert {name: value for name, value in scene.recorded().items() if name != "undone"} == before


@pytest.mark.parametrize("wrong", ["variant", "archive"])
def test_what_serves_and_is_not_what_was_asked_for_is_an_error(scene, wrong):
    scene.release()
    scene.sagemaker.change_over()
    if wrong == "variant":
        scene.sagemaker.configs["risk-test-fraud-v3"]["ProductionVariants"][0]["ModelName"] = "another"
    else:
        scene.sagemaker.models["risk-test-fraud-v3"]["PrimaryContainer"]["ModelDataUrl"] = "s3://lake/other.tar.gz"
    with pytest.raises(NotAsAsked, match="expected"):
        scene.look()
    assert not scene.recorded()["promoted"]


def test_an_endpoint_that_breaks_during_a_release_is_an_error(scene):
    scene.release()
    scene.sagemaker.endpoints["risk-test-fraud"]["EndpointStatus"] = "UpdateRollbackFailed"
    with pytest.raises(EndpointBroken, match="UpdateRollbackFailed"):
        scene.look()


def test_a_model_of_credit_is_promoted_when_it_is_made_of_what_was_approved(scene):
    scene.promote("credit")
    assert (scene.recorded("credit")["promoted"], scene.recorded("credit")["canary"]) == (True, None)


def of_loans(scene: Scene, version: int = 4) -> dict:
    return scene.promotion().prepare(ARN.format("credit", version), "risk-test-credit", "2026-03-01T10:01:00Z")


def test_a_candidate_of_credit_is_compared_on_decided_loans_by_the_policy_that_is_live(scene):
    scene.documents.put(POLICIES, {"version": "a"}, "credit")
    scene.bucket.objects["predictions/credit_decisions/period=2026-02/started_at=1/run=1/decisions.jsonl"] = b"{}"
    first = of_loans(scene, 3)
    assert (first["shadow"], first["compared"]) == (None, None)  # nothing serves that it could differ from
    scene.promote("credit", version=3)
    prepared = of_loans(scene)

    sha256 = hashlib.sha256(canonical({"version": "a"})).hexdigest()
    assert prepared["shadow"] == {
        "policy": sha256,
        "live_data": "s3://lake/released/credit/3/model.tar.gz",
        "model_data": "s3://lake/released/credit/4/model.tar.gz",
        "folder": "monitoring/shadow/credit/4",
        "job": "risk-test-credit-v4-shadow",
        "overridden": False,
        "arguments": ["--policy", sha256],
    }
    assert (prepared["compared"], prepared["guarded"]) == (None, False)
    scene.promote("credit", version=4, minute=1)
    back = scene.promotion().prepare(ARN.format("credit", 3), "risk-test-credit", "2026-03-01T10:02:00Z")
    assert (back["shadow"], back["compared"]) == (None, None)  # brought back in need


@pytest.mark.parametrize(
    ("published", "why"), [(False, "no credit policy is published"), (True, "no run has decided on loans yet")]
)
def test_what_a_candidate_of_credit_could_not_be_compared_with_is_written(scene, published, why):
    if published:
        scene.documents.put(POLICIES, {"version": "a"}, "credit")
    scene.promote("credit", version=3)
    prepared = of_loans(scene)
    assert prepared["shadow"] is None
    assert prepared["compared"] == {"rows": 0, "verdict": "too few", "why": why}
    scene.release("credit", 4, 1)
    scene.look("credit", 4, compared=prepared["compared"])
    assert scene.recorded("credit")["shadow"] == prepared["compared"]


@pytest.mark.parametrize("wrong", [None, "answers nothing", "another model answers", "other scores"])
def test_the_endpoint_of_single_loans_must_answer_what_the_shadow_run_has_computed(wrong):
    scene, shadow = asked_scene(), {"folder": "monitoring/shadow/credit/3"}
    rows = [{"cells": ["1", ""], "score": 0.02 if wrong == "other scores" else 0.01}] * 3
    told = {"model": "job-3", "feature_version": "f", "rows": rows}
    scene.bucket.objects["monitoring/shadow/credit/3/probes.json"] = json.dumps(told).encode()
    scene.release("credit")
    assert scene.look("credit", shadow=shadow)["state"] == "changing"
    assert scene.endpoint.asked == []
    scene.sagemaker.change_over(problem="credit")
    scene.endpoint.model = "job-2" if wrong == "another model answers" else "job-3"
    scene.endpoint.down = wrong == "answers nothing"
    with nullcontext() if wrong is None else pytest.raises(AnswersBadly, match="is not promoted: of 3 probes"):
        scene.look("credit", shadow=shadow)
    assert scene.recorded("credit")["promoted"] == (wrong is None)
    if wrong is None:
        assert scene.endpoint.asked == [[["1", ""]] * 3]  # in one request
        assert scene.recorded("credit")["probed"] == {"probes": 3, "answered": 3, "failed": 0, "differing": 0}
        assert scene.recorded("credit")["canary"] is None


def report(rows: int = 1000, only_live: int = 0, only_candidate: int = 0, share: str = "approved") -> dict:
    same = {"live": 0.9, "candidate": 0.9, "only_live": 0, "only_candidate": 0}
    moved = {**same, "only_live": only_live, "only_candidate": only_candidate}
    return {"rows": rows, "score_psi": 0.1, "approved": same, "blocked": same, share: moved}


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (report(rows=199, only_live=199), "too few"),
        (report(only_live=50), "passed"),
        (report(only_live=60, only_candidate=10), "passed"),
        (report(rows=200, only_live=18), "passed"),  # nine of a hundred, but of few
        (report(only_candidate=20, share="blocked"), "passed"),
    ],
)
def test_a_candidate_that_decides_much_the_same_may_take_traffic(found, verdict):
    assert judged(found)["verdict"] == verdict


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (report(only_live=90), "approved 90.0% -> 90.0%"),
        (report(only_candidate=90), "approved"),
        (report(only_candidate=45, share="blocked"), "blocked"),
    ],
)
def test_a_candidate_that_would_decide_otherwise_takes_none(found, said):
    with pytest.raises(ShadowDiffers, match=said):
        judged(found)
    assert judged(found, is_overridden=True)["verdict"] == "overridden"


def of_credit(rows: int = 1000, only_live: int = 0, only_candidate: int = 0, **further) -> dict:
    same = {"live": 0.8, "candidate": 0.8, "only_live": 0, "only_candidate": 0}
    moved = {**same, "only_live": only_live, "only_candidate": only_candidate}
    left_out = {"gone": 0, "changed": 2}
    found = {"rows": rows, "score_psi": 0.1, "approved": moved, "referred": same, "declined": same}
    return {**found, "rank_correlation": 0.6, "unfit": None, "left_out": left_out, **further}


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (of_credit(rows=199, only_live=199), "too few"),
        (of_credit(only_live=60, only_candidate=10), "passed"),
        (of_credit(rank_correlation=None), "passed"),  # a live model that says the same of all has no ranks
        (of_credit(rows=200, rank_correlation=0.0), "passed"),  # of few
    ],
)
def test_a_candidate_of_credit_that_decides_much_the_same_is_released_and_it_is_told_what_was_left_out(found, verdict):
    told = judged(found)
    assert (told["verdict"], told["left_out"]) == (verdict, {"gone": 0, "changed": 2})


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (of_credit(only_live=90), "of 1000 loans .* approved 80.0%"),
        (of_credit(rank_correlation=-1.0), "rank correlation of the scores -1.00, expected at least 0.2"),
        (of_credit(rows=0, unfit="no sentence for income"), "could decide nothing: no sentence for income"),
    ],
)
def test_a_candidate_of_credit_that_would_decide_otherwise_is_not_released(found, said):
    with pytest.raises(ShadowDiffers, match=said):
        judged(found)
    assert judged(found, is_overridden=True)["verdict"] == "overridden"
