"""What a log line in the embedded metric format measures, and how it is published."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from scoring import metrics

from local.plugins.embedded_metrics import DATA_PER_CALL, VALUES_PER_DATUM, calls, points

NOW_MS = 1_700_000_000_123
SECOND = 1_700_000_000


def line(directive: dict | None = None, **members: object) -> str:
    whole = {"Namespace": "Risk", "Dimensions": [["door"]], "Metrics": [{"Name": "ms", "Unit": "Milliseconds"}]}
    chosen = {**whole, **(directive or {})}
    return json.dumps({"_aws": {"Timestamp": NOW_MS, "CloudWatchMetrics": [chosen]}, "door": "api", "ms": 7, **members})


def test_a_line_measures_each_metric_once_per_dimension_set():
    found = list(points(line({"Dimensions": [["door"], ["door", "zone"], []]}, zone="a")))
    assert found == [
        (("Risk", "ms", "Milliseconds", (("door", "api"),), SECOND), 7.0),
        (("Risk", "ms", "Milliseconds", (("door", "api"), ("zone", "a")), SECOND), 7.0),
        (("Risk", "ms", "Milliseconds", (), SECOND), 7.0),
    ]


def test_a_list_of_values_is_as_many_points():
    assert [value for _, value in points(line(ms=[1, 2.5]))] == [1.0, 2.5]


def test_a_metric_without_a_unit_has_none():
    assert [key[2] for key, _ in points(line({"Metrics": [{"Name": "ms"}]}))] == ["None"]


def test_what_the_doors_print_is_understood(capsys):
    metrics.emit({"door": "stream"}, decisions=3, decision_ms=1.5)
    found = {key[:4]: value for key, value in points(capsys.readouterr().out.strip())}
    assert found == {
        ("RiskPlatform", "decisions", "Count", (("door", "stream"),)): 3.0,
        ("RiskPlatform", "decision_ms", "Milliseconds", (("door", "stream"),)): 1.5,
    }


@pytest.mark.parametrize(
    "message",
    [
        "START RequestId: 1",
        '{"level": "INFO"}',
        '{"_aws": ',
        '{"_aws": {}}',
        '{"_aws": {"Timestamp": "noon", "CloudWatchMetrics": []}}',
        "[INFO] " + line(),
        line({"Dimensions": [["absent"]]}),
        line({"Dimensions": []}),
        line(door=""),
        line(ms="fast"),
        line(ms=True),
        line({"Metrics": [{"Name": "absent"}]}),
    ],
)
def test_a_line_that_breaks_the_format_measures_nothing(message):
    assert list(points(message)) == []


def test_a_broken_directive_does_not_hide_a_good_one():
    whole = json.loads(line())
    whole["_aws"]["CloudWatchMetrics"].insert(0, {"Namespace": "Risk"})
    assert len(list(points(json.dumps(whole)))) == 1


def test_equal_points_travel_as_one_value_and_its_count():
    key = ("Risk", "ms", "Milliseconds", (("door", "api"),), SECOND)
    assert list(calls({key: Counter({7.0: 3, 9.0: 1})})) == [
        (
            "Risk",
            [
                {
                    "MetricName": "ms",
                    "Unit": "Milliseconds",
                    "Dimensions": [{"Name": "door", "Value": "api"}],
                    "Timestamp": SECOND,
                    "Values": [7.0, 9.0],
                    "Counts": [3.0, 1.0],
                }
            ],
        )
    ]


def test_a_call_stays_within_cloudwatch_s_limits():
    many = Counter({float(number): 1 for number in range(VALUES_PER_DATUM + 1)})
    waiting = {("Risk", f"metric-{number}", "None", (), SECOND): many for number in range(DATA_PER_CALL)}
    sent = list(calls(waiting))
    assert [len(data) for _, data in sent] == [DATA_PER_CALL, DATA_PER_CALL]
    assert {len(datum["Values"]) for _, data in sent for datum in data} == {VALUES_PER_DATUM, 1}
