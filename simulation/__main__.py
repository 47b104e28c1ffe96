"""`python -m simulation --schedules 20000 --first 0` plays many schedules, `--seed 7` one of them with its trace.

From the repository's root, with `PYTHONPATH=.:lambda`. Ends with 1 when an invariant does not hold. `--all` asks for
those, too, that are known not to hold yet (simulation/known.py), `--only` for those whose names hold a text."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from simulation.invariants import INVARIANTS, Invariant, broken
from simulation.known import KNOWN
from simulation.plan import Plan, drawn
from simulation.run import held, outcome, seldom_collected, shrunk
from simulation.words import header
from simulation.world import World

SHOWN = 5  # seeds by invariant
EVERY_S = 5.0  # seconds between two lines of progress


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="plays this one schedule and prints its trace")
    parser.add_argument("--whole", action="store_true", help="with --seed: prints the plan as it is, not made smaller")
    parser.add_argument("--all", action="store_true", help="asks for what is known not to hold, too")
    parser.add_argument("--only", action="append", help="asks for invariants whose names hold this text, known or not")
    asked = parser.parse_args(argv)
    invariants = held(()) if asked.all else None
    if asked.only:
        invariants = {n: check for n, check in INVARIANTS.items() if any(text in n for text in asked.only)}
    if asked.seed is not None:
        return one(asked.seed, invariants, asked.whole)
    with seldom_collected():
        return many(range(asked.first, asked.first + asked.schedules), invariants)


def many(seeds: range, invariants: dict[str, Invariant] | None) -> int:
    began = told = time.monotonic()
    used, steps = time.process_time(), 0
    found: dict[str, list[tuple[int, int]]] = {}  # sizes of plans and their seeds
    for number, seed in enumerate(seeds, 1):
        plan = drawn(seed)
        played = outcome(plan, invariants)
        steps += played.steps
        for name, contradictions in played.broken.items():
            found.setdefault(name, []).append((plan.size, seed))
            if len(found[name]) == 1:
                print(f"seed {seed}: {name}: {contradictions[0]}", flush=True)
        if time.monotonic() - told > EVERY_S or number == len(seeds):
            told = time.monotonic()
            rate = f"{number / (told - began):,.0f} schedules/s, {steps / (told - began):,.0f} steps/s"
            failing = sum(map(len, found.values()))
            print(f"{number:,} of {len(seeds):,} schedules, {rate}, {failing} failures", file=sys.stderr, flush=True)
    for name, failing_seeds in found.items():
        shown = ", ".join(str(seed) for _, seed in sorted(failing_seeds)[:SHOWN])
        print(f"{name}: {len(failing_seeds)} schedules, the smallest are {shown}")
    cpu = time.process_time() - used
    print(f"{len(seeds):,} schedules, {steps:,} steps, {cpu / len(seeds) * 1000:.2f} ms of CPU each")
    return 1 if found else 0


def one(seed: int, invariants: dict[str, Invariant] | None, whole: bool) -> int:
    plan = drawn(seed)
    found = outcome(plan, invariants).broken
    if found and not whole:
        first = next(iter(found))
        plan = shrunk(plan, first)
        print(f"made smaller for as long as this does not hold: {first}")
    world = World(plan, traced=True).play()
    show(plan, world)
    found = broken(world, held(KNOWN) if invariants is None else invariants)
    for name, contradictions in found.items():
        print(f"{name}:")
        print("\n".join(f"  {text}" for text in contradictions))
    if not found:
        print("every invariant that was asked for holds")
    return 1 if found else 0


def show(plan: Plan, world: World) -> None:
    print(header(plan))
    for step in world.trace:
        mark = "" if step.outcome == "done" else f"  -> {step.outcome}"
        print(f"{step.number:4} {step.at:>8} ms  {step.actor:12} {step.call}{mark}")
    outcomes = Counter(step.outcome for step in world.trace)
    print(f"{world.steps} steps: " + ", ".join(f"{outcome} {times}" for outcome, times in outcomes.most_common(6)))


if __name__ == "__main__":
    sys.exit(main())
