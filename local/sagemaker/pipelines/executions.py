"""One execution of a pipeline: which steps may start, what has ended, when it is over."""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import Any

from .. import objects
from ..context import Context
from ..errors import ApiError
from ..jobs.lifecycle import cut_reason
from .definition import Definition, ExpressionError, Step, follow, resolve
from .steps import Outcome, StepFailed, StepRunner, StepStopped

_log = logging.getLogger(__name__)
_MAX_PARALLEL = 50


class Execution:
    """Runs in its own thread. The document in the `pipeline-execution` table shows every change at once."""

    def __init__(self, context: Context, runner: StepRunner, arn: str) -> None:
        self._context, self._runner, self._arn = context, runner, arn
        self._table = context.store.table("pipeline-execution")
        self._document = self._table.get(arn) or {}
        self._definition = Definition.parse(self._document["PipelineDefinition"])
        self._parameters = self._definition.values(
            {p["Name"]: p["Value"] for p in self._document["PipelineParameters"]}
        )
        self._records: dict[str, dict[str, Any]] = {}
        self._properties: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self.stop = threading.Event()
        for record in self._document.get("Steps", []):
            if record["StepStatus"] == "Succeeded":
                self._records[record["StepName"]] = record
                step = self._definition.steps[record["StepName"]]
                self._properties[step.name] = runner.describe(step.type, record["Metadata"])

    def run(self) -> None:
        """Run all steps that can run; ends with the execution Succeeded, Failed or Stopped."""
        limit = self._document.get("ParallelismConfiguration", {}).get("MaxParallelExecutionSteps", _MAX_PARALLEL)
        self._announce("", "Executing")
        running: dict[Future[None], str] = {}
        try:
            with ThreadPoolExecutor(limit, thread_name_prefix="pipeline-step") as pool:
                while True:
                    if not self.stop.is_set() and not self._failures():
                        for step in self._startable(set(running.values())):
                            self._note(step, StepStatus="Executing", StartTime=time.time())
                            running[pool.submit(self._step, step)] = step.name
                    if not running:
                        break
                    ended, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in ended:
                        running.pop(future)
                        future.result()
            self._end()
        except Exception as error:
            _log.exception("pipeline execution %s", self._arn)
            self._table.change(
                self._arn, PipelineExecutionStatus="Failed", FailureReason=cut_reason(f"InternalServerError: {error!r}")
            )

    def _startable(self, running: set[str]) -> list[Step]:
        ready = []
        for step in self._definition.steps.values():
            if step.name in self._records or step.name in running:
                continue
            if step.guard and self._properties.get(step.guard.condition, {}).get("Outcome") is not step.guard.branch:
                continue
            if all(self._records.get(name, {}).get("StepStatus") == "Succeeded" for name in step.needs):
                ready.append(step)
        return ready

    def _step(self, step: Step) -> None:
        try:
            outcome = self._runner.run(
                step,
                self._arn.rpartition("/")[2],
                self._document["RoleArn"],
                self._resolve,
                self.stop,
                lambda metadata: self._note(step, Metadata=metadata),
            )
            self._succeeded(step, outcome)
        except StepStopped as end:
            self._note(step, StepStatus="Stopped", Metadata=end.metadata, EndTime=time.time())
        except StepFailed as end:
            self._failed(step, str(end), Metadata=end.metadata)
        except ApiError as error:
            self._failed(step, f"ClientError: {error.message}")
        except ExpressionError as error:
            self._failed(step, f"ClientError: {error}")
        except Exception as error:
            _log.exception("step %s", step.name)
            self._failed(step, f"InternalServerError: {error!r}")

    def _succeeded(self, step: Step, outcome: Outcome) -> None:
        self._properties[step.name] = outcome.properties
        self._note(step, StepStatus="Succeeded", Metadata=outcome.metadata, EndTime=time.time())

    def _failed(self, step: Step, reason: str, **members: Any) -> None:
        self._note(step, StepStatus="Failed", FailureReason=cut_reason(reason), EndTime=time.time(), **members)

    def _resolve(self, value: Any) -> Any:
        return resolve(value, self._get, self._read_json)

    def _get(self, reference: str) -> Any:
        kind, _, rest = reference.partition(".")
        if kind == "Parameters":
            return self._parameters[rest]
        if kind == "Execution":
            return self._variable(rest)
        if kind != "Steps":
            raise ExpressionError(f"{reference} is not offered by the local SageMaker server")
        name, path = _split_step(rest)
        if name not in self._properties:
            raise ExpressionError(f"{reference}: step {name} has not run")
        return follow(self._properties[name], path)

    def _variable(self, name: str) -> str:
        document = self._document
        started = datetime.fromtimestamp(document["CreationTime"], UTC).isoformat(timespec="milliseconds")
        values = {
            "PipelineName": document["PipelineName"],
            "PipelineArn": document["PipelineArn"],
            "PipelineExecutionArn": self._arn,
            "PipelineExecutionId": self._arn.rpartition("/")[2],
            "StartDateTime": started.replace("+00:00", "Z"),
            "CurrentDateTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if name not in values:
            raise ExpressionError(f"Execution.{name} does not exist")
        return values[name]

    def _read_json(self, source: str) -> Any:
        """Return the JSON of a property file (`Steps.X.PropertyFiles.Y`) or of an S3 object."""
        uri = source
        if source.startswith("Steps."):
            name, path = _split_step(source.removeprefix("Steps."))
            wanted = path.removeprefix(".PropertyFiles.").removeprefix(".PropertyFiles['").removesuffix("']")
            files = self._definition.steps[name].body.get("PropertyFiles", [])
            found = next((file for file in files if file["PropertyFileName"] == wanted), None)
            if found is None:
                raise ExpressionError(f"Step {name} has no property file {wanted}")
            output = follow(self._properties.get(name, {}), f".ProcessingOutputConfig.Outputs['{found['OutputName']}']")
            uri = f"{output['S3Output']['S3Uri'].rstrip('/')}/{found['FilePath']}"
        bucket, key = objects.split_uri(uri)
        s3 = self._context.aws.client("s3", self._document["RoleArn"])
        try:
            return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except Exception as error:
            raise ExpressionError(f"The JSON file {uri} could not be read: {error}") from error

    def _note(self, step: Step, **members: Any) -> None:
        """Write a change of a step's record, in the order in which steps began."""
        if self._context.closing.is_set():
            return
        with self._lock:
            shown = {key: step.body[body] for key, body in _DESCRIPTIONS.items() if body in step.body}
            record = self._records.get(step.name, {"StepName": step.name, "AttemptCount": 1, **shown})
            self._records[step.name] = {**record, **members}
            self._table.change(self._arn, Steps=list(self._records.values()))

    def _failures(self) -> list[dict[str, Any]]:
        return [record for record in self._records.values() if record["StepStatus"] == "Failed"]

    def _end(self) -> None:
        if self._context.closing.is_set():
            return
        members: dict[str, Any] = {"PipelineExecutionStatus": "Succeeded"}
        if failures := self._failures():
            reasons = "; ".join(f"{record['StepName']}: {record['FailureReason']}" for record in failures)
            members = {
                "PipelineExecutionStatus": "Failed",
                "FailureReason": cut_reason(f"Step failure: One or multiple steps failed. {reasons}"),
            }
        elif self.stop.is_set():
            members = {"PipelineExecutionStatus": "Stopped"}
        self._table.change(self._arn, **members)
        self._announce("Executing", members["PipelineExecutionStatus"])

    def _announce(self, before: str, now: str) -> None:
        document = self._document
        self._context.events.publish(
            "SageMaker Model Building Pipeline Execution Status Change",
            self._arn,
            {
                "pipelineArn": document["PipelineArn"],
                "pipelineExecutionArn": self._arn,
                "pipelineExecutionDisplayName": document.get("PipelineExecutionDisplayName", ""),
                "previousPipelineExecutionStatus": before,
                "currentPipelineExecutionStatus": now,
                "executionStartTime": datetime.fromtimestamp(document["CreationTime"], UTC).isoformat(),
            },
        )


_DESCRIPTIONS = {"StepDisplayName": "DisplayName", "StepDescription": "Description"}


def _split_step(reference: str) -> tuple[str, str]:
    """Return a step's name and the path of `Name.path` or `Name['path']`."""
    end = min((i for i in (reference.find("."), reference.find("[")) if i >= 0), default=len(reference))
    return reference[:end], reference[end:]
