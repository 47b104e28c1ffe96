"""Entry point: reads the policy, asks Athena, prints the table, writes build/backtest.json."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import boto3
from scoring.policy import InvalidPolicy, Policy

from features.vector import RULED
from tools import athena, releases, terraform
from tools.backtest.comparison import compare, told
from tools.backtest.stored import Ask, Stored
from training.policy import Costs, InvalidCosts

REPORT = terraform.BUILD / "backtest.json"


def main(environment: str = "", file: str = "", first: str = "", last: str = "", costs: str = "") -> None:
    if not all((environment, file, first, last)):
        raise SystemExit("backtest: expected POLICY=<file.json> FROM=YYYY-MM-DD TO=YYYY-MM-DD ENV=<environment>")
    first, last = day("FROM", first), day("TO", last)
    if first > last:
        raise SystemExit(f"backtest: expected FROM not after TO, got {first} and {last}")
    policy = read(Path(file))
    matrix = given(costs) if costs else None
    outputs = terraform.outputs(environment)
    analysts = athena.Analysts(boto3.client("athena"), outputs["prefix"], outputs["athena_workgroup"])
    try:
        matrix = matrix or solved_for(boto3.client("ssm"), outputs["prefix"])
        found = backtest(analysts.ask, analysts.databases, policy, matrix, first, last)
    except athena.QueryFailed as failed:
        raise SystemExit(f"backtest: {failed}") from None
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=1) + "\n")
    print("\n".join([*told(found), *unsure(found)]))
    print(f"written to {REPORT.relative_to(terraform.ROOT)}")


def backtest(ask: Ask, database: str, policy: Policy, costs: Costs, first: str, last: str) -> dict:
    """The back-test's document. Ends the program when there is nothing to compare."""
    stored = Stored(ask, database)
    found = compare(stored.decisions(policy, first, last), policy, costs)
    if not found["decisions"]:
        other = f"; {stored.other_features} were made with features that this code does not have"
        raise SystemExit(
            f"backtest: the decision log's table has no decision from {first} to {last} to judge again"
            f"{other if stored.other_features else ', the night that crawls it makes a day known'}"
        )
    return {
        "from": first,
        "to": last,
        "costs": asdict(costs),
        "left_out_for_other_features": stored.other_features,
        "without_traffic": stored.without_traffic,
        **found,
    }


def given(costs: str) -> Costs:
    try:
        return Costs.parse(costs)
    except InvalidCosts as wrong:
        raise SystemExit(f"backtest: {wrong}") from None


def solved_for(ssm: Any, prefix: str) -> Costs:
    """What the live thresholds were solved for; the bootstrap policy's were not."""
    return Costs(**releases.live(ssm, prefix)["policy"].get("costs", {}))


def unsure(found: dict) -> list[str]:
    said = ["costs: " + ", ".join(f"{name} {value:g}" for name, value in found["costs"].items())]
    if found["without_traffic"]:
        said.append(f"{found['without_traffic']:,} decisions kept no traffic: rules that look at it are silent on them")
    return said


def read(file: Path) -> Policy:
    try:
        return Policy.parse(json.loads(file.read_text()), RULED)
    except OSError as missing:
        raise SystemExit(f"backtest: cannot read {file}: {missing.strerror}") from None
    except (InvalidPolicy, ValueError) as wrong:
        raise SystemExit(f"backtest: {file}: {wrong}") from None


def day(name: str, value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise SystemExit(f"backtest: expected {name}=YYYY-MM-DD, got {value!r}") from None


if __name__ == "__main__":
    main(*sys.argv[1:])
