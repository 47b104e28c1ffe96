"""Query requests are read, and answers written, as botocore's models say."""

from __future__ import annotations

from botocore.parsers import QueryParser

from local.plugins import query_protocol

ALARM = {
    "AlarmName": "a<b",
    "ActionsEnabled": True,
    "AlarmActions": ["arn:1", "arn:2"],
    "Dimensions": [{"Name": "f", "Value": "x"}],
    "Period": 60,
    "Threshold": 1.5,
    "AlarmConfigurationUpdatedTimestamp": 1_700_000_000,
}


def test_lists_structures_and_numbers_are_read():
    shape = query_protocol.model("cloudwatch").operation_model("PutMetricAlarm").input_shape
    sent = {
        "AlarmName": ["a"],
        "ActionsEnabled": ["false"],
        "Period": ["60"],
        "Threshold": ["1.5"],
        "AlarmActions.member.1": ["arn:1"],
        "AlarmActions.member.2": ["arn:2"],
        "Dimensions.member.1.Name": ["f"],
        "Dimensions.member.1.Value": ["x"],
    }
    assert query_protocol.read(shape, sent) == {
        "AlarmName": "a",
        "ActionsEnabled": False,
        "Period": 60,
        "Threshold": 1.5,
        "AlarmActions": ["arn:1", "arn:2"],
        "Dimensions": [{"Name": "f", "Value": "x"}],
    }


def test_a_written_answer_is_what_botocore_parses():
    operation = query_protocol.model("cloudwatch").operation_model("DescribeAlarms")
    inner = query_protocol.write(operation.output_shape, {"MetricAlarms": [ALARM]})
    body = f"<R><DescribeAlarmsResult>{inner}</DescribeAlarmsResult><ResponseMetadata/></R>".encode()
    # The model names its result wrapper only for services whose main protocol is Query.
    operation.output_shape.serialization["resultWrapper"] = "DescribeAlarmsResult"
    parsed = QueryParser().parse({"status_code": 200, "headers": {}, "body": body}, operation.output_shape)
    alarm = parsed["MetricAlarms"][0]
    assert alarm.pop("AlarmConfigurationUpdatedTimestamp").timestamp() == ALARM["AlarmConfigurationUpdatedTimestamp"]
    assert alarm == {key: value for key, value in ALARM.items() if key != "AlarmConfigurationUpdatedTimestamp"}
