"""`make policy`: an operator's rules and sampled share go live, beside the thresholds of the serving model.

What rules have `among` goes to the lists, which are documents of their own; `make list` changes one of them alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import boto3
from scoring.documents import Conflict, judging
from scoring.policy import InvalidPolicy

from tools import releases
from tools.operators import Operators, ruling
from tools.terraform.stacks import deployed


def main(environment: str = "", file: str = "") -> None:
    if not (environment and file):
        raise SystemExit("policy: expected POLICY=<file.json> ENV=<environment>")
    outputs = deployed("policy", environment)
    operators = Operators.of(boto3.client, outputs["prefix"], outputs["lake_bucket"])  # type: ignore[arg-type]
    try:
        ruled = rule(operators, json.loads(Path(file).read_text()))
    except OSError as missing:
        raise SystemExit(f"policy: cannot read {file}: {missing.strerror}") from None
    except (Conflict, InvalidPolicy, ValueError) as wrong:
        raise SystemExit(f"policy: {file}: {wrong}") from None
    thresholds = releases.live(operators.dynamodb, outputs["prefix"])["policy"]
    print("\n".join(told(judging(thresholds, ruled))))


def rule(operators: Operators, document: dict[str, Any]) -> dict[str, Any]:
    """Makes an operator's document live; returns the rules as they are live. Raises Conflict and InvalidPolicy."""
    change = ruling(document)
    before = operators.read()
    change(before.stored.body, before.lists)  # refused before its version is taken
    operators.claim(document)
    return operators.change(change).stored.body


def told(policy: dict) -> list[str]:
    return [
        f"policy {policy['version']} decides within half a minute: {len(policy['rules'])} rules, "
        f"{policy['explore_share']:.1%} of blocks go to a person",
        f"thresholds stay the serving model's: review at {policy['review_at']}, block at {policy['block_at']}",
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
