"""What AWS finds wrong with a state machine when it is made: a definition that cannot work is no state machine.

``problems`` is pure. Whether an API action exists is asked of botocore's models; the caller brings the question.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

COMMON = {"Type", "Comment", "QueryLanguage", "Assign", "Output"}
INPUT_OUTPUT = {"InputPath", "OutputPath"}
RESULTS = {"Parameters", "ResultSelector", "ResultPath", "Arguments"}
ONWARD = {"Next", "End"}
FAILING = {"Retry", "Catch"}
FIELDS = {
    "Pass": COMMON | INPUT_OUTPUT | ONWARD | {"Result", "ResultPath", "Parameters"},
    "Task": COMMON | INPUT_OUTPUT | RESULTS | ONWARD | FAILING
    | {"Resource", "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath", "Credentials"},
    "Choice": COMMON | INPUT_OUTPUT | {"Choices", "Default"},
    "Wait": COMMON | INPUT_OUTPUT | ONWARD | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Succeed": COMMON | INPUT_OUTPUT,
    "Fail": COMMON | {"Error", "ErrorPath", "Cause", "CausePath"},
    "Parallel": COMMON | INPUT_OUTPUT | RESULTS | ONWARD | FAILING | {"Branches"},
    "Map": COMMON | INPUT_OUTPUT | RESULTS | ONWARD | FAILING
    | {"ItemProcessor", "Iterator", "ItemsPath", "Items", "ItemSelector", "ItemReader", "ItemBatcher", "ResultWriter"}
    | {"MaxConcurrency", "MaxConcurrencyPath", "ToleratedFailurePercentage", "ToleratedFailurePercentagePath"}
    | {"ToleratedFailureCount", "ToleratedFailureCountPath", "Label"},
}  # fmt: skip
ENDING = ("Choice", "Succeed", "Fail")
MACHINE = {"Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"}
LONGEST_NAME = 80

# Step Functions' own integrations: what may stand behind arn:aws:states:::, and what may be waited for (.sync).
OPTIMISED = {
    "lambda": {"invoke"},
    "states": {"startExecution"},
    "sqs": {"sendMessage"},
    "sns": {"publish"},
    "events": {"putEvents"},
    "dynamodb": {"getItem", "putItem", "updateItem", "deleteItem"},
    "glue": {"startJobRun"},
    "athena": {"startQueryExecution", "stopQueryExecution", "getQueryExecution", "getQueryResults"},
    "sagemaker": {"createEndpoint", "createEndpointConfig", "createModel", "updateEndpoint", "createTrainingJob"}
    | {"createProcessingJob", "createTransformJob"},
}
SYNC = {
    "states": {"startExecution"},
    "glue": {"startJobRun"},
    "athena": {"startQueryExecution"},
    "sagemaker": {"createTrainingJob", "createProcessingJob", "createTransformJob"},
}
# AWS's, but nothing here could do them.
ELSEWHERE = (
    *("apigateway", "batch", "bedrock", "codebuild", "databrew", "ecs", "eks", "elasticmapreduce", "emr-containers"),
    *("emr-serverless", "http", "mediaconvert"),
)

Known = Callable[[str, str], bool]


def problems(text: str, known: Known) -> list[str]:
    """One sentence each, with its place; ``known(service, action)`` says whether aws-sdk has it."""
    try:
        machine = json.loads(text)
    except ValueError as failure:
        return [f"INVALID_JSON_DESCRIPTION: {failure} at /"]
    if not isinstance(machine, dict):
        return ["INVALID_JSON_DESCRIPTION: expected an object at /"]
    found = [
        f"SCHEMA_VALIDATION_FAILED: Field '{name}' is not supported at /" for name in sorted(set(machine) - MACHINE)
    ]
    if "TimeoutSeconds" in machine and not _is_number(machine["TimeoutSeconds"], 1):
        found.append("SCHEMA_VALIDATION_FAILED: TimeoutSeconds must be a number of at least 1 at /TimeoutSeconds")
    return [*found, *_level(machine, "", known)]


def _level(machine: Mapping[str, Any], at: str, known: Known) -> Iterator[str]:
    """One level of states: of the machine, a branch, or the processor of a Map."""
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield f"SCHEMA_VALIDATION_FAILED: States is missing or empty at {at or '/'}"
        return
    start = machine.get("StartAt")
    if start not in states:
        yield f"MISSING_TRANSITION_TARGET: Missing 'StartAt' target: {start} at {at}/StartAt"
    for name, state in states.items():
        where = f"{at}/States/{name}"
        if len(name) > LONGEST_NAME:
            yield f"SCHEMA_VALIDATION_FAILED: The name has more than {LONGEST_NAME} characters at {where}"
        if not isinstance(state, dict) or state.get("Type") not in FIELDS:
            kind = state.get("Type") if isinstance(state, dict) else state
            yield f"SCHEMA_VALIDATION_FAILED: Type is {kind!r}, expected one of {', '.join(FIELDS)} at {where}"
            continue
        yield from _state(state, states, where, known)
    reached = _reached(start, states)
    for name in states:
        if start in states and name not in reached:
            yield f'MISSING_TRANSITION_TARGET: State "{name}" is not reachable. at {at}/States/{name}'


def _state(state: Mapping[str, Any], states: Mapping[str, Any], at: str, known: Known) -> Iterator[str]:
    kind = state["Type"]
    for field in sorted(set(state) - FIELDS[kind]):
        yield f"SCHEMA_VALIDATION_FAILED: Field '{field}' is not supported in a {kind} state at {at}/{field}"
    if kind not in ENDING and ("Next" in state) == (state.get("End") is True):
        yield f"SCHEMA_VALIDATION_FAILED: A {kind} state has either Next or End: true at {at}"
    for place, target in _targets(state):
        if target not in states:
            yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {target} at {at}{place}"
    yield from _errors_named(state, at)
    if kind == "Task":
        yield from _resource(state.get("Resource"), f"{at}/Resource", known)
    elif kind == "Choice" and not state.get("Choices"):
        yield f"SCHEMA_VALIDATION_FAILED: Choices is missing or empty at {at}"
    elif kind == "Choice":
        for number, choice in enumerate(state["Choices"]):
            if "Next" not in choice:
                yield f"SCHEMA_VALIDATION_FAILED: Next is missing at {at}/Choices[{number}]"
    elif kind == "Wait" and len(set(state) & {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"}) != 1:
        fields = "Seconds, SecondsPath, Timestamp, TimestampPath"
        yield f"SCHEMA_VALIDATION_FAILED: A Wait state has one of {fields} at {at}"
    elif kind == "Parallel":
        if not state.get("Branches"):
            yield f"SCHEMA_VALIDATION_FAILED: Branches is missing or empty at {at}"
        for number, branch in enumerate(state.get("Branches") or []):
            yield from _level(branch, f"{at}/Branches[{number}]", known)
    elif kind == "Map":
        field = "ItemProcessor" if "ItemProcessor" in state else "Iterator"
        if not isinstance(state.get(field), dict):
            yield f"SCHEMA_VALIDATION_FAILED: ItemProcessor is missing at {at}"
        else:
            yield from _level(state[field], f"{at}/{field}", known)


def _targets(state: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Where a state may go next, and the place that says so."""
    if "Next" in state and state["Type"] not in ENDING:
        yield "/Next", state["Next"]
    if state["Type"] == "Choice":
        for number, choice in enumerate(state.get("Choices") or []):
            if "Next" in choice:
                yield f"/Choices[{number}]/Next", choice["Next"]
        if "Default" in state:
            yield "/Default", state["Default"]
    for number, catcher in enumerate(state.get("Catch") or []):
        yield f"/Catch[{number}]/Next", catcher.get("Next")


