"""There is one comment and one issue, made once and changed from then on. `gh` is played by a script."""

from __future__ import annotations

import json
import os
import shlex
import sys

import pytest

from tools.delivery import github

# A shebang breaks at a space in the interpreter's path; the shell's quotes do not.
START = '#!/bin/sh\nexec {python} {program} "$@"\n'
GH = """import json, pathlib, sys
here = pathlib.Path({here!r})
given = sys.stdin.read() if "--input" in sys.argv else None
with (here / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps({{"arguments": sys.argv[1:], "given": given and json.loads(given)}}) + "\\n")
if "--slurp" in sys.argv:
    print((here / "answer.json").read_text())
"""


@pytest.fixture
def gh(tmp_path, monkeypatch):
    """Says what GitHub has, and returns what it was asked to change."""
    script = tmp_path / "gh"
    program = tmp_path / "gh.py"
    program.write_text(GH.format(here=str(tmp_path)))
    script.write_text(START.format(python=shlex.quote(sys.executable), program=shlex.quote(str(program))))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def has(*pages):
        (tmp_path / "answer.json").write_text(json.dumps(pages))

    def changed():
        calls = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
        return [(call["arguments"][2], call["arguments"][3], call["given"]) for call in calls if call["given"]]

    return has, changed


def test_the_first_comment_is_made(gh):
    has, changed = gh
    has([{"id": 1, "body": "thanks"}], [])

    github.put_comment(7, "<!-- m -->", "<!-- m --> text")

    assert changed() == [("POST", "repos/{owner}/{repo}/issues/7/comments", {"body": "<!-- m --> text"})]


def test_the_comment_that_is_there_is_changed_whatever_page_it_is_on(gh):
    has, changed = gh
    has([{"id": 1, "body": "thanks"}], [{"id": 2, "body": "<!-- m --> old"}])

    github.put_comment(7, "<!-- m -->", "<!-- m --> new")

    assert changed() == [("PATCH", "repos/{owner}/{repo}/issues/comments/2", {"body": "<!-- m --> new"})]


def test_every_page_is_asked_for(gh, tmp_path):
    has, _ = gh
    has([])

    github.put_comment(7, "<!-- m -->", "text")

    first = json.loads((tmp_path / "calls.jsonl").read_text().splitlines()[0])
    assert first["arguments"][:3] == ["api", "--paginate", "--slurp"]


def test_a_comment_that_only_quotes_the_marker_is_somebody_elses(gh):
    has, changed = gh
    has([{"id": 1, "body": "> <!-- m --> old"}])

    github.put_comment(7, "<!-- m -->", "text")

    assert changed()[0][0] == "POST"


@pytest.mark.parametrize(
    ("there", "text", "done", "method"),
    [
        ([], "<!-- d --> x", "opened", "POST"),
        ([{"number": 3, "body": "<!-- d --> old"}], "<!-- d --> x", "updated", "PATCH"),
        ([{"number": 3, "body": "<!-- d --> old"}], None, "closed", "PATCH"),
        ([{"number": 3, "body": None}], "<!-- d --> x", "opened", "POST"),
        ([{"number": 3, "body": "<!-- d --> old", "pull_request": {}}], "<!-- d --> x", "opened", "POST"),
    ],
)
def test_there_is_one_issue_for_as_long_as_there_is_something_to_tell(gh, there, text, done, method):
    has, changed = gh
    has(there)

    assert github.put_issue("title", "<!-- d -->", text) == done
    assert [call[0] for call in changed()] == [method]


def test_nothing_to_tell_and_no_issue_changes_nothing(gh):
    has, changed = gh
    has([])

    assert github.put_issue("title", "<!-- d -->", None) == "nothing to tell"
    assert changed() == []
