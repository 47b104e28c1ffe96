"""The page of roles has those that are deployed, and by hand those that the local platform has not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.roles import ELSEWHERE, PAGE, ROOT, apart, page

MODULES = ROOT / "terraform" / "modules"
PEOPLE, CONSOLE = (MODULES / name / "main.tf" for name in ("people", "console"))
PLATFORM = ROOT / "terraform" / "platform" / "main.tf"
# Where Terraform has the statements of each: beginnings of blocks.
DEFINED = {
    "console": (
        (PEOPLE, "analyst = {"),
        (PEOPLE, "looked_at = merge("),
        (PLATFORM, "console_reads = merge(module.people.looked_at, {"),
        (CONSOLE, 'module "role" {'),
    ),
    "console-start": ((CONSOLE, 'module "start" {'),),
    "policy-owner": ((PEOPLE, "policy = {"), (PEOPLE, "policy-owner = merge(")),
}


def block(path: Path, begins: str) -> str:
    """From the line that begins so to the one that closes it, which is indented alike."""
    found = re.search(rf"^( *){re.escape(begins)}.*?^\1[}})]", path.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"{path} has no block {begins}"
    return found[0]


@pytest.mark.parametrize("role", ELSEWHERE, ids=lambda role: role.name)
def test_a_role_that_is_kept_by_hand_has_the_statements_that_terraform_gives_it(role):
    blocks = [block(path, begins) for path, begins in DEFINED[role.name]]

    assert list(role.may) == sorted({name for each in blocks for name in re.findall(r"(\w+) = \{\s+actions", each)})
    assert any(f'= "{role.does}"' in path.read_text() for path, _ in DEFINED[role.name])


def test_the_page_ends_with_what_is_not_deployed_locally():
    assert PAGE.read_text().endswith("\n".join(["\n", *apart()]))


class Iam:
    """One role for people, as IAM lists it."""

    def get_paginator(self, operation: str):
        return self

    def paginate(self):
        trust = {"Statement": [{"Principal": {"AWS": "1"}}]}
        role = {"RoleName": "risk-dev-policy-owner", "Description": "Owns it", "AssumeRolePolicyDocument": trust}
        return [{"Roles": [role]}]

    def list_role_policies(self, **request):
        return {"PolicyNames": ["one"]}

    def get_role_policy(self, **request):
        return {"PolicyDocument": {"Statement": [{"Sid": "ChangePolicy"}]}}


def test_a_role_that_is_deployed_is_told_as_it_is_there_and_only_once():
    found = page(Iam(), "risk-dev")

    assert "| policy-owner | Owns it | ChangePolicy |" in found
    assert found.count("| policy-owner |") == 1
    assert found.count("| console |") == 1
