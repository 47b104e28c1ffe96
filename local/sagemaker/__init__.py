"""SageMaker on one machine: the API from botocore's service models, every container a real process.

`install(settings)` registers the server with MiniStack, in whose process and on whose port it then answers;
`close()` ends everything that it runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from .server import SageMaker
from .settings import Settings

__all__ = ["HOOKS", "SageMaker", "Settings", "close", "install"]

# What we touch of MiniStack.
HOOKS = {
    "ministack.app.SERVICE_HANDLERS": None,
    "ministack.core.router.SERVICE_PATTERNS": None,
    "ministack.core.responses.request_scope": None,
    "ministack.services.eventbridge._put_events": "(data, allow_aws_source=False)",
}

_installed: SageMaker | None = None


class LocalAws(Protocol):
    """The local AWS as this server needs to know it."""

    state_dir: Path
    region: str
    account: str

    @property
    def endpoint_url(self) -> str: ...


def install(aws: LocalAws) -> SageMaker:
    """Answer everything that is signed for `sagemaker`: control plane, runtime, Feature Store runtime, metrics."""
    global _installed
    from ministack import app
    from ministack.core import responses, router
    from ministack.services import eventbridge

    def deliver(entry: dict[str, Any]) -> None:
        with responses.request_scope(aws.account, aws.region):
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    _installed = SageMaker(
        Settings(endpoint_url=aws.endpoint_url, region=aws.region, account_id=aws.account, state_dir=aws.state_dir),
        deliver,
    )
    router.SERVICE_PATTERNS["sagemaker"] = {"target_prefixes": ["SageMaker."], "credential_scope": "sagemaker"}
    app.SERVICE_HANDLERS["sagemaker"] = _installed.handle_request
    return _installed


def close() -> None:
    """End what the installed server runs; without one, nothing."""
    global _installed
    if _installed is not None:
        _installed.close()
        _installed = None
