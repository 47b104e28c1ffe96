"""Events that SageMaker sends to EventBridge when the state of something changes."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

# Puts one PutEvents entry on the default bus. The public API takes no entry whose source begins with `aws.`.
Deliver = Callable[[dict[str, Any]], None]

_log = logging.getLogger(__name__)


class Events:
    """Sends in the background, in order: as on AWS the caller's answer does not wait for the rules."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._send, name="sagemaker-events", daemon=True)
        self._thread.start()

    def publish(self, detail_type: str, arn: str, detail: dict[str, Any]) -> None:
        self._queue.put(
            {"Source": "aws.sagemaker", "DetailType": detail_type, "Resources": [arn], "Detail": json.dumps(detail)}
        )

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join(timeout=2)

    def _send(self) -> None:
        while (entry := self._queue.get()) is not None:
            try:
                self._deliver(entry)
            except Exception:
                _log.exception("event %s was not delivered", entry["DetailType"])
