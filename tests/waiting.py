"""How long a test waits for what must happen: one generous limit for all of them.

A limit tells a broken program from a working one and never measures: a machine under load may be ten times slower than
a quiet one. What a test waits for is a condition; when it has come, the test goes on at once. Figures of time belong
to `make bench`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 240.0
POLL_S = 0.05

Found = TypeVar("Found")


class Late(AssertionError):
    """What had to happen did not."""


def eventually(found: Callable[[], Found], what: str = "") -> Found:
    """What `found` gives once it is true. Fails with the last answer, and with `what` was waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        if value := found():
            return value
        if time.monotonic() > deadline:
            raise Late(f"{what or 'it'} did not come within {PATIENCE_S:.0f} s; last: {value!r}")
        time.sleep(POLL_S)
