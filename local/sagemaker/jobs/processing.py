"""Processing jobs: S3 inputs as local folders, a command, local folders as S3 outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .. import images, limits, objects
from ..errors import validation
from . import inputs
from .folders import ContinuousUpload
from .lifecycle import JobFailed, Jobs, JobStopped, Stop, wait_for

_OPT_ML = "/opt/ml/"


class ProcessingJobs(Jobs):
    kind = "Processing"

    def check(self, request: dict[str, Any]) -> None:
        if request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] != 1:
            raise validation("This machine runs a processing job on one instance only.")
        sources = [i["S3Input"] for i in request.get("ProcessingInputs", []) if "S3Input" in i]
        if len(sources) != len(request.get("ProcessingInputs", [])):
            raise validation("DatasetDefinition inputs are not offered by the local SageMaker server.")
        targets = [o.get("S3Output") for o in request.get("ProcessingOutputConfig", {}).get("Outputs", [])]
        if None in targets:
            raise validation("FeatureStoreOutput is not offered by the local SageMaker server.")
        for place in [*sources, *targets]:
            path, folder = place.get("LocalPath", ""), limits.PROCESSING_FOLDER
            inside = path.startswith(folder) and ".." not in path.split("/")
            limits.require(inside, "LocalPath", f"a path below {folder}", repr(path))
        if any(source.get("S3InputMode", "File") == "Pipe" for source in sources):
            raise validation("Pipe mode is not offered by the local SageMaker server.")
        for source in sources:
            compression = source.get("S3CompressionType", "None")
            limits.require(compression == "None", "S3CompressionType in File mode", "None", compression)
        for member in ("ExperimentConfig",):
            if member in request:
                raise validation(f"{member} is not offered by the local SageMaker server.")

    def run(self, document: dict[str, Any], stop: Stop) -> dict[str, Any]:
        name, application = document["ProcessingJobName"], document["AppSpecification"]
        argv = images.command(
            application["ImageUri"],
            application.get("ContainerEntrypoint"),
            application.get("ContainerArguments"),
            "process",
            self.context.surroundings,
            document["RoleArn"],
        )
        s3 = self.context.aws.client("s3", document["RoleArn"])
        folder = self.context.containers.prepare(name)
        try:
            ml = folder / "ml"
            for source in document.get("ProcessingInputs", []):
                place = source["S3Input"]
                inputs.fetch(s3, place["S3Uri"], place["S3DataType"], _inside(ml, place["LocalPath"]))
            outputs = [o["S3Output"] for o in document.get("ProcessingOutputConfig", {}).get("Outputs", [])]
            for place in outputs:
                _inside(ml, place["LocalPath"]).mkdir(parents=True, exist_ok=True)
            self._write_config(ml, document)
            stop.check()
            container = self.context.containers.start(
                folder,
                argv,
                {**document.get("Environment", {}), "PROCESSING_JOB_ARN": document["ProcessingJobArn"]},
                log_group="/aws/sagemaker/ProcessingJobs",
                role=document["RoleArn"],
                log_stream=f"{name}/algo-1-{int(document['CreationTime'] * 1000)}",
                isolated=document.get("NetworkConfig", {}).get("EnableNetworkIsolation", False),
            )
            limit = document.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", self.maximum_runtime)
            with ContinuousUpload(s3, [(_inside(ml, o["LocalPath"]), o["S3Uri"]) for o in outputs if _continuous(o)]):
                code, timed_out = wait_for(container, limit, stop)
            message = _exit_message(ml)
            if stop.requested:
                raise JobStopped(ExitMessage=message)
            if timed_out:
                raise JobStopped(
                    ExitMessage=message, FailureReason=f"ClientError: Reached the maximum run time {limit} s."
                )
            if code != 0:
                detail = message or container.failure(code)
                raise JobFailed(f"AlgorithmError: {detail}, exit code: {code}", ExitMessage=message or None)
            for place in outputs:
                if place["S3UploadMode"] == "EndOfJob":
                    objects.upload(s3, _inside(ml, place["LocalPath"]), place["S3Uri"])
            return {"ExitMessage": message or None}
        finally:
            self.context.containers.discard(folder)

    def _write_config(self, ml: Path, document: dict[str, Any]) -> None:
        config = ml / "config"
        config.mkdir(parents=True, exist_ok=True)
        keys = ("ProcessingJobArn", "ProcessingJobName", "AppSpecification", "Environment", "ProcessingInputs",
                "ProcessingOutputConfig", "ProcessingResources", "RoleArn", "StoppingCondition")  # fmt: skip
        (config / "processingjobconfig.json").write_text(json.dumps({k: document[k] for k in keys if k in document}))
        hosts = {"current_host": "algo-1", "hosts": ["algo-1"]}
        (config / "resourceconfig.json").write_text(json.dumps(hosts))
        (ml / "output").mkdir(exist_ok=True)


def _inside(ml: Path, local_path: str) -> Path:
    """Return the folder of this machine that the container sees as `local_path`."""
    path = (ml / local_path.removeprefix(_OPT_ML)).resolve()
    if not path.is_relative_to(ml.resolve()):
        raise JobFailed(f"ClientError: LocalPath {local_path} is outside {_OPT_ML}")
    return path


def _continuous(place: dict[str, Any]) -> bool:
    return place["S3UploadMode"] == "Continuous"


def _exit_message(ml: Path) -> str:
    path = ml / "output" / "message"
    return path.read_text(errors="replace")[:1024] if path.is_file() else ""
