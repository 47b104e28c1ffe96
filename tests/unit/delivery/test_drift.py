"""The issue about drift says where it is, and is wanted only while there is some."""

from __future__ import annotations

import pytest

from tools.delivery import drift
from tools.delivery.drift import DIFFERS, FAILED, SAME, Look

PLAN = "  ~ aws_sqs_queue.failed\n\nPlan: 0 to add, 1 to change, 0 to destroy."


@pytest.mark.parametrize(
    ("codes", "wanted"), [((SAME, SAME), False), ((SAME, DIFFERS), True), ((FAILED, SAME), True), ((), False)]
)
def test_an_issue_is_wanted_while_anything_differs_or_could_not_be_looked_at(codes, wanted):
    assert drift.wanted([Look("dev", code, "") for code in codes]) is wanted


def test_it_says_of_each_environment_how_it_was_found_and_shows_what_differs():
    text = drift.issue([Look("dev", SAME, "No changes."), Look("prod", DIFFERS, PLAN)], "https://run")

    assert text.startswith(drift.MARKER)
    assert "| dev | as main says |" in text
    assert "| prod | differs |" in text
    assert "#### prod: Plan: 0 to add, 1 to change, 0 to destroy." in text
    assert "#### dev" not in text
    assert "https://run" in text


def test_an_exit_code_that_nobody_knows_is_a_failure():
    assert "| dev | could not be looked at |" in drift.issue([Look("dev", 137, "")], "run")


def test_the_longest_looks_fit():
    looks = [Look(name, DIFFERS, "\n".join(["`" * 9 + "ä" * 70] * 3_000)) for name in ("dev", "prod")]

    assert len(drift.issue(looks, "run").encode()) < drift.ROOM
