"""`make list` and `make snooze` for what doors look up for each payment: lists of any size, and rules that are silent
for a value. Both doors see a change with their next decision.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import boto3
from scoring.entries import Change, Entries, told
from scoring.policy import InvalidPolicy

from features.values import InvalidValue, instant
from tools.operators import Operators
from tools.terraform.stacks import deployed

SNOOZE = (
    "snooze: expected RULE=<name> FIELD=<field> VALUE=<identifier> UNTIL=<day>, or WAKE=1, WHY=<reason> "
    "ENV=<environment>"
)


@dataclass(frozen=True)
class Asked:
    """What `make list` was given beside environment and list; empty where it was not."""

    field: str = ""
    file: str = ""
    kind: str = ""
    value: str = ""
    why: str = ""
    until: str = ""
    take_off: str = ""


def changed(entries: Entries, name: str, asked: Asked, by: str, values: list[str]) -> str:
    """Puts values on a list or takes them off; says what was done. Raises InvalidPolicy."""
    change = Change(by, asked.why, seconds(asked.until))
    if asked.kind:
        entries.declare(name, asked.field, asked.kind, change)
    if asked.take_off:
        count = entries.take_off(name, values, change)
        return f"list {name}: {count} taken off; the next decision of either door knows it"
    count = entries.put(name, values, change)
    until = f" until {asked.until}" if asked.until else ""
    return f"list {name}: {count} put on{until}; the next decision of either door knows it"


def values_of(asked: Asked) -> list[str]:
    """Raises OSError."""
    lines = [asked.value] if asked.value else Path(asked.file).read_text().splitlines() if asked.file else []
    return [line.strip() for line in lines if line.strip()]


def held(entries: Entries, field: str, value: str) -> list[str]:
    found = list(told(entries.about(field, value)))
    return found or [f"no list and no snooze holds this {field}, and none did"]


def seconds(until: str) -> int | None:
    """Raises InvalidPolicy."""
    if not until:
        return None
    try:
        return instant(until) // 1000
    except InvalidValue as wrong:
        raise InvalidPolicy(f"UNTIL: {wrong}") from None


def who() -> str:
    return boto3.client("sts").get_caller_identity()["Arn"]


def snooze(environment: str, rule: str, field: str, value: str, until: str, why: str, wake: str) -> str:
    """Says what was done. Raises InvalidPolicy."""
    outputs = deployed("snooze", environment)
    operators = Operators.of(boto3.client, outputs["prefix"], outputs["lake_bucket"])  # type: ignore[arg-type]
    assert operators.entries is not None
    live = operators.read().stored.body
    require_snoozable(live, rule, field)
    change = Change(who(), why, seconds(until))
    if wake:
        operators.entries.wake(rule, field, value, change)
        return f"rule {rule} speaks again on this {field}; the next decision of either door knows it"
    operators.entries.snooze(rule, field, value, change)
    return f"rule {rule} is silent on this {field} until {until}; the next decision of either door knows it"


def require_snoozable(live: dict, rule: str, field: str) -> None:
    """Raises InvalidPolicy."""
    names = [str(each["name"]) for each in live["rules"]]
    if rule not in names:
        raise InvalidPolicy(f"expected a rule of the live policy ({', '.join(names) or 'it has none'}), got {rule}")
    fields = live.get("snooze_by", [])
    if field not in fields:
        raise InvalidPolicy(
            f"expected a field in snooze_by of the live policy ({', '.join(fields) or 'it has none'}), got {field}"
        )


def main(
    environment: str = "",
    rule: str = "",
    field: str = "",
    value: str = "",
    until: str = "",
    why: str = "",
    wake: str = "",
) -> None:
    if not all((environment, rule, field, value, why)) or wake not in ("", "1") or bool(until) is bool(wake):
        raise SystemExit(SNOOZE)
    try:
        print(snooze(environment, rule, field, value, until, why, wake))
    except InvalidPolicy as wrong:
        raise SystemExit(f"snooze: {wrong}") from None


if __name__ == "__main__":
    main(*sys.argv[1:])
