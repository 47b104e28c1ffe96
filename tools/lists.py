"""`make list`: lists that rules look at. Those of the policy, which a file replaces, and those of any size, which doors
look up for each payment (`tools/entries.py`)."""

from __future__ import annotations

import sys
from pathlib import Path

import boto3
from scoring.documents import Conflict
from scoring.policy import LISTED_FIELDS, OWN, InvalidPolicy, Listing, identifies, may_list

from features.values import BLANKS
from tools.entries import Asked, changed, held, values_of, who
from tools.operators import Operators, listing, lists_named
from tools.terraform.stacks import deployed

EXPECTED = f"""list: expected one of
  LIST=<name> KIND=block|watch|allow FIELD=<field> FILE=<identifiers by line> WHY=<reason> [UNTIL=<instant>]: any size
  LIST=<name> FILE=<file>|VALUE=<identifier> WHY=<reason> [UNTIL=<instant>|TAKE_OFF=1]: more or fewer entries of it
  FIELD=<field> VALUE=<identifier>: where somebody stands, and who put them there
  LIST=<name> FIELD=<field> FILE=<file>: a list of the policy; LIST=<name> REMOVE=1 takes it away
with ENV=<environment>; a field is {" or ".join(LISTED_FIELDS)} or {OWN}<a column of yours>"""


def main(
    environment: str = "",
    name: str = "",
    field: str = "",
    file: str = "",
    remove: str = "",
    *more: str,
) -> None:
    asked = Asked(field, file, *more)
    if not is_asked_well(environment, name, remove, asked):
        raise SystemExit(EXPECTED)
    outputs = deployed("list", environment)
    operators = Operators.of(boto3.client, outputs["prefix"], outputs["lake_bucket"])  # type: ignore[arg-type]
    assert operators.entries is not None
    try:
        if not name:
            print("\n".join(held(operators.entries, field, asked.value)))
        elif remove:
            print(taken_away(operators, name))
        elif asked.kind or asked.why:
            if name in operators.read().lists:
                raise InvalidPolicy("it is a list of the policy: change it without KIND and WHY, or take another name")
            print(changed(operators.entries, name, asked, who(), values_of(asked)))
        else:
            print(replaced(operators, name, Listing(field, entries(Path(file).read_text()))))
    except OSError as missing:
        raise SystemExit(f"list: cannot read {file}: {missing.strerror}") from None
    except (Conflict, InvalidPolicy, ValueError) as wrong:
        raise SystemExit(f"list: {name}: {wrong}") from None


def is_asked_well(environment: str, name: str, remove: str, asked: Asked) -> bool:
    if not environment or remove not in ("", "1") or asked.take_off not in ("", "1"):
        return False
    if not name:
        return bool(asked.value) and may_list(asked.field)
    if remove:
        return not (asked.kind or asked.why)
    if asked.kind or asked.why:
        given = bool(asked.file) is not bool(asked.value) or bool(asked.kind and not (asked.file or asked.value))
        return bool(asked.why) and given and not (asked.take_off and (asked.kind or asked.until))
    return bool(asked.file) and may_list(asked.field) and not (asked.value or asked.until or asked.take_off)


def replaced(operators: Operators, name: str, listed: Listing) -> str:
    """What was done to a list of the policy. Raises Conflict and InvalidPolicy."""
    if name in operators.declared():
        raise InvalidPolicy("it is looked up for each payment: say WHY, too")
    live = operators.change(listing(name, listed))
    using = [rule["name"] for rule in live.stored.body["rules"] if name in lists_named(rule)]
    used = ", ".join(using) or "no rule"
    return f"list {name} holds {len(listed.among)} of {listed.field} within half a minute; used by {used}"


def taken_away(operators: Operators, name: str) -> str:
    """What was done. Raises SystemExit where there is no such list, or a rule looks at it."""
    there = operators.read()
    if name not in there.lists:
        raise SystemExit(
            f"list: expected one of {', '.join(sorted(there.lists)) or 'no list: there is none'}, got {name}"
        )
    using = [rule["name"] for rule in there.stored.body["rules"] if name in lists_named(rule)]
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
