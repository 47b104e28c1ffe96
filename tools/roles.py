"""`python -m tools.roles ENV [--write]`: the roles of an environment as IAM has them, as docs/roles.md."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from tools.terraform.environments import ROOT, asked_for

PAGE: Path = ROOT / "docs" / "roles.md"
HEAD = """# Roles

Every role that an environment has: who takes it, what for, and its statements, whose whole text is in `terraform/`.
Each is needed by a call that was seen, or argued for: `make iam`. Made by `make roles ENV=local` from what was
deployed; a test compares. Roles of services are taken for this account's resources only. Roles for people are made
where `people.roles` in the environment's `platform.tfvars.json` names somebody. Those of GitHub Actions are in
[delivery.md](delivery.md).
"""


def page(iam: Any, prefix: str) -> str:
    """`prefix` begins every name, and is left out."""
    services, people = [], []
    for role in sorted(_roles(iam, prefix), key=lambda role: role["RoleName"]):
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        principal, name = trust["Principal"], role["RoleName"].removeprefix(f"{prefix}-")
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
        ]
    )


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
