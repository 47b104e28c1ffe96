"""Every stack, and no module by itself, is tried in the program that was named. The programs are played by scripts."""

from __future__ import annotations

import pytest

from tools.delivery import valid


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    for name in ("platform", "data", "modules/lake"):
        (folder / name).mkdir(parents=True)
        (folder / name / "main.tf").write_text("" if "modules" in name else 'provider "aws" {\n}\n')
    (folder / "data" / ".terraform.lock.hcl").write_text("lock")
    return folder


@pytest.fixture
def program(tmp_path):
    def played(body):
        script = tmp_path / "program"
        script.write_text(f"#!/bin/sh\n{body}\n")
        script.chmod(0o755)
        return str(script)

    return played


def test_stacks_are_the_folders_that_say_who_provides(source):
    assert valid.stacks(source) == [source / "data", source / "platform"]


def test_the_platforms_own_stacks_are_found():
    assert "bootstrap" in {stack.name for stack in valid.stacks(valid.SOURCE)}


def test_each_stack_is_fetched_for_and_then_tried_without_the_lock_of_another_program(source, program, tmp_path):
    log = tmp_path / "log"
    body = f'ls -A "${{1#-chdir=}}" | tr "\\n" " " >> {log}; echo "$2" >> {log}'

    assert valid.invalid(program(body), source) == []
    assert log.read_text().splitlines() == ["main.tf init", "main.tf validate"] * 2


@pytest.mark.parametrize("command", ["init", "validate"])
def test_a_stack_that_is_not_valid_is_named_once_and_the_others_are_tried(source, program, command):
    body = f'case "$1 $2" in */data\\ {command}) exit 1 ;; esac'

    assert valid.invalid(program(body), source) == ["data"]


def test_what_could_not_be_fetched_for_is_not_tried(source, program):
    assert valid.invalid(program("exit 1"), source) == ["data", "platform"]
