"""Every Glue job gets exactly the arguments that its script asks for."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.source import ROOT, block, keys, modules, terraform

JOBS = [path.stem for path in modules("glue/jobs") if path.name != "__init__.py"]
COMMON = {"lake", "database_prefix", "namespace"}  # what every job gets, whether it asks or not


def call_of(job: str) -> ast.Call:
    tree = ast.parse((ROOT / "glue" / "jobs" / f"{job}.py").read_text())
    (call,) = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "parse"]
    return call


def asked_by(job: str) -> set[str]:
    return {ast.literal_eval(argument) for argument in call_of(job).args[1:]} | COMMON


def choices_of(job: str) -> list[set[str]]:
    """Groups of arguments of which a run gives one; none when there is no choice."""
    groups = [ast.literal_eval(k.value) for k in call_of(job).keywords if k.arg == "either"]
    return [set(group) for group in groups[0]] if groups else [set()]


def optional_of(job: str) -> set[str]:
    groups = [ast.literal_eval(k.value) for k in call_of(job).keywords if k.arg == "optional"]
    return set(groups[0]) if groups else set()


def defaults_of(job: str) -> set[str]:
    text = terraform("etl/main.tf")
    own = re.search(rf"^    {job}\s+= \{{(.*?)\}}$", block(text, "jobs = {"), flags=re.MULTILINE | re.DOTALL)
    return keys(own.group(1), r'"--(\w+)"') | COMMON


def given_by_runs(job: str) -> set[str]:
    """What a state machine passes to the job, or, for the one that nothing starts by itself, its command."""
    if job == "forget_customer":
        return keys((ROOT / "tools" / "forget.py").read_text(), r'"--(\w+)"')
    text = (ROOT / "terraform/modules/orchestration/machines/nightly.asl.json").read_text()
    (run,) = re.findall(rf'"JobName": "\$\{{jobs\.{job}\}}",\s*"Arguments": \{{(.*?)\}}', text, re.DOTALL)
    return keys(run, r'"--(\w+)(?:\.\$)?"')


def test_terraform_has_a_job_for_every_script_and_no_other():
    declared = block(terraform("etl/main.tf"), "jobs = {")

    assert keys(declared, r"^    (\w+)\s+= \{") == set(JOBS)


def test_every_job_gets_the_lake_and_a_place_to_measure():
    assert keys(block(terraform("etl/main.tf"), "default_arguments = merge("), r'"--(\w+)" ') >= COMMON


@pytest.mark.parametrize("job", JOBS)
def test_defaults_and_whoever_starts_it_together_give_what_the_script_asks_for(job):
    given = defaults_of(job) | given_by_runs(job)
    assert given - optional_of(job) in [asked_by(job) | choice for choice in choices_of(job)]
    assert not defaults_of(job) & given_by_runs(job)


@pytest.mark.parametrize("job", JOBS)
def test_the_contract_page_names_the_arguments_of_a_job(job):
    page = (ROOT / "docs" / "contracts.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith(f"| `{job}` |"))

    assert keys(row, r"--(\w+)") == (asked_by(job) - COMMON).union(optional_of(job), *choices_of(job))
