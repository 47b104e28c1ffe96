"""`python -m tools.guard PLAN.json ...`: exit code 1, and why, when the plans may not pass."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from tools.guard import exposure, keys, losses, placement, policies, watching, wildcards
from tools.guard.plan import Plan

RULES = {
    "the customer's key": keys.findings,
    "nothing public": exposure.findings,
    "wildcards": wildcards.findings,
    "in the network": placement.findings,
    "logs and alarms": watching.findings,
}


def main(words: list[str]) -> int:
    arguments = _arguments(words)
    plan = Plan(tuple(json.loads(path.read_text()) for path in arguments.plans))
    lines = [f"refused: {finding}" for finding in losses.refused(plan.changes(), os.environ.get("ALLOW", ""))]
    for name, rule in RULES.items():
        lines += [f"{name}: {finding}" for finding in sorted(set(map(str, rule(plan))))]
    told = f"{len(plan.resources())} resources, {len(lines)} may not pass"
    if unread := policies.unread(plan):
        told += f"; {unread} policies are not known before the apply: plan again after it"
    text = "\n".join([told, *lines])
    print(text)
    if arguments.note:
        arguments.note.write_text(f"{text}\n")
    return 1 if lines else 0


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.guard", description="Whether plans may pass.")
    parser.add_argument("--note", type=Path, help="a file that gets what is said, for the comment")
    parser.add_argument("plans", type=Path, nargs="+", metavar="PLAN.json", help="what `terraform show -json` makes")
    return parser.parse_args(words)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
