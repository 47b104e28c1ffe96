"""Endpoints: real servers that stay up, updates that can fail, invocations."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError

from tests.integration.sagemaker_scene import processes, shared, variant
from tests.waiting import eventually


@pytest.fixture(scope="module")
def scene(aws, tmp_path_factory):
    with shared(aws.aws, tmp_path_factory.mktemp("scene")) as scene:
        yield scene


@pytest.fixture(scope="module")
def sagemaker(scene):
    return scene.client("sagemaker")


@pytest.fixture(scope="module")
def live(scene):
    """An endpoint in service."""
    described = scene.endpoint("live", scene.model("live"))
    assert described["EndpointStatus"] == "InService", described
    return "live"


def containers(text):
    """Return the supervisors of containers whose folder's path contains a text."""
    return [line for line in processes(str(text)) if "supervisor.py" in line]


def settled(scene, name):
    return scene.wait(scene.client("sagemaker").describe_endpoint, "EndpointStatus", EndpointName=name)


def test_an_endpoint_answers_with_its_model(scene, sagemaker, live):
    runtime = scene.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(
        EndpointName=live, Body=b"1,2", ContentType="text/csv", CustomAttributes="trace=7", TargetVariant="AllTraffic"
    )
    assert answer["Body"].read() == b"live:1,2\n"
    assert answer["ContentType"] == "text/csv"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["CustomAttributes"] == "trace=7;seen"
    image = sagemaker.describe_endpoint(EndpointName=live)["ProductionVariants"][0]["DeployedImages"][0]
    assert image["SpecifiedImage"].endswith("scene-ml:1")


def test_a_models_refusal_is_a_model_error_with_its_status_and_words(scene, live):
    runtime = scene.client("sagemaker-runtime")
    with pytest.raises(runtime.exceptions.ModelError) as refused:
        runtime.invoke_endpoint(EndpointName=live, Body=b"refuse")
    answer = refused.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert (answer["OriginalStatusCode"], answer["OriginalMessage"]) == (409, "another feature version")


def test_requests_to_nobody_are_refused(scene, live):
    with pytest.raises(ClientError, match="Endpoint nowhere of account 000000000000 not found"):
        scene.invoke("nowhere", "1")
    with pytest.raises(ClientError, match="Variant Other not found"):
        scene.invoke(live, "1", TargetVariant="Other")
    with pytest.raises(ClientError, match="exceeds the limit"):
        scene.invoke(live, "x" * 6_291_457)


def test_a_server_that_dies_is_started_again(scene, live):
    with pytest.raises(ClientError):
        scene.invoke(live, "die")

    def answers():
        try:
            return scene.invoke(live, "1") == "live:1\n"
        except ClientError:
            return False

    eventually(answers)


def test_an_endpoint_whose_model_does_not_start_fails_with_its_last_words(scene, sagemaker):
    described = scene.endpoint("stillborn", scene.model("broken"))
    assert described["EndpointStatus"] == "Failed"
    assert "the model file is broken" in described["FailureReason"]
    with pytest.raises(ClientError, match="not in service"):
        scene.invoke("stillborn", "1")


def test_a_failed_update_leaves_the_old_model_in_service(scene, sagemaker):
    scene.endpoint("careful", scene.model("first"))
    if not any(m["ModelName"] == "broken" for m in sagemaker.list_models(NameContains="broken")["Models"]):
        scene.model("broken")
    sagemaker.update_endpoint(EndpointName="careful", EndpointConfigName="broken")
    described = settled(scene, "careful")
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "first")
    assert "Unable to deploy broken" in described["FailureReason"]
    assert scene.invoke("careful", "1") == "first:1\n"


def test_an_update_after_the_present_configuration_was_deleted_is_undone(scene, sagemaker):
    scene.endpoint("hasty", scene.model("present"))
    sagemaker.delete_endpoint_config(EndpointConfigName="present")
    sagemaker.update_endpoint(EndpointName="hasty", EndpointConfigName=scene.model("future"))
    described = settled(scene, "hasty")
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "present")
    assert "Could not find endpoint configuration" in described["FailureReason"]


def test_an_update_drops_no_request(scene, sagemaker):
    scene.endpoint("rolling", scene.model("blue"))
    sagemaker.update_endpoint(EndpointName="rolling", EndpointConfigName=scene.model("green"))
    answers = [scene.invoke("rolling", "1")]
    while sagemaker.describe_endpoint(EndpointName="rolling")["EndpointStatus"] == "Updating":
        answers.append(scene.invoke("rolling", "1"))
    answers.append(scene.invoke("rolling", "1"))
    assert set(answers) <= {"blue:1\n", "green:1\n"}
    assert answers[-1] == "green:1\n"
    assert sagemaker.describe_endpoint(EndpointName="rolling")["EndpointConfigName"] == "green"


