"""Processing, training and transform jobs: the file contract, how they end, and what is left of them."""

from __future__ import annotations

import io
import json
import os
import tarfile

import pytest
from botocore.exceptions import ClientError

from tests.integration.sagemaker_scene import BUCKET, IMAGE, channel, processes, s3_input, shared
from tests.waiting import eventually


@pytest.fixture(scope="module")
def scene(aws, tmp_path_factory):
    with shared(aws.aws, tmp_path_factory.mktemp("scene")) as scene:
        yield scene


VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}


def processed(scene, name, script, **changes):
    sagemaker = scene.client("sagemaker")
    sagemaker.create_processing_job(**scene.processing(name, script, **changes))
    return scene.wait(sagemaker.describe_processing_job, "ProcessingJobStatus", ProcessingJobName=name)


def trained(scene, name, script, **changes):
    sagemaker = scene.client("sagemaker")
    sagemaker.create_training_job(**scene.training(name, script, **changes))
    return scene.wait(sagemaker.describe_training_job, "TrainingJobStatus", TrainingJobName=name)


def transformed(scene, name, model, **changes):
    sagemaker = scene.client("sagemaker")
    request = {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": transform_input("rows/", SplitType="Line"),
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/scored/{name}", "AssembleWith": "Line"},
        "TransformResources": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
    }
    sagemaker.create_transform_job(**{**request, **changes})
    return scene.wait(sagemaker.describe_transform_job, "TransformJobStatus", TransformJobName=name)


def transform_input(prefix, **changes):
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}"}}
    return {"DataSource": source, "ContentType": "text/csv", **changes}


def test_processing_reads_inputs_writes_outputs_and_logs(scene):
    scene.put("tables/a.csv", "1,2")
    scene.put("tables/deep/b.csv", "3,4")
    script = """
import os, pathlib, sys
folder = pathlib.Path("/opt/ml/processing/in")
found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.csv"))
pathlib.Path("/opt/ml/processing/out/found.txt").write_text(" ".join([*found, *sys.argv[1:], os.environ["COLOUR"]]))
print("read", len(found))
"""
    base = scene.processing("reads", script)
    inputs = [*base["ProcessingInputs"], s3_input("in", f"s3://{BUCKET}/tables", "/opt/ml/processing/in")]
    application = {**base["AppSpecification"], "ContainerArguments": ["--as-of", "today"]}
    job = processed(
        scene, "reads", script, ProcessingInputs=inputs, AppSpecification=application, Environment={"COLOUR": "red"}
    )
    assert job["ProcessingJobStatus"] == "Completed", job
    assert scene.read("out/reads/found.txt") == "a.csv deep/b.csv --as-of today red"
    assert "read 2" in scene.logs("/aws/sagemaker/ProcessingJobs", "reads/algo-1-")


def test_a_container_sees_its_own_environment_only(scene):
    script = """
import json, os, pathlib
pathlib.Path("/opt/ml/processing/out/environment.json").write_text(json.dumps(dict(os.environ)))
"""
    assert processed(scene, "alone", script)["ProcessingJobStatus"] == "Completed"
    environment = json.loads(scene.read("out/alone/environment.json"))
    assert environment["AWS_ENDPOINT_URL"] == scene.aws.endpoint_url
    assert environment["HOME"] != os.environ.get("HOME")
    assert not [name for name in environment if name.startswith(("MINISTACK_", "PYTEST_", "S3_", "GATEWAY_"))]
    assert not os.path.exists("/opt/ml"), "the folder exists inside of containers only"


def test_a_failed_script_tells_why(scene):
    job = processed(scene, "fails", "raise ValueError('no rows before the cut-off')")
    assert job["ProcessingJobStatus"] == "Failed"
    assert "ValueError: no rows before the cut-off, exit code: 1" in job["FailureReason"]


def test_the_exit_message_is_the_scripts_own(scene):
    script = "import sys; open('/opt/ml/output/message', 'w').write('gate: auc 0.4'); sys.exit(3)"
    job = processed(scene, "message", script)
    assert job["ExitMessage"] == "gate: auc 0.4"
    assert "gate: auc 0.4, exit code: 3" in job["FailureReason"]


