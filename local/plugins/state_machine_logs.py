"""State machines write their history to the log group of their logging configuration."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from ministack.services import stepfunctions

from local.plugins import log_lines
from local.settings import Settings

HOOKS = {
    "ministack.services.stepfunctions._add_event": "(execution, event_type, details=None)",
    "ministack.services.stepfunctions._state_machines": None,
}

FATAL = ("ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")


def install(settings: Settings) -> None:
    stepfunctions._add_event = _logging(stepfunctions._add_event)


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
