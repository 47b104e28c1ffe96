"""Writing to CloudWatch Logs from inside the server: what jobs, crawlers and state machines print."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs

from local.permissions import recorder

HOOKS = {
    "ministack.core.responses.get_account_id": "() -> str",
    "ministack.core.responses.get_region": "() -> str",
    "ministack.services.cloudwatch_logs._log_groups": None,
    "ministack.services.cloudwatch_logs._make_group_arn": "(name)",
    "ministack.services.cloudwatch_logs._append_log_events": None,
}


_unwritable: set[tuple[str, str]] = set()


def asks_as_writer(group: str, stream: str, encrypted: bool = False) -> None:
    """What a service asks that writes a log in the name of the role that acts. Lines that it may not write are lost.

    Glue gives the group the key of a security configuration, if there is one.
    """
    resource = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:"
    about_group = ("CreateLogGroup", "AssociateKmsKey") if encrypted else ("CreateLogGroup",)
    asked = [(action, resource) for action in about_group]
    asked += [(action, f"{resource}{stream}") for action in ("CreateLogStream", "PutLogEvents")]
    if all([recorder.lets(f"logs:{action}", what) for action, what in asked]):
        _unwritable.discard((group, stream))
    else:
        _unwritable.add((group, stream))


def append(group: str, stream: str, lines: Iterable[str]) -> None:
    """Add lines to a stream of the account and region in context, creating both as AWS's services do."""
    if (group, stream) in _unwritable:
        return
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
