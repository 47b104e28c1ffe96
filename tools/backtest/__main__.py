"""Entry point: reads the policy, asks Athena, prints the table, writes build/backtest.json.

What is judged is what `make policy` would make live: the document's rules, lists and share beside the thresholds of the
model that serves. The document's own thresholds are judged when they are asked for.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path

import boto3
from scoring.documents import NO_RULES, judging
from scoring.lists import Lists
from scoring.policy import InvalidPolicy, Policy

from features.vector import RULED
from tools import athena, releases
from tools.backtest.comparison import compare, told
from tools.backtest.stored import Ask, Stored
from tools.operators import Lists as Listings
from tools.operators import Operators, ruling
from tools.telling import Teller
from tools.terraform.environments import ROOT
from tools.terraform.stacks import BUILD, deployed
from training.policy import Costs, InvalidCosts

REPORT = BUILD / "backtest.json"
THRESHOLDS = ("live", "document")


def main(
    environment: str = "", file: str = "", first: str = "", last: str = "", costs: str = "", thresholds: str = ""
) -> None:
    thresholds = thresholds or "live"
    if thresholds not in THRESHOLDS:
        raise SystemExit(f"backtest: expected THRESHOLDS={' or '.join(THRESHOLDS)}, got {thresholds!r}")
    if not all((environment, file, first, last)):
        raise SystemExit("backtest: expected POLICY=<file.json> FROM=YYYY-MM-DD TO=YYYY-MM-DD ENV=<environment>")
    first, last = day("FROM", first), day("TO", last)
    if first > last:
        raise SystemExit(f"backtest: expected FROM not after TO, got {first} and {last}")
    document = read(Path(file))
    matrix = given(costs) if costs else None
    outputs = deployed("backtest", environment)
    analysts = athena.Analysts(boto3.client("athena"), outputs["prefix"], outputs["athena_workgroup"])
    try:
        operators = Operators.of(boto3.client, outputs["prefix"], outputs["lake_bucket"])  # type: ignore[arg-type]
        live = releases.live(operators.dynamodb, outputs["prefix"])["policy"]
        now = operators.read()
        policy = judged(document, live, thresholds, now.lists, now.stored.body, operators.declared())
        with Teller(sys.stderr).watched("Athena reads the decisions, which are judged again"):
            found = backtest(
                analysts.ask, analysts.databases, policy, matrix or solved_for(live), first, last, operators.lookups()
            )
    except InvalidPolicy as wrong:
        raise SystemExit(f"backtest: {file}: {wrong}") from None
    except athena.QueryFailed as failed:
        raise SystemExit(f"backtest: {failed}") from None
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=1) + "\n")
    print("\n".join([whose(thresholds, found), *told(found), *unsure(found)]))
    print(f"written to {REPORT.relative_to(ROOT)}")


def backtest(
    ask: Ask, database: str, policy: Policy, costs: Costs, first: str, last: str, lists: Lists | None = None
) -> dict:
    """The back-test's document; rules look at `lists` as they are now. Ends the program when there is nothing to
    compare."""
    stored = Stored(ask, database, lists)
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
        "thresholds": {"model": policy.model, "review_at": policy.review_at, "block_at": policy.block_at},
        "left_out_for_other_features": stored.other_features,
        "without_traffic": stored.without_traffic,
        "by_other_models": stored.other_models,
        **found,
    }


def given(costs: str) -> Costs:
    try:
        return Costs.parse(costs)
    except InvalidCosts as wrong:
        raise SystemExit(f"backtest: {wrong}") from None


def judged(
    document: dict,
    live: dict,
    thresholds: str,
    lists: Listings,
    rules: Mapping = NO_RULES,
    declared: Mapping | None = None,
) -> Policy:
    """`lists` and `rules` are the live ones: rules may name lists, and blocks are explored by the key that there is.
    Raises InvalidPolicy."""
    if thresholds == "document":
        beside = {"explore_key": rules.get("explore_key", ""), "looked_up": declared or {}}
        return Policy.parse({**beside, **document}, RULED, lists)
    ruled, candidates = ruling(document, declared)({**rules}, lists)
    return Policy.parse({**judging(live, ruled), "version": f"{live['version']}+{ruled['version']}"}, RULED, candidates)


def solved_for(live: dict) -> Costs:
    """What the live thresholds were solved for; the bootstrap policy's were not."""
    return Costs(**live.get("costs", {}))


def whose(thresholds: str, found: dict) -> str:
    judged = found["thresholds"]
    owner = "the document's own" if thresholds == "document" else f"those of {judged['model']}, which stay live"
    return f"thresholds: {owner}, review at {judged['review_at']:g}, block at {judged['block_at']:g}"


def unsure(found: dict) -> list[str]:
    said = ["costs: " + ", ".join(f"{name} {value:g}" for name, value in found["costs"].items())]
    if found["without_traffic"]:
        said.append(f"{found['without_traffic']:,} decisions kept no traffic: rules that look at it are silent on them")
    if found["by_other_models"]:
        said.append(
            f"{found['by_other_models']:,} decisions have scores of another model than {found['thresholds']['model']}, "
            "whose thresholds judge them"
        )
    return said


def read(file: Path) -> dict:
    """A policy's document."""
    try:
        document = json.loads(file.read_text())
        ruling(document)
        return document
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
