"""A state machine that cannot work is found out when it is made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.plugins.state_definitions import problems
from local.plugins.state_machines import known

PASS = {"Type": "Pass", "End": True}
JOB = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "End": True}


def found(states: dict[str, Any], **more: Any) -> str:
    return "\n".join(problems(json.dumps({"StartAt": "a", "States": states, **more}), known))


@pytest.mark.parametrize(
    "states",
    [
        {"a": PASS},
        {"a": {**JOB, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "b"}]}, "b": {"Type": "Fail"}},
        {"a": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsNull": True, "Next": "b"}], "Default": "c"}}
        | {"b": {"Type": "Succeed"}, "c": {"Type": "Wait", "SecondsPath": "$.s", "Next": "b"}},
        {"a": {"Type": "Map", "ItemProcessor": {"StartAt": "x", "States": {"x": PASS}}, "End": True}},
        {"a": {"Type": "Parallel", "Branches": [{"StartAt": "x", "States": {"x": JOB}}], "End": True}},
        {"a": {**JOB, "Resource": "arn:aws:states:::aws-sdk:s3:listObjectsV2"}},
        {"a": {**JOB, "Resource": "arn:aws:states:::aws-sdk:sfn:startExecution"}},
        {"a": {**JOB, "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken"}},
        {"a": {**JOB, "Resource": "arn:aws:lambda:eu-west-1:000000000000:function:f"}},
    ],
)
def test_a_definition_that_works_is_taken(states: dict[str, Any]):
    assert found(states) == ""


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({"b": PASS}, "Missing 'StartAt' target: a"),
        ({}, "States is missing or empty"),
        ({"a": {"Type": "Pass", "Next": "nowhere"}}, "Missing 'Next' target: nowhere at /States/a/Next"),
        ({"a": PASS, "b": PASS}, 'State "b" is not reachable. at /States/b'),
        ({"a": {"Type": "Pass"}}, "either Next or End"),
        ({"a": {"Type": "Pas", "End": True}}, "Type is 'Pas', expected one of"),
        ({"a": {**PASS, "Resource": "x"}}, "Field 'Resource' is not supported in a Pass state"),
        ({"a": {**JOB, "Catch": [{"ErrorEquals": ["E"], "Next": "nowhere"}]}}, "Missing 'Next' target: nowhere"),
        ({"a": {**JOB, "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["E"]}]}}, "stand alone and last"),
        ({"a": {**JOB, "Retry": [{}]}}, "ErrorEquals is missing"),
        ({"a": {"Type": "Choice", "Choices": []}}, "Choices is missing or empty"),
        ({"a": {"Type": "Wait", "End": True}}, "A Wait state has one of"),
        ({"a": {"Type": "Map", "End": True}}, "ItemProcessor is missing"),
        ({"a": {"Type": "Parallel", "Branches": [], "End": True}}, "Branches is missing"),
        ({"a": {**JOB, "Resource": "arn:aws:states:::glue:startCrawler"}}, "is not recognized"),
        ({"a": {**JOB, "Resource": "arn:aws:states:::glue:startJobRun.sync:3"}}, "is not recognized"),
        ({"a": {**JOB, "Resource": "arn:aws:states:::aws-sdk:s3:listNothing"}}, "is not recognized"),
        ({"a": {**JOB, "Resource": "arn:aws:states:::aws-sdk:nosuch:doIt"}}, "is not recognized"),
        ({"a": {**JOB, "Resource": "arn:aws:states:::batch:submitJob.sync"}}, "cannot be done on this machine"),
        ({"a": {**JOB, "Resource": "nothing"}}, "not a valid resource ARN"),
    ],
)
def test_a_definition_that_cannot_work_says_why_and_where(states: dict[str, Any], said: str):
    assert said in found(states)


def test_what_stands_in_a_branch_is_looked_at_too():
    branch = {"StartAt": "x", "States": {"x": {"Type": "Pass", "Next": "y"}}}
    assert "at /States/a/Branches[0]/States/x/Next" in found(
        {"a": {"Type": "Parallel", "Branches": [branch], "End": True}}
    )


def test_a_machine_s_own_time_is_a_number_of_seconds():
    assert "TimeoutSeconds must be" in found({"a": PASS}, TimeoutSeconds=0)


def test_text_that_is_no_definition_is_refused():
    assert problems("{", known)[0].startswith("INVALID_JSON_DESCRIPTION")
