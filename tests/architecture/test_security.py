"""What SECURITY.md says is defended is tested: every line of its tables names tests that exist."""

from __future__ import annotations

import re

from tests.architecture.source import ROOT, tracked

PAGE = (ROOT / "SECURITY.md").read_text()
DEFENDED = PAGE.partition("\n## What is defended")[2].partition("\n## What is left")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in DEFENDED.splitlines()
    if line.startswith("| ") and not line.startswith("| threat ")
]


def defined() -> set[str]:
    """Python tests by name, and runs of `terraform test` as `module/run`."""
    found = {name for p in tracked("tests/*.py") for name in re.findall(r"^def (test_\w+)\(", p.read_text(), re.M)}
    for path in tracked("terraform/**/*.tftest.hcl"):
        runs = re.findall(r'^run "(\w+)"', path.read_text(), re.M)
        found |= {f"{path.parent.parent.name}/{run}" for run in runs}
    return found


def test_every_defence_names_tests_that_exist():
    known = defined()
    named = {threat: re.findall(r"`([\w/]+)`", shown) for threat, _, shown in ROWS}

    assert len(ROWS) >= 30
    assert [threat for threat, tests in named.items() if not tests] == []
    assert [test for tests in named.values() for test in tests if test not in known] == []


def test_what_is_left_says_what_follows_and_why():
    left = PAGE.partition("\n## What is left")[2]
    rows = [line.strip("|").split("|") for line in left.splitlines() if line.startswith("| ")][1:]

    assert len(rows) >= 10
    assert [row[0] for row in rows if len(row) != 3 or not all(cell.strip() for cell in row)] == []


def test_every_place_that_it_names_exists():
    places = re.findall(r"`((?:terraform|modules|tools)/[\w/.-]+)`", PAGE)
    assert places
    assert [p for p in places if not any((ROOT / root / p).exists() for root in ("", "terraform"))] == []
