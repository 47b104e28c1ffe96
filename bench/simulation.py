"""The doors played under very many orders of events (docs/simulation.md), on all cores.

`schedules` and `steps` are what was played, each step a call of a client; `failures` are schedules that contradict an
invariant, but for those that are known not to hold yet (`known`, simulation/known.py). Their seeds are printed.
"""

from __future__ import annotations

import os
import time
from multiprocessing import get_context

from simulation.known import KNOWN
from simulation.plan import drawn
from simulation.run import outcome, seldom_collected
from tools.telling import Teller

SCHEDULES = 1_000_000
AT_ONCE = 500  # schedules that a process plays before it tells


def measure(schedules: int, teller: Teller) -> dict:
    seeds = [range(first, min(first + AT_ONCE, schedules)) for first in range(0, schedules, AT_ONCE)]
    steps, cpu, failing = 0, 0.0, []
    begun = time.monotonic()
    with get_context("fork").Pool(os.cpu_count()) as pool:
        for number, (taken, used, found) in enumerate(pool.imap_unordered(played, seeds), 1):
            steps, cpu, failing = steps + taken, cpu + used, failing + found
            for seed, names in found:
                teller.say(f"seed {seed}: {', '.join(names)}")
            teller.far("schedules", min(number * AT_ONCE, schedules), schedules)
    took = time.monotonic() - begun
    return {
        "schedules": schedules,
        "steps": steps,
        "failures": len(failing),
        "known": len(KNOWN),
        "schedules_per_s": schedules / took,
        "steps_per_s": steps / took,
        "cpu_ms_per_schedule": cpu / schedules * 1000,
    }


def played(seeds: range) -> tuple[int, float, list[tuple[int, list[str]]]]:
    """Steps, seconds of CPU, and seeds that fail with what does not hold."""
    used, steps, failing = time.process_time(), 0, []
    with seldom_collected():
        for seed in seeds:
            found = outcome(drawn(seed))
            steps += found.steps
            if found.broken:
                failing.append((seed, list(found.broken)))
    return steps, time.process_time() - used, failing
