"""Logs end some day, and what can fail has an alarm that somebody hears."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tools.guard.plan import UNKNOWN, Finding, Plan, Resource

# Which dimension of an alarm names each kind, and what of the resource it names.
WATCHED = {
    "aws_lambda_function": ("FunctionName", "function_name"),
    "aws_sfn_state_machine": ("StateMachineArn", "arn"),
    "aws_sqs_queue": ("QueueName", "name"),
}


def findings(plan: Plan) -> Iterator[Finding]:
    for group in plan.resources("aws_cloudwatch_log_group"):
        if not group.one("retention_in_days"):
            yield Finding(group.address, "keeps its log for ever: set retention_in_days")
    alarms = plan.resources("aws_cloudwatch_metric_alarm")
    # Planned alone, the data stack has queues, and neither alarms nor anything that could fail otherwise: those of its
    # queues are the platform's.
    alone = not alarms and not plan.resources("aws_lambda_function") and not plan.resources("aws_sfn_state_machine")
    for kind, (dimension, attribute) in WATCHED.items():
        named = [value for alarm in alarms for value in _dimension(alarm, dimension)]
        for resource in plan.resources(kind):
            if kind == "aws_sqs_queue" and alone:
                continue
            if UNKNOWN not in named and resource.one(attribute) not in named:
                yield Finding(resource.address, f"no alarm has it as {dimension}: it could fail unheard")
    heard = {
        name for parent in plan.resources("aws_cloudwatch_composite_alarm") for name in _words(parent.one("alarm_rule"))
    }
    for alarm in alarms:
        if not any(alarm.at("alarm_actions")) and alarm.one("alarm_name") not in heard:
            yield Finding(alarm.address, "tells nobody: give it alarm_actions, or a composite alarm that has some")


def _dimension(alarm: Resource, dimension: str) -> Iterator[Any]:
    for place in ("dimensions", "metric_query[].metric[].dimensions"):
        for dimensions in alarm.at(place):
            if dimensions is UNKNOWN:
                yield UNKNOWN
            elif dimensions and dimension in dimensions:
                yield dimensions[dimension]


def _words(rule: Any) -> set[str]:
    if not isinstance(rule, str):
        return set()
    return {part for part in rule.replace('"', " ").replace("(", " ").replace(")", " ").split() if part}
