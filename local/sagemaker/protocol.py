"""SageMaker's wire protocols, read from botocore's service models.

Four services share the signing name `sagemaker`: the control plane speaks `json` (operation in `X-Amz-Target`), the
runtime, the Feature Store runtime and the metrics service speak `rest-json` (operation from method and path).
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any
from urllib.parse import unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, StructureShape
from botocore.utils import parse_timestamp
from botocore.validate import ParamValidator

from .errors import ApiError, validation

CONTROL_PLANE = "sagemaker"
REST_SERVICES = ("sagemaker-runtime", "sagemaker-featurestore-runtime", "sagemaker-metrics")
_ENVELOPE = "application/x-amz-json-1.1"


@cache
def service_model(service: str) -> ServiceModel:
    """Return botocore's model of a service; the control plane's takes a tenth of a second to read, hence the cache."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


@cache
def _rest_routes() -> list[tuple[str, re.Pattern[str], OperationModel]]:
    routes = []
    for service in REST_SERVICES:
        for name in service_model(service).operation_names:
            operation = service_model(service).operation_model(name)
            pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.http["requestUri"])
            routes.append((operation.http["method"], re.compile(f"^{pattern}$"), operation))
    return routes


def find_operation(method: str, path: str, target: str) -> tuple[OperationModel, dict[str, str]]:
    """Return the operation a request names and the values in its path.

    Raises `UnknownOperationException` for a target or a path that no service model has.
    """
    if target:
        name = target.rpartition(".")[2]
        model = service_model(CONTROL_PLANE)
        if name not in model.operation_names:
            raise ApiError("UnknownOperationException", f"SageMaker has no operation {name}.")
        return model.operation_model(name), {}
    for route_method, pattern, operation in _rest_routes():
        if method == route_method and (match := pattern.match(path)):
            return operation, {key: unquote(value) for key, value in match.groupdict().items()}
    raise ApiError("UnknownOperationException", f"SageMaker has no operation at {method} {path}.", 404)


def parse_input(
    operation: OperationModel, uri: dict[str, str], headers: dict, body: bytes, query: dict[str, list[str]]
) -> dict[str, Any]:
    """Return the request members that the body, path, query string and headers carry, not yet validated."""
    shape = operation.input_shape
    if shape is None:
        return {}
    payload = shape.serialization.get("payload")
    params: dict[str, Any] = {}
    if payload is None and body:
        try:
            decoded = json.loads(body)
        except ValueError as error:
            raise ApiError("SerializationException", f"The request body is not JSON: {error}") from error
        if not isinstance(decoded, dict):
            raise ApiError("SerializationException", "The request body is not a JSON object.")
        params = _without_nulls(decoded)
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        wire = member.serialization.get("name", name)
        if location == "uri" and wire in uri:
            params[name] = uri[wire]
        elif location == "querystring" and wire in query:
            params[name] = query[wire] if member.type_name == "list" else query[wire][0]
        elif location == "header" and wire.lower() in headers:
            params[name] = headers[wire.lower()]
        elif name == payload:
            params[name] = body
    return params


def validate_input(operation: OperationModel, params: dict[str, Any]) -> None:
    """Raise `ValidationException` unless `params` fit the input shape: types, required, sizes, patterns, enums."""
    shape = operation.input_shape
    if shape is None:
        return
    report = ParamValidator().validate(params, shape)
    if report.has_errors():
        raise validation(f"1 validation error detected: {report.generate_report()}")
    problems: list[str] = []
    _check_constraints(shape, params, "", problems)
    if problems:
        detected = "1 validation error" if len(problems) == 1 else f"{len(problems)} validation errors"
        raise validation(f"{detected} detected: {'; '.join(problems)}")


def complete_output(operation: OperationModel, answer: dict[str, Any] | None) -> dict[str, Any]:
    """Return the members of `answer` that the output shape has; an answer that breaks the shape is our own fault."""
    shape = operation.output_shape
    if shape is None:
        return {}
    members = project(answer or {}, shape)
    report = ParamValidator().validate(members, shape)
    if report.has_errors():
        raise ApiError(
            "InternalFailure", f"{operation.name} answered outside its model: {report.generate_report()}", 500
        )
    return members


def project(document: dict[str, Any], shape: StructureShape) -> dict[str, Any]:
    """Return those members of a stored document that a structure has and that are set."""
    return {name: document[name] for name in shape.members if document.get(name) is not None}


def read_timestamps(shape: Any, value: Any) -> Any:
    """Return `value` with every timestamp as epoch seconds, whatever way the caller wrote it."""
    if shape.type_name == "structure":
        return {k: read_timestamps(shape.members[k], v) if k in shape.members else v for k, v in value.items()}
    if shape.type_name == "list":
        return [read_timestamps(shape.member, item) for item in value]
    if shape.type_name == "timestamp" and not isinstance(value, bool):
        return parse_timestamp(value).timestamp()
    return value


def answer(members: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": _ENVELOPE}, json.dumps(members, separators=(",", ":")).encode()


def error_answer(error: ApiError) -> tuple[int, dict[str, str], bytes]:
    """Return an error as both protocols read it: the code in body and header, the text under both spellings."""
    body = {"__type": error.code, "message": error.message, "Message": error.message, **error.members}
    return error.status, {"Content-Type": _ENVELOPE, "x-amzn-ErrorType": error.code}, json.dumps(body).encode()


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


@cache
def _pattern(source: str) -> re.Pattern[str] | None:
    try:
        return re.compile(source)
    except re.error:  # Java syntax that Python lacks, e.g. \p{L}: such a value is not checked
        return None


def _check_constraints(shape: Any, value: Any, path: str, problems: list[str]) -> None:
    """Note every upper bound, pattern and enum that a value breaks; botocore's validator knows the lower bounds."""
    meta, kind = shape.metadata, shape.type_name
    if kind == "structure":
        for name, item in value.items():
            if name in shape.members:
                _check_constraints(shape.members[name], item, f"{path}.{name}" if path else name, problems)
    elif kind == "list":
        _check_length(meta, value, path, problems)
        for index, item in enumerate(value):
            _check_constraints(shape.member, item, f"{path}.{index + 1}.member", problems)
    elif kind == "map":
        _check_length(meta, value, path, problems)
        for key, item in value.items():
            _check_constraints(shape.key, key, f"{path}.key", problems)
            _check_constraints(shape.value, item, f"{path}.{key}", problems)
    elif kind in ("string", "blob"):
        if meta.get("enum") and value not in meta["enum"]:
            problems.append(_failed(value, path, f"Member must satisfy enum value set: [{', '.join(meta['enum'])}]"))
        _check_length(meta, value, path, problems)
        if "pattern" in meta and (pattern := _pattern(meta["pattern"])) and not pattern.fullmatch(value):
            problems.append(_failed(value, path, f"Member must satisfy regular expression pattern: {meta['pattern']}"))
    elif kind in ("integer", "long", "float", "double") and value > meta.get("max", value):
        problems.append(_failed(value, path, f"Member must have value less than or equal to {meta['max']}"))


def _check_length(meta: dict[str, Any], value: Any, path: str, problems: list[str]) -> None:
    if len(value) > meta.get("max", len(value)):
        problems.append(_failed(value, path, f"Member must have length less than or equal to {meta['max']}"))


def _failed(value: Any, path: str, rule: str) -> str:
    return f"Value '{str(value)[:200]}' at '{path}' failed to satisfy constraint: {rule}"
