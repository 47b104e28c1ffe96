"""The two local clouds that storage and messaging are proved on: `BACKEND=embedded` (the default) and `localstack`."""

from __future__ import annotations

import os
from typing import Any

from localstack_client.session import Session

from tools import localstack

EMBEDDED, LOCALSTACK = "embedded", "localstack"
REGION = "eu-west-1"


class Unreachable(RuntimeError):
    """The chosen backend cannot be used; the message says what to do."""


def chosen() -> str:
    name = os.environ.get("BACKEND") or EMBEDDED
    if name not in (EMBEDDED, LOCALSTACK):
        raise Unreachable(f"BACKEND must be {EMBEDDED} or {LOCALSTACK}, got {name!r}.")
    return name


def localstack_host() -> str:
    """Where LocalStack answers, as host:port. Raises Unreachable."""
    host = os.environ.get("LOCALSTACK_HOST") or f"localhost:{localstack.PORT}"
    if localstack.answers(host):
        return host
    raise Unreachable(
        f"No LocalStack {localstack.VERSION} answers on {host}: start it with `make localstack-up`, or "
        "`docker compose up -d localstack`, or set LOCALSTACK_HOST."
    )


class Backend:
    """Clients of one backend, by localstack-client, which reads the endpoint from the environment."""

    def __init__(self) -> None:
        # localstack-client's own default keys are refused where keys are looked at.
        self._session = Session(
            aws_access_key_id="test", aws_secret_access_key="test", aws_session_token=None, region_name=REGION
        )
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(service)
        return self._clients[service]
