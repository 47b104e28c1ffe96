"""`make policy-diff POLICY=file.json ENV=dev`: what a document would change of the live policy, rule by rule.

With `SINCE=<version>` it is told what has changed between a kept policy and the live one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
from scoring import documents
from scoring.policy import InvalidPolicy

from tools.operators import PROBLEM, Live, Operators, ruling
from tools.terraform.stacks import deployed

AS_IT_COMES = ("version", "rules", "lists", "explore_key")


def main(environment: str = "", file: str = "", since: str = "") -> None:
    if not environment or bool(file) is bool(since):
        raise SystemExit(
            "policy-diff: expected POLICY=<file.json> or SINCE=<version in decisions>, and ENV=<environment>"
        )
    outputs = deployed("policy-diff", environment)
    operators = Operators.of(boto3.client, outputs["prefix"], outputs["lake_bucket"])  # type: ignore[arg-type]
    live = operators.read()
    try:
        if since:
            print("\n".join(differences(kept(operators, since), live)))
        else:
            print("\n".join(differences(live, as_live(json.loads(Path(file).read_text()), live, operators.declared()))))
    except OSError as missing:
        raise SystemExit(f"policy-diff: cannot read {file}: {missing.strerror}") from None
    except (InvalidPolicy, ValueError) as wrong:
        raise SystemExit(f"policy-diff: {file or since}: {wrong}") from None


def as_live(document: dict, live: Live, declared: Mapping[str, Any] | None = None) -> Live:
    """What would be live after `make policy`. Raises InvalidPolicy."""
    ruled, lists = ruling(document, declared)(live.stored.body, live.lists)
    return Live(replace(live.stored, body=ruled), dict(lists))


def kept(operators: Operators, version: str) -> Live:
    """The policy that decisions called by this version, such as `4@1c9e...+lists-2@07bf...`. Raises InvalidPolicy."""
    beginning = version.rpartition("@")[2]
    prefix = documents.key_of(PROBLEM, "rules", beginning)
    found = operators.s3.list_objects_v2(Bucket=operators.lake, Prefix=prefix).get("Contents", [])
    if len(beginning) < documents.SHOWN or len(found) != 1:
        raise InvalidPolicy(
            f"expected a version as decisions say it, such as 4@1c9e0a...+lists-2@07bf5c..., got {version!r}"
        )
    body = json.loads(operators.s3.get_object(Bucket=operators.lake, Key=found[0]["Key"])["Body"].read())
    return Live(documents.Stored(body, 0), operators.lists(body["lists"]).lists)


def differences(before: Live, after: Live) -> list[str]:
    """In lines for a reader. Of lists how many entries, never which."""
    old, new = before.stored.body, after.stored.body
    lines = [*of_parts(old, new), *of_rules(named(old["rules"]), named(new["rules"])), *of_lists(before, after)]
    return [
        f"from {old['version'] or 'no policy'} to {new['version'] or 'no policy'}:",
        *(lines or ["nothing changes"]),
    ]


def of_parts(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for part in sorted((old.keys() | new.keys()) - set(AS_IT_COMES)):
        if old.get(part) != new.get(part):
            yield f"~ {part}: {written(old.get(part))} -> {written(new.get(part))}"


def of_rules(old: Mapping[str, Mapping], new: Mapping[str, Mapping]) -> Iterator[str]:
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            yield f"- rule {name}: {written(old[name])}"
        elif name not in old:
            yield f"+ rule {name}: {written(new[name])}"
        else:
            yield from changed(name, "", old[name], new[name])
    if [n for n in old if n in new] != [n for n in new if n in old]:
        yield "~ the order of rules, in which reasons are told"


def changed(name: str, place: str, old: Any, new: Any) -> Iterator[str]:
    """Where a rule is another one, as deep as both have the same parts."""
    if isinstance(old, Mapping) and isinstance(new, Mapping) and old.keys() & new.keys():
        for part in [*old, *(part for part in new if part not in old)]:
            yield from changed(name, f"{place}.{part}" if place else part, old.get(part), new.get(part))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from changed(name, f"{place}[{number}]", one, other)
    elif old != new:
        yield f"~ rule {name}: {place}: {written(old)} -> {written(new)}"


def of_lists(before: Live, after: Live) -> Iterator[str]:
    for name in sorted(before.lists.keys() | after.lists.keys()):
        old = before.lists[name].among if name in before.lists else frozenset()
        new = after.lists[name].among if name in after.lists else frozenset()
        if old != new:
            yield f"~ list {name}: {len(new - old)} more and {len(old - new)} fewer, {len(new)} together"


def named(rules: list) -> dict[str, Mapping]:
    return {str(rule["name"]): rule for rule in rules}


def written(value: object) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
