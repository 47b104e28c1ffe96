"""One schedule, many of them, and a failing one made smaller."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from simulation.invariants import INVARIANTS, Invariant, broken
from simulation.known import KNOWN, excused
from simulation.plan import Plan, drawn, simpler, smaller
from simulation.world import World


@dataclass(frozen=True)
class Outcome:
    """What a schedule came to: contradictions by the name of each invariant that does not hold."""

    seed: int
    steps: int
    broken: dict[str, list[str]]


def held(without: Iterable[str] = KNOWN) -> dict[str, Invariant]:
    """The invariants that are asked for."""
    left_out = set(without)
    return {name: check for name, check in INVARIANTS.items() if name not in left_out}


def outcome(plan: Plan, invariants: dict[str, Invariant] | None = None) -> Outcome:
    """Without invariants of its own it asks for all that are known to hold."""
    world = World(plan).play()
    asked = held((*KNOWN, *excused(world.lines))) if invariants is None else invariants
    return Outcome(plan.seed, world.steps, broken(world, asked))


def failures(seeds: Iterable[int], invariants: dict[str, Invariant] | None = None) -> list[Outcome]:
    """Of many schedules those that contradict an invariant."""
    with seldom_collected():
        return [found for seed in seeds if (found := outcome(drawn(seed), invariants)).broken]


@contextmanager
def seldom_collected() -> Iterator[None]:
    """A schedule leaves thousands of objects in circles, and looking for them after every few hundred costs a fifth; to
    look each time at what was imported before, a tenth."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def shrunk(plan: Plan, name: str, check: Invariant | None = None) -> Plan:
    """A plan as small as it gets by leaving out one part after the other, that still breaks the invariant: the one of
    that name, or `check`."""
    asked = {name: check or INVARIANTS[name]}
    while True:
        found = next((p for p in (*smaller(plan), *simpler(plan)) if outcome(p, asked).broken), None)
        if found is None:
            return plan
        plan = found
