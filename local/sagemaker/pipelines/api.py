"""Pipelines and their executions, as operations."""

from __future__ import annotations

import json
import secrets
import string
import threading
import time
from typing import Any

from .. import listing
from ..context import Context
from ..errors import conflict, resource_not_found, validation
from .definition import Definition
from .executions import Execution
from .steps import StepRunner

_ALPHABET = string.ascii_lowercase + string.digits
_SUMMARY = ("PipelineExecutionArn", "StartTime", "PipelineExecutionStatus", "PipelineExecutionDescription",
            "PipelineExecutionDisplayName", "PipelineExecutionFailureReason")  # fmt: skip


class Pipelines:
    def __init__(self, context: Context, runner: StepRunner) -> None:
        self._context, self._runner = context, runner
        self._table = context.store.table("pipeline")
        self._executions = context.store.table("pipeline-execution")
        self._tokens = context.store.table("pipeline-token")
        self._running: dict[str, Execution] = {}
        self._starting = threading.Lock()
        for document in self._executions.all():
            if document["PipelineExecutionStatus"] in ("Executing", "Stopping"):
                end = {"FailureReason": "InternalServerError: the local AWS ended meanwhile."}
                steps = [
                    {**step, "StepStatus": "Failed", "EndTime": time.time(), **end}
                    if step["StepStatus"] == "Executing"
                    else step
                    for step in document["Steps"]
                ]
                self._executions.change(
                    document["PipelineExecutionArn"], PipelineExecutionStatus="Failed", Steps=steps, **end
                )

    def create_pipeline(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["PipelineName"]
        self._context.surroundings.require_role(request["RoleArn"])
        arn = self._context.settings.arn("pipeline", name)
        now = time.time()
        document = {
            "PipelineDisplayName": name,
            **{key: value for key, value in request.items() if key not in ("Tags", "ClientRequestToken")},
            "PipelineDefinition": self._definition(request),
            "PipelineArn": arn,
            "PipelineStatus": "Active",
            "CreationTime": now,
            "LastModifiedTime": now,
            "CreatedBy": {},
            "LastModifiedBy": {},
        }
        taken = validation(
            "Pipeline names must be unique within an AWS account and region. "
            f"Pipeline with name ({name}) already exists."
        )
        self._table.create(name, document, lambda: taken)
        self._context.tags.set_initial(arn, request.get("Tags"))
        return {"PipelineArn": arn}

    def describe_pipeline(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._find(request["PipelineName"])

    def update_pipeline(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self._find(request["PipelineName"])
        members = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")
        changes = {key: request[key] for key in members if key in request}
        self._context.surroundings.require_role(request.get("RoleArn"))
        if "PipelineDefinition" in request or "PipelineDefinitionS3Location" in request:
            changes["PipelineDefinition"] = self._definition(request)
        self._table.change(document["PipelineName"], **changes)
        return {"PipelineArn": document["PipelineArn"]}

    def delete_pipeline(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self._find(request["PipelineName"])
        for execution in self._of(document["PipelineName"]):
            if execution["PipelineExecutionStatus"] in ("Executing", "Stopping"):
                raise conflict(f"Pipeline {document['PipelineName']} has an execution that is still running.")
        self._table.delete(document["PipelineName"])
        self._context.tags.forget(document["PipelineArn"])
        return {"PipelineArn": document["PipelineArn"]}

    def list_pipelines(self, request: dict[str, Any]) -> dict[str, Any]:
        prefix = request.get("PipelineNamePrefix", "")
        found = [p for p in self._table.all() if p["PipelineName"].startswith(prefix)]
        items, token = listing.page(found, request, name="PipelineName")
        members = ("PipelineArn", "PipelineName", "PipelineDisplayName", "PipelineDescription", "RoleArn",
                   "CreationTime", "LastModifiedTime")  # fmt: skip
        summaries = []
        for item in items:
            summary = {key: item[key] for key in members if key in item}
            if "LastRunTime" in item:
                summary["LastExecutionTime"] = item["LastRunTime"]
            summaries.append(summary)
        return {"PipelineSummaries": summaries, "NextToken": token}

    def start_pipeline_execution(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start an execution; the same ClientRequestToken gives the same execution again."""
        pipeline = self._find(request["PipelineName"])
        for member in ("SelectiveExecutionConfig", "PipelineVersionId"):
            if member in request:
                raise validation(f"{member} is not offered by the local SageMaker server.")
        name = pipeline["PipelineName"]
        definition = Definition.parse(pipeline["PipelineDefinition"])
        given = {p["Name"]: p["Value"] for p in request.get("PipelineParameters", [])}
        values = definition.values(given)
        token = f"{name}/{request['ClientRequestToken']}"
        with self._starting:
            if known := self._tokens.get(token):
                return {"PipelineExecutionArn": known["PipelineExecutionArn"]}
            execution_id = "".join(secrets.choice(_ALPHABET) for _ in range(12))
            arn = f"{pipeline['PipelineArn']}/execution/{execution_id}"
            now = time.time()
            document = {
                "PipelineExecutionDisplayName": f"execution-{int(now * 1000)}",
                **{key: value for key, value in request.items() if key != "ClientRequestToken"},
                "PipelineName": name,
                "PipelineArn": pipeline["PipelineArn"],
                "PipelineExecutionArn": arn,
                "PipelineExecutionStatus": "Executing",
                "PipelineDefinition": pipeline["PipelineDefinition"],
                "PipelineParameters": [{"Name": key, "Value": _text(value)} for key, value in values.items()],
                "ParallelismConfiguration": request.get(
                    "ParallelismConfiguration", pipeline.get("ParallelismConfiguration", {})
                ),
                "RoleArn": pipeline["RoleArn"],
                "CreationTime": now,
                "LastModifiedTime": now,
                "CreatedBy": {},
                "LastModifiedBy": {},
                "Steps": [],
            }
            if not document["ParallelismConfiguration"]:
                del document["ParallelismConfiguration"]
            self._executions.put(arn, document)
            self._tokens.put(token, {"PipelineExecutionArn": arn})
        self._table.change(name, LastRunTime=now)
        self._launch(arn)
        return {"PipelineExecutionArn": arn}

    def describe_pipeline_execution(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._execution(request["PipelineExecutionArn"])

    def list_pipeline_executions(self, request: dict[str, Any]) -> dict[str, Any]:
        pipeline = self._find(request["PipelineName"])
        items, token = listing.page(self._of(pipeline["PipelineName"]), request, name="PipelineExecutionArn")
        summaries = []
        for item in items:
            known = {**item, "StartTime": item["CreationTime"]}
            if "FailureReason" in item:
                known["PipelineExecutionFailureReason"] = item["FailureReason"]
            summaries.append({key: known[key] for key in _SUMMARY if key in known})
        return {"PipelineExecutionSummaries": summaries, "NextToken": token}

    def list_pipeline_execution_steps(self, request: dict[str, Any]) -> dict[str, Any]:
        steps = self._execution(request["PipelineExecutionArn"])["Steps"]
        if request.get("SortOrder", "Descending") == "Descending":
            steps = steps[::-1]
        items, token = listing.cut(steps, request)
        return {"PipelineExecutionSteps": items, "NextToken": token}

    def list_pipeline_parameters_for_execution(self, request: dict[str, Any]) -> dict[str, Any]:
        items, token = listing.cut(self._execution(request["PipelineExecutionArn"])["PipelineParameters"], request)
        return {"PipelineParameters": items, "NextToken": token}

    def describe_pipeline_definition_for_execution(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self._execution(request["PipelineExecutionArn"])
        return {"PipelineDefinition": document["PipelineDefinition"], "CreationTime": document["CreationTime"]}

    def stop_pipeline_execution(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["PipelineExecutionArn"]
        document = self._execution(arn)
        if document["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
            raise conflict(f"Pipeline execution {arn} is in status {document['PipelineExecutionStatus']}.")
        self._executions.change(arn, PipelineExecutionStatus="Stopping")
        if execution := self._running.get(arn):
            execution.stop.set()
        return {"PipelineExecutionArn": arn}

    def retry_pipeline_execution(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run what has not succeeded of an execution that failed or was stopped."""
        arn = request["PipelineExecutionArn"]
        document = self._execution(arn)
        if document["PipelineExecutionStatus"] not in ("Failed", "Stopped"):
            raise conflict(f"Pipeline execution {arn} is in status {document['PipelineExecutionStatus']}.")
        kept = [step for step in document["Steps"] if step["StepStatus"] == "Succeeded"]
        self._executions.change(arn, PipelineExecutionStatus="Executing", FailureReason=None, Steps=kept)
        self._launch(arn)
        return {"PipelineExecutionArn": arn}

    def close(self) -> None:
        for execution in list(self._running.values()):
            execution.stop.set()

    def _launch(self, arn: str) -> None:
        execution = Execution(self._context, self._runner, arn)
        self._running[arn] = execution

        def run() -> None:
            execution.run()
            self._running.pop(arn, None)

        threading.Thread(target=run, name=f"pipeline-{arn.rpartition('/')[2]}", daemon=True).start()

    def _definition(self, request: dict[str, Any]) -> str:
        """Return the definition of a request, from S3 if that is where it lies; raises when it is not valid."""
        if location := request.get("PipelineDefinitionS3Location"):
            body = self._context.aws.client("s3").get_object(Bucket=location["Bucket"], Key=location["ObjectKey"])
            text = body["Body"].read().decode()
        elif "PipelineDefinition" in request:
            text = request["PipelineDefinition"]
        else:
            raise validation("PipelineDefinition or PipelineDefinitionS3Location must be given.")
        Definition.parse(text)
        return text

    def _find(self, name_or_arn: str) -> dict[str, Any]:
        name = name_or_arn.rpartition("/")[2]
        if (document := self._table.get(name)) is None:
            raise resource_not_found(f"Pipeline '{self._context.settings.arn('pipeline', name)}' does not exist.")
        return document

    def _execution(self, arn: str) -> dict[str, Any]:
        if (document := self._executions.get(arn)) is None:
            raise resource_not_found(f"Pipeline execution with ARN '{arn}' does not exist.")
        return document

    def _of(self, name: str) -> list[dict[str, Any]]:
        return [e for e in self._executions.all() if e["PipelineName"] == name]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
