"""`make bench [ROWS=5000000] [ONLY=features] [LONG=1]`: the platform beside its peers, in one run on one machine.

Each part leaves build/bench/<part>.json; docs/benchmarks.md is made from what is there. Ratios are what to read: the
machine's own speed cancels out of them. The run ends with a line for each target that it missed. It fails only where a
figure that must be 0 is not: how fast a machine is breaks nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from datetime import date
from pathlib import Path

from bench import doors, features, lake, page, serving
from features.fraud import FRAUD

RESULTS = Path("build/bench")
PAGE = Path("docs/benchmarks.md")
PARTS: dict[str, Callable[[argparse.Namespace], dict]] = {
    "features": lambda asked: features.measure(asked.rows),
    "lake": lambda asked: lake.measure(asked.rows),
    "serving": lambda asked: serving.measure(),
    "doors": lambda asked: doors.measure(doors.STREAMED),
    "doors-long": lambda asked: doors.measure(doors.LONG),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--only", choices=sorted(PARTS), action="append")
    parser.add_argument("--long", action="store_true", help="a million payments through the stream door")
    arguments = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    missed, broken = [], []
    for part in parts(arguments.only, arguments.long):
        about = {
            "measured_on": date.today().isoformat(),
            "machine": machine(),
            "feature_version": FRAUD.version,
        }
        found = {**about, **PARTS[part](arguments)}
        (RESULTS / f"{part}.json").write_text(json.dumps(found, indent=1) + "\n")
        print(part, json.dumps(found, indent=1), flush=True)
        missed += [f"missed: {part}: {said}" for said in page.missed(found)]
        broken += [
            f"{part}: {name} is {value}" for name, value in page.flat(found) if page.breaks_a_promise(name, value)
        ]
    PAGE.write_text(page.of({file.stem: json.loads(file.read_text()) for file in sorted(RESULTS.glob("*.json"))}))
    print("\n".join(missed) or "no target was missed", flush=True)
    if broken:
        raise SystemExit("; ".join(broken))


def parts(only: list[str] | None, long: bool) -> list[str]:
    """The long load follows the short one, and has a result of its own."""
    asked = only or [part for part in PARTS if part != "doors-long"]
    return [*asked, *(["doors-long"] if long and "doors" in asked else [])]


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
