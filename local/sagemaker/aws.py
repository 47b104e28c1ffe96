"""Clients of the other services of the same local AWS, for worker threads only: a call blocks its thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.config import Config

from .settings import Settings


class Aws:
    """One lazily made, thread-safe client per service and role."""

    def __init__(self, settings: Settings, credentials: Callable[[str], Mapping[str, str]] = lambda role: {}) -> None:
        self._settings, self._credentials = settings, credentials
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, role: str | None = None) -> Any:
        """Return a client that speaks for a role, or for the server itself."""
        key = (service, role or "")
        with self._lock:
            if key not in self._clients:
                theirs = self._credentials(role) if role else {}
                # An own session: the default one belongs to whoever else runs in this process.
                session: Any = boto3.session.Session(
                    aws_access_key_id=theirs.get("AWS_ACCESS_KEY_ID", self._settings.access_key),
                    aws_secret_access_key=theirs.get("AWS_SECRET_ACCESS_KEY", self._settings.secret_access_key),
                    aws_session_token=theirs.get("AWS_SESSION_TOKEN"),
                    region_name=self._settings.region,
                )
                client = session.client(
                    service,
                    endpoint_url=self._settings.endpoint_url,
                    config=Config(
                        max_pool_connections=32,
                        retries={"max_attempts": 4, "mode": "standard"},
                        s3={"addressing_style": "path"},
                        request_checksum_calculation="when_required",
                    ),
                )
                # botocore makes the exception classes at first use; two threads doing so get two unlike sets.
                _ = client.exceptions
                self._clients[key] = client
            return self._clients[key]
