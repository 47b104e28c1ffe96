"""Requests that AWS finds too large are refused here, with its words: payloads, environments, events."""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import eventbridge, lambda_svc

from local import limits
from local.settings import Settings

HOOKS = {
    "ministack.services.eventbridge._put_events": "(data, allow_aws_source=False)",
    "ministack.services.lambda_svc._create_function": "(data: dict)",
    "ministack.services.lambda_svc._invoke": (
        "(name: str, event: dict, headers: dict, path_qualifier: str | None = None, query_params: dict | None = None)"
    ),
    "ministack.services.lambda_svc._update_config": "(name: str, data: dict)",
}


def install(settings: Settings) -> None:
    lambda_svc._invoke = _invoking(lambda_svc._invoke)
    lambda_svc._create_function = _creating(lambda_svc._create_function)
    lambda_svc._update_config = _updating(lambda_svc._update_config)
    eventbridge._put_events = _putting(eventbridge._put_events)


def _invoking(invoke: Any) -> Any:
    async def invoke_function(
        name: str, event: Any, headers: dict, path_qualifier: str | None = None, query_params: dict | None = None
    ) -> Any:
        kind = headers.get("x-amz-invocation-type") or "RequestResponse"
        most = limits.ASYNCHRONOUS_PAYLOAD if kind == "Event" else limits.SYNCHRONOUS_PAYLOAD
        size = int(headers.get("content-length") or 0)
        if size > most:
            message = f"{size} byte payload is too large for the {kind} invocation type (limit {most} bytes)"
            return error_response_json("RequestEntityTooLargeException", message, 413)
        answer = await invoke(name, event, headers, path_qualifier, query_params)
        body = answer[2] or b""
        if kind == "RequestResponse" and len(body) > limits.SYNCHRONOUS_PAYLOAD:
            said = {
                "errorMessage": f"Response payload size exceeded maximum allowed payload size ({most} bytes).",
                "errorType": "Function.ResponseSizeTooLarge",
            }
            return answer[0], {**answer[1], "X-Amz-Function-Error": "Unhandled"}, json.dumps(said).encode()
        return answer

    return invoke_function


def environment_problem(data: dict) -> str:
    variables = (data.get("Environment") or {}).get("Variables") or {}
    size = sum(len(str(name).encode()) + len(str(value).encode()) for name, value in variables.items())
    if size <= limits.FUNCTION_ENVIRONMENT:
        return ""
    return (
        "Lambda was unable to configure your environment variables because the environment variables you have provided "
        f"exceeded the 4KB limit. Size measured: {size} bytes, at most {limits.FUNCTION_ENVIRONMENT}."
    )


def _creating(create: Any) -> Any:
    def create_function(data: dict) -> Any:
        if said := environment_problem(data):
            return error_response_json("InvalidParameterValueException", said, 400)
        return create(data)

    return create_function


def _updating(update: Any) -> Any:
    def update_configuration(name: str, data: dict) -> Any:
        if said := environment_problem(data):
            return error_response_json("InvalidParameterValueException", said, 400)
        return update(name, data)

    return update_configuration


def entry_size(entry: dict) -> int:
    """As EventBridge counts it: 14 bytes for a time, and the bytes of the texts."""
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or [])]
    return (14 if entry.get("Time") else 0) + sum(len(text.encode()) for text in texts if text)


def _putting(put: Any) -> Any:
    def put_events(data: dict, allow_aws_source: bool = False) -> Any:
        size = sum(map(entry_size, data.get("Entries") or []))
        if size > limits.EVENT_ENTRIES:
            message = f"Total size of the entries in the request is over the limit: {size} bytes, at most "
            return error_response_json("ValidationException", f"{message}{limits.EVENT_ENTRIES}.", 400)
        return put(data, allow_aws_source)

    return put_events
