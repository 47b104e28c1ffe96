"""Progress on the terminal: phase, elapsed time, counts."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Teller:
    """Prints one line per phase, and counts while it runs when a person is watching."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.phases: list[tuple[str, float]] = []

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.begun

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = self.elapsed
        self.say(f"{name} ...")
        yield
        self.phases.append((name, self.elapsed - start))
        self.say(f"{name}: {self.elapsed - start:.1f} s")

    def say(self, text: str) -> None:
        print(f"[{self.elapsed:6.1f} s] {text}", flush=True)

    def count(self, text: str) -> None:
        """A line that the next one overwrites; only for a person."""
        if sys.stdout.isatty():
            print(f"\r[{self.elapsed:6.1f} s] {text}    ", end="", flush=True)
