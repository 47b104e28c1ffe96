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
from scoring.documents import Conflict, judging
from scoring.policy import InvalidPolicy

from tools import releases
from tools.operators import Claim, Lists, Operators, ruling
from tools.policy_diff import differences
from tools.terraform.stacks import deployed

DAY = 86_400
PROPOSED_FOR = 30 * DAY  # seconds
ANEW = "under four eyes a document is looked at anew each time; give it a new version"


class Proposed(Exception):
    """The document waits for somebody else; `by` brought it."""

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by


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
    claim = operators.claim(document, by)
    version = str(document["version"])
    spent: bool | None = None

    def by_others_eyes(now: dict, lists: Lists) -> tuple[dict, Lists]:
        nonlocal spent
        ruled, more = change(now, lists)
        if now.get("four_eyes"):
            require_open(claim, version, now, operators.now())
            if by in (None, claim.by):
                raise Proposed(str(claim.by))
        if spent is None:
            spent = not operators.spend(version)
        if spent and now.get("four_eyes"):
            raise InvalidPolicy(used_up(version))
        return ruled, more

    return operators.change(by_others_eyes).stored.body


def require_open(claim: Claim, version: str, live: dict, now: float) -> None:
    """Raises InvalidPolicy where a proposal counts no more: nobody could make it live."""
    if claim.by is None or claim.at is None:
        raise InvalidPolicy(f"version {version!r} was brought without writing down by whom and when: {ANEW}")
    if version == live["version"]:
        raise InvalidPolicy(used_up(version))
    if now - claim.at > PROPOSED_FOR:
        raise InvalidPolicy(f"version {version!r} was proposed more than {PROPOSED_FOR // DAY} days ago: {ANEW}")


def used_up(version: str) -> str:
    return f"version {version!r} has been live before: {ANEW}"


def told(policy: dict) -> list[str]:
    return [
        f"policy {policy['version']} decides within half a minute: {len(policy['rules'])} rules, "
        f"{policy['explore_share']:.1%} of blocks go to a person",
        f"thresholds stay the serving model's: review at {policy['review_at']}, block at {policy['block_at']}",
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
