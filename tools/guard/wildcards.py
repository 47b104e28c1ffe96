"""Wildcards stand in policies only where the argued list has them, or behind a name of the platform's own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.guard.argued import ARGUED, Argued
from tools.guard.plan import Finding, Plan
from tools.guard.policies import IDENTITY, RESOURCE, Statement, statements


def findings(plan: Plan, argued: tuple[Argued, ...] = ARGUED) -> Iterator[Finding]:
    names = plan.names()
    for statement in statements(plan, IDENTITY):
        if statement.allows:
            yield from _judged(statement, names, [entry for entry in argued if not entry.own])
    for statement in statements(plan, RESOURCE):
        if statement.allows:
            yield from _judged(statement, names, list(argued))


def narrow(resource: str, names: tuple[str, ...]) -> bool:
    """Whether what stands before the first wildcard holds a name of the platform's own."""
    return not re.search("[*?]", resource) or any(name in re.split("[*?]", resource)[0] for name in names)


def _judged(statement: Statement, names: tuple[str, ...], argued: list[Argued]) -> Iterator[Finding]:
    address = statement.resource.address
    for field in ("NotAction", "NotResource"):
        if field in statement.document:
            yield Finding(
                address, f"{statement.name} has {field}, which allows what nobody has thought of: list what is meant"
            )
    for action in statement.texts("Action"):
        for resource in statement.texts("Resource") or ["*"]:
            trust = resource == "*" and statement.resource.kind == "aws_iam_role"
            named = trust or narrow(resource, names)
            if named and "*" not in action:
                continue
            if any(entry.covers(address, action, resource, named, statement.conditions()) for entry in argued):
                continue
            yield Finding(
                address,
                f"{statement.name} allows {action} on {resource}: name what is meant, or argue for it in argued.py",
            )
