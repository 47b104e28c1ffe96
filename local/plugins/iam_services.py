"""What a service does in the name of a role, or by a resource's policy, is left undone where that is not allowed.

A function's log, the reading of its source and what becomes of an event that it fails on; the tasks of a state machine,
the functions of an API, the topics of an alarm, the subscribers of a topic, the targets of rules and schedules: on AWS
the service asks IAM for these, and no request here says so.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from ministack.core import lambda_runtime
from ministack.core.responses import error_response_json
from ministack.services import apigateway, cloudwatch, eventbridge, lambda_svc, sns, stepfunctions

from local.permissions import recorder, roles
from local.permissions.denied import AccessDenied
from local.settings import Settings

HOOKS = {
    "ministack.core.lambda_runtime.execution_credentials": "(config: dict) -> dict[str, str]",
    "ministack.core.responses.error_response_json": None,
    "ministack.services.apigateway._invoke_lambda_proxy": None,
    "ministack.services.cloudwatch._dispatch_alarm_actions": "(alarm, old_state, new_state, reason)",
    "ministack.services.eventbridge._invoke_target": "(target, event, rule, view=None)",
    "ministack.services.lambda_svc._create_esm": "(data: dict)",
    "ministack.services.lambda_svc._emit_lambda_logs": (
        "(func: dict, request_id: str, log_text: str, error: bool, duration_ms: int, *, "
        "log_source: str | None = None) -> None"
    ),
    "ministack.services.lambda_svc._get_func_record_for_qualifier": (
        "(name: str, qualifier: str | None) -> tuple[dict | None, dict | None]"
    ),
    "ministack.services.lambda_svc._iter_all_esms": "()",
    "ministack.services.lambda_svc._route_async_failure": (
        "(target_arn: str, func_name: str, event: dict, result: dict) -> None"
    ),
    "ministack.services.lambda_svc.execution_credentials": "(config: dict) -> dict[str, str]",
    "ministack.services.sns._deliver_to_lambda": (
        "(endpoint: str, envelope: str, topic_arn: str, sub_arn: str, msg_id: str, raw_message: str, "
        "message_attributes: dict)"
    ),
    "ministack.services.sns._deliver_to_sqs": (
        "(endpoint: str, envelope: str, raw: bool, raw_message: str, message_group_id: str = '', "
        "message_dedup_id: str = '', message_attributes: dict | None = None, topic_arn: str = '')"
    ),
    "ministack.services.stepfunctions._executions": None,
    "ministack.services.stepfunctions._run_execution": "(exec_arn)",
    "ministack.services.stepfunctions._state_machines": None,
}

# What Lambda asks of a source in the function's name (the actions that its documentation lists for each).
READING = {
    "kinesis": ("DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"),
    "sqs": ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"),
}
SEGMENTS = ("PutTraceSegments", "PutTelemetryRecords")
SAMPLES = ("GetSamplingRules", "GetSamplingTargets")  # what Step Functions traces beside that
STARTED = {
    "lambda": "lambda:InvokeFunction",
    "states": "states:StartExecution",
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "kinesis": "kinesis:PutRecord",
    "events": "events:PutEvents",
}

IN_A_PATH = "/:@!$&'()*+,;=~"

logger = logging.getLogger("local")


def install(settings: Settings) -> None:
    lambda_runtime.execution_credentials = _of_its_role(lambda_runtime.execution_credentials)
    lambda_svc.execution_credentials = lambda_runtime.execution_credentials
    lambda_svc._emit_lambda_logs = _logging(lambda_svc._emit_lambda_logs)
    lambda_svc._create_esm = _reading(lambda_svc._create_esm)
    lambda_svc._iter_all_esms = _readable(lambda_svc._iter_all_esms)
    lambda_svc._route_async_failure = _handing_over(lambda_svc._route_async_failure)
    sns._deliver_to_lambda = _subscribed(sns._deliver_to_lambda)
    sns._deliver_to_sqs = _subscribed(sns._deliver_to_sqs)
    stepfunctions._run_execution = _as_its_role(stepfunctions._run_execution)
    apigateway._invoke_lambda_proxy = _opening(apigateway._invoke_lambda_proxy)
    cloudwatch._dispatch_alarm_actions = _telling(cloudwatch._dispatch_alarm_actions)
    eventbridge._invoke_target = _as_target_role(eventbridge._invoke_target)


def _of_its_role(given: Any) -> Any:
    """A function's own environment has its role, which decrypts what the environment says before the code begins."""

    def execution_credentials(config: dict) -> dict[str, str]:
        role, key = config.get("Role", ""), config.get("KMSKeyArn")
        if not role.startswith("arn:"):
            return given(config)
        if key and (config.get("Environment") or {}).get("Variables"):
            recorder.asks("kms:Decrypt", key, _via("lambda", key), role=role)
        return roles.credentials(role, config["FunctionName"])

    return execution_credentials