def _reached(start: Any, states: Mapping[str, Any]) -> set[str]:
    waiting, reached = [start], set()
    while waiting:
        name = waiting.pop()
        if name in reached or not isinstance(states.get(name), dict) or states[name].get("Type") not in FIELDS:
            continue
        reached.add(name)
        waiting += [target for _, target in _targets(states[name])]
    return reached


def _errors_named(state: Mapping[str, Any], at: str) -> Iterator[str]:
    for field in ("Retry", "Catch"):
        handlers = state.get(field) or []
        for number, handler in enumerate(handlers):
            where, named = f"{at}/{field}[{number}]", handler.get("ErrorEquals")
            if not isinstance(named, list) or not named:
                yield f"SCHEMA_VALIDATION_FAILED: ErrorEquals is missing or empty at {where}"
            elif "States.ALL" in named and (len(named) > 1 or number < len(handlers) - 1):
                yield f"SCHEMA_VALIDATION_FAILED: States.ALL must stand alone and last at {where}/ErrorEquals"


def _resource(resource: Any, at: str, known: Known) -> Iterator[str]:
    if not isinstance(resource, str) or not resource.startswith("arn:"):
        yield f"SCHEMA_VALIDATION_FAILED: Value is not a valid resource ARN at {at}"
        return
    sdk = re.fullmatch(r"arn:aws:states:::aws-sdk:(\w+):(\w+)(\.waitForTaskToken)?", resource)
    own = re.fullmatch(r"arn:aws:states:::([\w-]+):(\w+)(\.sync|\.sync:2|\.waitForTaskToken)?", resource)
    if sdk and known(sdk[1], sdk[2]):
        return
    if own and not sdk:
        service, action, way = own.groups()
        if service in ELSEWHERE:
            yield f"SCHEMA_VALIDATION_FAILED: {resource} is AWS's, but cannot be done on this machine at {at}"
            return
        offered = SYNC if (way or "").startswith(".sync") else OPTIMISED
        if action in offered.get(service, ()):
            return
    if (
        not own
        and not sdk
        and re.match(r"arn:aws:(lambda:[\w-]+:\d+:function:.+|states:[\w-]+:\d+:activity:.+)", resource)
    ):
        return
    yield (
        f"SCHEMA_VALIDATION_FAILED: The resource provided {resource} is not recognized. The value is not a valid "
        f"resource ARN, or the resource is not available in this region. at {at}"
    )


def _is_number(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
