"""Alarms that look at their own metric, period by period, and without being asked.

MiniStack pools the points of every dimension, takes one statistic over all periods, knows neither M out of N nor
missing data nor metric math, and looks only when somebody publishes. Here an alarm is evaluated as CloudWatch does,
each second: the newest period counts as soon as its data decide, so that a test need not wait for the end of a minute.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import cloudwatch, eventbridge

from local.plugins import metric_math
from local.settings import Settings

HOOKS = {
    "ministack.services.cloudwatch._alarms": None,
    "ministack.services.cloudwatch._calc_stats": "(points)",
    "ministack.services.cloudwatch._dims_from_list": "(dimensions: list[dict]) -> dict",
    "ministack.services.cloudwatch._dims_key": "(dims: dict) -> str",
    "ministack.services.cloudwatch._dispatch_alarm_actions": "(alarm, old_state, new_state, reason)",
    "ministack.services.cloudwatch._evaluate_alarm": "(alarm)",
    "ministack.services.cloudwatch._evaluate_parent_alarms": "(child, seen=frozenset())",
    "ministack.services.cloudwatch._get_metric_data": "(params, cbor_data, is_cbor, is_json=False)",
    "ministack.services.cloudwatch._metrics": None,
    "ministack.services.cloudwatch._parse_ts": None,
    "ministack.services.cloudwatch._record_history": (
        "(alarm_name, old_state, new_state, reason, alarm_type='MetricAlarm', reason_data=None)"
    ),
    "ministack.services.cloudwatch._stat_value": "(stats, stat_name, points=None)",
    "ministack.services.cloudwatch._ts_iso": None,
    "ministack.services.eventbridge._put_events": "(data, allow_aws_source=False)",
}

EVERY_SECONDS = 1.0
BREACHES = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}

logger = logging.getLogger("local")
_ended = threading.Event()
_lock = threading.Lock()


def install(settings: Settings) -> None:
    _ended.clear()
    cloudwatch._evaluate_alarm = evaluate
    cloudwatch._get_metric_data = _with_expressions(cloudwatch._get_metric_data)
    threading.Thread(target=_watch, daemon=True, name="alarms").start()


def close() -> None:
    _ended.set()


def _watch() -> None:
    while not _ended.wait(EVERY_SECONDS):
        # A copy of the keys of every account and region: the request threads write at the same time.
        for (account, region, _), alarm in list(cloudwatch._alarms._data.items()):
            set_request_account_id(account)
            set_request_region(region)
            try:
                evaluate(alarm)
            except Exception:
                logger.exception("alarm %s", alarm.get("AlarmName"))


def evaluate(alarm: dict) -> None:
    """Move the alarm to the state that its metric asks for, and act on the change."""
    queries = alarm.get("Metrics") or [_own_query(alarm)]
    period = _period(queries) or 60
    count = int(alarm.get("EvaluationPeriods") or 1)
    now = time.time()
    current = now // period * period
    periods = [current - number * period for number in range(count, -1, -1)]
    try:
        series = _returned(queries, periods, period)
    except metric_math.BadExpression as failure:
        logger.warning("alarm %s: %s", alarm.get("AlarmName"), failure)
        return
    # The running period counts when it has data that more data cannot undo; without, the completed ones decide.
    looked_at = periods[1:] if current in series and _is_final(alarm, queries) else periods[:-1]
    breaches = BREACHES.get(alarm.get("ComparisonOperator", ""))
    if breaches is None:
        return
    values = [series.get(at) for at in looked_at]
    state = _state(alarm, values, breaches, int(alarm.get("DatapointsToAlarm") or count))
    if state is None:
        return
    with _lock:
        old = alarm["StateValue"]
        if state == old:
            return
        shown = [value for value in values if value is not None]
        reason = f"Threshold Crossed: {len(shown)} datapoints {shown} against {alarm.get('Threshold')}"
        alarm |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(now)}
    cloudwatch._record_history(alarm["AlarmName"], old, state, reason)
    _tell_event_bridge(alarm, old, state, reason, now)
    cloudwatch._dispatch_alarm_actions(alarm, old, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _tell_event_bridge(alarm: dict, old: str, new: str, reason: str, now: float) -> None:
    """The event that CloudWatch sends to the default bus when an alarm changes."""
    at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    detail = {
        "alarmName": alarm["AlarmName"],
        "state": {"value": new, "reason": reason, "timestamp": at},
        "previousState": {"value": old},
        "configuration": {"description": alarm.get("AlarmDescription") or ""},
    }
    entry = {
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Detail": json.dumps(detail),
        "Resources": [alarm.get("AlarmArn", "")],
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def _is_final(alarm: dict, queries: list[dict]) -> bool:
    """Whether a value of a period that still runs may be compared: a sum that is too small so far says nothing yet."""
    statistics = {query["MetricStat"].get("Stat", "Average") for query in queries if query.get("MetricStat")}
    downward = str(alarm.get("ComparisonOperator", "")).startswith("LessThan")
    return statistics <= {"Minimum"} if downward else "Minimum" not in statistics


def _state(alarm: dict, values: list[float | None], breaches: Any, needed: int) -> str | None:
    """ALARM, OK, INSUFFICIENT_DATA, or None to stay as it is."""
    missing = alarm.get("TreatMissingData") or "missing"
    threshold = float(alarm.get("Threshold") or 0)
    real = [value for value in values if value is not None]
    if not real and missing == "ignore":
        return None
    if not real and missing == "missing":
        return "INSUFFICIENT_DATA"
    held = sum(breaches(value, threshold) for value in real)
    if missing == "breaching":
        held += len(values) - len(real)
    return "ALARM" if held >= needed else "OK"


def _own_query(alarm: dict) -> dict:
    metric = {
        "Namespace": alarm.get("Namespace"),
        "MetricName": alarm.get("MetricName"),
        "Dimensions": alarm.get("Dimensions") or [],
    }
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    return {"Id": "m", "MetricStat": {"Metric": metric, "Period": alarm.get("Period") or 60, "Stat": statistic}}


def _period(queries: list[dict]) -> float:
    periods = [query["MetricStat"]["Period"] if "MetricStat" in query else query.get("Period") for query in queries]
    return max((float(period) for period in periods if period), default=0.0)


def _returned(queries: list[dict], periods: list[float], period: float) -> metric_math.Series:
    series = _all_series(queries, periods, period)
    shown = [query["Id"] for query in queries if query.get("ReturnData", True)]
    return series[shown[0]] if shown else {}


def _all_series(queries: list[dict], periods: list[float], period: float) -> dict[str, metric_math.Series]:
    series = {
        query["Id"]: _series(query["MetricStat"], periods, period) for query in queries if query.get("MetricStat")
    }
    waiting = [query for query in queries if query.get("Expression")]
    # An expression may use another that comes later.
    for _ in range(len(waiting) + 1):
        for query in list(waiting):
            try:
                series[query["Id"]] = metric_math.evaluate(query["Expression"], series, periods)
                waiting.remove(query)
            except metric_math.BadExpression:
                continue
    if waiting:
        metric_math.evaluate(waiting[0]["Expression"], series, periods)
    return series


def _series(wanted: dict, periods: list[float], period: float) -> metric_math.Series:
    metric = wanted["Metric"]
    namespace, name = metric.get("Namespace"), metric.get("MetricName")
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(metric.get("Dimensions") or []))
    # AWS's own metrics exist without dimensions, too: over all of them. One's own do not.
    pooled = not dimensions and str(namespace).startswith("AWS/")
    buckets: dict[float, list] = defaultdict(list)
    for (its_namespace, its_name, its_dimensions), points in list(cloudwatch._metrics.items()):
        if (its_namespace, its_name) != (namespace, name) or not (pooled or its_dimensions == dimensions):
            continue
        for point in list(points):
            if point["Timestamp"] >= periods[0]:
                buckets[point["Timestamp"] // period * period].append(point)
    found = {}
    for at, points in buckets.items():
        value = cloudwatch._stat_value(cloudwatch._calc_stats(points), wanted.get("Stat", "Average"), points)
        if value is not None and at in periods:
            found[at] = float(value)
    return found


def _with_expressions(get: Any) -> Any:
    """GetMetricData whose expressions have values. Requests without any go to MiniStack."""

    def get_metric_data(params: dict, data: dict, is_cbor: bool, is_json: bool = False) -> Any:
        queries = (data or {}).get("MetricDataQueries") or []
        if not is_json or not any(query.get("Expression") for query in queries):
            return get(params, data, is_cbor, is_json)
        period = _period(queries) or 60
        start, end = cloudwatch._parse_ts(data.get("StartTime")), cloudwatch._parse_ts(data.get("EndTime"))
        periods = [start // period * period + number * period for number in range(int((end - start) // period) + 1)]
        try:
            series = _all_series(queries, periods, period)
        except metric_math.BadExpression as failure:
            return cloudwatch._error("ValidationError", str(failure), 400, use_json=True)
        results = [
            {
                "Id": query["Id"],
                "Label": query.get("Label", query["Id"]),
                "Timestamps": sorted(series[query["Id"]]),
                "Values": [series[query["Id"]][at] for at in sorted(series[query["Id"]])],
                "StatusCode": "Complete",
            }
            for query in queries
            if query.get("ReturnData", True)
        ]
        body = json.dumps({"MetricDataResults": results}).encode()
        return 200, {"Content-Type": "application/json"}, body

    return get_metric_data
