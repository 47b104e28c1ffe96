"""Processing job: loans that a run has scored, and a credit policy -> a decision for each of them, with its reasons.

The model scores the rows once more: where it says another probability than Batch Transform did, nothing is decided.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from features.canonical import digest
from lending.deciding import WrongRun, decide, loans_of
from lending.opened import Opened, opened
from lending.policy import InvalidPolicy, Policy, policy_of

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")
DECISIONS = "decisions.jsonl"


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", required=True, help="SHA-256 of the policy that decides")
    args = parser.parse_args(argv)
    try:
        decided(args.policy)
    except (InvalidPolicy, WrongRun) as wrong:
        raise SystemExit(f"nothing is decided: {wrong}") from None


def decided(sha256: str) -> None:
    """Raises InvalidPolicy and WrongRun."""
    policy = policy_in(only(INPUT / "policy"), sha256)
    rows, said, unread = (only(INPUT / name) for name in ("rows", "predictions", "unread"))
    with opened(only(INPUT / "model")) as model:
        loans = loans_of(text_in(rows), len(model.encoding.columns), text_in(said), text_in(unread))
        found = decide(Opened(model), policy, loans, digest(rows.read_bytes()))
    target = OUTPUT / "decisions" / DECISIONS
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(one.line() for one in found), encoding="utf-8")
    counts = Counter(one.decision for one in found)
    shares = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
    print(f"{len(found)} loans by policy {policy.version}: {shares}")


def policy_in(path: Path, sha256: str) -> Policy:
    """Raises InvalidPolicy, also where the document is not the one that was asked for."""
    body = path.read_bytes()
    if (other := digest(body)) != sha256:
        raise InvalidPolicy(f"expected the policy {sha256}, its object holds {other}")
    return policy_of(body, path.name)


def only(folder: Path) -> Path:
    """Raises WrongRun unless there is one file."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(found) != 1:
        raise WrongRun(f"{folder.name}: expected one object, got {len(found)}")
    return found[0]


def text_in(path: Path) -> list[str]:
    """Lines with their ends, to be read as CSV. Raises WrongRun."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return file.readlines()
    except UnicodeDecodeError as wrong:
        raise WrongRun(f"{path.name}: expected UTF-8, byte {wrong.start + 1} is none") from None


if __name__ == "__main__":
    main(sys.argv[1:])
