"""`make errors`: what a function, a state machine or a training pipeline last said of its failure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tools.operate.platform import Platform, Refused, explain, moment
from tools.package import FUNCTIONS
from tools.releases import PROBLEMS
from tools.telling import Teller

LOOKED_BACK = timedelta(hours=24)
LAST_LINES = 20
SPEAK_OF_ERRORS = ("ERROR", '"Task timed out"', '"waits: "')  # the last is an approval that the endpoint lets wait
BAD_ENDS = ("FAILED", "TIMED_OUT", "ABORTED")


def errors(platform: Platform, teller: Teller, of: str = "") -> None:
    machines = platform.outputs["state_machines"]
    if of in machines:
        found = of_machine(platform, machines[of])
    elif of in PROBLEMS:
        found = of_training(platform, of)
    elif of in FUNCTIONS:
        found = of_function(platform, of)
    else:
        raise Refused(
            f"expected OF={', '.join((*FUNCTIONS, *sorted(machines)))} or {' or '.join(PROBLEMS)}, got {of!r}"
        )
    lines = list(found)
    for line in lines or [f"{of}: no error"]:
        teller.say(line)


def of_machine(platform: Platform, arn: str) -> Iterator[str]:
    """The last run, when it ended badly: from what it was given, in which state, and why."""
    machines: Any = platform.client("stepfunctions")
    last = machines.list_executions(stateMachineArn=arn, maxResults=1)["executions"]
    if not last or last[0]["status"] not in BAD_ENDS:
        return
    execution = last[0]["executionArn"]
    run = machines.describe_execution(executionArn=execution)
    history = machines.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=100)["events"]
    state = next((e["stateEnteredEventDetails"]["name"] for e in history if "stateEnteredEventDetails" in e), "?")
    yield f"{run['status']} in {state}, begun {moment(run['startDate'])}, given {run['input']}"
    yield f"{run.get('error', '')}: {explain(run.get('cause'))}"


def of_training(platform: Platform, problem: str) -> Iterator[str]:
    sagemaker: Any = platform.client("sagemaker")
    found = sagemaker.list_pipeline_executions(PipelineName=f"{platform.prefix}-{problem}", MaxResults=1)
    for last in found["PipelineExecutionSummaries"]:
        if last["PipelineExecutionStatus"] != "Failed":
            continue
        arn = last["PipelineExecutionArn"]
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        yield from (f"{s['StepName']}: {s['FailureReason']}" for s in steps if s.get("FailureReason"))


def of_function(platform: Platform, name: str) -> Iterator[str]:
    """Its newest lines of a day that speak of an error. They name no customer: the functions log none."""
    logs: Any = platform.client("logs")
    since = int((datetime.now(UTC) - LOOKED_BACK).timestamp() * 1000)
    found: set[tuple[int, str]] = set()
    for pattern in SPEAK_OF_ERRORS:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{platform.prefix}-{name}", startTime=since, filterPattern=pattern
        )
        found |= {(event["timestamp"], event["message"]) for page in pages for event in page["events"]}
    for at, message in sorted(found)[-LAST_LINES:]:
        yield f"{moment(datetime.fromtimestamp(at / 1000, UTC))} {message.rstrip()}"
