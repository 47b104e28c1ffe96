"""What AWS would do and nothing here does is refused when it is asked for, in one sentence: it is never dropped.

MiniStack takes these and forgets them: a crawl of a database that looks at nothing, a workflow that never runs, a rule
whose target gets one line in the log.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from ministack import app
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import error_response_json
from ministack.services import eventbridge, glue, scheduler

from local.settings import Settings

HOOKS = {
    "ministack.app.SERVICE_HANDLERS": None,
    "ministack.services.eventbridge._put_targets": "(data)",
    "ministack.services.glue._create_crawler": "(data)",
    "ministack.services.glue._create_trigger": "(data)",
    "ministack.services.glue._start_trigger": "(data)",
    "ministack.services.glue._start_workflow_run": "(data)",
    "ministack.services.glue._update_crawler": "(data)",
    "ministack.services.scheduler._create_schedule": "(name, body)",
    "ministack.services.scheduler._error": "(status, code, message)",
    "ministack.services.scheduler._update_schedule": "(name, body)",
}


class Service(NamedTuple):
    """What MiniStack calls a service, and its module that answers for it."""

    name: str
    module: str


# By boto3's names. What else MiniStack has is not proven against anything here, and some of it only pretends.
SERVICES = {
    "apigatewayv2": Service("apigateway", "apigateway"),
    "cloudwatch": Service("monitoring", "cloudwatch"),
    "events": Service("events", "eventbridge"),
    "lambda": Service("lambda", "lambda_svc"),
    "logs": Service("logs", "cloudwatch_logs"),
    "resourcegroupstaggingapi": Service("tagging", "tagging"),
    "stepfunctions": Service("states", "stepfunctions"),
    **{
        name: Service(name, name)
        for name in (
            *("athena", "dynamodb", "ecr", "glue", "iam", "kinesis", "kms", "s3", "scheduler", "secretsmanager"),
            *("sns", "sqs", "ssm", "sts"),
        )
    },
}
OFFERED = {service.name for service in SERVICES.values()} | {"sagemaker"}  # which is our own
NEVER_STARTED = ("StartTrigger", "StartWorkflowRun")  # answered with a refusal
CRAWLED = ("S3Targets", "CatalogTargets")
# What a rule or a schedule starts here.
STARTED = {
    "lambda": "function:",
    "sqs": "",
    "sns": "",
    "states": "stateMachine:",
    "events": ("event-bus/", "api-destination/"),
}


def install(settings: Settings) -> None:
    glue._create_crawler = _unless(glue._create_crawler, crawler_problem)
    glue._update_crawler = _unless(glue._update_crawler, crawler_problem)
    glue._create_trigger = _unless(glue._create_trigger, trigger_problem)
    glue._start_trigger = _unless(glue._start_trigger, lambda _: _NEVER.format("A trigger", "StartJobRun"))
    glue._start_workflow_run = _unless(
        glue._start_workflow_run, lambda _: _NEVER.format("A workflow", "StartJobRun for its jobs, or Step Functions")
    )
    eventbridge._put_targets = _unless(
        eventbridge._put_targets,
        lambda data: next(filter(None, (target_problem(target) for target in data.get("Targets") or [])), ""),
        "ValidationException",
    )
    app.SERVICE_HANDLERS = _Handlers(app.SERVICE_HANDLERS)
    scheduler._create_schedule = _scheduling(scheduler._create_schedule)
    scheduler._update_schedule = _scheduling(scheduler._update_schedule)


_NEVER = "{} of Glue never starts anything on this machine: use {}."


class _Handlers(dict):
    """The services that are offered; another one answers that it is not here, as an error that SDKs show."""

    def get(self, name: str, default: Any = None) -> Any:
        found = super().get(name, default) if name in OFFERED else None
        return found if found is not None else _missing(name)


def _missing(name: str) -> Any:
    async def handle_request(*_: Any) -> Any:
        message = f"The service {name} is not available on this machine; 'python -m local.describe' lists what is."
        return error_response_json("UnsupportedOperation", message, 400)

    return handle_request


def _unless(do: Any, problem: Any, code: str = "InvalidInputException") -> Any:
    def do_unless(data: dict) -> Any:
        if said := problem(data):
            return error_response_json(code, said, 400)
        return do(data)

    return do_unless


def _scheduling(do: Any) -> Any:
    def create_or_update(name: str, body: dict) -> Any:
        if said := schedule_problem(body):
            return scheduler._error(400, "ValidationException", said)
        return do(name, body)

    return create_or_update


def crawler_problem(data: dict) -> str:
    others = sorted(name for name, targets in (data.get("Targets") or {}).items() if targets and name not in CRAWLED)
    if others:
        return f"{', '.join(others)} cannot be crawled on this machine: expected {' or '.join(CRAWLED)}."
    if data.get("Schedule"):
        return (
            f"The schedule {json.dumps(data['Schedule'])} of a crawler never fires on this machine: use StartCrawler."
        )
    if (data.get("Targets") or {}).get("CatalogTargets"):
        behaviour = (data.get("SchemaChangePolicy") or {}).get("DeleteBehavior", "DEPRECATE_IN_DATABASE")
        if behaviour != "LOG":
            return f"The DeleteBehavior of a crawler with a catalog target must be LOG, got {behaviour}."
    if data.get("Classifiers"):
        return "Custom classifiers are not used on this machine: leave Classifiers out."
    return ""


def trigger_problem(data: dict) -> str:
    return (
        _NEVER.format("A trigger", "StartJobRun, and leave StartOnCreation out") if data.get("StartOnCreation") else ""
    )


def target_problem(target: dict) -> str:
    """Why nothing would happen, or nothing."""
    arn = target.get("Arn") or ""
    try:
        spec = parse_arn(arn)
    except ArnParseError:
        return ""  # MiniStack says so
    begins = STARTED.get(spec.service)
    if begins is not None and spec.resource.startswith(begins):
        return ""
    return (
        f"The target {arn} would get nothing on this machine: expected a function, a queue, a topic, a state machine, "
        "an event bus or an API destination. A function can pass it on."
    )


def schedule_problem(body: dict) -> str:
    if said := target_problem(body.get("Target") or {}):
        return said
    zone = body.get("ScheduleExpressionTimezone") or "UTC"
    if zone != "UTC":
        return (
            f"Schedules on this machine are in UTC, got ScheduleExpressionTimezone {zone!r}: leave it out or use UTC."
        )
    return ""
