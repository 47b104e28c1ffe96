"""What each type of step does: start the job or resource, wait, say how it ended."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from ..context import Context
from ..errors import ApiError
from ..hosting.models import Models
from ..jobs.lifecycle import Jobs
from ..protocol import CONTROL_PLANE, service_model, validate_input
from ..registry import Registry
from .definition import Step, holds

_POLL = 0.05


class StepFailed(Exception):
    """A step's end that fails the execution; `metadata` names what it had started."""

    def __init__(self, reason: str, metadata: dict[str, Any]) -> None:
        super().__init__(reason)
        self.metadata = metadata


class StepStopped(Exception):
    """The execution was stopped while the step ran."""

    def __init__(self, metadata: dict[str, Any]) -> None:
        super().__init__("stopped")
        self.metadata = metadata


class Outcome:
    """How a step ended: its metadata, and the properties that later steps may refer to."""

    def __init__(self, metadata: dict[str, Any], properties: dict[str, Any]) -> None:
        self.metadata, self.properties = metadata, properties


class StepRunner:
    """Runs single steps; `inner` resolves expressions, `began` is told the metadata as soon as a job exists."""

    def __init__(self, context: Context, jobs: dict[str, Jobs], models: Models, registry: Registry) -> None:
        self._context, self._jobs, self._models, self._registry = context, jobs, models, registry

    def run(
        self,
        step: Step,
        execution_id: str,
        role: str,
        inner: Callable[[Any], Any],
        stop: threading.Event,
        began: Callable[[dict[str, Any]], None],
    ) -> Outcome:
        """Return the outcome of a step. Raises `StepFailed`, `StepStopped`, or `ApiError` when AWS refuses."""
        if step.type == "Condition":
            result = all(holds(condition, inner) for condition in step.body["Arguments"]["Conditions"])
            return Outcome({"Condition": {"Outcome": str(result)}}, {"Outcome": result})
        if step.type == "Lambda":
            return self._lambda(step, role, inner)
        arguments = inner(step.body.get("Arguments", {}))
        if step.type == "Fail":
            message = str(arguments["ErrorMessage"])
            raise StepFailed(message, {"Fail": {"ErrorMessage": message}})
        if step.type == "Model":
            return self._model(step, execution_id, role, arguments)
        if step.type == "RegisterModel":
            return self._register(role, arguments)
        return self._job(step, execution_id, role, arguments, stop, began)

    def describe(self, step_type: str, metadata: dict[str, Any]) -> dict[str, Any]:
        """Return the properties of a step that succeeded in an earlier attempt of the same execution."""
        details = next(iter(metadata.values()))
        if step_type == "Condition":
            return {"Outcome": details["Outcome"] == "True"}
        if step_type == "Lambda":
            return {"OutputParameters": {p["Name"]: p["Value"] for p in details["OutputParameters"]}}
        name = details["Arn"].rpartition("/")[2]
        if step_type == "Model":
            return self._models.find(name)
        if step_type == "RegisterModel":
            return self._registry.find(details["Arn"])
        return self._jobs[step_type].find(name)

    def _job(
        self,
        step: Step,
        execution_id: str,
        role: str,
        arguments: dict[str, Any],
        stop: threading.Event,
        began: Callable[[dict[str, Any]], None],
    ) -> Outcome:
        jobs = self._jobs[step.type]
        name = _resource_name(execution_id, step.name)
        request = {**arguments, jobs.name_key: name}
        if step.type != "Transform":
            request.setdefault("RoleArn", role)
        operation = f"Create{step.type}Job"
        self._asks(role, operation, request)
        self._asks(role, f"Describe{step.type}Job", {jobs.name_key: name})
        arn = jobs.create(_fitted(operation, request))[jobs.arn_key]
        self._asks(role, "AddTags", {"ResourceArn": arn})
        metadata = {f"{step.type}Job": {"Arn": arn}}
        began(metadata)
        told = False
        while (document := jobs.find(name))[jobs.status_key] in ("InProgress", "Stopping"):
            if stop.wait(_POLL) and not told:
                jobs.stop({jobs.name_key: name})
                told = True
            elif told:
                time.sleep(_POLL)
        status = document[jobs.status_key]
        if status == "Completed":
            return Outcome(metadata, document)
        if told:
            raise StepStopped(metadata)
        reason = document.get("FailureReason", f"The job ended as {status}.")
        raise StepFailed(f"ClientError: {step.type} job {name} ended as {status}: {reason}", metadata)

    def _model(self, step: Step, execution_id: str, role: str, arguments: dict[str, Any]) -> Outcome:
        request = {"ExecutionRoleArn": role, **arguments, "ModelName": _resource_name(execution_id, step.name)}
        self._asks(role, "CreateModel", request)
        arn = self._models.create_model(_fitted("CreateModel", request))["ModelArn"]
        return Outcome({"Model": {"Arn": arn}}, self._models.find(request["ModelName"]))

    def _register(self, role: str, arguments: dict[str, Any]) -> Outcome:
        self._asks(role, "CreateModelPackage", arguments)
        group = arguments.get("ModelPackageGroupName")
        if group:
            try:
                self._registry.describe_model_package_group({"ModelPackageGroupName": group})
            except ApiError:
                # As on AWS: registering into a group that does not exist makes it.
                self._registry.create_model_package_group({"ModelPackageGroupName": group})
        arn = self._registry.create_model_package(_fitted("CreateModelPackage", arguments))["ModelPackageArn"]
        return Outcome({"RegisterModel": {"Arn": arn}}, self._registry.find(arn))

    def _asks(self, role: str, operation: str, request: dict[str, Any]) -> None:
        try:
            self._context.surroundings.asks(role, operation, request)
        except PermissionError as refusal:
            raise StepFailed(
                f"ClientError: Failed to invoke sagemaker:{operation}. Error Details: {refusal}", {}
            ) from refusal

    def _lambda(self, step: Step, role: str, inner: Callable[[Any], Any]) -> Outcome:
        function = inner(step.body["FunctionArn"])
        payload = json.dumps(inner(step.body.get("Arguments", {})))
        answer = self._context.aws.client("lambda", role).invoke(FunctionName=function, Payload=payload.encode())
        content = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise StepFailed(f"Lambda function {function} failed: {content}", {"Lambda": {"Arn": function}})
        names = [parameter["OutputName"] for parameter in step.body.get("OutputParameters", [])]
        missing = [name for name in names if not isinstance(content, dict) or name not in content]
        if missing:
            raise StepFailed(f"Lambda function {function} did not return {missing}.", {"Lambda": {"Arn": function}})
        outputs = {name: content[name] for name in names}
        shown = [{"Name": name, "Value": str(value)} for name, value in outputs.items()]
        return Outcome({"Lambda": {"Arn": function, "OutputParameters": shown}}, {"OutputParameters": outputs})


def _resource_name(execution_id: str, step_name: str) -> str:
    """Return `pipelines-<execution>-<step>-<random>`, as AWS names what a step makes."""
    short = re.sub(r"[^A-Za-z0-9]+", "-", step_name).strip("-")[:24].rstrip("-")
    return f"pipelines-{execution_id}-{short}-{secrets.token_hex(5)}"


def _fitted(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return a step's arguments as a valid request: parameters know fewer types than the API, so values are cast."""
    model = service_model(CONTROL_PLANE).operation_model(operation)
    fitted = _cast(model.input_shape, request)
    validate_input(model, fitted)
    return fitted


def _cast(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, dict):
        # An unknown member stays, for the check of the request to name it.
        known = shape.members
        return {k: _cast(known[k], v) if k in known else v for k, v in value.items() if v is not None}
    if shape.type_name == "list" and isinstance(value, list):
        return [_cast(shape.member, item) for item in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: _cast(shape.value, item) for key, item in value.items()}
    if shape.type_name == "string" and isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if shape.type_name in ("integer", "long") and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return value