def test_missing_input_fails_the_job_as_on_aws(scene):
    base = scene.processing("lacks", "")
    inputs = [*base["ProcessingInputs"], s3_input("in", f"s3://{BUCKET}/nowhere/", "/opt/ml/processing/in")]
    job = processed(scene, "lacks", "", ProcessingInputs=inputs)
    assert "No S3 objects found under S3 URL" in job["FailureReason"]


def test_continuous_outputs_arrive_while_the_job_runs(scene):
    script = """
import pathlib, time
pathlib.Path("/opt/ml/processing/out/first.txt").write_text("1")
time.sleep(60)
"""
    base = scene.processing("continuous", script)
    base["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3UploadMode"] = "Continuous"
    sagemaker = scene.client("sagemaker")
    sagemaker.create_processing_job(**base)
    eventually(lambda: scene.keys("out/continuous/"))
    sagemaker.stop_processing_job(ProcessingJobName="continuous")
    describe = sagemaker.describe_processing_job
    job = scene.wait(describe, "ProcessingJobStatus", ProcessingJobName="continuous")
    assert job["ProcessingJobStatus"] == "Stopped"


def test_a_job_past_its_time_is_stopped_with_its_children(scene):
    script = "import subprocess; subprocess.run(['sleep', '86399'])"
    job = trained(scene, "slow", script, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert not processes("sleep 86399")


def test_training_follows_the_file_contract(scene):
    scene.put("channel/rows.csv", "1,0")
    script = """
import json, os, socket
hyperparameters = json.load(open("/opt/ml/input/config/hyperparameters.json"))
resources = json.load(open("/opt/ml/input/config/resourceconfig.json"))
channels = json.load(open("/opt/ml/input/config/inputdataconfig.json"))
socket.gethostbyname(resources["current_host"])
assert os.listdir(os.environ["SM_CHANNEL_TRAIN"]) == ["rows.csv"], os.environ
json.dump([hyperparameters, sorted(channels)], open("/opt/ml/model/seen.json", "w"))
open("/opt/ml/output/data/curve.txt", "w").write("0.5")
print("auc=0.70"); print("auc=0.75")
"""
    base = scene.training("contract", script)
    job = trained(
        scene,
        "contract",
        script,
        HyperParameters={"depth": "6"},
        InputDataConfig=[*base["InputDataConfig"], channel("train", f"s3://{BUCKET}/channel/")],
    )
    assert job["TrainingJobStatus"] == "Completed", job
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/models/contract/output/model.tar.gz"
    assert members(scene, "models/contract/output/model.tar.gz")["seen.json"] == b'[{"depth": "6"}, ["code", "train"]]'
    assert members(scene, "models/contract/output/output.tar.gz") == {"curve.txt": b"0.5"}
    assert [(m["MetricName"], m["Value"]) for m in job["FinalMetricDataList"]] == [("auc", 0.75)]
    statuses = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]


def members(scene, key):
    body = scene.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar.getmembers() if m.isfile()}


def test_the_failure_file_becomes_the_failure_reason(scene):
    script = "import sys; open('/opt/ml/output/failure', 'w').write('label column missing'); sys.exit(1)"
    job = trained(scene, "tells", script)
    assert job["FailureReason"].startswith("AlgorithmError: label column missing")


def test_a_job_name_is_taken_once(scene):
    request = scene.training("taken", "")
    scene.client("sagemaker").create_training_job(**request)
    with pytest.raises(scene.client("sagemaker").exceptions.ResourceInUse):
        scene.client("sagemaker").create_training_job(**request)


def test_transform_joins_answers_to_their_rows(scene):
    scene.put("rows/2026-01.csv", "\n".join(f"c{i},l{i},{i},{i * 2}" for i in range(500)))
    job = transformed(
        scene,
        "joined",
        scene.model("score"),
        DataProcessing={"InputFilter": "$[2]", "JoinSource": "Input", "OutputFilter": "$[0,1,-1]"},
    )
    assert job["TransformJobStatus"] == "Completed", job
    lines = scene.read("scored/joined/2026-01.csv.out").splitlines()
    assert len(lines) == 500
    assert lines[499] == "c499,l499,score:499"


