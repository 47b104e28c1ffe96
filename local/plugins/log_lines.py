"""Writing to CloudWatch Logs from inside the server: what jobs, crawlers and state machines print."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ministack.services import cloudwatch_logs

HOOKS = {
    "ministack.services.cloudwatch_logs._log_groups": None,
    "ministack.services.cloudwatch_logs._make_group_arn": "(name)",
    "ministack.services.cloudwatch_logs._append_log_events": None,
}


def append(group: str, stream: str, lines: Iterable[str]) -> None:
    """Add lines to a stream of the account and region in context, creating both as AWS's services do."""
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line, "ingestionTime": now} for line in lines if line]
    groups = cloudwatch_logs._log_groups
    if group not in groups:
        groups[group] = {
            "arn": cloudwatch_logs._make_group_arn(group),
            "creationTime": now,
            "retentionInDays": None,
            "tags": {},
            "subscriptionFilters": {},
            "streams": {},
        }
    streams = groups[group]["streams"]
    if stream not in streams:
        streams[stream] = {
            "events": [],
            "uploadSequenceToken": "1",
            "creationTime": now,
            "firstEventTimestamp": None,
            "lastEventTimestamp": None,
            "lastIngestionTime": None,
        }
    if events:
        cloudwatch_logs._append_log_events(streams[stream], events)
