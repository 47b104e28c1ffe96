"""InvokeEndpoint: the way of one request to a model server and back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import Any

from .. import limits
from ..context import Context
from ..errors import ApiError
from .endpoints import Endpoints
from .metrics import InvocationMetrics
from .proxy import ProxyError
from .variants import Deployment, Variant

_TIMEOUT = 60.0
_PASSED_ON = {
    "content-type": "content-type",
    "accept": "accept",
    "x-amzn-sagemaker-custom-attributes": "x-amzn-sagemaker-custom-attributes",
    "x-amzn-sagemaker-inference-id": "x-amzn-sagemaker-inference-id",
    "x-amzn-sagemaker-session-id": "x-amzn-sagemaker-session-id",
}


class Invocations:
    """Runs on the event loop, with no thread and no model validation in between: this hop is counted in latency."""

    def __init__(self, context: Context, endpoints: Endpoints) -> None:
        self._context, self._endpoints = context, endpoints
        self.metrics = InvocationMetrics(context.aws)
        self._shadows: set[asyncio.Task[None]] = set()

    async def invoke(self, name: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Return the model's answer. Raises ValidationError, ModelError (424) and ServiceUnavailable."""
        began = time.perf_counter()
        if len(body) > limits.INVOCATION:
            raise ApiError(
                "ValidationError", f"Request body size {len(body)} exceeds the limit of {limits.INVOCATION} bytes."
            )
        deployment = self._endpoints.route(name)
        if deployment is None:
            if self._endpoints.exists(name):
                raise ApiError("ValidationError", f"Endpoint {name} is not in service.")
            raise ApiError(
                "ValidationError", f"Endpoint {name} of account {self._context.settings.account_id} not found."
            )
        variant = self._variant(name, deployment, headers)
        passed = {target: headers[source] for source, target in _PASSED_ON.items() if source in headers}
        self._mirror(deployment, passed, body)
        instance = variant.next_instance()
        if instance is None:
            raise ApiError("ServiceUnavailable", f"No instance of variant {variant.name} is running.", 503)
        sent = time.perf_counter()
        try:
            status, answered, content = await instance.pool.post("/invocations", passed, body, _TIMEOUT)
        except (ProxyError, TimeoutError) as error:
            reason = "timed out" if isinstance(error, TimeoutError) else str(error)
            self._record(name, variant, 0, began, sent)
            raise self._model_error(name, variant, 0, f"Your invocation failed: {reason}") from error
        self._record(name, variant, status, began, sent)
        if not 200 <= status < 300:
            raise self._model_error(name, variant, status, content.decode(errors="replace"))
        result = {
            "Content-Type": answered.get("content-type", "application/octet-stream"),
            "x-Amzn-Invoked-Production-Variant": variant.name,
        }
        if attributes := answered.get("x-amzn-sagemaker-custom-attributes"):
            result["X-Amzn-SageMaker-Custom-Attributes"] = attributes
        return 200, result, content

    def close(self) -> None:
        self.metrics.close()

    def _variant(self, name: str, deployment: Deployment, headers: dict[str, str]) -> Variant:
        wanted = headers.get("x-amzn-sagemaker-target-variant")
        if not wanted:
            return deployment.choose()
        if (variant := deployment.variant(wanted)) is None:
            raise ApiError("ValidationError", f"Variant {wanted} not found for endpoint {name}.")
        return variant

    def _record(self, name: str, variant: Variant, status: int, began: float, sent: float) -> None:
        now = time.perf_counter()
        self.metrics.record(name, variant.name, status, (now - sent) * 1e6, (sent - began) * 1e6)

    def _model_error(self, name: str, variant: Variant, status: int, message: str) -> ApiError:
        settings = self._context.settings
        group = f"/aws/sagemaker/Endpoints/{name}"
        side = "client" if 400 <= status < 500 else "server"
        text = (
            f'Received {side} error ({status}) from {variant.name} with message "{message}". '
            f"See the log group {group} in account {settings.account_id} for more information."
        )
        return ApiError(
            "ModelError",
            text,
            424,
            OriginalStatusCode=status,
            OriginalMessage=message,
            LogStreamArn=f"arn:aws:logs:{settings.region}:{settings.account_id}:log-group:{group}",
        )

    def _mirror(self, deployment: Deployment, headers: dict[str, str], body: bytes) -> None:
        """Send a copy to the shadow variant; its answer is dropped and its errors touch nobody."""
        for shadow in deployment.shadow:
            instance = shadow.next_instance()
            if instance is not None:
                self._keep(_ignore(instance.pool.post("/invocations", headers, body, _TIMEOUT)))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._shadows.add(task)
        task.add_done_callback(self._shadows.discard)


async def _ignore(exchange: Coroutine[Any, Any, Any]) -> None:
    with contextlib.suppress(ProxyError, TimeoutError):
        await exchange
