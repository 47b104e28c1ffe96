"""An HTTP API takes no more than its stage says, and no token that never ends.

Each route has a bucket of its own: `throttlingBurstLimit` requests at once, filled again by `throttlingRateLimit` a
second, from the route's settings or else the stage's. What is above gets 429 and reaches no function. MiniStack keeps
these settings and does not look at them.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import unquote

from ministack import app
from ministack.services import apigateway

from local.settings import Settings

HOOKS = {
    "ministack.app.SERVICE_HANDLERS": None,
    "ministack.services.apigateway._apigw_error": "(code: str, message: str, status: int) -> tuple",
    "ministack.services.apigateway._apigw_response": "(data: dict, status: int = 200) -> tuple",
    "ministack.services.apigateway._authorizers": None,
    "ministack.services.apigateway._create_authorizer": "(api_id, data)",
    "ministack.services.apigateway._invoke_lambda_proxy": None,
    "ministack.services.apigateway._stages": None,
    "ministack.services.apigateway._validate_jwt_authorizer": (
        "(route: dict, authorizer: dict, headers: dict, query_params: dict) -> tuple[dict | None, list | None, "
        "tuple | None]"
    ),
}
# What an authorizer that asks a function has, and one of tokens has not.
OF_FUNCTIONS = (
    *("authorizerPayloadFormatVersion", "authorizerResultTtlInSeconds", "authorizerUri", "authorizerCredentialsArn"),
    "enableSimpleResponses",
)


# Of a stage, what may be deleted alone: MiniStack would delete the stage.
OF_A_STAGE = re.compile(r"/v2/apis/([^/]+)/stages/([^/]+)/(routesettings/(.+)|accesslogsettings)")


def install(settings: Settings) -> None:
    app.SERVICE_HANDLERS["apigateway"] = _deleting(app.SERVICE_HANDLERS["apigateway"])
    apigateway._invoke_lambda_proxy = _throttling(apigateway._invoke_lambda_proxy, Buckets(time.monotonic))
    apigateway._create_authorizer = _as_told(apigateway._create_authorizer)
    apigateway._validate_jwt_authorizer = _ending(apigateway._validate_jwt_authorizer)


@dataclass
class Bucket:
    """`left` requests at the instant `at`, in seconds."""

    left: float
    at: float


class Buckets:
    """`now` gives seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now, self.of, self.lock = now, dict[tuple[str, str, str], Bucket](), Lock()

    def takes(self, route: tuple[str, str, str], rate: float, burst: float) -> bool:
        """Whether one more request of API, stage and route is taken now."""
        with self.lock:
            now = self.now()
            bucket = self.of.setdefault(route, Bucket(burst, now))
            bucket.left = min(burst, bucket.left + (now - bucket.at) * rate)
            bucket.at = now
            if bucket.left < 1:
                return False
            bucket.left -= 1
            return True


def limits_of(stage: dict, route_key: str) -> tuple[float, float] | None:
    """Requests a second, and at once; none where the stage sets none, and the account's own would hold."""
    settings = (stage.get("routeSettings") or {}).get(route_key) or {}
    default = stage.get("defaultRouteSettings") or {}
    rate = settings.get("throttlingRateLimit", default.get("throttlingRateLimit"))
    burst = settings.get("throttlingBurstLimit", default.get("throttlingBurstLimit"))
    return None if rate is None or burst is None else (float(rate), float(burst))


def refusal(status: int, said: str) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps({"message": said}).encode()


def _throttling(invoke: Any, buckets: Buckets) -> Any:
    async def invoke_if_it_is_taken(
        integration: dict,
        api_id: str,
        stage: str,
        path: str,
        method: str,
        headers: dict,
        body: bytes,
        query_params: dict,
        route_key: str = "$default",
        *more: Any,
        **named: Any,
    ) -> Any:
        limits = limits_of(apigateway._stages.get(api_id, {}).get(stage) or {}, route_key)
        if limits is not None and not buckets.takes((api_id, stage, route_key), *limits):
            return refusal(429, "Too Many Requests")
        return await invoke(
            integration, api_id, stage, path, method, headers, body, query_params, route_key, *more, **named
        )

    return invoke_if_it_is_taken


def _deleting(handle: Any) -> Any:
    """DeleteRouteSettings and DeleteAccessLogSettings."""

    async def handle_request(method: str, path: str, *more: Any, **named: Any) -> Any:
        found = OF_A_STAGE.fullmatch(unquote(path)) if method == "DELETE" else None
        if found is None:
            return await handle(method, path, *more, **named)
        stage = apigateway._stages.get(found[1], {}).get(found[2])
        if stage is None:
            return apigateway._apigw_error("NotFoundException", f"Stage '{found[2]}' not found", 404)
        if found[4]:
            stage.get("routeSettings", {}).pop(found[4], None)
        else:
            stage.pop("accessLogSettings", None)
        return 204, {}, b""

    return handle_request


def _as_told(create: Any) -> Any:
    """What was not sent does not come back, so that a second ``terraform plan`` is empty."""

    def create_authorizer(api_id: str, data: dict) -> Any:
        status, headers, body = create(api_id, data)
        if status != 201 or data.get("authorizerType") != "JWT":
            return status, headers, body
        made = apigateway._authorizers[api_id][json.loads(body)["authorizerId"]]
        for name in OF_FUNCTIONS:
            made.pop(name, None)
        return apigateway._apigw_response(made, 201)

    return create_authorizer


def _ending(validate: Any) -> Any:
    """Signature, issuer, audience, times and scopes are MiniStack's to check, but for a token without an end."""

    async def validate_if_it_ends(route: dict, authorizer: dict, headers: dict, query_params: dict) -> Any:
        claims, scopes, refused = await validate(route, authorizer, headers, query_params)
        if refused is None and "exp" not in (claims or {}):
            return None, None, refusal(401, "Unauthorized")
        return claims, scopes, refused

    return validate_if_it_ends
