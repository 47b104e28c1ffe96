"""Ledgers of several runs together: which statements of the platform's roles are needed, argued for, or survive."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ministack.core.iam_evaluator import ParsedStatement

from local.permissions.ledger import call_of
from local.permissions.mutation import Example, Finding, findings
from local.permissions.verdicts import Policies

ARGUED = Path(__file__).with_name("argued.json")


@dataclass(frozen=True)
class Argument:
    """Why statements of these actions cannot be seen to be needed on this machine. Patterns as of file names."""

    actions: tuple[str, ...]
    reason: str
    role: str = "*"

    def is_about(self, finding: Finding) -> bool:
        named = fnmatchcase(finding.role.rpartition("/")[2], self.role)
        return named and all(any(fnmatchcase(a, pattern) for pattern in self.actions) for a in finding.actions)


def arguments(file: Path = ARGUED) -> list[Argument]:
    return [Argument(tuple(a["actions"]), a["reason"], a.get("role", "*")) for a in json.loads(file.read_text())]


def proven(ledgers: Mapping[str, Mapping[str, Any]], argued: Sequence[Argument]) -> dict[str, Any]:
    """The report as data. The first ledger says which roles there are and what they hold.

    Keys and APIs have other names in each run, so the calls of a run are judged by the policies of that run; a
    statement is the same in all of them if its role, its Sid and its actions are.
    """
    first, *others = [list(_findings(source, ledger)) for source, ledger in ledgers.items()]
    found = [_together(finding, *(o for other in others for o in other if _same(o, finding))) for finding in first]
    needed = [finding for finding in found if finding.needed_by]
    left = [finding for finding in found if not finding.needed_by]
    told = [(finding, next((a for a in argued if a.is_about(finding)), None)) for finding in left]
    return {
        "ledgers": list(ledgers),
        "roles": len({finding.role for finding in found}),
        "statements": len(found),
        "killed": len(needed),
        "argued": [{**_described(finding), "reason": a.reason} for finding, a in told if a],
        "survivors": [{**_described(finding), "reason": finding.reason} for finding, a in told if not a],
        "argued_for_nothing": [a.reason for a in argued if not any(a is by for _, by in told)],
        "actions_unused": [
            {"role": finding.role, "sid": finding.sid, "action": action}
            for finding in needed
            for action in finding.actions
            if action not in finding.used
        ],
        "needed": [{**_described(finding), **_example(finding.needed_by)} for finding in needed if finding.needed_by],
    }


def _findings(source: str, ledger: Mapping[str, Any]) -> Iterator[Finding]:
    for role, held in sorted(ledger["policies"].items()):
        asked = [
            Example(call, source, tuple(ledger["guards"].get(call.resource, ())))
            for call in map(call_of, ledger["examples"].get(role, []))
        ]
        yield from findings(role, policies_of(held), asked, ledger["region"])


def _same(one: Finding, other: Finding) -> bool:
    return (one.role, one.sid, sorted(one.actions)) == (other.role, other.sid, sorted(other.actions))


def _together(first: Finding, *others: Finding) -> Finding:
    """What several runs have shown of one statement."""
    every = (first, *others)
    needed_by = next((finding.needed_by for finding in every if finding.needed_by), None)
    return replace(first, needed_by=needed_by, used=tuple(action for finding in every for action in finding.used))


def policies_of(held: Mapping[str, Any]) -> Policies:
    """A role's policies as the ledger has written them."""
    boundary = held["boundary"]
    return Policies(
        [ParsedStatement(**statement) for statement in held["statements"]],
        None if boundary is None else [ParsedStatement(**statement) for statement in boundary],
    )


def _described(finding: Finding) -> dict[str, Any]:
    return {"role": finding.role, "sid": finding.sid, "actions": list(finding.actions)}


def _example(example: Example) -> dict[str, Any]:
    call = example.call
    return {"call": {**call._asdict(), "context": dict(call.context)}, "recorded_by": example.source}


def text(report: Mapping[str, Any]) -> str:
    argued, survivors = report["argued"], report["survivors"]
    lines = [
        f"{report['statements']} statements of {report['roles']} roles: {report['killed']} needed, "
        f"{len(argued)} argued for, {len(survivors)} survive; "
        f"{len(report['actions_unused'])} single actions that no call needs.",
        *(f"  {_name(s)}: {', '.join(s['actions'])}: {s['reason']}" for s in survivors),
        *(f"  nothing is argued for any more by: {reason}" for reason in report["argued_for_nothing"]),
    ]
    return "\n".join(lines)


def _name(described: Mapping[str, Any]) -> str:
    return f"{described['role'].rpartition('/')[2]}, {described['sid']}"
