"""What holds data is neither destroyed nor made anew unless its address was typed."""

from __future__ import annotations

import pytest

from tests.unit.guard.pieces import change, plan, said
from tools.guard import losses

GROUP = 'module.feature_store.aws_sagemaker_feature_group.this["customer"]'


@pytest.mark.parametrize("kind", sorted(losses.KEPT))
@pytest.mark.parametrize(
    ("actions", "does"),
    [
        (("delete",), "would be destroyed"),
        (("delete", "create"), "would be made anew"),
        (("create", "delete"), "would be made anew"),
    ],
)
def test_a_plan_that_loses_data_is_refused(kind, actions, does):
    changes = plan(change(f"module.data.{kind}.this", None, *actions)).changes()

    (refusal,) = said(losses.refused(changes))

    assert refusal.startswith(f"module.data.{kind}.this: {does}")
    assert "Instead: " in refusal
    assert refusal.endswith(f"ALLOW='module.data.{kind}.this'")


@pytest.mark.parametrize("actions", [("no-op",), ("create",), ("update",), ("read",), ("forget",)])
def test_a_plan_that_loses_nothing_passes(actions):
    changes = plan(change("aws_s3_bucket.this", {"bucket": "a"}, *actions)).changes()

    assert said(losses.refused(changes)) == []


def test_what_can_be_made_again_may_be_destroyed():
    changes = plan(change("aws_lambda_function.this", None, "delete", "create")).changes()

    assert said(losses.refused(changes)) == []


def test_an_object_that_waits_for_its_end_is_lost_as_well():
    changes = plan(change("aws_dynamodb_table.this", None, "delete", deposed="1a2b")).changes()

    assert len(said(losses.refused(changes))) == 1


def test_data_that_is_only_read_is_no_loss():
    changes = plan(change("data.aws_s3_bucket.this", None, "delete", mode="data")).changes()

    assert said(losses.refused(changes)) == []


def test_a_refusal_says_which_argument_forces_it():
    changes = plan(change(GROUP, {}, "delete", "create", replace_paths=[["event_time_feature_name"]])).changes()

    assert "would be made anew (forced by event_time_feature_name)" in said(losses.refused(changes))[0]


@pytest.mark.parametrize("typed", [GROUP, f" {GROUP} ", f"aws_s3_bucket.this,{GROUP}", f"aws_s3_bucket.this\n{GROUP}"])
def test_an_address_that_was_typed_is_allowed(typed):
    changes = plan(change(GROUP, {}, "delete", "create"), change("aws_s3_bucket.this", None, "delete")).changes()

    refusals = said(losses.refused(changes, typed))

    assert not any(refusal.startswith(GROUP) for refusal in refusals)


def test_one_address_allows_no_other():
    other = GROUP.replace("customer", "merchant")
    changes = plan(change(GROUP, None, "delete"), change(other, None, "delete")).changes()

    assert [refusal.split(": ")[0] for refusal in said(losses.refused(changes, GROUP))] == [other]


def test_an_address_whose_key_has_a_space_can_be_typed():
    address = 'aws_s3_bucket.this["two words"]'
    changes = plan(change("aws_s3_bucket.this", None, "delete") | {"address": address}).changes()

    assert said(losses.refused(changes, address)) == []


def test_an_allowance_that_allows_nothing_is_a_spelling_mistake():
    (refusal,) = said(losses.refused(plan().changes(), "aws_s3_bucket.tihs"))

    assert refusal.startswith("aws_s3_bucket.tihs: is in ALLOW")
