"""What containers print, on its way to CloudWatch Logs."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import defaultdict

from .aws import Aws

_log = logging.getLogger(__name__)
_INTERVAL = 0.5
_PATIENCE = 0.2
_MAX_EVENTS = 1000  # a call takes 10,000 events and 1 MiB; lines are cut to keep a call below both
_MAX_LINE = 1000


class LogShipper:
    """Collects lines by (group, stream, role) and puts them twice a second, from one thread for all containers."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._lines: dict[tuple[str, str, str], list[dict[str, object]]] = defaultdict(list)
        self._streams: set[tuple[str, str]] = set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sagemaker-logs", daemon=True)
        self._thread.start()

    def add(self, group: str, stream: str, line: str, role: str = "") -> None:
        with self._lock:
            event = {"timestamp": int(time.time() * 1000), "message": line[:_MAX_LINE] or " "}
            self._lines[group, stream, role].append(event)

    def flush(self) -> None:
        """Send what was added so far; a job calls this before it reports its end."""
        with self._sending:
            with self._lock:
                pending, self._lines = self._lines, defaultdict(list)
            for (group, stream, role), events in pending.items():
                try:
                    self._put(group, stream, role, events)
                except Exception:
                    _log.exception("log lines of %s %s were lost", group, stream)

    def close(self) -> None:
        self._closed.set()
        # A call under way when the server stops taking requests would wait for an answer in vain.
        self._thread.join(timeout=_PATIENCE)

    def _run(self) -> None:
        while not self._closed.wait(_INTERVAL):
            self.flush()

    def _put(self, group: str, stream: str, role: str, events: list[dict[str, object]]) -> None:
        logs = self._aws.client("logs", role)
        if (group, stream) not in self._streams:
            for create, members in (
                (logs.create_log_group, {"logGroupName": group}),
                (logs.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
            ):
                with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                    create(**members)
            self._streams.add((group, stream))
        for start in range(0, len(events), _MAX_EVENTS):
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events[start : start + _MAX_EVENTS])
