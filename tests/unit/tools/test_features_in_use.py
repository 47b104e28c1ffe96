"""A feature that an approved model uses cannot be removed."""

from __future__ import annotations

import io
import json

from features.fraud import FRAUD
from features.vector import RULED
from tools.archives import tarred
from tools.features_in_use import DECLARED, Use, manifest, registered, unknown_to, unserved


def test_code_that_declares_all_that_approved_models_use_may_be_deployed():
    assert not list(unserved([Use("fraud", "arn:1", DECLARED["fraud"], "approved")], DECLARED))
    assert not list(unserved([Use("fraud", "arn:1", dict.fromkeys(DECLARED["fraud"]), "approved")], DECLARED))


def test_a_feature_that_an_approved_model_uses_and_the_code_lacks_is_named_with_the_model():
    used = [
        Use("fraud", "arn:1", {"amount": "amount", "forgotten": "12345678"}, "approved"),
        Use("credit", "arn:2", {}, "approved"),
    ]

    (said,) = unserved(used, DECLARED)

    assert "arn:1" in said
    assert "forgotten" in said
    assert "amount" not in said


def test_a_feature_that_means_something_else_by_now_is_named_with_the_model_and_added_ones_are_not():
    before = {**DECLARED["fraud"], "is_night": "12345678"}
    del before["is_weekend"]

    (said,) = unserved([Use("fraud", "arn:1", before, "approved")], DECLARED)

    assert said == "the model arn:1, approved, was trained on another meaning of is_night"


def test_a_model_of_one_problem_is_not_held_against_the_features_of_the_other():
    own = next(name for name in DECLARED["fraud"] if name not in DECLARED["credit"])

    assert list(unserved([Use("credit", "arn:1", {own: None}, "approved")], DECLARED))


def test_the_features_are_read_from_the_models_own_manifest():
    archive = tarred({"manifest.json": json.dumps({"meanings": {"amount": "cents"}}).encode()})

    assert set(manifest(io.BytesIO(archive))["meanings"]) == {"amount"}


class Registry:
    """A registry with one package of each status, and S3 with their archives."""

    STATUSES = ("Approved", "PendingManualApproval", "Rejected")

    def get_paginator(self, operation: str) -> Registry:
        assert operation == "list_model_packages"
        return self

    def paginate(self, ModelPackageGroupName: str, ModelApprovalStatus: str) -> list[dict]:
        found = [
            f"arn:{s}" for s in self.STATUSES if s == ModelApprovalStatus and ModelPackageGroupName == "risk-fraud"
        ]
        return [{"ModelPackageSummaryList": [{"ModelPackageArn": arn} for arn in found]}]

    def describe_model_package(self, ModelPackageName: str) -> dict:
        return {"InferenceSpecification": {"Containers": [{"ModelDataUrl": f"s3://lake/{ModelPackageName}"}]}}

    def download_fileobj(self, bucket: str, key: str, target: io.IOBase) -> None:
        target.write(tarred({"manifest.json": json.dumps({"meanings": {key: ""}}).encode()}))


def test_a_model_that_waits_for_approval_is_asked_too_and_a_rejected_one_is_not():
    """It can be approved after the deployment, and would then refuse every row."""
    found = {use.package: use.features for use in registered(Registry(), Registry(), "risk")}

    assert found == {arn: {arn: None} for arn in ("arn:Approved", "arn:PendingManualApproval")}
    said = list(unserved(registered(Registry(), Registry(), "risk"), DECLARED))
    assert said[1].startswith("the model arn:PendingManualApproval, waiting for approval, uses")


def test_a_model_of_before_that_does_not_say_what_its_features_meant_is_named_unless_it_is_of_this_very_version():
    """Its server takes vectors of its own version alone."""

    class Older(Registry):
        version = "older"

        def download_fileobj(self, bucket: str, key: str, target: io.IOBase) -> None:
            manifest = {"meanings": {"is_night": ""}, "feature_version": self.version}
            target.write(tarred({"manifest.json": json.dumps(manifest).encode()}))

    class Same(Older):
        version = FRAUD.version

    assert "another meaning of is_night" in next(unserved(registered(Older(), Older(), "risk"), DECLARED))
    assert not list(unserved(registered(Same(), Same(), "risk"), DECLARED))


def test_a_live_rule_that_looks_at_what_the_code_does_not_have_is_named():
    rules = [
        {"name": "rush", "feature": "traffic_payment_count_10m", "above": 500, "action": "REVIEW"},
        {"name": "gone", "feature": "traffic_payment_count_9m", "above": 500, "action": "REVIEW"},
        {"name": "listed", "field": "merchant_id", "among": ["m1"], "action": "BLOCK"},
    ]

    assert list(unknown_to(RULED, rules)) == ["gone"]
