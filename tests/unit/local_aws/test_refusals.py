"""What nobody here would do is refused, in words that say what to do instead."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from local.plugins import alarms, glue_arguments, refusals, request_limits, role_trust, schedules
from local.plugins.kinesis_rates import SHARD_BYTES_PER_SECOND, SHARD_RECORDS_PER_SECOND, Meter

ACCOUNT = "eu-west-1:000000000000"


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:lambda:{ACCOUNT}:function:f",
        f"arn:aws:states:{ACCOUNT}:stateMachine:m",
        f"arn:aws:sqs:{ACCOUNT}:q",
        f"arn:aws:events:{ACCOUNT}:event-bus/b",
    ],
)
def test_a_target_that_is_started_here_is_taken(arn: str):
    assert refusals.target_problem({"Arn": arn}) == ""


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:sagemaker:{ACCOUNT}:pipeline/p",
        f"arn:aws:kinesis:{ACCOUNT}:stream/s",
        f"arn:aws:logs:{ACCOUNT}:log-group:g",
        "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution",
    ],
)
def test_a_target_that_would_get_nothing_is_refused_by_name(arn: str):
    assert arn in refusals.target_problem({"Arn": arn})


def test_a_crawl_of_what_cannot_be_crawled_is_refused():
    assert refusals.crawler_problem({"Targets": {"S3Targets": [{"Path": "s3://b"}], "JdbcTargets": []}}) == ""
    assert "DynamoDBTargets" in refusals.crawler_problem({"Targets": {"DynamoDBTargets": [{"Path": "t"}]}})
    tables = {"Targets": {"CatalogTargets": [{"DatabaseName": "d", "Tables": ["t"]}]}}
    assert "must be LOG" in refusals.crawler_problem(tables)
    assert refusals.crawler_problem(tables | {"SchemaChangePolicy": {"DeleteBehavior": "LOG"}}) == ""
    assert "never fires" in refusals.crawler_problem({"Schedule": "cron(0 1 * * ? *)"})


def test_a_schedule_in_another_time_zone_is_refused():
    target = {"Arn": f"arn:aws:sqs:{ACCOUNT}:q"}
    assert refusals.schedule_problem({"Target": target}) == ""
    assert "Europe/Prague" in refusals.schedule_problem(
        {"Target": target, "ScheduleExpressionTimezone": "Europe/Prague"}
    )


def test_a_schedule_s_attributes_are_filled_in():
    text = '{"as_of": "<aws.scheduler.scheduled-time>", "id": "<aws.scheduler.execution-id>", '
    text += '"by": "<aws.scheduler.schedule-arn>", "n": <aws.scheduler.attempt-number>}'
    filled = schedules.filled(text, datetime(2026, 1, 2, 3, 0, 5, tzinfo=UTC), "arn:s", "e1")
    assert filled == '{"as_of": "2026-01-02T03:00:05Z", "id": "e1", "by": "arn:s", "n": 1}'


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("at(2026-01-02T03:04:05)", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("cron(0 3 * * ? *)", datetime(2026, 1, 2, 3, 0, tzinfo=UTC)),
        ("rate(1 hour)", datetime(2026, 1, 2, 3, 4, 7, tzinfo=UTC)),
    ],
)
def test_a_schedule_was_due_when_its_expression_says(expression: str, due: datetime):
    assert schedules.due_time(expression, datetime(2026, 1, 2, 3, 4, 7, tzinfo=UTC).timestamp()) == due


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"--datalake-formats": "iceberg"}, "--datalake-formats iceberg is not available"),
        ({"--enable-glue-datacatalog": "true"}, "Spark has no metastore here"),
        ({"--job-bookmark-option": "job-bookmark-enable"}, "no bookmark is kept"),
        ({"--job-bookmark-option": "job-bookmark-disable", "--own": "argument"}, ""),
        ({"--enable-metrics": "true", "--TempDir": "s3://b/tmp/"}, ""),
        ({"--job-language": "scala"}, "expected python"),
    ],
)
def test_an_argument_that_would_change_the_job_is_done_or_refused(arguments: dict[str, str], said: str):
    found = glue_arguments.problem(arguments)
    assert said in found
    assert bool(said) == bool(found)


def test_another_glue_or_another_kind_of_job_is_refused():
    assert "use 5.1" in glue_arguments.problem({}, "4.0")
    assert "expected glueetl" in glue_arguments.problem({}, "5.1", "glueray")


@pytest.mark.parametrize(
    ("principal", "trusted"),
    [
        ({"Service": "lambda.amazonaws.com"}, True),
        ({"Service": ["glue.amazonaws.com", "lambda.amazonaws.com"]}, True),
        ({"Service": "glue.amazonaws.com"}, False),
        ({"AWS": "arn:aws:iam::000000000000:root"}, False),
        ("*", True),
    ],
)
def test_a_role_trusts_whom_its_policy_names(principal: object, trusted: bool):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    assert role_trust.trusts({"Statement": [statement]}, "lambda.amazonaws.com") is trusted
    kept = {"AssumeRolePolicyDocument": json.dumps({"Statement": statement})}
    assert role_trust.trusted_by(kept, "lambda.amazonaws.com") is trusted
    assert not role_trust.trusts({"Statement": [{**statement, "Effect": "Deny"}]}, "lambda.amazonaws.com")


@pytest.mark.parametrize(
    ("condition", "trusted"),
    [
        ({"StringEquals": {"aws:SourceAccount": "000000000000"}}, True),
        ({"StringEquals": {"aws:SourceAccount": "111111111111"}}, False),
        ({"StringEquals": {"AWS:SourceAccount": ["111111111111", "000000000000"]}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:lambda:*:111111111111:*"}}, True),  # not looked at
    ],
)
def test_a_role_that_is_for_another_account_s_things_trusts_nobody_here(condition: dict, trusted: bool):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    assert role_trust.trusts({"Statement": [statement]}, "lambda.amazonaws.com") is trusted


def test_an_event_s_size_is_counted_as_eventbridge_counts_it():
    entry = {"Source": "ab", "DetailType": "c", "Detail": "{}", "Resources": ["é"], "Time": 1}
    assert request_limits.entry_size(entry) == 14 + 2 + 1 + 2 + 2


def test_a_shard_takes_so_many_records_within_any_second():
    now = [0.0]
    meter = Meter(lambda: now[0])
    assert all(meter.takes(1) for _ in range(SHARD_RECORDS_PER_SECOND))
    assert not meter.takes(1)
    now[0] = 1.0
    assert meter.takes(1)


def test_a_shard_takes_so_many_bytes_within_any_second():
    now = [0.0]
    meter = Meter(lambda: now[0])
    assert meter.takes(SHARD_BYTES_PER_SECOND)
    assert not meter.takes(1)
    now[0] = 1.0
    assert meter.takes(1)


@pytest.mark.parametrize(
    ("comparison", "statistic", "final"),
    [
        ("GreaterThanThreshold", "Sum", True),
        ("LessThanThreshold", "Sum", False),
        ("LessThanThreshold", "Minimum", True),
        ("GreaterThanThreshold", "Minimum", False),
    ],
)
def test_a_running_period_counts_only_if_more_data_cannot_undo_it(comparison: str, statistic: str, final: bool):
    queries = [{"MetricStat": {"Stat": statistic}}]
    assert alarms._is_final({"ComparisonOperator": comparison}, queries) is final
