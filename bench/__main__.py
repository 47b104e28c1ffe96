"""`make bench [ROWS=500000] [SCHEDULES=1000000] [ONLY=features] [LONG=1]`: the platform beside its peers, in one run on
one machine.

Each part leaves build/bench/<part>.json; docs/benchmarks.md is made from what is there. Ratios are what to read: the
machine's own speed cancels out of them. The run says what it measures, how long that took and what is left; it ends
with a line for each target that it missed, and with exit code 1 if there is one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bench import crowded, doors, features, lake, local, model_server, page, rules, serving, simulation, watching
from features.fraud import FRAUD
from tools.telling import Teller

RESULTS = Path("build/bench")
PAGE = Path("docs/benchmarks.md")
ASKED_FOR = ("console", "doors-long")  # the one needs a browser, the other hours
ROWS, LONG_ROWS = 500_000, 5_000_000


@dataclass(frozen=True)
class Asked:
    """What a part is measured with."""

    rows: int
    schedules: int
    teller: Teller


PARTS: dict[str, Callable[[Asked], dict]] = {
    "local": lambda asked: local.beside(local.measure(asked.teller) | model_server.measure(asked.teller)["ours"]),
    "serving": lambda asked: serving.measure(asked.teller),
    "rules": lambda asked: rules.measure(),
    "doors": lambda asked: doors.measure(doors.STREAMED, asked.teller),
    "lake": lambda asked: lake.measure(asked.rows, asked.teller),
    "simulation": lambda asked: simulation.measure(asked.schedules, asked.teller),
    "features": lambda asked: features.measure(asked.rows, asked.teller),
    "watching": lambda asked: watching.measure(asked.teller),
    "console": lambda asked: crowded.measure(asked.teller),
    "doors-long": lambda asked: doors.measure(doors.LONG, asked.teller),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=int, help=f"of features and lake: {ROWS:,}, with --long {LONG_ROWS:,}")
    parser.add_argument("--schedules", type=int, default=simulation.SCHEDULES, help="of the simulated doors")
    parser.add_argument("--only", choices=sorted(PARTS), action="append")
    parser.add_argument("--long", action="store_true", help="more rows, and a million payments through the stream door")
    arguments = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    missed = []
    names = parts(arguments.only, arguments.long)
    rows = arguments.rows or (LONG_ROWS if arguments.long else ROWS)
    asked = Asked(rows, arguments.schedules, Teller())
    for number, part in enumerate(names):
        with asked.teller.phase(part, tuple(names[number + 1 :])):
            found = PARTS[part](asked)
        told = {
            "measured_on": date.today().isoformat(),
            "machine": machine(),
            "feature_version": FRAUD.version,
            "seconds_it_took": round(asked.teller.phases[-1].ended - asked.teller.phases[-1].begun),
            **found,
        }
        (RESULTS / f"{part}.json").write_text(json.dumps(told, indent=1) + "\n")
        print(part, json.dumps(told, indent=1), flush=True)
        missed += [f"missed: {part}: {said}" for said in page.missed(told)]
    PAGE.write_text(page.of({file.stem: json.loads(file.read_text()) for file in sorted(RESULTS.glob("*.json"))}))
    asked.teller.say(f"{', '.join(names)}: measured in {asked.teller.elapsed / 60:.1f} minutes, {PAGE} is written")
    print("\n".join(missed) or "no target was missed", flush=True)
    raise SystemExit(1 if missed else 0)


def parts(only: list[str] | None, long: bool) -> list[str]:
    """The long load follows the short one, and has a result of its own."""
    asked = only or [part for part in PARTS if part not in ASKED_FOR]
    return [*asked, *(["doors-long"] if long and "doors" in asked else [])]


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
