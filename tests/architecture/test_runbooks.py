"""Whoever is called finds a runbook for every alarm, and a runbook asks for nothing that is not there."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.architecture.source import FUNCTIONS, ROOT, keys, terraform
from tools.operate.errors import FUNCTIONS as WITH_ERRORS
from tools.runbooks import FOLDER, Runbook, index, of_alarms, runbooks

TARGETS = keys((ROOT / "Makefile").read_text(), r"^([a-z][a-z-]*):(?!=)")
ALARMS = re.compile(r"^ {6}([a-z-]+) = \{$", flags=re.MULTILINE)


def families() -> list[re.Pattern[str]]:
    """Alarms that are named by what they watch, as patterns."""
    found = re.findall(r': "([^"]*\$\{[^"]*)" => \{', terraform("watch/main.tf"))
    return [re.compile(re.sub(r"\$\{\w+\}", "[a-z_-]+", name)) for name in found]


def single() -> set[str]:
    """Those of the watch, of the console, and those that guard a release."""
    guards = re.findall(r"^    (\w+) = \{\n      description", terraform("release/guard.tf"), re.MULTILINE)
    assert len(guards) == 5
    pages = re.findall(r'^resource "aws_cloudwatch_metric_alarm" "(\w+)"', terraform("console/alarms.tf"), re.MULTILINE)
    assert len(pages) == 2
    of_others = (*(f"guard-{name}" for name in (*guards, "abort")), *(f"console-{name}" for name in pages))
    return {*ALARMS.findall(terraform("watch/main.tf")), *of_others}


def test_every_alarm_that_is_named_outright_has_a_runbook():
    assert len(single()) > 15
    assert single() - of_alarms().keys() == set()


def test_every_family_of_alarms_has_a_runbook():
    assert len(families()) == 7
    assert [f.pattern for f in families() if not any(f.fullmatch(alarm) for alarm in of_alarms())] == []


def test_no_runbook_waits_for_an_alarm_that_does_not_exist():
    known = single()
    assert [a for a in of_alarms() if a not in known and not any(f.fullmatch(a) for f in families())] == []


def test_an_alarm_belongs_to_one_runbook():
    named = [alarm for book in runbooks() for alarm in book.alarms]
    assert sorted(named) == sorted(set(named))


def test_the_errors_of_every_function_have_a_runbook_and_can_be_asked_for():
    assert {f"{function}-errors" for function in FUNCTIONS} <= of_alarms().keys()
    assert sorted(WITH_ERRORS) == sorted(FUNCTIONS)


def test_the_failure_of_every_state_machine_has_a_runbook():
    machines = sorted((ROOT / "terraform/modules/orchestration/machines").glob("*.asl.json"))
    assert len(machines) == 3
    assert {f"{path.name.removesuffix('.asl.json')}-failed" for path in machines} <= of_alarms().keys()


def test_the_index_is_made_from_the_runbooks():
    assert (FOLDER / "README.md").read_text() == index(), "python -m tools.runbooks index > docs/runbooks/README.md"


def test_terraform_has_the_runbook_of_every_alarm():
    kept = json.loads(terraform("watch/runbooks.json"))
    assert kept == of_alarms(), "python -m tools.runbooks alarms > terraform/modules/watch/runbooks.json"


@pytest.mark.parametrize("book", runbooks(), ids=lambda book: book.name)
def test_a_runbook_says_when_what_to_do_and_when_it_is_over(book: Runbook):
    assert re.match(r"# \S.*\n\n\*\*Alarms:\*\* ", book.text)
    assert [heading for heading in ("## Do", "## Over when") if f"\n{heading}\n" not in book.text] == []
    assert any(not block.on_aws_only for block in book.blocks)
    assert len(book.text.splitlines()) <= 75, "too long to read at night"


@pytest.mark.parametrize("book", runbooks(), ids=lambda book: book.name)
def test_the_commands_of_a_runbook_exist_and_can_be_parsed(book: Runbook):
    for block in book.blocks:
        asked = set(re.findall(r"\bmake ([a-z-]+)", block.commands))
        assert asked <= TARGETS
        subprocess.run(["bash", "-n", "-c", block.commands], check=True)


@pytest.mark.parametrize("book", runbooks(), ids=lambda book: book.name)
def test_what_a_command_uses_was_filled_in_before_it(book: Runbook):
    filled: set[str] = set()
    for block in book.blocks:
        filled |= set(block.names)
        assert set(re.findall(r"\$\{?([A-Z_]+)", block.commands)) <= filled
        assert block.on_aws_only or "ENV" in filled, "which environment?"