def test_batch_strategy_and_concurrency_keep_the_order(scene):
    scene.put("ordered/x.csv", "\n".join(str(i) for i in range(40)))
    job = transformed(
        scene,
        "single",
        scene.model("each"),
        TransformInput=transform_input("ordered/", SplitType="Line"),
        BatchStrategy="SingleRecord",
        MaxConcurrentTransforms=4,
    )
    assert job["TransformJobStatus"] == "Completed", job
    assert scene.read("scored/single/x.csv.out").splitlines() == [f"each:{i}" for i in range(40)]


def test_a_refusing_model_fails_the_transform_with_its_words(scene):
    scene.put("refused/x.csv", "refuse")
    job = transformed(scene, "refused", scene.model("no"), TransformInput=transform_input("refused/", SplitType="Line"))
    assert job["TransformJobStatus"] == "Failed"
    assert "409" in job["FailureReason"]
    assert "another feature version" in job["FailureReason"]


def test_what_this_machine_cannot_do_is_refused_and_not_pretended(scene):
    sagemaker = scene.client("sagemaker")
    two = {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    with pytest.raises(ClientError, match="one instance only"):
        sagemaker.create_training_job(**scene.training("two-hosts", "", ResourceConfig=two))
    with pytest.raises(ClientError, match="is not offered by the local SageMaker server"):
        sagemaker.list_auto_ml_jobs()


def test_checkpoints_follow_a_training_job_to_s3_and_into_the_next(scene):
    script = """
import pathlib, sys
state = pathlib.Path("/opt/ml/checkpoints/step.txt")
step = int(state.read_text()) + 1 if state.exists() else 1
state.write_text(str(step))
sys.exit(step)
"""
    for name, step in (("first-try", "1"), ("second-try", "2")):
        job = trained(scene, name, script, CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints"})
        assert job["FailureReason"].endswith(f"exit code: {step}")
        assert scene.read("checkpoints/step.txt") == step


def test_a_job_reaches_its_aws_and_imports_what_its_image_has_unless_it_is_isolated(scene):
    script = """
import boto3, numpy
from botocore.config import Config
try:
    import duckdb
except ModuleNotFoundError as missing:
    assert "not in the image" in str(missing)
else:
    raise SystemExit("duckdb is not in the image")
boto3.client("s3", config=Config(retries={"max_attempts": 1})).list_buckets()
"""
    assert processed(scene, "reaches", script)["ProcessingJobStatus"] == "Completed"
    network = {"EnableNetworkIsolation": True, "VpcConfig": VPC}
    cut_off = processed(scene, "cut-off", script, NetworkConfig=network)
    assert "Could not connect to the endpoint URL" in cut_off["FailureReason"]
    assert cut_off["NetworkConfig"] == network


def test_jobs_and_models_say_which_network_they_were_asked_to_run_in_and_a_wrong_one_is_refused(scene):
    """Where it is, nothing here knows: a machine has no subnets."""
    assert trained(scene, "in-network", "", VpcConfig=VPC)["VpcConfig"] == VPC
    sagemaker = scene.client("sagemaker")
    sagemaker.create_model(
        ModelName="in-network",
        ExecutionRoleArn=scene.training("any", "")["RoleArn"],
        PrimaryContainer={"Image": IMAGE},
        VpcConfig=VPC,
    )
    assert sagemaker.describe_model(ModelName="in-network")["VpcConfig"] == VPC

    for wrong, said in (
        ({**VPC, "SecurityGroupIds": [f"sg-{number}" for number in range(6)]}, "less than or equal to 5"),
        ({**VPC, "Subnets": ["subnet_1"]}, "regular expression pattern"),
    ):
        with pytest.raises(ClientError, match=said):
            sagemaker.create_training_job(**scene.training("refused", "", VpcConfig=wrong))
        with pytest.raises(ClientError, match=said):
            sagemaker.create_processing_job(**scene.processing("refused", "", NetworkConfig={"VpcConfig": wrong}))
