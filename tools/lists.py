"""`make list`: the identifiers of a file take the place of one list that rules look at, or the list goes away."""

from __future__ import annotations

import sys
from pathlib import Path

import boto3
from scoring.documents import Conflict
from scoring.policy import LISTED_FIELDS, OWN, InvalidPolicy, Listing, identifies, may_list

from features.values import BLANKS
from tools.operators import Operators, listing
from tools.terraform.stacks import deployed


def main(environment: str = "", name: str = "", field: str = "", file: str = "", remove: str = "") -> None:
    if not (environment and name) or remove not in ("", "1") or (not remove and not (file and may_list(field))):
        fields = f"{' or '.join(LISTED_FIELDS)} or {OWN}<a column of yours>"
        raise SystemExit(
            f"list: expected LIST=<name> FIELD={fields} FILE=<one identifier a line> ENV=<environment>, "
            "or LIST=<name> REMOVE=1 ENV=<environment>"
        )
    outputs = deployed("list", environment)
    operators = Operators.of(boto3.client, outputs["prefix"], outputs["lake_bucket"])  # type: ignore[arg-type]
    if remove:
        print(taken_away(operators, name))
        return
    try:
        listed = Listing(field, entries(Path(file).read_text()))
        live = operators.change(listing(name, listed))
    except OSError as missing:
        raise SystemExit(f"list: cannot read {file}: {missing.strerror}") from None
    except (Conflict, InvalidPolicy, ValueError) as wrong:
        raise SystemExit(f"list: {name}: {wrong}") from None
    using = [rule["name"] for rule in live.stored.body["rules"] if rule.get("list") == name]
    used = ", ".join(using) or "no rule"
    print(f"list {name} holds {len(listed.among)} of {field} within half a minute; used by {used}")


def taken_away(operators: Operators, name: str) -> str:
    """What was done. Raises SystemExit where there is no such list, or a rule looks at it."""
    there = operators.read()
    if name not in there.lists:
        raise SystemExit(
            f"list: expected one of {', '.join(sorted(there.lists)) or 'no list: there is none'}, got {name}"
        )
    using = [rule["name"] for rule in there.stored.body["rules"] if rule.get("list") == name]
    if using:
        raise SystemExit(f"list: {name} is used by {', '.join(using)}: bring a policy without them first (make policy)")
    try:
        operators.change(listing(name, None))
    except (Conflict, InvalidPolicy) as wrong:
        raise SystemExit(f"list: {name}: {wrong}") from None
    return f"list {name} is gone within half a minute; decisions keep what they were made by"


def entries(text: str) -> frozenset[str]:
    """One identifier a line; blank lines count for nothing. Raises InvalidPolicy."""
    lines = [line.strip(BLANKS) for line in text.splitlines()]
    for number, line in enumerate(lines, 1):
        if line and not identifies(line):
            raise InvalidPolicy(f"expected an identifier in line {number}, got {len(line)} characters")
    return frozenset(filter(None, lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
