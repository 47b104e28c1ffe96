"""Into which feature groups the night publishes."""

from __future__ import annotations

import pytest

from glue.jobs import publish_features
from glue.jobs.publish_features import FURTHER_GROUPS, further_groups


def test_groups_of_declared_entities_are_told_by_their_short_names(monkeypatch):
    monkeypatch.setattr(publish_features, "FURTHER_GROUPS", ("card", "street-of-payment"))

    told = further_groups("card=risk-dev-card,street-of-payment=risk-dev-street,left=risk-dev-left")

    assert told == {"card": "risk-dev-card", "street-of-payment": "risk-dev-street"}


@pytest.mark.parametrize("told", [None, "", "card=,x", "street-of-payment=risk-dev-street"])
def test_a_declared_entity_without_a_group_is_refused_before_anything_is_read(monkeypatch, told):
    monkeypatch.setattr(publish_features, "FURTHER_GROUPS", ("card",))

    with pytest.raises(ValueError, match="<short name>=<feature group> of each declared entity, got none of card"):
        further_groups(told)


def test_where_nobody_declares_an_entity_the_job_is_told_of_none():
    assert further_groups(None) == dict.fromkeys(FURTHER_GROUPS)
