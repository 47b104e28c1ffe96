"""All plans of a change are one comment that GitHub takes."""

from __future__ import annotations

import pytest

from tools.delivery.comment import MARKER, NO_PLAN, ROOM, Part, composed, summary

PLAN = "Terraform will do:\n\n  # aws_s3_bucket.this\n\nPlan: 1 to add, 0 to change, 0 to destroy."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAN, "Plan: 1 to add, 0 to change, 0 to destroy."),
        ("\nNo changes. Your infrastructure matches the configuration.", "No changes."),
        ("Changes to Outputs:\n  + a = 1", "Only outputs change."),
        ("\n12.50 dollars a month\nmore", "12.50 dollars a month"),
        ("", NO_PLAN),
    ],
)
def test_a_plan_is_summed_up_in_its_own_words(text, said):
    assert summary(text) == said


def test_a_comment_begins_with_its_marker_and_has_a_row_and_a_plan_of_each():
    text = composed([Part("dev", "data", "No changes."), Part("prod", "platform", PLAN)])

    assert text.startswith(MARKER)
    assert "| dev | data | No changes. |" in text
    assert "| prod | platform | Plan: 1 to add, 0 to change, 0 to destroy. |" in text
    assert text.count("<details>") == text.count("</details>") == 2
    assert "# aws_s3_bucket.this" in text


def test_a_plan_that_there_is_not_is_said():
    assert NO_PLAN in composed([Part("dev", "plan", "")])


@pytest.mark.parametrize("line", ["x" * 79, "ä€😀" * 9, "````" + "y" * 60, "  # @everybody <b>"])
def test_the_longest_plans_fit_and_the_last_one_is_there_too(line):
    long = "\n".join([line] * 5_000 + ["Plan: 5 to add, 0 to change, 0 to destroy."])
    text = composed([Part(environment, "platform", long) for environment in ("dev", "prod")])

    assert len(text.encode()) < ROOM
    assert len(text.encode()) > ROOM * 0.9
    assert text.count("lines are not shown") == 2
    assert text.rstrip().endswith("</details>")
    assert text.count("Plan: 5 to add") == 2


def test_secrets_are_hidden_before_anything_is_cut():
    text = composed([Part("dev", "platform", "role arn:aws:iam::111122223333:role/x")])

    assert "111122223333" not in text
