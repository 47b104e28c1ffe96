"""The registry and pipelines: definitions as SDK v3 renders them, run to their end."""

from __future__ import annotations

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from tests.integration.permissions import TOLD_BY_SERVICES
from tests.integration.sagemaker_scene import BUCKET, IMAGE, ROLE, shared
from tests.waiting import eventually

REPORT = """
import json
json.dump({"metrics": {"auc": 0.8}}, open("/opt/ml/processing/out/report.json", "w"))
"""
TRAIN = """
import json
depth = json.load(open("/opt/ml/input/config/hyperparameters.json"))["depth"]
if depth == "13":
    raise ValueError("depth 13 is unlucky")
open("/opt/ml/model/model.txt", "w").write(depth)
"""


@pytest.fixture(scope="module")
def scene(aws, tmp_path_factory):
    with shared(aws.aws, tmp_path_factory.mktemp("scene")) as scene:
        yield scene


@pytest.fixture(scope="module")
def sagemaker(scene):
    return scene.client("sagemaker")


@pytest.fixture(scope="module")
def events(scene):
    """Return the details of all SageMaker events so far, by detail type."""
    sqs = scene.client("sqs")
    url = sqs.create_queue(QueueName="sagemaker-events", Attributes=TOLD_BY_SERVICES)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = scene.client("events")
    bus.put_rule(Name="sagemaker", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
    bus.put_targets(Rule="sagemaker", Targets=[{"Id": "queue", "Arn": arn}])
    seen = []

    def read(detail_type):
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            seen.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [event["detail"] for event in seen if event["detail-type"] == detail_type]

    return read


def arguments(request):
    """Return a request as a step carries it: without the name, which the execution gives."""
    return {key: value for key, value in request.items() if not key.endswith("JobName")}


def train_evaluate_register(scene, group):
    training = arguments(scene.training("pipeline-train", TRAIN))
    training["HyperParameters"] = {"depth": {"Get": "Parameters.Depth"}}
    output = {"Std:Join": {"On": "/", "Values": [f"s3://{BUCKET}/runs", {"Get": "Execution.PipelineExecutionId"}]}}
    training["OutputDataConfig"] = {"S3OutputPath": output}
    container = {"Image": IMAGE, "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}}
    package = {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {"Containers": [container], "SupportedContentTypes": ["text/csv"]},
        "CustomerMetadataProperties": {"prepared": {"Get": "Steps.Prepare.ProcessingJobName"}},
    }
    auc = {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "metrics.auc"}
    floor = {
        "Type": "GreaterThanOrEqualTo",
        "LeftValue": {"Std:JsonGet": auc},
        "RightValue": {"Get": "Parameters.Floor"},
    }
    message = {"Std:Join": {"On": " ", "Values": ["auc is below", {"Get": "Parameters.Floor"}]}}
    return [
        {
            "Name": "Prepare",
            "Type": "Processing",
            "Arguments": arguments(scene.processing("prepare", "print('ready')")),
        },
        {"Name": "Train", "Type": "Training", "DependsOn": ["Prepare"], "Arguments": training},
        {
            "Name": "Evaluate",
            "Type": "Processing",
            "DependsOn": ["Train"],
            "Arguments": arguments(scene.processing("evaluate", REPORT)),
            "PropertyFiles": [{"PropertyFileName": "Report", "OutputName": "out", "FilePath": "report.json"}],
        },
        {
            "Name": "GoodEnough",
            "Type": "Condition",
            "Arguments": {
                "Conditions": [floor],
                "IfSteps": [{"Name": "Register", "Type": "RegisterModel", "Arguments": package}],
                "ElseSteps": [{"Name": "Reject", "Type": "Fail", "Arguments": {"ErrorMessage": message}}],
            },
        },
    ]


def test_a_pipeline_prepares_trains_evaluates_and_registers(scene, sagemaker):
    sagemaker.create_model_package_group(ModelPackageGroupName="credit")
    execution = scene.run_pipeline("credit", train_evaluate_register(scene, "credit"), Depth="5")
    assert execution["PipelineExecutionStatus"] == "Succeeded", execution
    steps = execution["Steps"]
    assert list(steps) == ["Prepare", "Train", "Evaluate", "GoodEnough", "Register"]
    assert steps["GoodEnough"]["Metadata"]["Condition"]["Outcome"] == "True"
    arn = steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    run = execution["PipelineExecutionArn"].rpartition("/")[2]
    url = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    assert url.startswith(f"s3://{BUCKET}/runs/{run}/")
    assert scene.keys(url.removeprefix(f"s3://{BUCKET}/"))
    parameters = sagemaker.list_pipeline_parameters_for_execution(
        PipelineExecutionArn=execution["PipelineExecutionArn"]
    )["PipelineParameters"]
    assert {"Name": "Depth", "Value": "5"} in parameters


def test_the_other_branch_of_a_condition_does_not_run(scene, sagemaker):
    execution = scene.run_pipeline("strict", train_evaluate_register(scene, "never"), Floor="0.9")
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "Register" not in execution["Steps"]
    assert execution["Steps"]["Reject"]["FailureReason"] == "auc is below 0.9"


def test_a_failed_step_tells_the_scripts_error_and_stops_what_follows(scene, sagemaker, events):
    execution = scene.run_pipeline("unlucky", train_evaluate_register(scene, "never"), Depth="13")
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "ValueError: depth 13 is unlucky" in execution["Steps"]["Train"]["FailureReason"]
    assert "ValueError: depth 13 is unlucky" in execution["FailureReason"]
    assert "Evaluate" not in execution["Steps"]
    detail_type = "SageMaker Model Building Pipeline Execution Status Change"
    eventually(lambda: [e for e in events(detail_type) if e["currentPipelineExecutionStatus"] == "Failed"])


def test_a_retry_keeps_what_has_succeeded(scene, sagemaker):
    steps = [
        {"Name": "Once", "Type": "Processing", "Arguments": arguments(scene.processing("once", "print(1)"))},
        {
            "Name": "Again",
            "Type": "Processing",
            "DependsOn": ["Once"],
            "Arguments": arguments(scene.processing("again", "raise SystemExit(1)")),
        },
    ]
    first = scene.run_pipeline("retried", steps)
    assert first["PipelineExecutionStatus"] == "Failed"
    scene.put("code/again.py", "print('better')")
    sagemaker.retry_pipeline_execution(PipelineExecutionArn=first["PipelineExecutionArn"], ClientRequestToken="r" * 32)
    second = scene.ended(first["PipelineExecutionArn"])
    assert second["PipelineExecutionStatus"] == "Succeeded"
    assert second["Steps"]["Once"]["EndTime"] == first["Steps"]["Once"]["EndTime"]


def test_independent_steps_run_side_by_side_and_a_stop_ends_them(scene, sagemaker):
    script = "import time; time.sleep(60)"
    steps = [
        {"Name": name, "Type": "Processing", "Arguments": arguments(scene.processing(name, script))}
        for name in ("left", "right")
    ]
    definition = json.dumps({"Version": "2020-12-01", "Steps": steps})
    sagemaker.create_pipeline(PipelineName="parallel", PipelineDefinition=definition, RoleArn=ROLE)
    arn = sagemaker.start_pipeline_execution(PipelineName="parallel")["PipelineExecutionArn"]

    def executing():
        found = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return len([s for s in found if s["StepStatus"] == "Executing" and s.get("Metadata")]) == 2

    eventually(executing)
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)
    execution = scene.ended(arn)
    assert execution["PipelineExecutionStatus"] == "Stopped"
    assert {step["StepStatus"] for step in execution["Steps"].values()} == {"Stopped"}


def test_models_and_transforms_are_steps_too(scene, sagemaker):
    scene.model("stepped")
    container = sagemaker.describe_model(ModelName="stepped")["PrimaryContainer"]
    scene.put("steps/in.csv", "1\n2")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/steps/"}}
    transform = {
        "ModelName": {"Get": "Steps.Model.ModelName"},
        "TransformInput": {"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/steps-out"},
        "TransformResources": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
    }
    execution = scene.run_pipeline(
        "scoring",
        [
            {"Name": "Model", "Type": "Model", "Arguments": {"PrimaryContainer": container}},
            {"Name": "Score", "Type": "Transform", "Arguments": transform},
        ],
    )
    assert execution["PipelineExecutionStatus"] == "Succeeded", execution
    assert scene.read("steps-out/in.csv.out") == "stepped:1\nstepped:2\n"


def test_the_same_token_starts_one_execution(scene, sagemaker):
    steps = [{"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": "done"}}]
    scene.run_pipeline("once", steps)
    token = uuid.uuid4().hex
    first, second = (
        sagemaker.start_pipeline_execution(PipelineName="once", ClientRequestToken=token)["PipelineExecutionArn"]
        for _ in range(2)
    )
    assert first == second
    scene.ended(first)
    assert len(sagemaker.list_pipeline_executions(PipelineName="once")["PipelineExecutionSummaries"]) == 2


