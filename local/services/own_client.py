"""boto3 clients of this very server, for what a plug-in asks of another service.

For worker threads only: a call from the event loop would wait for itself. The answer is the one that any caller gets,
so it is routed, checked and recorded like one.
"""

from __future__ import annotations

import threading
from typing import Any

from ministack.core.responses import get_account_id, get_region

from local.permissions import roles
from local.settings import Settings

HOOKS = {
    "ministack.core.responses.get_account_id": "() -> str",
    "ministack.core.responses.get_region": "() -> str",
}

_settings: Settings
_clients: dict[tuple[str, str, str, str], Any] = {}
_lock = threading.Lock()


def install(settings: Settings) -> None:
    global _settings
    _settings = settings
    _clients.clear()


def client(service: str) -> Any:
    """A client in the account and region of the calling context, in the name of the role that acts there.

    Where none does, an access key of twelve digits names the account.
    """
    import boto3
    from botocore.config import Config

    account, region, role = get_account_id(), get_region(), roles.acting()
    key = (service, account, region, role)
    with _lock:
        if key not in _clients:
            theirs = roles.credentials(role, roles.SERVICE) if role else {}
            session: Any = boto3.session.Session(
                aws_access_key_id=theirs.get("AWS_ACCESS_KEY_ID", account),
                aws_secret_access_key=theirs.get("AWS_SECRET_ACCESS_KEY", "test"),
                aws_session_token=theirs.get("AWS_SESSION_TOKEN"),
                region_name=region,
            )
            _clients[key] = session.client(
                service,
                endpoint_url=_settings.endpoint_url,
                config=Config(
                    max_pool_connections=32,
                    parameter_validation=False,
                    read_timeout=900,
                    # Never again: what takes long has begun, and would be done twice.
                    retries={"total_max_attempts": 1},
                    s3={"addressing_style": "path"},
                ),
            )
        return _clients[key]
