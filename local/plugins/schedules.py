"""Schedules tell their target what AWS's scheduler tells it: when it was due, which execution and which attempt it is.

MiniStack passes ``<aws.scheduler.scheduled-time>`` on as it stands, and looks for due schedules every ten seconds.
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.services import eventbridge, scheduler

from local.settings import Settings

HOOKS = {
    "ministack.services.eventbridge._cron_next_fire": None,
    "ministack.services.eventbridge._invoke_target": "(target, event, rule, view=None)",
    "ministack.services.eventbridge._parse_cron_fields": None,
    "ministack.services.scheduler._SCHEDULE_TICK_INTERVAL": None,
    "ministack.services.scheduler._at_time_epoch": "(expr: str)",
}

EVERY_SECONDS = 1.0
WINDOWS = (timedelta(minutes=2), timedelta(hours=2), timedelta(days=2), timedelta(days=62), timedelta(days=800))


def install(settings: Settings) -> None:
    scheduler._SCHEDULE_TICK_INTERVAL = EVERY_SECONDS
    eventbridge._invoke_target = _with_attributes(eventbridge._invoke_target)


def _with_attributes(invoke: Any) -> Any:
    def invoke_target(target: dict, event: dict, rule: dict, view: Any = None) -> Any:
        if event.get("Source") == "aws.scheduler" and target.get("Input"):
            due = due_time(rule.get("ScheduleExpression", ""), event.get("Time") or time.time())
            target = {**target, "Input": filled(target["Input"], due, rule.get("Arn", ""))}
        return invoke(target, event, rule, view)

    return invoke_target


def filled(text: str, due: datetime, arn: str, execution: str = "") -> str:
    """The input with AWS's context attributes in their places."""
    attributes = {
        "scheduled-time": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": execution or uuid.uuid4().hex[:16],
        "schedule-arn": arn,
        "attempt-number": "1",
    }
    for name, value in attributes.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def due_time(expression: str, now: float) -> datetime:
    """When a schedule that fires now was due: it is looked for a moment later."""
    moment = datetime.fromtimestamp(now, UTC)
    at = scheduler._at_time_epoch(expression)
    if at is not None:
        return datetime.fromtimestamp(at, UTC)
    fields = eventbridge._parse_cron_fields(expression)
    if fields is None:
        return moment
    for window in WINDOWS:
        due, following = None, eventbridge._cron_next_fire(fields, moment - window)
        while following is not None and following <= moment:
            due, following = following, eventbridge._cron_next_fire(fields, following)
        if due is not None:
            return due
    return moment
