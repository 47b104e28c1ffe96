"""Clients of the other services of the same local AWS, for worker threads only: a call blocks its thread."""

from __future__ import annotations

import threading
from typing import Any

import boto3
from botocore.config import Config

from .settings import Settings


class Aws:
    """One lazily made, thread-safe client per service."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                # An own session: the default one belongs to whoever else runs in this process.
                session: Any = boto3.session.Session(
                    aws_access_key_id=self._settings.access_key,
                    aws_secret_access_key=self._settings.secret_access_key,
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
                self._clients[service] = client
            return self._clients[service]