def test_a_pipeline_that_is_gone_is_a_resource_not_found(scene, sagemaker):
    steps = [{"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": "done"}}]
    scene.run_pipeline("gone", steps)
    sagemaker.delete_pipeline(PipelineName="gone")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_pipeline(PipelineName="gone")


def test_approval_is_announced_with_the_field_that_changed(scene, sagemaker, events):
    sagemaker.create_model_package_group(ModelPackageGroupName="fraud", Tags=[{"Key": "a", "Value": "b"}])
    specification = {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/m.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
    }
    arns = [
        sagemaker.create_model_package(ModelPackageGroupName="fraud", InferenceSpecification=specification)[
            "ModelPackageArn"
        ]
        for _ in range(2)
    ]
    assert [arn.rpartition("/")[2] for arn in arns] == ["1", "2"]
    sagemaker.update_model_package(ModelPackageArn=arns[1], ModelApprovalStatus="Approved")

    def approved():
        found = events("SageMaker Model Package State Change")
        return [e for e in found if e["UpdatedModelPackageFields"] == ["ModelApprovalStatus"]]

    (detail,) = eventually(approved)
    assert detail["ModelPackageGroupName"] == "fraud"
    assert (detail["ModelPackageArn"], detail["ModelPackageVersion"]) == (arns[1], 2)
    assert detail["ModelApprovalStatus"] == "Approved"
    latest = sagemaker.list_model_packages(
        ModelPackageGroupName="fraud", ModelApprovalStatus="Approved", SortBy="CreationTime", MaxResults=1
    )["ModelPackageSummaryList"]
    assert [summary["ModelPackageVersion"] for summary in latest] == [2]


