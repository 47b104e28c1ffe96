"""Who runs next, what time it is, and what goes wrong: all of it from one seed.

An actor is a greenlet. Whatever it does to the world is a step: a call of a client. Before each step the scheduler may
let another actor run, move the clock on, and make the step go wrong. Between two steps nothing else happens, so a
schedule is the order of its steps and their outcomes, and the same plan gives the same schedule."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from greenlet import getcurrent, greenlet

NEVER = 1 << 62  # ms: of an actor that waits to be woken
MOST_STEPS = 4_000  # of a schedule; what takes longer runs in a circle
SLOWEST_MS = 40  # of a step that goes well
SILENCE_MS = 600  # a client waits so long for an answer that does not come

# What can become of a step. `refused`: the service says no, or does half of it. `lost`: done, and the answer does not
# come. `late`: no answer either, and it is done some time afterwards. `twice`: the answer was lost and boto3 has sent
# it again. `killed` and `killed_after`: the process ends before the step, or after it; `killed_late`: the step is done
# some time after the process has ended.
FaultKind = Literal["refused", "lost", "late", "twice", "killed", "killed_after", "killed_late"]
FAULTS: tuple[FaultKind, ...] = ("refused", "lost", "late", "twice", "killed", "killed_after", "killed_late")


class Killed(BaseException):
    """The process ends: nothing in it can catch that."""


class Endless(AssertionError):
    """The schedule does not come to its end."""


@dataclass(frozen=True)
class Outage:
    """A service is away for `length` steps from step `first` on."""

    service: str
    first: int
    length: int


@dataclass(frozen=True)
class Step:
    """A line of the trace; `at` in ms since the schedule began."""

    number: int
    at: int
    actor: str
    call: str
    outcome: str


class Actor:
    """`wake`: when it runs on, in ms. `door` is what its invocation runs in, for who asks by actor."""

    __slots__ = ("body", "door", "name", "wake")

    def __init__(self, name: str, body: greenlet, wake: int) -> None:
        self.name, self.body, self.wake = name, body, wake
        self.door: Any = None


class Scheduler:
    """`order` decides who runs and how long steps take; `staying` is how likely an actor goes on where it could be
    interrupted."""

    def __init__(
        self,
        order: random.Random,
        start: int,
        faults: Mapping[int, FaultKind],
        outages: tuple[Outage, ...] = (),
        staying: float = 0.5,
        traced: bool = False,
    ) -> None:
        self.order, self.start, self.now = order, start, start
        self.faults, self.outages, self.staying = dict(faults), outages, staying
        self.steps = 0
        self.trace: list[Step] | None = [] if traced else None
        self.actors: list[Actor] = []
        self.current: Actor | None = None
        self.raised: list[tuple[str, BaseException]] = []  # by actors themselves, which they never should
        self.sent: int | None = None  # the step at which a call was sent that arrives only now
        self.hub = getcurrent()

    def spawn(self, name: str, run: Callable[[], object], after: int = 0) -> Actor:
        """An actor that begins `after` ms from now."""
        actor: Actor = Actor(name, greenlet(lambda: self._live(actor, run), self.hub), self.now + after)
        self.actors.append(actor)
        return actor

    def _live(self, actor: Actor, run: Callable[[], object]) -> None:
        try:
            run()
        except Endless:
            raise
        except Killed:  # by the end
            pass
        except BaseException as failed:
            self.raised.append((actor.name, failed))
        self.actors.remove(actor)

    def run(self) -> None:
        """Until nobody has anything to do. Raises Endless."""
        random_ = self.order.random
        while True:
            last = self.current
            if last is not None and last.wake <= self.now and last in self.actors and random_() < self.staying:
                chosen = last
            else:
                ready = [actor for actor in self.actors if actor.wake <= self.now]
                if not ready:
                    soonest = min((actor.wake for actor in self.actors), default=NEVER)
                    if soonest == NEVER:
                        self.current = None
                        return
                    self.now = soonest
                    continue
                chosen = ready[int(random_() * len(ready))] if len(ready) > 1 else ready[0]
            self.current = chosen
            chosen.body.switch()

    def sleep(self, seconds: float) -> None:
        """What `time.sleep` is to the doors."""
        actor = self.current
        if actor is None or getcurrent() is self.hub:
            self.now += int(seconds * 1000)
            return
        actor.wake = self.now + int(seconds * 1000)
        self.hub.switch()

    def idle(self) -> None:
        """The current actor waits until somebody wakes it."""
        actor = self._acting()
        actor.wake = NEVER
        self.hub.switch()

    def wake(self, actor: Actor, after: int = 0) -> None:
        actor.wake = min(actor.wake, self.now + after)

    def end(self) -> None:
        """Actors that wait for ever go: whatever holds them could not be forgotten."""
        for actor in list(self.actors):
            actor.body.throw(Killed)

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self.faults, self.outages = {}, ()

    def note(self, call: str, outcome: str = "") -> None:
        """A line of the trace that is no step."""
        if self.trace is not None:
            name = self.current.name if self.current else "-"
            self.trace.append(Step(self.steps, self.now - self.start, name, call, outcome))

    def step(
        self,
        service: str,
        call: str,
        do: Callable[[], Any],
        refuse: Callable[[], Any],
        tries: int,
        told: Callable[[], str],
    ) -> Any:
        """One call of a client: `do` does the work, `refuse` is what the service does in its place. `told` says for the
        trace what was asked."""
        if self.current is None or getcurrent() is self.hub:
            return do()
        self.hub.switch()
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Endless(f"more than {MOST_STEPS} steps")
        self.now += 1 + int(self.order.random() * SLOWEST_MS)
        fault = self.faults.get(self.steps)
        outcome = "away" if self.outages and self._away(service) else fault or "done"
        if self.trace is not None:
            line = Step(self.steps, self.now - self.start, self.current.name, f"{service}.{call} {told()}", outcome)
            self.trace.append(line)
        if outcome == "done":
            return do()
        if outcome == "away":
            raise EndpointConnectionError(endpoint_url=service)
        return self._wrong(outcome, service, call, do, refuse, tries)

    def _wrong(self, outcome: str, service: str, call: str, do: Callable, refuse: Callable, tries: int) -> Any:
        if outcome == "killed":
            raise Killed
        if outcome == "killed_after":
            do()
            raise Killed
        if outcome == "killed_late":
            self._later(service, call, do)
            raise Killed
        if outcome == "refused":
            return refuse()
        self.now += SILENCE_MS
        if outcome == "late":
            self._later(service, call, do)
            if tries > 1:  # boto3 has sent it once more, and this time there is an answer
                return do()
        if outcome in ("lost", "twice"):
            quiet(do)
            if tries > 1:
                return do()
        raise ReadTimeoutError(endpoint_url=service)

    def _later(self, service: str, call: str, do: Callable) -> None:
        """It is on its way, whatever becomes of who sent it."""

        sent = self.steps

        def arrive() -> None:
            self.note(f"{service}.{call}", "arrives late")
            self.sent = sent
            quiet(do)
            self.sent = None

        self.spawn("network", arrive, after=int(self.order.random() * 3_000))

    def _away(self, service: str) -> bool:
        return any(o.service == service and o.first <= self.steps < o.first + o.length for o in self.outages)

    def _acting(self) -> Actor:
        if self.current is None:
            raise RuntimeError("expected an actor to run")
        return self.current


def quiet(do: Callable[[], Any]) -> None:
    """Whatever comes of it, nobody hears it."""
    try:
        do()
    except Exception:
        return
