"""An approved model package becomes what serves, once however often its event comes, and the last approval prevails."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from release import handler
from release.promotion import LARGEST, ArchiveChanged, EndpointBroken, EndpointBusy, Promotion, TooLarge, record
from scoring.policy import InvalidPolicy, Policy

from features.fraud import FRAUD
from tests.unit.lambda_functions.aws import Bucket, Parameters, valid
from tools.policy import ruled

ARN = "arn:aws:sagemaker:eu-west-1:000000000000:model-package/risk-test-{}/{}"
SERVING = {"instance_type": "ml.m5.large", "instances": 1, "most_instances": 1, "serverless_memory_mb": None}
KEY = "arn:aws:kms:eu-west-1:000000000000:key/lake"
ROLES = {problem: f"arn:aws:iam::000000000000:role/risk-test-{problem}-model" for problem in ("credit", "fraud")}
SOLVED = {"review_at": 0.4, "block_at": 0.8, "rules": [], "expected_cost_per_1000": 3.0}
BOOTSTRAP = {"version": "bootstrap", "model": "bootstrap", "review_at": 1, "block_at": 1, "rules": []}
FRAUD_RELEASE = "/risk-test/fraud/release"


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
        bootstrap = {"model_package_arn": None, "endpoint_config": "bootstrap", "policy": BOOTSTRAP}
        nothing = {**dict.fromkeys(bootstrap), "policy": None}
        self.parameters = Parameters(
            **{FRAUD_RELEASE: json.dumps(bootstrap), "/risk-test/credit/release": json.dumps(nothing)}
        )
        for problem in ROLES:
            self.bucket.objects[archive(f"risk-test-{problem}")] = f"trained for {problem}".encode()
            self.bucket.written[archive(f"risk-test-{problem}")] = REGISTERED - timedelta(minutes=2)
        for version in (3, 4, 5):
            policy = {**SOLVED, "model": f"job-{version}"}
            self.bucket.objects[f"training/risk-test-fraud/{version}/evaluation.json"] = json.dumps(
                {"policy": policy}
            ).encode()
            self.bucket.objects[f"training/risk-test-credit/{version}/evaluation.json"] = b'{"test": {}}'

    def release(self, problem: str = "fraud", version: int = 3, minute: int = 0) -> dict:
        """Of a package that was approved in this minute."""
        promotion = Promotion(self.sagemaker, self.bucket, self.parameters, "risk-test", ROLES, SERVING, KEY, "lake")
        return promotion.release(ARN.format(problem, version), f"risk-test-{problem}", f"2026-03-01T10:{minute:02}:00Z")

    def recorded(self, problem: str = "fraud") -> dict:
        return json.loads(self.parameters.values[f"/risk-test/{problem}/release"])


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


def test_the_release_parameter_says_what_serves():
    scene = Scene()
    answer = scene.release()

    assert scene.recorded() == {
        "model_package_arn": ARN.format("fraud", 3),
        "model_name": "risk-test-fraud-v3",
        "model_data": "s3://lake/released/fraud/3/model.tar.gz",
        "endpoint_config": "risk-test-fraud-v3",
        "policy": {**SOLVED, "model": "job-3", "version": "3"},
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
    assert (policy.version, policy.review_at) == ("4", 0.4)


def test_a_credit_package_serves_batches_and_needs_no_endpoint():
    scene = Scene()
    scene.release("credit")

    assert scene.sagemaker.configs == {}
    assert scene.recorded("credit")["endpoint_config"] is None
    assert scene.recorded("credit")["policy"] is None


def test_a_release_brings_thresholds_and_leaves_the_operators_rules():
    scene = Scene()
    scene.release(version=3)
    listed = {"name": "known_mule", "field": "merchant_id", "among": ["m17"], "action": "BLOCK"}
    document = {"version": "lists-2", "review_at": 0.1, "block_at": 0.2, "rules": [listed], "explore_share": 0.05}
    scene.parameters.values[FRAUD_RELEASE] = json.dumps(
        {**scene.recorded(), "policy": ruled(scene.recorded()["policy"], document)}
    )
    assert Policy.parse(scene.recorded()["policy"], FRAUD.columns).version == "3+lists-2"
    scene.sagemaker.change_over()
    scene.release(version=4)

    policy = Policy.parse(scene.recorded()["policy"], FRAUD.columns)
    assert (policy.version, policy.model, policy.review_at) == ("4+lists-2", "job-4", 0.4)
    assert ([rule.name for rule in policy.rules], policy.explore_share) == (["known_mule"], 0.05)


def listing(merchants: int) -> dict:
    among = [f"merchant-{number:06d}" for number in range(merchants)]
    rule = {"name": "known_mule", "field": "merchant_id", "among": among, "action": "BLOCK"}
    return {"version": "lists-2", "review_at": 0.1, "block_at": 0.2, "rules": [rule]}


def test_the_longest_list_that_goes_live_leaves_room_for_the_releases_after_it():
    """With costs, and with names as long as SageMaker takes them."""
    scene = Scene()
    scene.release(version=3)
    scene.sagemaker.change_over()
    longest = next(n for n in range(1000, 0, -1) if fits(scene.recorded()["policy"], listing(n)))
    assert longest > 250
    ruled_release = {**scene.recorded(), "policy": ruled(scene.recorded()["policy"], listing(longest))}
    record(scene.parameters, FRAUD_RELEASE, ruled_release, KEY)
    costs = {"blocked_good": 1e12 / 3, "review": 1 / 3, "review_recall": 1 / 3, "lost_share": 1 / 3, "capacity": 1 / 3}
    policy = {**SOLVED, "review_at": 1 / 3, "block_at": 2 / 3, "model": "j" * 63, "costs": costs}
    for version in (4, 5):
        place = f"training/risk-test-fraud/{version}/evaluation.json"
        scene.bucket.objects[place] = json.dumps({"policy": policy}).encode()
        scene.release(version=version)
        scene.sagemaker.change_over()

    assert len(Policy.parse(scene.recorded()["policy"], FRAUD.columns).rules[0].among) == longest
    assert len(scene.parameters.values[FRAUD_RELEASE]) < LARGEST - 512


def fits(policy: dict, document: dict) -> bool:
    try:
        return bool(ruled(policy, document))
    except InvalidPolicy:
        return False


def test_a_list_that_leaves_a_release_no_room_is_refused_with_what_was_expected():
    with pytest.raises(InvalidPolicy, match="expected at most 6144"):
        ruled({**SOLVED, "version": "3"}, listing(500))


def test_a_release_that_its_parameter_cannot_hold_leaves_the_endpoint_alone():
    scene = Scene()
    policy = {**scene.recorded()["policy"], **listing(500), "explore_share": 0.0, "rules_version": "lists-2"}
    scene.parameters.values[FRAUD_RELEASE] = json.dumps({**scene.recorded(), "policy": policy})
    with pytest.raises(TooLarge, match="shorten the lists"):
        scene.release()

    assert scene.sagemaker.endpoints == {"risk-test-fraud": in_service("bootstrap")}


def test_a_policy_that_cannot_be_read_does_not_go_live():
    with pytest.raises(InvalidPolicy, match="review_at"):
        ruled({**SOLVED, "version": "3"}, {"version": "1", "rules": []})


def test_an_event_that_comes_twice_releases_the_same_thing():
    scene = Scene()

    assert scene.release() == scene.release()
    assert list(scene.sagemaker.models) == ["risk-test-fraud-v3"]


@pytest.mark.parametrize("deployed", [False, True])
def test_a_release_that_is_tried_again_after_a_failure_ends_as_if_it_had_not_failed(deployed):
    """The endpoint was told, and the parameter was not written; SageMaker refuses the same change a second time."""
    scene, undisturbed = Scene(), Scene()
    undisturbed.release()
    before = dict(scene.parameters.values)
    scene.release()
    scene.parameters.values = before
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

    before = dict(scene.parameters.values)
    with pytest.raises(PermissionError):
        scene.release()
    assert scene.parameters.values == before


def event(status: str, **further) -> dict:
    """As the queue hands it on."""
    detail = {
        "ModelPackageGroupName": "risk-test-fraud",
        "ModelPackageArn": ARN.format("fraud", 3),
        "ModelApprovalStatus": status,
        **further,
    }
    body = {"source": "aws.sagemaker", "time": "2026-03-01T10:00:00Z", "detail": detail}
    return {"Records": [{"messageId": "m1", "body": json.dumps(body)}]}


DONE: dict = {"batchItemFailures": []}


@pytest.fixture
def scene(monkeypatch) -> Scene:
    scene = Scene()
    promotion = Promotion(scene.sagemaker, scene.bucket, scene.parameters, "risk-test", ROLES, SERVING, KEY, "lake")
    monkeypatch.setattr(handler, "promotion", lambda: promotion)
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
