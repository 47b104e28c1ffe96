"""Training jobs: channels and hyperparameters in, model.tar.gz and output.tar.gz out."""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path
from typing import Any

from .. import images, limits, objects
from ..errors import validation
from . import inputs
from .folders import ContinuousUpload
from .lifecycle import JobFailed, Jobs, JobStopped, Stop, wait_for

_OPT_ML = "/opt/ml/"
_CHECKPOINTS = "/opt/ml/checkpoints"
# Members of a request that would change what a job does, and that nothing here does.
_NOT_OFFERED = (
    "DebugHookConfig",
    "DebugRuleConfigurations",
    "TensorBoardOutputConfig",
    "ExperimentConfig",
    "ProfilerRuleConfigurations",
    "RetryStrategy",
    "SessionChainingConfig",
    "ServerlessJobConfig",
    "MlflowConfig",
    "ModelPackageConfig",
)


class TrainingJobs(Jobs):
    kind = "Training"

    def check(self, request: dict[str, Any]) -> None:
        algorithm = request.get("AlgorithmSpecification", {})
        if "TrainingImage" not in algorithm:
            raise validation("The local SageMaker server trains from an AlgorithmSpecification with a TrainingImage.")
        if request.get("ResourceConfig", {}).get("InstanceCount", 1) != 1:
            raise validation("This machine runs a training job on one instance only.")
        for channel in request.get("InputDataConfig", []):
            if "S3DataSource" not in channel["DataSource"]:
                raise validation(f"Channel {channel['ChannelName']} must have an S3DataSource.")
            if channel.get("InputMode", algorithm["TrainingInputMode"]) == "Pipe":
                raise validation("Pipe mode is not offered by the local SageMaker server.")

        for member in _NOT_OFFERED:
            if member in request:
                raise validation(f"{member} is not offered by the local SageMaker server.")
        place = request.get("CheckpointConfig", {}).get("LocalPath", _CHECKPOINTS)
        inside = place.startswith(_OPT_ML) and ".." not in place.split("/")
        limits.require(inside, "CheckpointConfig.LocalPath", f"a path below {_OPT_ML}", repr(place))

    def initial(self, request: dict[str, Any]) -> dict[str, Any]:
        transition = {"Status": "Starting", "StartTime": time.time(), "StatusMessage": "Preparing the job"}
        return {"SecondaryStatus": "Starting", "SecondaryStatusTransitions": [transition], "ModelArtifacts":
                {"S3ModelArtifacts": _artifact(request, "model.tar.gz")}}  # fmt: skip

    def run(self, document: dict[str, Any], stop: Stop) -> dict[str, Any]:
        name, algorithm = document["TrainingJobName"], document["AlgorithmSpecification"]
        argv = images.command(
            algorithm["TrainingImage"],
            algorithm.get("ContainerEntrypoint"),
            algorithm.get("ContainerArguments"),
            "train",
            self.context.surroundings,
            document["RoleArn"],
        )
        s3 = self.context.aws.client("s3", document["RoleArn"])
        folder = self.context.containers.prepare(name)
        ml = folder / "ml"
        try:
            self._move(name, "Downloading", "Downloading input data")
            for part in ("model", "output/data", "code", "checkpoints"):
                (ml / part).mkdir(parents=True, exist_ok=True)
            for channel in document.get("InputDataConfig", []):
                source = channel["DataSource"]["S3DataSource"]
                target = ml / "input" / "data" / channel["ChannelName"]
                inputs.fetch(s3, source["S3Uri"], source["S3DataType"], target)
                if channel.get("CompressionType") == "Gzip":
                    inputs.decompress(target)
            checkpoints = [(_checkpoints(ml, config), config["S3Uri"]) for config in _configured(document)]
            for place, uri in checkpoints:
                with contextlib.suppress(objects.MissingObjects):  # the first run has none
                    objects.download(s3, f"{uri.rstrip('/')}/", place)
            _write_config(ml, document)
            stop.check()
            self._move(name, "Training", "Training image download completed. Training in progress.")
            metrics = _Metrics(algorithm.get("MetricDefinitions", []))
            began = time.time()
            container = self.context.containers.start(
                folder,
                argv,
                _environment(document, self.context.settings.region),
                log_group="/aws/sagemaker/TrainingJobs",
                role=document["RoleArn"],
                log_stream=f"{name}/algo-1-{int(document['CreationTime'])}",
                isolated=document.get("EnableNetworkIsolation", False),
                on_line=metrics.read,
            )
            limit = document.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", self.maximum_runtime)
            with ContinuousUpload(s3, checkpoints):
                code, timed_out = wait_for(container, limit, stop)
            seconds = max(1, round(time.time() - began))
            measured = {
                "FinalMetricDataList": metrics.final() or None,
                "TrainingTimeInSeconds": seconds,
                "BillableTimeInSeconds": seconds,
            }
            self._move(name, "Uploading", "Uploading generated training model")
            self._upload(s3, document, folder)
            if stop.requested or timed_out:
                end = "Stopped" if stop.requested else "MaxRuntimeExceeded"
                raise JobStopped(**measured, **self._transition(name, end, f"Training job {end}"))
            if code != 0:
                raise JobFailed(_failure(ml, container.failure(code), code), **measured)
            return {**measured, **self._transition(name, "Completed", "Training job completed")}
        except JobFailed as failure:
            failure.members.update(self._transition(name, "Failed", "Training job failed"))
            raise
        except (objects.MissingObjects, images.ImageUnavailable) as failure:
            raise JobFailed(str(failure), **self._transition(name, "Failed", "Training job failed")) from failure
        except JobStopped as end:
            if "SecondaryStatus" not in end.members:
                end.members.update(self._transition(name, "Stopped", "Training job stopped"))
            raise
        finally:
            self.context.containers.discard(folder)

    def _upload(self, s3: Any, document: dict[str, Any], folder: Path) -> None:
        """Store the model whatever the exit code, as AWS does; an empty folder gives no archive."""
        for part, archive in (("model", "model.tar.gz"), ("output/data", "output.tar.gz")):
            source = folder / "ml" / part
            if any(path.is_file() for path in source.rglob("*")):
                objects.pack(source, folder / archive)
                bucket, key = objects.split_uri(_artifact(document, archive))
                s3.upload_file(str(folder / archive), bucket, key)

    def _move(self, name: str, status: str, message: str) -> None:
        self.table.change(name, **self._transition(name, status, message))

    def _transition(self, name: str, status: str, message: str) -> dict[str, Any]:
        now = time.time()
        *earlier, last = self.find(name)["SecondaryStatusTransitions"]
        transitions = [
            *earlier,
            {**last, "EndTime": now},
            {"Status": status, "StartTime": now, "StatusMessage": message},
        ]
        return {"SecondaryStatus": status, "SecondaryStatusTransitions": transitions}


