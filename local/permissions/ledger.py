"""What was asked, by whom, how often, and what the policies say to it: bounded, whatever a load brings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from local.permissions.calls import Call
from local.permissions.verdicts import ALLOWED, DENIED, Grant, Verdict

REMEMBERED = 20_000  # calls whose verdict is kept: one that comes again costs a look-up
RESOURCES = 20  # that are named of one role, action and verdict; the rest is counted
DENIED_RESOURCES = 200
EXAMPLES = 3  # calls that are kept whole of each role, action and statements that allow it: they can be judged again


class Kind(NamedTuple):
    """Calls that are told as one."""

    role: str
    action: str
    decision: str
    reason: str


class Known(NamedTuple):
    """What is told of a call, and how AWS would end the sentence that refuses it."""

    kind: Kind
    because: str


class Refusal(NamedTuple):
    """A call that is not allowed."""

    call: Call
    because: str


@dataclass
class Seen:
    """How often calls of a kind came, and on what."""

    count: int = 0
    resources: dict[str, int] = field(default_factory=dict)
    further: int = 0

    def add(self, resource: str, most: int) -> None:
        self.count += 1
        if resource in self.resources or len(self.resources) < most:
            self.resources[resource] = self.resources.get(resource, 0) + 1
        else:
            self.further += 1


class Ledger:
    """`judge` is asked once for each distinct call, and again after `forget`."""

    def __init__(self, judge: Callable[[str, Call], Verdict]) -> None:
        self._judge = judge
        self._lock = threading.Lock()
        self._age = 0  # of what is known: how often it was forgotten
        self._known: dict[tuple[str, Call], Known] = {}
        self.seen: dict[Kind, Seen] = {}
        self.used: dict[str, set[Grant]] = {}
        self._examples: dict[tuple[str, str, str, tuple[int, ...]], dict[Call, None]] = {}

    def note(self, role: str, calls: Iterable[Call]) -> Refusal | None:
        """Write down what a role asks; the first of the calls that is not allowed."""
        refused = None
        for call in calls:
            key = (role, call)
            known = self._known.get(key)
            if known is None:
                known = self._judged(key)
            kind = known.kind
            with self._lock:
                seen = self.seen.get(kind) or self.seen.setdefault(kind, Seen())
                seen.add(call.resource, DENIED_RESOURCES if kind.decision == DENIED else RESOURCES)
            if kind.decision != ALLOWED and refused is None:
                refused = Refusal(call, known.because)
        return refused

    def allows(self, role: str, calls: Iterable[Call]) -> bool:
        """Whether all of them are allowed; nothing is written down."""
        keys = [(role, call) for call in calls]
        return all((self._known.get(key) or self._judged(key)).kind.decision == ALLOWED for key in keys)

    def _judged(self, key: tuple[str, Call]) -> Known:
        role, call = key
        age = self._age
        verdict = self._judge(role, call)
        known = Known(Kind(role, call.action, verdict.decision, verdict.reason), verdict.because)
        with self._lock:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            if age == self._age:  # else a policy has changed meanwhile
                self._known[key] = known
            self.used.setdefault(role, set()).update(verdict.used)
            self._keep_example(role, call, verdict.decision, verdict.by)
        return known

    def _keep_example(self, role: str, call: Call, decision: str, by: tuple[int, ...]) -> None:
        alike = self._examples.setdefault((role, call.action, decision, by), {})
        if len(alike) < EXAMPLES:
            alike[call] = None

    def examples(self) -> dict[str, list[Call]]:
        """Calls of each role that between them stand for all that were made."""
        found: dict[str, dict[Call, None]] = {}
        with self._lock:
            for (role, *_), alike in sorted(self._examples.items()):
                found.setdefault(role, {}).update(alike)
        return {role: list(calls) for role, calls in found.items()}

    def forget(self) -> None:
        """A policy has changed: what comes from now on is judged anew."""
        with self._lock:
            self._age += 1
            self._known.clear()

    def dump(self) -> dict[str, Any]:
        examples = self.examples()
        with self._lock:
            return {
                "calls": [
                    {**kind._asdict(), "count": seen.count, "resources": dict(seen.resources), "further": seen.further}
                    for kind, seen in sorted(self.seen.items())
                ],
                "used": {role: sorted(grants) for role, grants in sorted(self.used.items())},
                "examples": examples,
            }

    def load(self, dumped: dict[str, Any]) -> None:
        """Go on where an earlier server of the same folder has ended."""
        for entry in dumped.get("calls", []):
            kind = Kind(entry["role"], entry["action"], entry["decision"], entry["reason"])
            self.seen[kind] = Seen(entry["count"], dict(entry["resources"]), entry["further"])
        for role, grants in dumped.get("used", {}).items():
            self.used[role] = {Grant(*grant) for grant in grants}
        for role, asked in dumped.get("examples", {}).items():
            for place, call in enumerate(map(call_of, asked)):  # which statements allowed it is not known any more
                self._examples[role, call.action, "", (place,)] = {call: None}


def call_of(written: list[Any]) -> Call:
    """A call as JSON has kept it."""
    action, resource, context = written
    return Call(action, resource, tuple((str(key), str(value)) for key, value in context))
