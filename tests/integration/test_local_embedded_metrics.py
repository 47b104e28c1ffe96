"""What a function prints in CloudWatch's embedded metric format is a metric, and moves alarms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MEASURES = """
import json, time
def handler(event, context):
    for value in event["values"]:
        print(json.dumps({
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": event["namespace"],
                        "Dimensions": [["door"]],
                        "Metrics": [{"Name": "decision_ms", "Unit": "Milliseconds"}],
                    }
                ],
            },
            "door": "api",
            "decision_ms": value,
        }))
"""
DOOR = [{"Name": "door", "Value": "api"}]


def statistics(aws, namespace: str) -> dict:
    """Of the last minutes taken together; {} before the first point."""
    now = datetime.now(UTC)
    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName="decision_ms",
        Dimensions=DOOR,
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
        Period=600,
        Statistics=["SampleCount", "Sum", "Minimum", "Maximum"],
    )["Datapoints"]
    return {
        "count": sum(point["SampleCount"] for point in points),
        "sum": sum(point["Sum"] for point in points),
        "lowest": min((point["Minimum"] for point in points), default=None),
        "highest": max((point["Maximum"] for point in points), default=None),
    }


def test_every_point_that_a_function_prints_is_counted_once(aws):
    namespace, function = aws.name("Risk"), aws.function(MEASURES)
    for _ in range(3):
        aws.invoke(function, {"namespace": namespace, "values": [5, 5, 20.5]})
    found = aws.wait(lambda: (got := statistics(aws, namespace))["count"] >= 9 and got)
    assert found == {"count": 9.0, "sum": 91.5, "lowest": 5.0, "highest": 20.5}
    # What was printed first has been sent when something later has: a second sending would be seen by then.
    aws.invoke(function, {"namespace": namespace, "values": [7]})
    assert aws.wait(lambda: (got := statistics(aws, namespace))["count"] >= 10 and got)["count"] == 10.0


def test_an_alarm_sees_what_a_function_prints(aws):
    namespace, function, alarm = aws.name("Risk"), aws.function(MEASURES), aws.name("slow")
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=alarm,
        Namespace=namespace,
        MetricName="decision_ms",
        Dimensions=DOOR,
        ExtendedStatistic="p99",
        ComparisonOperator="GreaterThanThreshold",
        Threshold=60,
        Period=60,
        EvaluationPeriods=1,
        TreatMissingData="notBreaching",
    )

    def state() -> str:
        return aws.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"]

    aws.wait(lambda: state() == "OK")
    aws.invoke(function, {"namespace": namespace, "values": [200] * 10})
    aws.wait(lambda: state() == "ALARM")


def test_a_line_in_the_format_is_still_in_the_log(aws):
    namespace, function = aws.name("Risk"), aws.function(MEASURES)
    aws.invoke(function, {"namespace": namespace, "values": [1]})
    assert [line for line in aws.log(f"/aws/lambda/{function}") if namespace in line]
