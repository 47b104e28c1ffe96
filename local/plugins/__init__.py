"""What MiniStack lacks or only pretends, supplied from outside.

Each module of this package names the MiniStack functions that it hooks in ``HOOKS`` and has ``install(settings)``; one
that runs something also has ``close()``. MiniStack is pinned, and ``tests/unit/local_aws`` compares every hook with the
pinned version, so an upgrade cannot silently undo one.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable

from local.services import own_client
from local.settings import Settings

NAMES = (
    "s3_for_hadoop",
    "lambda_workers",
    "expiry",
    "kinesis_resharding",
    "kinesis_mappings",
    "kinesis_rates",
    "glue_jobs",
    "glue_crawlers",
    "athena",
    "state_machine_tasks",
    "state_machine_logs",
    "state_machines",
    "schedules",
    "alarms",
    "embedded_metrics",
    "clean_plans",
    "sagemaker",
    "request_limits",
    "refusals",
    "registry_images",
    "role_trust",
    "iam_services",
    "api_gateway",
    "iam_calls",
)

logger = logging.getLogger("local")
_closers: list[Callable[[], None]] = []


def install(settings: Settings) -> None:
    """Hook every plug-in into MiniStack, before its first request."""
    own_client.install(settings)
    modules = [importlib.import_module(f"local.plugins.{name}") for name in NAMES]
    for module in modules:
        if hasattr(module, "install"):
            module.install(settings)
        if hasattr(module, "close"):
            _closers.append(module.close)


def close() -> None:
    """End what the plug-ins run, the last one first."""
    while _closers:
        closer = _closers.pop()
        try:
            closer()
        except Exception:
            logger.exception("closing %s failed", closer.__module__)
