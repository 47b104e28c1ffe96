"""One verb for each step: what one job keeps, the next one reads."""

from __future__ import annotations

import json
import sys

import pytest

from tools.delivery import __main__ as command
from tools.delivery import drift


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "BUILD", tmp_path)
    monkeypatch.setattr(command, "SECTIONS", tmp_path / "sections")
    monkeypatch.setattr(command, "LOOKS", tmp_path / "looks")
    return tmp_path


@pytest.fixture
def told(monkeypatch):
    """What GitHub would have been told."""
    calls = []
    monkeypatch.setattr(command.github, "put_comment", lambda *given: calls.append(given))
    monkeypatch.setattr(command.github, "put_issue", lambda *given: calls.append(given) or "done")
    return calls


def planned(build, environment, **texts):
    folder = build / "terraform" / environment / "plans"
    folder.mkdir(parents=True)
    for title, text in texts.items():
        (folder / f"{title}.txt").write_text(text)


def test_sections_of_several_environments_become_one_comment(build, told):
    planned(build, "dev", data="No changes.", platform="Plan: 1 to add", cost="12 dollars a month")
    planned(build, "prod", guard="refused: aws_kms_key.this: would be destroyed")

    assert command.main(["section", "dev"]) == command.main(["section", "prod"]) == 0
    command.main(["comment", "7"])

    ((number, marker, text),) = told
    assert number == 7
    assert text.startswith(marker)
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| dev", "cost"],
        ["| dev", "data"],
        ["| dev", "platform"],
        ["| prod", "guard"],
        ["| prod", "plan"],
    ]
    assert "| prod | plan | There is no plan" in text


def test_a_section_can_be_read_where_the_plan_is_agreed_to(build, capsys):
    planned(build, "dev", platform="Plan: 1 to add")

    command.main(["section", "dev", "--summary"])

    assert "Plan: 1 to add" in capsys.readouterr().out
    assert not (build / "sections").exists()


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_look_keeps_what_was_said_and_ends_as_the_command_ended(build, code, capsys):
    script = f"import sys; print('found'); sys.exit({code})"

    assert command.main(["look", "dev", "--", sys.executable, "-c", script]) == code

    assert capsys.readouterr().out == "found\n"
    kept = json.loads((build / "looks" / "dev.json").read_text())
    assert kept == {"environment": "dev", "code": code, "text": "found\n"}


def test_a_difference_becomes_the_issue_and_none_ends_it(build, told, monkeypatch):
    monkeypatch.setenv("RUN", "https://run")
    command.main(["look", "dev", "--", sys.executable, "-c", "print('Plan: 1'); raise SystemExit(2)"])
    command.main(["look", "prod", "--", sys.executable, "-c", ""])
    command.main(["issue", "dev", "prod"])
    command.main(["look", "dev", "--", sys.executable, "-c", ""])
    command.main(["issue", "dev", "prod"])

    (title, marker, text), (*_, none) = told
    assert (title, marker) == (drift.TITLE, drift.MARKER)
    assert "| dev | differs |" in text
    assert none is None


def test_an_environment_that_nobody_looked_at_is_told(told, monkeypatch):
    monkeypatch.setenv("RUN", "https://run")

    command.main(["issue", "dev"])

    assert "could not be looked at" in told[0][2]


def test_an_image_becomes_outputs_of_its_step(build, capsys):
    (build / "image").mkdir()
    (build / "image" / "dev.txt").write_text("r/ml:1@sha256:" + "0a" * 32)

    command.main(["image", "dev"])

    assert capsys.readouterr().out.splitlines()[0] == "name=r/ml"


@pytest.mark.parametrize("arguments", [[], ["sectoin"]])
def test_another_verb_is_answered_with_the_list_of_verbs(arguments):
    with pytest.raises(SystemExit, match="section ENV"):
        command.main(arguments)
