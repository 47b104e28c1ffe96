"""`make policy`: an operator's rules and sampled share go live, beside the thresholds of the serving model.

What rules have `among` goes to the lists, which are documents of their own; `make list` changes one of them alone.
While the live policy says `four_eyes`, whoever brings a document first proposes it, and somebody else makes it live:
once, and within 30 days. What has been live is looked at by two people again, under a new version.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import boto3
from scoring.documents import Conflict, canonical, digest, judging
from scoring.policy import InvalidPolicy

from tools import releases
from tools.four_eyes import Brought, Proposed
from tools.operators import Lists, Operators, ruling
from tools.policy_diff import differences
from tools.terraform.stacks import deployed


def main(environment: str = "", file: str = "") -> None:
    if not (environment and file):
        raise SystemExit("policy: expected POLICY=<file.json> ENV=<environment>")
    outputs = deployed("policy", environment)
    operators = Operators.of(boto3.client, outputs["prefix"], outputs["lake_bucket"])  # type: ignore[arg-type]
    by = boto3.client("sts").get_caller_identity()["Arn"]
    try:
        document = json.loads(Path(file).read_text())
        before = operators.read()
        ruled = rule(operators, document, by)
    except Proposed as waits:
        print(
            f"policy {document['version']} is proposed by {waits.by}. It decides nothing yet: the live policy asks for "
            f"four eyes. Somebody else makes it live: make policy POLICY={file} ENV={environment}"
        )
        return
    except OSError as missing:
        raise SystemExit(f"policy: cannot read {file}: {missing.strerror}") from None
    except (Conflict, InvalidPolicy, ValueError) as wrong:
        raise SystemExit(f"policy: {file}: {wrong}") from None
    thresholds = releases.live(operators.dynamodb, outputs["prefix"])["policy"]
    print("\n".join([*told(judging(thresholds, ruled)), *differences(before, operators.read())]))


def rule(operators: Operators, document: dict[str, Any], by: str | None = None) -> dict[str, Any]:
    """Makes an operator's document live; returns the rules as they are live. `by` is who asks for it. Raises Proposed
    where somebody else must, and Conflict and InvalidPolicy."""
    change = ruling(document, operators.declared())
    before = operators.read()
    change(before.stored.body, before.lists)  # refused before its version is taken
    version, sha = str(document["version"]), digest(canonical(document))
    brought = Brought.of(operators.versions, version, sha, by)

    def by_others_eyes(now: dict, lists: Lists) -> tuple[dict, Lists]:
        ruled, more = change(now, lists)
        brought.require(now)
        return ruled, more

    return operators.change(by_others_eyes).stored.body


def told(policy: dict) -> list[str]:
    return [
        f"policy {policy['version']} decides within half a minute: {len(policy['rules'])} rules, "
        f"{policy['explore_share']:.1%} of blocks go to a person",
        f"thresholds stay the serving model's: review at {policy['review_at']}, block at {policy['block_at']}",
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
