"""What grows old is looked for once a minute, not at every call.

MiniStack goes through every record of a stream at each PutRecord, and through every metric's points at each
PutMetricData: a stream with a hundred thousand payments then takes longer for one more than a payer waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch, kinesis

from local.settings import Settings

HOOKS = {
    "ministack.services.cloudwatch._evict_old_metrics": "()",
    "ministack.services.kinesis._expire_records": "(stream)",
}

EVERY_SECONDS = 60.0


def install(settings: Settings) -> None:
    kinesis._expire_records = rarely(kinesis._expire_records, lambda stream: stream["StreamARN"])
    cloudwatch._evict_old_metrics = rarely(cloudwatch._evict_old_metrics, lambda: "")


def rarely(
    look: Callable[..., None], whose: Callable[..., str], clock: Callable[[], float] = time.monotonic
) -> Callable[..., None]:
    """`look`, at most once in EVERY_SECONDS for the same `whose`."""
    looked: dict[str, float] = {}

    def look_rarely(*arguments: Any) -> None:
        name, now = whose(*arguments), clock()
        if name not in looked or now - looked[name] >= EVERY_SECONDS:
            looked[name] = now
            look(*arguments)

    return look_rarely
