"""boto3 clients of this very server, for what a plug-in asks of another service.

For worker threads only: a call from the event loop would wait for itself. The answer is the one that any caller gets,
so it is routed, checked and recorded like one.
"""

from __future__ import annotations

import threading
from typing import Any

from ministack.core.responses import get_account_id, get_region

from local.settings import Settings

HOOKS = {
    "ministack.core.responses.get_account_id": "() -> str",
    "ministack.core.responses.get_region": "() -> str",
}

_settings: Settings
_clients: dict[tuple[str, str, str], Any] = {}
_lock = threading.Lock()


def install(settings: Settings) -> None:
    global _settings
    _settings = settings
    _clients.clear()


def client(service: str) -> Any:
    """A client in the account and region of the calling context. An access key of twelve digits names the account."""
    import boto3
    from botocore.config import Config

    key = (service, get_account_id(), get_region())
    with _lock:
        if key not in _clients:
            session: Any = boto3.session.Session(
                aws_access_key_id=key[1], aws_secret_access_key="test", region_name=key[2]
            )
            _clients[key] = session.client(
                service,
                endpoint_url=_settings.endpoint_url,
                config=Config(
                    max_pool_connections=32,
                    parameter_validation=False,
                    read_timeout=900,
                    retries={"max_attempts": 1},
                    s3={"addressing_style": "path"},
                ),
            )
        return _clients[key]
