"""Log lines in CloudWatch's embedded metric format become metric data, as CloudWatch Logs makes them on AWS.

MiniStack keeps such a line as text only, so neither an alarm nor a dashboard would ever see what a function measures.
The caller's thread reads a line and queues it; a thread of its own publishes each second what has come together.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region, set_request_account_id, set_request_region
from ministack.services import cloudwatch_logs

from local.services import own_client
from local.settings import Settings

HOOKS = {
    "ministack.core.responses.set_request_account_id": "(access_key_id: str) -> None",
    "ministack.core.responses.set_request_region": "(region: str | None) -> None",
    "ministack.services.cloudwatch_logs._append_log_events": "(stream, events)",
}

EVERY_SECONDS = 1.0  # AWS takes about a minute
DATA_PER_CALL = 1000
VALUES_PER_DATUM = 150
DIMENSIONS_PER_SET = 30

# Namespace, metric, unit, dimensions, second. All points of one such key travel as values and their counts.
Key = tuple[str, str, str, tuple[tuple[str, str], ...], int]
Points = dict[Key, Counter[float]]

logger = logging.getLogger("local")
_lock = threading.Lock()
_waiting: dict[tuple[str, str], Points] = {}
_ended = threading.Event()


def install(settings: Settings) -> None:
    _ended.clear()
    _waiting.clear()
    cloudwatch_logs._append_log_events = _reading(cloudwatch_logs._append_log_events)
    threading.Thread(target=_publish, daemon=True, name="embedded-metrics").start()


def close() -> None:
    _ended.set()


def _reading(append: Any) -> Any:
    def append_and_read(stream: dict, events: list[dict]) -> Any:
        result = append(stream, events)
        found = [point for event in events for point in points(event["message"])]
        if found:
            with _lock:
                waiting = _waiting.setdefault((get_account_id(), get_region()), defaultdict(Counter))
                for key, value in found:
                    waiting[key][value] += 1
        return result

    return append_and_read


def points(message: str) -> Iterator[tuple[Key, float]]:
    """What a line measures; nothing for a line in another format. A directive that breaks the format is passed over."""
    # Nearly every line ends here, which is what keeps the hook cheap.
    if not message.startswith("{") or '"_aws"' not in message:
        return
    try:
        line = json.loads(message)
        second = int(line["_aws"]["Timestamp"]) // 1000
        directives = list(line["_aws"]["CloudWatchMetrics"])
    except (ValueError, TypeError, KeyError):
        return
    for directive in directives:
        try:
            yield from list(_measured(line, directive, second))
        except (TypeError, KeyError, ValueError):
            continue


def _measured(line: dict[str, Any], directive: dict[str, Any], second: int) -> Iterator[tuple[Key, float]]:
    sets = [_dimensions(line, names) for names in directive["Dimensions"]]
    for metric in directive["Metrics"]:
        name = metric["Name"]
        if name not in line:
            continue
        for value in line[name] if isinstance(line[name], list) else [line[name]]:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(name)
            for dimensions in sets:
                yield (directive["Namespace"], name, metric.get("Unit", "None"), dimensions, second), float(value)


def _dimensions(line: dict[str, Any], names: list[str]) -> tuple[tuple[str, str], ...]:
    found = tuple((name, line[name]) for name in names)
    if len(found) > DIMENSIONS_PER_SET or not all(isinstance(value, str) and value for _, value in found):
        raise ValueError(names)
    return found


def _publish() -> None:
    while not _ended.wait(EVERY_SECONDS):
        with _lock:
            taken = dict(_waiting)
            _waiting.clear()
        for (account, region), waiting in taken.items():
            set_request_account_id(account)
            set_request_region(region)
            for namespace, data in calls(waiting):
                try:
                    own_client.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)
                except Exception:
                    if not _ended.is_set():
                        logger.exception("%d embedded metrics of %s were lost", len(data), namespace)


def calls(waiting: Points) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The PutMetricData calls that publish these points, each within the limits of one call."""
    by_namespace: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for (namespace, name, unit, dimensions, second), counted in waiting.items():
        values = list(counted.items())
        for start in range(0, len(values), VALUES_PER_DATUM):
            part = values[start : start + VALUES_PER_DATUM]
            by_namespace[namespace].append(
                {
                    "MetricName": name,
                    "Unit": unit,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
                    "Timestamp": second,
                    "Values": [value for value, _ in part],
                    "Counts": [float(count) for _, count in part],
                }
            )
    for namespace, data in by_namespace.items():
        for start in range(0, len(data), DATA_PER_CALL):
            yield namespace, data[start : start + DATA_PER_CALL]
