"""How far the making of a set is, told by rows done and rows in all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

OFTEN = 5.0  # seconds between lines

Told = Callable[[int, int], None]


def untold(done: int, total: int) -> None:
    """For a caller who does not ask."""


class Progress:
    """A line now and then, beside what the command itself says: a set that is made at once has none."""

    def __init__(self, to: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.to = to
        self.clock = clock
        self.begun = self.said = clock()

    def __call__(self, done: int, total: int) -> None:
        now = self.clock()
        if now - self.said >= OFTEN and done:
            self.said = now
            left = (now - self.begun) * (total - done) / done
            print(f"{done:,} of {total:,} rows, some {left:.0f} s left", file=self.to, flush=True)
