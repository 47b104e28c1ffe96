"""What the pages say of bad input and of faults is tested: every line of their tables names a test that exists."""

from __future__ import annotations

import re

import pytest

from glue.describe import page
from tests.architecture.source import ROOT, tracked

TABLE_ROW = re.compile(r"^\| (?!---|input|change|layer|fault)[^|]+\|.*\|$", flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "from_heading", "least"),
    [("lake.md", "## When a file's columns change", 30), ("latency.md", "## Faults", 10)],
)
def test_every_case_of_a_page_names_a_test_that_exists(name, from_heading, least):
    text = (ROOT / "docs" / name).read_text().partition(from_heading)[2]
    cases = [row for row in TABLE_ROW.findall(text)]
    tests = {
        name for path in tracked("tests/*.py") for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.M)
    }
    named = [re.findall(r"`(test_\w+)` \|$", case) for case in cases]

    assert len(cases) >= least
    assert [case for case, names in zip(cases, named, strict=True) if len(names) != 1 or names[0] not in tests] == []


def test_the_page_of_tables_is_made_from_their_declarations():
    assert (ROOT / "docs" / "tables.md").read_text() == page()
