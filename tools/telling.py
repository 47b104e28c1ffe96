"""Progress of a long command: which phase runs, how long it took, how far it is, what is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, RLock, Thread
from typing import TextIO, TypeVar

QUIET = 10.0  # seconds without a line after which what is under way is told again
OFTEN = 5.0  # seconds between counts where no person is watching

Found = TypeVar("Found")


@dataclass(frozen=True)
class Phase:
    """`begun` and `ended` in seconds since the start: phases that do not depend on each other run side by side."""

    name: str
    begun: float
    ended: float


class Teller:
    """A line when a phase begins and one when it ends; in between counts, and never QUIET seconds without a word.

    Lines go to stdout, or `to` where stdout is for data.
    """

    def __init__(self, to: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.to = to or sys.stdout
        self.clock = clock
        self.begun = clock()
        self.phases: list[Phase] = []
        self._under_way: dict[str, float] = {}
        self._said = self._counted = 0.0
        self._unfinished = False  # the last line is a count that the next one overwrites
        self._speaking = RLock()

    @property
    def elapsed(self) -> float:
        return self.clock() - self.begun

    @contextmanager
    def phase(self, name: str, left: tuple[str, ...] = ()) -> Iterator[None]:
        begun = self.elapsed
        self.say(f"{name} ..." + (f" after it: {', '.join(left)}" if left else ""))
        with self.watched(name):
            yield
        self.phases.append(Phase(name, begun, self.elapsed))
        self.say(f"{name}: {self.elapsed - begun:.1f} s")

    @contextmanager
    def watched(self, name: str) -> Iterator[None]:
        """What is told of only when it takes long."""
        self._under_way[name] = self._counted = self.elapsed
        ended = Event()
        Thread(target=self._until, args=(ended,), daemon=True).start()
        try:
            yield
        finally:
            ended.set()
            self._under_way.pop(name, None)

    def through(self, steps: Mapping[str, Callable[[], Found]]) -> dict[str, Found]:
        """Runs steps in order, each a phase that also says what comes after it. Returns what each of them found."""
        names, found = tuple(steps), {}
        for number, name in enumerate(names):
            with self.phase(name, names[number + 1 :]):
                found[name] = steps[name]()
        return found

    def say(self, text: str) -> None:
        with self._speaking:
            before = "\n" if self._unfinished else ""
            self._unfinished = False
            self._said = self.elapsed
            print(f"{before}[{self._said:6.1f} s] {text}", file=self.to, flush=True)

    def count(self, text: str) -> None:
        """How far a phase is. A person sees each count, in one line; a log has one every OFTEN seconds."""
        if self.to.isatty():
            with self._speaking:
                self._unfinished = True
                self._said = self.elapsed
                print(f"\r\x1b[K[{self._said:6.1f} s] {text}", end="", file=self.to, flush=True)
        elif self.elapsed - self._counted >= OFTEN:
            self._counted = self.elapsed
            self.say(text)

    def far(self, what: str, done: int, total: int) -> None:
        """Counts what a phase has done of what it has to do. Time that is left is that of what has passed."""
        since = self.elapsed - max(self._under_way.values(), default=0.0)
        left = f", some {since * (total - done) / done:.0f} s left" if done and since > OFTEN else ""
        self.count(f"{done:,} of {total:,} {what}{left}")

    def remind(self) -> None:
        """Says what is under way, unless something was said a moment ago."""
        with self._speaking:
            now = self.elapsed
            if now - self._said >= QUIET and self._under_way:
                running = [f"{name}: {now - begun:.0f} s so far" for name, begun in list(self._under_way.items())]
                self.say(", ".join(running))

    def _until(self, ended: Event) -> None:
        while not ended.wait(max(0.2, self._said + QUIET - self.elapsed)):
            self.remind()