def test_a_group_must_be_empty_before_it_goes(scene, sagemaker):
    sagemaker.create_model_package_group(ModelPackageGroupName="emptied")
    specification = {"Containers": [{"Image": IMAGE}], "SupportedContentTypes": ["text/csv"]}
    arn = sagemaker.create_model_package(ModelPackageGroupName="emptied", InferenceSpecification=specification)[
        "ModelPackageArn"
    ]
    with pytest.raises(sagemaker.exceptions.ConflictException):
        sagemaker.delete_model_package_group(ModelPackageGroupName="emptied")
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName="emptied")
    with pytest.raises(ClientError, match=r"ValidationException.*does not exist"):
        sagemaker.describe_model_package_group(ModelPackageGroupName="emptied")


def test_an_endpoint_serves_a_registered_package(scene, sagemaker):
    scene.model("packed")
    container = sagemaker.describe_model(ModelName="packed")["PrimaryContainer"]
    kept = {key: container[key] for key in ("Image", "ModelDataUrl", "Environment")}
    specification = {"Containers": [kept], "SupportedContentTypes": ["text/csv"]}
    sagemaker.create_model_package_group(ModelPackageGroupName="packed")
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="packed", InferenceSpecification=specification, ModelApprovalStatus="Approved"
    )["ModelPackageArn"]
    sagemaker.create_model(ModelName="unpacked", PrimaryContainer={"ModelPackageName": arn}, ExecutionRoleArn=ROLE)
    production = [
        {"VariantName": "A", "ModelName": "unpacked", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    ]
    sagemaker.create_endpoint_config(EndpointConfigName="unpacked", ProductionVariants=production)
    assert scene.endpoint("unpacked", "unpacked")["EndpointStatus"] == "InService"
    assert scene.invoke("unpacked", "1") == "packed:1\n"
