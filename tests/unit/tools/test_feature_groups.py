"""A feature group is given what it lacks, and a declaration that it cannot follow is refused."""

from __future__ import annotations

import json

import pytest

from tools import feature_groups, package
from tools.feature_groups import CannotFollow, conflicts, declared, extend, missing

HAS = {"id": "String", "count": "Integral"}


def test_a_group_lacks_what_is_declared_and_not_there_in_the_order_of_the_declaration():
    wanted = {"id": "String", "max": "Integral", "count": "Integral", "score": "Fractional"}

    assert list(missing(wanted, HAS).items()) == [("max", "Integral"), ("score", "Fractional")]


def test_a_group_that_has_all_that_is_declared_lacks_nothing_and_contradicts_nothing():
    assert missing(HAS, HAS) == {}
    assert list(conflicts("risk-customer", HAS, HAS)) == []


def test_a_new_feature_contradicts_nothing():
    assert list(conflicts("risk-customer", {**HAS, "max": "Integral"}, HAS)) == []


def test_a_feature_that_is_declared_no_more_stays_behind():
    assert list(conflicts("risk-customer", {"id": "String"}, HAS)) == []
    assert missing({"id": "String"}, HAS) == {}


def test_a_feature_of_another_type_is_named_with_both():
    (said,) = conflicts("risk-customer", {**HAS, "count": "Fractional"}, HAS)

    assert said == "risk-customer has the feature count as Integral, this code declares it as Fractional"


def test_what_the_package_lists_is_read_as_it_was_written(tmp_path):
    listing = tmp_path / "package.tfvars.json"
    listing.write_text(json.dumps({"feature_groups": package.feature_groups(), "tables": {}}))

    groups = declared(listing)

    assert set(groups) == set(package.feature_groups())
    assert groups["customer"]["state"] == "String"
    assert groups["customer"]["customer_payment_count_30d"] == "Integral"


class Group:
    """A feature group whose updates take some looks, and which shows its features two at a time."""

    class exceptions:
        class ResourceNotFound(Exception): ...

    def __init__(self, looks: int = 0, ends: str = "Successful", shown_late: bool = False) -> None:
        self.features, self.updates = dict(HAS), []
        self.looks, self.ends, self.shown_late = looks, ends, shown_late
        self.left, self.coming = 0, {}

    def update_feature_group(self, FeatureGroupName: str, FeatureAdditions: list[dict]) -> None:
        assert self.left == 0, "AWS refuses an update while another one is under way"
        self.coming = {f["FeatureName"]: f["FeatureType"] for f in FeatureAdditions}
        self.updates.append(len(FeatureAdditions))
        self.left = self.looks

    def describe_feature_group(self, FeatureGroupName: str, NextToken: str = "") -> dict:
        status = "Successful" if self.shown_late else "InProgress"
        if not NextToken and self.left:
            self.left -= 1
        elif not NextToken:
            if self.ends == "Successful":
                self.features |= self.coming
            self.coming, status = {}, self.ends
        names = sorted(self.features)
        start = int(NextToken or 0)
        shown = [{"FeatureName": name, "FeatureType": self.features[name]} for name in names[start : start + 2]]
        answer: dict = {"FeatureDefinitions": shown}
        if start + 2 < len(names):
            answer["NextToken"] = str(start + 2)
        if self.updates or self.left:
            answer["LastUpdateStatus"] = {"Status": status, "FailureReason": "no such role"}
        return answer


def test_features_are_added_a_hundred_at_a_time_each_after_the_last_is_there():
    group = Group(looks=3)
    wanted = {**HAS, **{f"f{number}": "Integral" for number in range(250)}}

    assert extend(group, "risk-customer", wanted, pause=0) == [f"f{number}" for number in range(250)]
    assert group.updates == [100, 100, 50]
    assert group.features == wanted


def test_a_group_that_lacks_nothing_is_not_updated():
    group = Group()

    assert extend(group, "risk-customer", HAS, pause=0) == []
    assert group.updates == []


def test_an_update_that_somebody_else_began_is_waited_for():
    group = Group()
    group.left = 30

    assert extend(group, "risk-customer", {**HAS, "max": "Integral"}, pause=0) == ["max"]


def test_an_update_whose_effect_shows_late_is_not_taken_for_done():
    group = Group(looks=3, shown_late=True)

    extend(group, "risk-customer", {**HAS, "max": "Integral"}, pause=0)

    assert group.features["max"] == "Integral"


def test_an_update_that_fails_is_told_with_its_reason():
    with pytest.raises(CannotFollow, match="risk-customer was not given max: no such role"):
        extend(Group(ends="Failed"), "risk-customer", {**HAS, "max": "Integral"}, pause=0)


def test_an_update_that_does_not_end_is_given_up(monkeypatch):
    monkeypatch.setattr(feature_groups, "PATIENCE", 0.01)

    with pytest.raises(CannotFollow, match="still being updated"):
        extend(Group(looks=10**9), "risk-customer", {**HAS, "max": "Integral"}, pause=0)
