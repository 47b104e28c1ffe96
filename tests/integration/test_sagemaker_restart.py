"""A server that is killed in the middle of everything: what ends with it, and what the next one knows."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

import pytest

from local import lifecycle
from tests.integration.sagemaker_scene import BUCKET, ROLE, Scene, processes
from tests.waiting import eventually

SLEEPS = "import subprocess; subprocess.run(['sleep', '86398'])"
AT = "2026-03-01T10:00:00Z"
RECORD = [{"FeatureName": "id", "ValueAsString": "a"}, {"FeatureName": "at", "ValueAsString": AT}]


@dataclass
class After:
    """The second server on the same folder, and the execution that the first one had begun."""

    scene: Scene
    execution: str


@pytest.fixture(scope="module")
def after(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    first = lifecycle.start(folder / "state", port=0)
    try:
        execution = busy(Scene(first, folder))
        os.kill(first.pid, signal.SIGKILL)
        eventually(lambda: not containers(folder), "the end of all containers")
        assert not processes("sleep 86398")
    finally:
        lifecycle.stop(folder / "state")
    with lifecycle.running(folder / "state") as second:
        yield After(Scene(second, folder), execution)
    assert not containers(folder), "a server that is stopped leaves none either"


def busy(scene: Scene) -> str:
    """An endpoint in service, a job and an execution under way, and a record that was just answered."""
    scene.make_bucket()
    sagemaker = scene.client("sagemaker")
    assert scene.endpoint("lasting", scene.model("lasting"))["EndpointStatus"] == "InService"
    group = {
        "FeatureGroupName": "kept",
        "RecordIdentifierFeatureName": "id",
        "EventTimeFeatureName": "at",
        "FeatureDefinitions": [{"FeatureName": name, "FeatureType": "String"} for name in ("id", "at")],
        "OnlineStoreConfig": {"EnableOnlineStore": True},
        "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/offline"}},
    }
    sagemaker.create_feature_group(RoleArn=ROLE, **group)
    scene.wait(sagemaker.describe_feature_group, "FeatureGroupStatus", FeatureGroupName="kept")
    sagemaker.create_training_job(**scene.training("orphan", SLEEPS))
    request = scene.processing("orphan-step", SLEEPS)
    arguments = {key: value for key, value in request.items() if key != "ProcessingJobName"}
    execution = scene.begin_pipeline("orphaned", [{"Name": "Step", "Type": "Processing", "Arguments": arguments}])
    eventually(lambda: len(processes("sleep 86398")) == 2)
    scene.client("sagemaker-featurestore-runtime").put_record(FeatureGroupName="kept", Record=RECORD)
    return execution


def containers(folder) -> list[str]:
    return [line for line in processes(str(folder)) if "supervisor.py" in line]


def test_an_endpoint_comes_back_with_its_state_folder(after):
    describe = after.scene.client("sagemaker").describe_endpoint
    eventually(lambda: describe(EndpointName="lasting")["EndpointStatus"] == "InService")
    assert after.scene.invoke("lasting", "1") == "lasting:1\n"


def test_a_job_that_was_running_has_failed_and_says_why(after):
    job = after.scene.client("sagemaker").describe_training_job(TrainingJobName="orphan")
    assert job["TrainingJobStatus"] == "Failed"
    assert "the local AWS ended meanwhile" in job["FailureReason"]


def test_an_execution_that_was_running_has_failed_with_its_step_and_its_job(after):
    execution = after.scene.ended(after.execution)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["Steps"]["Step"]["StepStatus"] == "Failed"
    assert "the local AWS ended meanwhile" in execution["FailureReason"]
    jobs = after.scene.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"]
    assert {job["ProcessingJobStatus"] for job in jobs} == {"Failed"}


def test_a_record_that_was_answered_is_in_both_stores(after):
    runtime = after.scene.client("sagemaker-featurestore-runtime")
    assert runtime.get_record(FeatureGroupName="kept", RecordIdentifierValueAsString="a")["Record"] == RECORD
    eventually(lambda: after.scene.keys("offline/"), "the offline row")
