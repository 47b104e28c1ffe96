"""Logs end some day, and what can fail has an alarm that somebody hears."""

from __future__ import annotations

import pytest

from tests.unit.guard.pieces import change, plan, said
from tools.guard import watching

ALARM = "aws_cloudwatch_metric_alarm"
HEARD = {"alarm_name": "a", "alarm_actions": ["arn:topic"]}
NAMES = {
    "aws_lambda_function": {"function_name": "decide"},
    "aws_sfn_state_machine": {"arn": "arn:nightly"},
    "aws_sqs_queue": {"name": "failed"},
}


def found(*changes):
    return said(watching.findings(plan(*changes)))


@pytest.mark.parametrize(("days", "count"), [(30, 0), (0, 1), (None, 1)])
def test_a_log_group_says_how_long_it_keeps(days, count):
    assert len(found(change("aws_cloudwatch_log_group.this", {"retention_in_days": days}))) == count


def test_every_watched_kind_is_tried():
    assert set(NAMES) == set(watching.WATCHED)


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_what_can_fail_without_an_alarm_does_not_pass(kind):
    dimension, _ = watching.WATCHED[kind]
    other = change(f"{ALARM}.other", HEARD | {"dimensions": {"FunctionName": "another"}})

    (finding,) = found(change(f"{kind}.this", NAMES[kind]), other)

    assert finding == f"{kind}.this: no alarm has it as {dimension}: it could fail unheard"


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_an_alarm_about_it_is_enough(kind):
    dimension, attribute = watching.WATCHED[kind]
    about = {dimension: NAMES[kind][attribute]}
    query = [{"metric": [{"dimensions": about}]}, {"expression": "m1", "metric": []}]

    assert found(change(f"{kind}.this", NAMES[kind]), change(f"{ALARM}.this", HEARD | {"dimensions": about})) == []
    assert found(change(f"{kind}.this", NAMES[kind]), change(f"{ALARM}.this", HEARD | {"metric_query": query})) == []


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_an_alarm_about_another_is_not(kind):
    dimension, _ = watching.WATCHED[kind]
    alarm = change(f"{ALARM}.this", HEARD | {"dimensions": {dimension: "other"}})

    assert len(found(change(f"{kind}.this", NAMES[kind]), alarm)) == 1


def test_a_queue_and_its_alarm_may_be_of_two_stacks():
    queue = change("aws_sqs_queue.this", {"name": "failed"})
    alarm = change(f"{ALARM}.this", HEARD | {"dimensions": {"QueueName": "failed"}})
    both = watching.Plan(plan(queue).documents + plan(alarm).documents)

    assert said(watching.findings(both)) == []


def test_dimensions_that_only_the_apply_will_tell_may_be_about_it():
    alarm = change(f"{ALARM}.this", HEARD, unknown={"dimensions": True})

    assert found(change("aws_sfn_state_machine.this", {}, unknown={"arn": True}), alarm) == []
    assert found(change("aws_sqs_queue.this", {"name": "failed"}), alarm) == []


def test_an_alarm_that_tells_nobody_does_not_pass():
    assert len(found(change(f"{ALARM}.this", {"alarm_name": "a", "alarm_actions": []}))) == 1
    assert found(change(f"{ALARM}.this", {"alarm_name": "a"}, unknown={"alarm_actions": True})) == []


def test_an_alarm_that_a_composite_alarm_tells_of_passes():
    part = change(f"{ALARM}.this", {"alarm_name": "risk-dev-slow"})
    whole = change("aws_cloudwatch_composite_alarm.this", {"alarm_rule": 'ALARM("risk-dev-slow") OR ALARM("b")'})

    assert found(part, whole) == []


def test_queues_of_a_data_stack_that_is_planned_alone_have_their_alarms_elsewhere():
    queue = change("aws_sqs_queue.this", NAMES["aws_sqs_queue"])
    assert found(queue) == []
    assert len(found(queue, change("aws_lambda_function.this", NAMES["aws_lambda_function"]))) == 2
