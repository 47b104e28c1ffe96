"""`python -m tools.roles ENV [--write]`: the roles of an environment as IAM has them, as docs/roles.md."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tools.terraform.environments import ROOT, asked_for

PAGE: Path = ROOT / "docs" / "roles.md"
HEAD = """# Roles

Every role that an environment has: who takes it, what for, and its statements, whose whole text is in `terraform/`.
Each is needed by a call that was seen, or argued for: `make iam`. Made by `make roles ENV=local` from what was
deployed; a test compares. Roles of services are taken for this account's resources only. Roles for people are made
where `people.roles` in the environment's `platform.tfvars.json` names somebody. What the local platform has no use for
stands at the end. Those of GitHub Actions are in [delivery.md](delivery.md).
"""

APART = """## Not deployed locally
These are made where `people` names somebody for them or turns the [console](console.md) on; the local platform does
neither. They are kept by hand in `tools/roles.py`; a test holds them to `terraform/`.

| role | taken by | what for | may |
| --- | --- | --- | --- |"""


@dataclass(frozen=True)
class Apart:
    """A role that the local platform does not have: who takes it, what for, and its statements' names."""

    name: str
    by: str
    does: str
    may: tuple[str, ...]

    @property
    def line(self) -> str:
        return f"| {self.name} | {self.by} | {self.does} | {', '.join(self.may)} |"


ELSEWHERE = (
    Apart(
        "console",
        "ecs-tasks",
        "The console: reads what its pages show, and takes the role of whoever is signed in for what they do",
        (
            "ActAsWhoIsSignedIn",
            "Ask",
            "Decrypt",
            "DecryptCodesModels",
            "FindCodesModels",
            "FindEvidence",
            "FindLake",
            "FindModels",
            "FindQueues",
            "KeepResults",
            "ListZones",
            "LookUpLists",
            "ReadCatalog",
            "ReadCodesModels",
            "ReadDocuments",
            "ReadEvidence",
            "ReadZones",
            "SeeAlarms",
            "SeeMeasures",
            "SeeModels",
            "SeeQueues",
            "SeeRuns",
            "SeeScorings",
            "UseKey",
        ),
    ),
    Apart(
        "console-start",
        "ecs-tasks",
        "What starts the console's container: its image and its log",
        ("EnterRegistry", "Log", "PullImage"),
    ),
    Apart(
        "policy-owner",
        "people, and the console for whoever is signed in",
        "Whoever owns the policy and lists that rules look up: changes them, and nothing else",
        ("ChangeLists", "ChangePolicy", "FindPolicies", "KeepLists", "KeepPolicies", "SeeReleases", "UseKey"),
    ),
)


def page(iam: Any, prefix: str) -> str:
    """`prefix` begins every name, and is left out."""
    services, people, there = [], [], set()
    for role in sorted(_roles(iam, prefix), key=lambda role: role["RoleName"]):
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        principal, name = trust["Principal"], role["RoleName"].removeprefix(f"{prefix}-")
        there.add(name)
        may = ", ".join(sorted(_statements(iam, role["RoleName"])))
        if service := principal.get("Service"):
            services.append(f"| {name} | {service.removesuffix('.amazonaws.com')} | {role['Description']} | {may} |")
        else:
            people.append(f"| {name} | {role['Description']} | {may} |")
    return "\n".join(
        [
            HEAD,
            *("## Of services", "| role | taken by | what for | may |", "| --- | --- | --- | --- |", *services),
            *("", "## For people", "| role | who, and what for | may |", "| --- | --- | --- |", *people, ""),
            *apart(there),
        ]
    )


def apart(there: Collection[str] = ()) -> list[str]:
    """Lines of the page about roles that are not there."""
    lines = [role.line for role in ELSEWHERE if role.name not in there]
    return [APART, *lines, ""] if lines else []


def _roles(iam: Any, prefix: str) -> Iterator[dict[str, Any]]:
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if role["RoleName"].startswith(f"{prefix}-") and not role["RoleName"].startswith(f"{prefix}-delivery-"):
                yield role


def _statements(iam: Any, role: str) -> Iterator[str]:
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]:
            yield statement["Sid"]


def main(environment: str = "", option: str = "") -> int:
    found = page(boto3.client("iam"), asked_for("roles", environment).prefix)
    if option == "--write":
        PAGE.write_text(found)
    else:
        print(found, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
