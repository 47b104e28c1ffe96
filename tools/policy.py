"""`make policy`: an operator's rules, lists and sampled share go live, beside the thresholds of the serving model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import boto3
from release.promotion import LARGEST, OPERATORS, OWN, record, with_operators
from scoring.policy import InvalidPolicy, Policy

from features.vector import RULED
from tools import releases
from tools.terraform.stacks import deployed


def main(environment: str = "", file: str = "") -> None:
    if not (environment and file):
        raise SystemExit("policy: expected POLICY=<file.json> ENV=<environment>")
    ssm, outputs = boto3.client("ssm"), deployed("policy", environment)
    prefix = outputs["prefix"]
    release = releases.live(ssm, prefix)
    try:
        release["policy"] = ruled(release["policy"], json.loads(Path(file).read_text()))
    except OSError as missing:
        raise SystemExit(f"policy: cannot read {file}: {missing.strerror}") from None
    except (InvalidPolicy, ValueError) as wrong:
        raise SystemExit(f"policy: {file}: {wrong}") from None
    record(ssm, releases.fraud_release(prefix), release, outputs["kms_key_arn"])
    print("\n".join(told(release["policy"])))


def ruled(policy: dict, document: dict) -> dict:
    """The released policy with a document's rules and sampled share; thresholds stay. Raises InvalidPolicy, too, when
    they would not leave the room that releases need."""
    Policy.parse(document, RULED)
    theirs = {"explore_share": 0.0, **document, "rules_version": document["version"]}
    solved = {**policy, "version": policy["version"].partition("+")[0]}
    found = with_operators(solved, theirs)
    # The version stands in the policy's own version and in the earlier one's besides.
    taken = len(json.dumps([found[name] for name in OPERATORS])) + 2 * len(json.dumps(document["version"]))
    if taken > LARGEST - OWN:
        raise InvalidPolicy(
            f"rules and lists take {taken} characters, expected at most {LARGEST - OWN}: the release parameter holds "
            f"{LARGEST}, and {OWN} are for what a release brings itself"
        )
    return found


def told(policy: dict) -> list[str]:
    return [
        f"policy {policy['version']} decides within half a minute: {len(policy['rules'])} rules, "
        f"{policy['explore_share']:.1%} of blocks go to a person",
        f"thresholds stay the serving model's: review at {policy['review_at']}, block at {policy['block_at']}",
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
