"""The two local clouds that storage and messaging are proved on: `BACKEND=embedded` (the default) and `localstack`."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from typing import Any

from localstack_client import config
from localstack_client.session import Session

EMBEDDED, LOCALSTACK = "embedded", "localstack"
REGION = "eu-west-1"
ANSWERS_WITHIN_SECONDS = 5


class Unreachable(RuntimeError):
    """The chosen backend cannot be used; the message says what to do."""


def chosen() -> str:
    name = os.environ.get("BACKEND") or EMBEDDED
    if name not in (EMBEDDED, LOCALSTACK):
        raise Unreachable(f"BACKEND must be {EMBEDDED} or {LOCALSTACK}, got {name!r}.")
    return name


def localstack_host() -> str:
    """Where LocalStack answers, as host:port. Raises Unreachable."""
    host = os.environ.get("LOCALSTACK_HOST") or "localhost:4566"
    address, port = config.parse_localstack_host(host)
    url = f"http://{address}:{port}/_localstack/health"
    try:
        with urllib.request.urlopen(url, timeout=ANSWERS_WITHIN_SECONDS):
            return host
    except (urllib.error.URLError, OSError) as silence:
        raise Unreachable(
            f"No LocalStack answers on {host}: start it with `docker compose up -d localstack`, or set LOCALSTACK_HOST."
        ) from silence


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
