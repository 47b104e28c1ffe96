"""What the lake's page says of bad input is tested: every line of its tables names a test that exists."""

from __future__ import annotations

import re

from glue.describe import page
from tests.architecture.source import ROOT, tracked

TABLE_ROW = re.compile(r"^\| (?!---|input|change|layer)[^|]+\|.*\|$", flags=re.MULTILINE)


def test_every_case_on_the_lakes_page_names_a_test_that_exists():
    text = (ROOT / "docs" / "lake.md").read_text().partition("## When a file's columns change")[2]
    cases = [row for row in TABLE_ROW.findall(text)]
    tests = {
        name for path in tracked("tests/*.py") for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.M)
    }
    named = [re.findall(r"`(test_\w+)` \|$", case) for case in cases]

    assert len(cases) > 30
    assert [case for case, names in zip(cases, named, strict=True) if len(names) != 1 or names[0] not in tests] == []


def test_the_page_of_tables_is_made_from_their_declarations():
    assert (ROOT / "docs" / "tables.md").read_text() == page()
