"""Metrics as log lines (CloudWatch embedded metric format): no call on the hot path."""

from __future__ import annotations

import json
import time

_namespace = "RiskPlatform"


def into(namespace: str) -> None:
    """From now on metrics go there. Each environment has its own: two must not ring each other's alarms."""
    global _namespace
    _namespace = namespace


def emit(dimensions: dict[str, str], **values: float) -> None:
    """Prints one line that CloudWatch turns into metrics. Names ending in `_ms` are milliseconds, others counts."""
    metrics = [{"Name": n, "Unit": "Milliseconds" if n.endswith("_ms") else "Count"} for n in values]
    line = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": _namespace, "Dimensions": [sorted(dimensions)], "Metrics": metrics},
            ],
        },
        **dimensions,
        **values,
    }
    print(json.dumps(line))