def _configured(document: dict[str, Any]) -> list[dict[str, str]]:
    return [document["CheckpointConfig"]] if "CheckpointConfig" in document else []


def _checkpoints(ml: Path, config: dict[str, str]) -> Path:
    """Return the folder of this machine that the container sees as the checkpoints' LocalPath."""
    folder = ml / config.get("LocalPath", _CHECKPOINTS).removeprefix(_OPT_ML)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class _Metrics:
    """Finds MetricDefinitions in a script's output; the last value of each is the job's final metric."""

    def __init__(self, definitions: list[dict[str, str]]) -> None:
        self._patterns = [(d["Name"], re.compile(d["Regex"])) for d in definitions]
        self._values: dict[str, tuple[float, float]] = {}

    def read(self, line: str) -> None:
        for name, pattern in self._patterns:
            if (match := pattern.search(line)) and match.groups():
                try:
                    self._values[name] = (float(match.group(1)), time.time())
                except ValueError:
                    continue

    def final(self) -> list[dict[str, Any]]:
        return [{"MetricName": name, "Value": value, "Timestamp": at} for name, (value, at) in self._values.items()]


def _artifact(request: dict[str, Any], archive: str) -> str:
    return f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{request['TrainingJobName']}/output/{archive}"


def _write_config(ml: Path, document: dict[str, Any]) -> None:
    config = ml / "input" / "config"
    config.mkdir(parents=True)
    mode = document["AlgorithmSpecification"]["TrainingInputMode"]
    channels = {
        channel["ChannelName"]: {
            "TrainingInputMode": channel.get("InputMode", mode),
            "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                "S3DataDistributionType", "FullyReplicated"
            ),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        }
        for channel in document.get("InputDataConfig", [])
    }
    instance = document.get("ResourceConfig", {}).get("InstanceType", "ml.m5.large")
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance, "hosts": ["algo-1"]}
    resources = {
        "current_host": "algo-1",
        "current_instance_type": instance,
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1"],
        "instance_groups": [group],
        "network_interface_name": "lo",
    }
    (config / "inputdataconfig.json").write_text(json.dumps(channels))
    (config / "hyperparameters.json").write_text(json.dumps(document.get("HyperParameters", {})))
    (config / "resourceconfig.json").write_text(json.dumps(resources))


def _environment(document: dict[str, Any], region: str) -> dict[str, str]:
    """Return what AWS sets in a training container, plus the SM_ variables that scripts read."""
    channels = {c["ChannelName"]: f"/opt/ml/input/data/{c['ChannelName']}" for c in document.get("InputDataConfig", [])}
    return {
        "TRAINING_JOB_NAME": document["TrainingJobName"],
        "TRAINING_JOB_ARN": document["TrainingJobArn"],
        "SAGEMAKER_REGION": region,
        "SAGEMAKER_JOB_NAME": document["TrainingJobName"],
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_OUTPUT_DIR": "/opt/ml/output",
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "SM_INPUT_DIR": "/opt/ml/input",
        "SM_INPUT_CONFIG_DIR": "/opt/ml/input/config",
        "SM_CHANNELS": json.dumps(sorted(channels)),
        "SM_HPS": json.dumps(document.get("HyperParameters", {})),
        "SM_CURRENT_HOST": "algo-1",
        "SM_HOSTS": '["algo-1"]',
        "SM_NUM_GPUS": "0",
        **{f"SM_CHANNEL_{name.upper()}": path for name, path in channels.items()},
        **{f"SM_HP_{key.upper()}": value for key, value in document.get("HyperParameters", {}).items()},
        **document.get("Environment", {}),
    }


def _failure(ml: Path, printed: str, code: int) -> str:
    """Return FailureReason: the script's own /opt/ml/output/failure, and what it printed where that tells more."""
    path = ml / "output" / "failure"
    said = path.read_text(errors="replace").strip() if path.is_file() else ""
    if not said or ("Traceback" in printed and "Traceback" not in said):
        said = f"{said}\n{printed}".strip()
    return f"AlgorithmError: {said}, exit code: {code}"
