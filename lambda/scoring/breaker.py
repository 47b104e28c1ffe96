"""A circuit breaker: a service that keeps failing is left alone for a while, so that nobody waits for its time-outs.

After Nygard, Release It! (2007). State lives in one warm Lambda container; every container learns for itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Open(RuntimeError):
    """The service was not asked: it has just failed several times in a row."""


class Breaker:
    """Opens for `pause` seconds after `failures` calls in a row have failed; then one call is let through to try."""

    def __init__(self, failures: int = 3, pause: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self.pause, self.clock = failures, pause, clock
        self.failed = 0
        self.open_until = float("-inf")

    def call(self, ask: Callable[[], T]) -> T:
        """What `ask` gives. Raises Open without asking while the breaker is open, else what `ask` raises."""
        if self.clock() < self.open_until:
            raise Open(f"{self.failed} calls in a row failed; asked again in {self.open_until - self.clock():.1f} s")
        try:
            answer = ask()
        except Exception:
            self.failed += 1
            if self.failed >= self.most:
                self.open_until = self.clock() + self.pause
            raise
        self.failed = 0
        return answer
