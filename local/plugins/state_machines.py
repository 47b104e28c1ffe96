"""State machines are looked at when they are made, and keep their own limits when they run.

MiniStack takes any text as a definition and ignores a machine's TimeoutSeconds.
"""

from __future__ import annotations

import contextvars
import json
import threading
from functools import cache
from typing import Any

from botocore.exceptions import UnknownServiceError
from ministack.core.responses import error_response_json, json_response, now_iso
from ministack.services import stepfunctions

from local import checkpoints
from local.limits import STATE_PAYLOAD
from local.plugins import query_protocol, state_definitions
from local.settings import Settings

HOOKS = {
    "ministack.core.responses.now_iso": None,
    "ministack.services.stepfunctions._add_event": "(execution, event_type, details=None)",
    "ministack.services.stepfunctions._create_state_machine": "(data)",
    "ministack.services.stepfunctions._emit_execution_status_event": None,
    "ministack.services.stepfunctions._execute_task": "(state_def, raw_input, execution, ctx)",
    "ministack.services.stepfunctions._ExecutionError.__init__": "(self, error, cause)",
    "ministack.services.stepfunctions._executions": None,
    "ministack.services.stepfunctions._fail_execution": "(execution, error, cause)",
    "ministack.services.stepfunctions._run_execution": "(exec_arn)",
    "ministack.services.stepfunctions._start_execution": "(data)",
    "ministack.services.stepfunctions._state_machines": None,
    "ministack.services.stepfunctions._update_state_machine": "(data)",
    "ministack.services.stepfunctions._validate_state_machine_definition": "(data)",
}

# What aws-sdk:* calls a service, where boto3's name without its dashes is another one.
BOTO3_NAMES = {
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "sfn": "stepfunctions",
    "cognitoidentityprovider": "cognito-idp",
    "cognitoidentity": "cognito-identity",
    "costexplorer": "ce",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "databasemigration": "dms",
    "directory": "ds",
    "efs": "efs",
    "sagemakera2iruntime": "sagemaker-a2i-runtime",
}


def install(settings: Settings) -> None:
    stepfunctions._create_state_machine = _looking(stepfunctions._create_state_machine)
    stepfunctions._update_state_machine = _looking(stepfunctions._update_state_machine)
    stepfunctions._validate_state_machine_definition = _validated
    stepfunctions._run_execution = _within_its_time(stepfunctions._run_execution)
    stepfunctions._fail_execution = _once(stepfunctions._fail_execution)
    stepfunctions._start_execution = _measured(stepfunctions._start_execution)
    stepfunctions._execute_task = _with_a_small_result(stepfunctions._execute_task)


def _looking(change: Any) -> Any:
    def change_state_machine(data: dict) -> Any:
        if "definition" in data and (found := state_definitions.problems(data["definition"], known)):
            message = "Invalid State Machine Definition: '" + ", ".join(found) + "'"
            return error_response_json("InvalidDefinition", message, 400)
        return change(data)

    return change_state_machine


def _validated(data: dict) -> Any:
    found = []
    for problem in state_definitions.problems(data.get("definition", ""), known):
        code, _, rest = problem.partition(": ")
        message, _, location = rest.rpartition(" at ")
        found.append({"severity": "ERROR", "code": code, "message": message, "location": location})
    return json_response({"result": "FAIL" if found else "OK", "diagnostics": found, "truncated": False})


def known(service: str, action: str) -> bool:
    """Whether aws-sdk has the operation, by botocore's models."""
    return action[:1].islower() and action[:1].upper() + action[1:] in _operations(service)


@cache
def _operations(service: str) -> frozenset[str]:
    name = BOTO3_NAMES.get(service) or _by_plain_name().get(service)
    try:
        return frozenset(query_protocol.model(name).operation_names) if name else frozenset()
    except UnknownServiceError:
        return frozenset()


@cache
def _by_plain_name() -> dict[str, str]:
    from botocore.loaders import Loader

    return {name.replace("-", ""): name for name in Loader().list_available_services("service-2")}


def _within_its_time(run: Any) -> Any:
    def run_execution(exec_arn: str) -> Any:
        execution = stepfunctions._executions.get(exec_arn)
        machine = stepfunctions._state_machines.get((execution or {}).get("stateMachineArn", ""))
        seconds = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
        timer = None
        if seconds is not None:
            context = contextvars.copy_context()
            timer = threading.Timer(seconds, context.run, (_time_out, execution))
            timer.daemon = True
            timer.start()
        try:
            return run(exec_arn)
        finally:
            if timer is not None:
                timer.cancel()
            checkpoints.changed()

    return run_execution


def _time_out(execution: dict) -> None:
    """As if stopped: the states of the execution notice that it runs no longer."""
    if execution["status"] != "RUNNING":
        return
    execution |= {"status": "TIMED_OUT", "stopDate": now_iso(), "error": "States.Timeout", "cause": None}
    stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    stepfunctions._emit_execution_status_event(execution)
    checkpoints.changed()


def _once(fail: Any) -> Any:
    """What was stopped or has timed out stays so, whatever its last state says afterwards."""

    def fail_execution(execution: dict, error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    return fail_execution


def _measured(start: Any) -> Any:
    def start_execution(data: dict) -> Any:
        size = len((data.get("input") or "").encode())
        if size > STATE_PAYLOAD:
            message = f"Invalid Input: 'Input size {size} exceeds the maximum of {STATE_PAYLOAD} bytes'"
            return error_response_json("InvalidExecutionInput", message, 400)
        return start(data)

    return start_execution


def _with_a_small_result(execute: Any) -> Any:
    def execute_task(state_def: dict, raw_input: Any, execution: dict, ctx: dict) -> Any:
        output, following = execute(state_def, raw_input, execution, ctx)
        size = len(json.dumps(output).encode())
        if size > STATE_PAYLOAD:
            name = (ctx.get("State") or {}).get("Name", "")
            raise stepfunctions._ExecutionError(
                "States.DataLimitExceeded",
                f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes "
                f"service limit: {size} bytes, at most {STATE_PAYLOAD}.",
            )
        return output, following

    return execute_task
