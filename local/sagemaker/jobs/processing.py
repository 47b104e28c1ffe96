"""Processing jobs: S3 inputs as local folders, a command, local folders as S3 outputs."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from .. import images, objects
from ..errors import validation
from . import inputs
from .lifecycle import JobFailed, Jobs, JobStopped, Stop, wait_for

_OPT_ML = "/opt/ml/"
_SYNC_INTERVAL = 1.0


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
            if not place.get("LocalPath", "").startswith(_OPT_ML):
                raise validation(f"LocalPath must begin with {_OPT_ML}, got {place.get('LocalPath')!r}.")
        if any(source.get("S3InputMode", "File") == "Pipe" for source in sources):
            raise validation("Pipe mode is not offered by the local SageMaker server.")

    def run(self, document: dict[str, Any], stop: Stop) -> dict[str, Any]:
        name, application = document["ProcessingJobName"], document["AppSpecification"]
        argv = images.command(
            application["ImageUri"],
            application.get("ContainerEntrypoint"),
            application.get("ContainerArguments"),
            "process",
        )
        s3 = self.context.aws.client("s3")
        folder = self.context.containers.prepare(name)
        try:
            ml = folder / "ml"
            for source in document.get("ProcessingInputs", []):
                place = source["S3Input"]
                inputs.fetch(s3, place["S3Uri"], place["S3DataType"], _inside(ml, place["LocalPath"]))
                if place.get("S3CompressionType") == "Gzip":
                    inputs.decompress(_inside(ml, place["LocalPath"]))
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
                log_stream=f"{name}/algo-1-{int(document['CreationTime'] * 1000)}",
            )
            limit = document.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", self.maximum_runtime)
            with _ContinuousUpload(s3, ml, [o for o in outputs if o["S3UploadMode"] == "Continuous"]):
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


class _ContinuousUpload:
    """Sends new and changed files of Continuous outputs while the job runs, and once more at its end."""

    def __init__(self, s3: Any, ml: Path, places: list[dict[str, Any]]) -> None:
        self._s3, self._ml, self._places = s3, ml, places
        self._sent: dict[Path, tuple[float, int]] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        if self._places:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._places:
            self._thread.join()

    def _run(self) -> None:
        last = False
        while not last:
            last = self._done.wait(_SYNC_INTERVAL)
            for place in self._places:
                objects.upload(self._s3, _inside(self._ml, place["LocalPath"]), place["S3Uri"], self._sent)


def _inside(ml: Path, local_path: str) -> Path:
    """Return the folder of this machine that the container sees as `local_path`."""
    path = (ml / local_path.removeprefix(_OPT_ML)).resolve()
    if not path.is_relative_to(ml.resolve()):
        raise JobFailed(f"ClientError: LocalPath {local_path} is outside {_OPT_ML}")
    return path


def _exit_message(ml: Path) -> str:
    path = ml / "output" / "message"
    return path.read_text(errors="replace")[:1024] if path.is_file() else ""
