"""What CloudWatch learns about endpoints: namespace AWS/SageMaker, dimensions EndpointName and VariantName."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from typing import Any

from ..aws import Aws

_log = logging.getLogger(__name__)
_INTERVAL = 2.0  # AWS publishes once a minute
_VALUES_PER_DATUM = 150


class InvocationMetrics:
    """Counts invocations and publishes them in the background."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._lock = threading.Lock()
        self._values: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sagemaker-metrics", daemon=True)
        self._thread.start()

    def record(self, endpoint: str, variant: str, status: int, model_us: float, overhead_us: float) -> None:
        """Note one invocation: the model's HTTP status (0: no answer) and both latencies in microseconds."""
        with self._lock:
            for name, unit, value in (
                ("Invocations", "Count", 1.0),
                ("Invocation4XXErrors", "Count", float(400 <= status < 500)),
                ("Invocation5XXErrors", "Count", float(status >= 500 or status == 0)),
                ("InvocationModelErrors", "Count", float(not 200 <= status < 300)),
                ("ModelLatency", "Microseconds", model_us),
                ("OverheadLatency", "Microseconds", overhead_us),
            ):
                self._values[endpoint, variant, name, unit].append(value)

    def close(self) -> None:
        self._closed.set()
        # A call under way when the server stops taking requests would wait for an answer in vain.
        self._thread.join(timeout=0.2)

    def _run(self) -> None:
        while not self._closed.wait(_INTERVAL):
            with self._lock:
                pending, self._values = self._values, defaultdict(list)
            data = [datum for key, values in pending.items() for datum in _data(key, values)]
            for start in range(0, len(data), 500):
                try:
                    self._aws.client("cloudwatch").put_metric_data(
                        Namespace="AWS/SageMaker", MetricData=data[start : start + 500]
                    )
                except Exception:
                    _log.exception("endpoint metrics were lost")


def _data(key: tuple[str, str, str, str], values: list[float]) -> list[dict[str, Any]]:
    endpoint, variant, name, unit = key
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    base = {"MetricName": name, "Unit": unit, "Dimensions": dimensions, "Timestamp": time.time()}
    counts: dict[float, float] = defaultdict(float)
    for value in values:
        counts[value] += 1
    distinct = list(counts.items())
    return [
        {**base, "Values": [v for v, _ in part], "Counts": [c for _, c in part]}
        for part in (distinct[i : i + _VALUES_PER_DATUM] for i in range(0, len(distinct), _VALUES_PER_DATUM))
    ]
