"""What the ledger says: calls that AWS denies, permissions that nobody used, calls that could not be judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.permissions.ledger import Ledger
from local.permissions.verdicts import DENIED, NOT_JUDGED, Grant


def made(ledger: Ledger, granted: Mapping[str, Sequence[Grant]]) -> dict[str, Any]:
    """The report as data; `granted` are the roles that there are and what their policies grant."""
    dumped = ledger.dump()
    calls = dumped["calls"]
    used = {role: {Grant(*grant) for grant in grants} for role, grants in dumped["used"].items()}
    unused = [
        {"role": role, "action": grant.action, "resource": grant.resource}
        for role in sorted(granted)
        for grant in dict.fromkeys(granted[role])
        if grant not in used.get(role, set())
    ]
    found = {
        "denied": [call for call in calls if call["decision"] == DENIED],
        "unused": unused,
        "not_judged": [call for call in calls if call["decision"] == NOT_JUDGED],
    }
    return {"summary": _summary(calls, found), **found, **dumped}


def _summary(calls: list[dict[str, Any]], found: Mapping[str, list]) -> str:
    distinct = {(call["role"], call["action"]) for call in calls}
    roles = {role for role, _ in distinct if role.startswith("arn:")}  # the others are services
    return (
        f"IAM: {len(distinct)} distinct calls of {len(roles)} roles, "
        f"{len(found['denied'])} denied, {len(found['unused'])} permissions never used, "
        f"{len(found['not_judged'])} not judged"
    )


def text(report: Mapping[str, Any]) -> str:
    return "\n".join(
        [
            report["summary"],
            *("", "Denied: no policy allows these calls, or one denies them.", *_calls(report["denied"])),
            *("", "Never used: granted, and asked by nobody.", *_unused(report["unused"])),
            *(
                "",
                "Not judged: it is not known what they ask, or what a condition looks at; refused like those.",
                *_calls(report["not_judged"]),
            ),
        ]
    )


def _calls(calls: list[dict[str, Any]]) -> Iterator[str]:
    if not calls:
        yield "  none"
    for call in calls:
        yield f"  {_name(call['role'])}  {call['action'] or '?'}  {call['count']} times: {call['reason']}"
        for resource, count in call["resources"].items():
            yield f"      {resource or '?'}  {count}"
        if call["further"]:
            yield f"      and {call['further']} on others"


def _unused(grants: list[dict[str, str]]) -> Iterator[str]:
    if not grants:
        yield "  none"
    by_resource: dict[tuple[str, str], list[str]] = {}
    for grant in grants:
        by_resource.setdefault((grant["role"], grant["resource"]), []).append(grant["action"])
    for (role, resource), actions in by_resource.items():
        yield f"  {_name(role)}  {', '.join(actions)}  on {resource}"


def _name(role: str) -> str:
    return role.rpartition("/")[2]