def _logging(emit: Any) -> Any:
    """What a function prints is lost where its role may not write its log; the function does not notice."""

    def emit_lambda_logs(func: dict, *said: Any, **more: Any) -> None:
        config = func.get("config") or func
        role = config.get("Role", "")
        if not role.startswith("arn:"):
            return emit(func, *said, **more)
        name = config["FunctionName"]
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
        parts = config["FunctionArn"].split(":")
        stream = f"arn:aws:logs:{parts[3]}:{parts[4]}:log-group:{group}:log-stream:{name}"
        if (config.get("TracingConfig") or {}).get("Mode") == "Active":
            _trace(role, SEGMENTS)
        if all(recorder.lets(f"logs:{action}", stream, role=role) for action in ("CreateLogStream", "PutLogEvents")):
            return emit(func, *said, **more)
        return None

    return emit_lambda_logs


def _via(service: str, key: str) -> tuple[str, str]:
    return "kms:ViaService", f"{service}.{key.split(':')[3]}.amazonaws.com"


def _decrypts(role: str, key: str, service: str) -> bool:
    """Whether a role may have a service decrypt what the service keeps for it."""
    return recorder.lets("kms:Decrypt", key, _via(service, key), role=role)


def _trace(role: str, asked: tuple[str, ...]) -> None:
    """Traces go nowhere here; on AWS they are lost where a role may not send them, and nobody notices."""
    for action in asked:
        recorder.lets(f"xray:{action}", "*", role=role)


def _asked_of_source(source: str) -> Iterator[tuple[str, str]]:
    """The actions that reading a source needs, each with its resource."""
    for resource in dict.fromkeys((source, source.partition("/consumer/")[0])):
        service = resource.split(":")[2]
        own = "/consumer/" in resource
        for action in ("SubscribeToShard",) if own else READING.get(service, ()):
            yield f"{service}:{action}", resource


def _reading(create: Any) -> Any:
    """A mapping reads its source in the function's name, and is not made where it could not."""

    def create_mapping(data: dict) -> Any:
        named = data.get("FunctionName", "")
        role = _role_of(named.split(":")[6] if named.startswith("arn:") else named.partition(":")[0])
        try:
            for action, resource in _asked_of_source(data.get("EventSourceArn") or "") if role else ():
                recorder.asks(action, resource, role=role)
        except AccessDenied as refused:
            said = f"The function execution role does not have permissions to read its source. {refused}"
            return error_response_json("InvalidParameterValueException", said, 400)
        return create(data)

    return create_mapping


def _readable(every: Any) -> Any:
    """Mappings whose role has lost what reading needs read nothing until it is back."""

    def iter_all_esms() -> Iterator[tuple[str, str, dict]]:
        for account, region, mapping in every():
            role = _role_of(mapping.get("FunctionName", ""))
            asked = _asked_of_source(mapping.get("EventSourceArn") or "::") if role else ()
            if all(recorder.still_lets(action, resource, role) for action, resource in asked):
                yield account, region, mapping
            else:
                mapping["LastProcessingResult"] = "PROBLEM: Lambda is not authorized to read the event source"

    return iter_all_esms


def _starting(arn: str) -> str:
    """What whoever starts this asks, if it is one of those that can be started."""
    return STARTED.get(arn.split(":")[2], "") if arn.startswith("arn:") else ""


