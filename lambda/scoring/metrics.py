"""Metrics as log lines (CloudWatch embedded metric format): no call on the hot path."""

from __future__ import annotations

import json
import time

NAMESPACE = "RiskPlatform"


def emit(dimensions: dict[str, str], **values: float) -> None:
    """Prints one line that CloudWatch turns into metrics. Names ending in `_ms` are milliseconds, others counts."""
    metrics = [{"Name": n, "Unit": "Milliseconds" if n.endswith("_ms") else "Count"} for n in values]
    line = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": NAMESPACE, "Dimensions": [sorted(dimensions)], "Metrics": metrics},
            ],
        },
        **dimensions,
        **values,
    }
    print(json.dumps(line))
