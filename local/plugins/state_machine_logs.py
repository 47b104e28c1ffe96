"""State machines write their history to the log group of their logging configuration, if their role may have it so."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import stepfunctions

from local.permissions import recorder
from local.permissions.denied import AccessDenied
from local.services import log_lines
from local.settings import Settings

HOOKS = {
    "ministack.core.responses.error_response_json": None,
    "ministack.services.stepfunctions._add_event": "(execution, event_type, details=None)",
    "ministack.services.stepfunctions._create_state_machine": "(data)",
    "ministack.services.stepfunctions._state_machines": None,
    "ministack.services.stepfunctions._update_state_machine": "(data)",
}

FATAL = ("ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")
# What Step Functions asks of CloudWatch Logs in the name of a machine's role when the machine is made or changed.
DELIVERING = (
    *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"),
    *("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
)


def install(settings: Settings) -> None:
    stepfunctions._add_event = _logging(stepfunctions._add_event)
    stepfunctions._create_state_machine = _delivering(stepfunctions._create_state_machine)
    stepfunctions._update_state_machine = _delivering(stepfunctions._update_state_machine)


def _delivering(make: Any) -> Any:
    def make_if_it_may_log(data: dict) -> Any:
        wanted = data.get("loggingConfiguration") or {}
        machine = stepfunctions._state_machines.get(data.get("stateMachineArn", "")) or {}
        role = data.get("roleArn") or machine.get("roleArn", "")
        try:
            for action in DELIVERING if role and wanted.get("level", "OFF") != "OFF" else ():
                recorder.asks(f"logs:{action}", "*", role=role)
        except AccessDenied as refusal:
            said = f"The state machine IAM Role is not authorized to access the Log Destination. {refusal}"
            return error_response_json("AccessDeniedException", said, 400)
        return make(data)

    return make_if_it_may_log


def _logging(add: Any) -> Any:
    def add_and_log(execution: dict, event_type: str, details: dict | None = None) -> dict:
        event = add(execution, event_type, details)
        _log(execution, event)
        return event

    return add_and_log


def _log(execution: dict, event: dict) -> None:
    machine = stepfunctions._state_machines.get(execution.get("stateMachineArn", ""))
    settings = (machine or {}).get("loggingConfiguration") or {}
    destinations = settings.get("destinations") or []
    if not destinations or not _wanted(settings.get("level", "OFF"), event["type"]):
        return
    details = {}
    for key, value in event.items():
        if key.endswith("Details") and isinstance(value, dict):
            details = dict(value)
    if not settings.get("includeExecutionData"):
        for secret in ("input", "output", "cause", "parameters"):
            details.pop(secret, None)
    line = {
        "id": str(event["id"]),
        "type": event["type"],
        "details": details,
        "previous_event_id": str(max(0, int(event["id"]) - 1)),
        "event_timestamp": str(int(time.time() * 1000)),
        "execution_arn": execution.get("executionArn", ""),
        "redrive_count": "0",
    }
    for destination in destinations:
        arn = (destination.get("cloudWatchLogsLogGroup") or {}).get("logGroupArn", "")
        group = arn.partition(":log-group:")[2].removesuffix(":*")
        if group:
            stream = f"states/{machine['name']}/{datetime.now(UTC):%Y-%m-%d}/{execution.get('name', '')}"
            log_lines.append(group, stream, [json.dumps(line)])


def _wanted(level: str, event_type: str) -> bool:
    if level == "ALL":
        return True
    if level == "ERROR":
        return event_type in FATAL or event_type.endswith(("Failed", "TimedOut", "Aborted"))
    return level == "FATAL" and event_type in FATAL