def test_an_alarm_during_a_canary_brings_the_old_model_back(scene, sagemaker):
    scene.endpoint("guarded", scene.model("steady"))
    alarm = {
        "AlarmName": "guard",
        "Namespace": "Test",
        "MetricName": "Bad",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    cloudwatch = scene.client("cloudwatch")
    cloudwatch.put_metric_alarm(**alarm)
    cloudwatch.put_metric_data(Namespace="Test", MetricData=[{"MetricName": "Bad", "Value": 5.0}])
    eventually(lambda: cloudwatch.describe_alarms(AlarmNames=["guard"])["MetricAlarms"][0]["StateValue"] == "ALARM")
    routing = {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": 30,
    }
    sagemaker.update_endpoint(
        EndpointName="guarded",
        EndpointConfigName=scene.model("risky"),
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "guard"}]},
        },
    )
    described = settled(scene, "guarded")
    assert described["EndpointConfigName"] == "steady"
    assert "guard" in described["FailureReason"]
    assert {scene.invoke("guarded", "1") for _ in range(10)} == {"steady:1\n"}


def test_traffic_follows_the_variants_weights(scene, sagemaker):
    variants = [
        variant(scene.model("heavy"), VariantName="Heavy", InitialVariantWeight=1.0),
        variant(scene.model("light"), VariantName="Light", InitialVariantWeight=0.0),
    ]
    sagemaker.create_endpoint_config(EndpointConfigName="split", ProductionVariants=variants)
    scene.endpoint("split", "split")
    assert {scene.invoke("split", "1") for _ in range(10)} == {"heavy:1\n"}
    assert scene.invoke("split", "1", TargetVariant="Light") == "light:1\n"
    weights = [{"VariantName": "Heavy", "DesiredWeight": 0.0}, {"VariantName": "Light", "DesiredWeight": 1.0}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName="split", DesiredWeightsAndCapacities=weights)
    settled(scene, "split")
    assert {scene.invoke("split", "1") for _ in range(10)} == {"light:1\n"}


def test_a_shadow_variant_gets_a_copy_and_answers_nobody(scene, sagemaker):
    sagemaker.create_endpoint_config(
        EndpointConfigName="shadowed",
        ProductionVariants=[variant(scene.model("seen"), VariantName="Seen")],
        ShadowProductionVariants=[variant(scene.model("unseen"), VariantName="Unseen")],
    )
    scene.endpoint("shadowed", "shadowed")
    assert scene.invoke("shadowed", "1") == "seen:1\n"

    def copies():
        return scene.logs("/aws/sagemaker/Endpoints/shadowed", "Unseen").count("request")

    eventually(lambda: copies() > 0)


def test_invocations_are_counted_in_cloudwatch(scene, live):
    scene.invoke(live, "1")
    dimensions = [{"Name": "EndpointName", "Value": live}, {"Name": "VariantName", "Value": "AllTraffic"}]

    def counted():
        now = time.time()
        answer = scene.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="Invocations",
            Dimensions=dimensions,
            StartTime=now - 600,
            EndTime=now + 60,
            Period=60,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in answer["Datapoints"])

    eventually(counted)


def test_deletion_ends_the_servers_and_terraforms_texts_are_answered(scene, sagemaker):
    scene.endpoint("brief", scene.model("brief"))
    assert containers("brief-AllTraffic")
    sagemaker.delete_endpoint(EndpointName="brief")

    def gone():
        try:
            sagemaker.describe_endpoint(EndpointName="brief")
        except ClientError as error:
            return 'Could not find endpoint "arn:aws:sagemaker' in str(error)
        return False

    eventually(gone)
    assert not containers("brief-AllTraffic")
    sagemaker.delete_endpoint_config(EndpointConfigName="brief")
    sagemaker.delete_model(ModelName="brief")
    for describe, name in (
        (sagemaker.describe_model, {"ModelName": "brief"}),
        (sagemaker.describe_endpoint_config, {"EndpointConfigName": "brief"}),
    ):
        with pytest.raises(ClientError, match=r"ValidationException.*Could not find"):
            describe(**name)


def test_a_model_without_its_archive_is_refused(scene, sagemaker):
    container = {"Image": "x/scene-ml:1", "ModelDataUrl": "s3://sagemaker-scene/nothing.tar.gz"}
    with pytest.raises(ClientError, match=r"Could not find model data at s3://sagemaker-scene/nothing.tar.gz"):
        sagemaker.create_model(
            ModelName="hollow", PrimaryContainer=container, ExecutionRoleArn="arn:aws:iam::000000000000:role/x"
        )