def _handing_over(route: Any) -> Any:
    """An event that a function fails on for good goes on in the function's name."""

    def route_async_failure(target_arn: str, func_name: str, event: dict, result: dict) -> None:
        action, role = _starting(target_arn), _role_of(func_name)
        if not action or not role or recorder.lets(action, target_arn, role=role):
            route(target_arn, func_name, event, result)

    return route_async_failure


def _subscribed(deliver: Any) -> Any:
    """A topic reaches a function or a queue by the policy of that, and of the key that encrypts it."""

    def deliver_if_allowed(endpoint: str, *said: Any, **more: Any) -> Any:
        topic = more["topic_arn"] if "topic_arn" in more else said[1]
        action = _starting(endpoint)
        source = ("aws:SourceArn", topic)
        if not action or recorder.lets(action, endpoint, source, role="sns.amazonaws.com"):
            return deliver(endpoint, *said, **more)
        return None

    return deliver_if_allowed


def _role_of(function: str) -> str:
    found, _ = lambda_svc._get_func_record_for_qualifier(function, None)
    return ((found or {}).get("config") or {}).get("Role", "")


def _as_its_role(run: Any) -> Any:
    def run_execution(exec_arn: str) -> Any:
        execution = stepfunctions._executions.get(exec_arn) or {}
        machine = stepfunctions._state_machines.get(execution.get("stateMachineArn", "")) or {}
        role = machine.get("roleArn", "")
        if role and (machine.get("tracingConfiguration") or {}).get("enabled"):
            _trace(role, (*SEGMENTS, *SAMPLES))
        with roles.acting_as(role):
            return run(exec_arn)

    return run_execution


def _telling(dispatch: Any) -> Any:
    """An alarm tells topics by their policies, and by that of the key that encrypts them."""

    def dispatch_alarm_actions(alarm: dict, old_state: str, new_state: str, reason: str) -> Any:
        member = {"ALARM": "AlarmActions", "OK": "OKActions"}.get(new_state, "InsufficientDataActions")
        told = alarm.get(member) or [] if alarm.get("ActionsEnabled", True) else []
        source = ("aws:SourceArn", alarm.get("AlarmArn", ""))
        reached = [
            topic
            for topic in told
            if not topic.startswith("arn:aws:sns:")
            or recorder.lets("sns:Publish", topic, source, role="cloudwatch.amazonaws.com")
        ]
        return dispatch({**alarm, member: reached}, old_state, new_state, reason)

    return dispatch_alarm_actions


def _opening(invoke: Any) -> Any:
    """An API calls its function by the function's policy."""

    async def invoke_lambda_proxy(
        integration: dict, api_id: str, stage: str, path: str, method: str, *more: Any, **named: Any
    ) -> Any:
        function = integration.get("integrationUri", "").partition("/functions/")[2].partition("/invocations")[0]
        if function:
            place = ":".join(function.split(":")[3:5])
            # As it was sent: no pattern of a policy matches what breaks a line.
            route = f"{api_id}/{stage}/{method}{quote(path, safe=IN_A_PATH)}"
            source = ("aws:SourceArn", f"arn:aws:execute-api:{place}:{route}")
            if not recorder.lets("lambda:InvokeFunction", function, source, role="apigateway.amazonaws.com"):
                return 500, {"Content-Type": "application/json"}, b'{"message":"Internal Server Error"}'
        return await invoke(integration, api_id, stage, path, method, *more, **named)

    return invoke_lambda_proxy


def _as_target_role(invoke: Any) -> Any:
    """A rule or a schedule starts its target by the role that the target names, or by the target's own policy."""

    def invoke_target(target: dict, event: dict, rule: dict, view: Any = None) -> Any:
        if action := _starting(target.get("Arn", "")):
            by_role = target.get("RoleArn")
            source = () if by_role else (("aws:SourceArn", rule.get("Arn", "")),)
            if by_role and (key := rule.get("KmsKeyArn")) and not _decrypts(by_role, key, "scheduler"):
                return None
            if not recorder.lets(action, target["Arn"], *source, role=by_role or "events.amazonaws.com"):
                return None  # AWS counts a failed invocation
        return invoke(target, event, rule, view)

    return invoke_target
