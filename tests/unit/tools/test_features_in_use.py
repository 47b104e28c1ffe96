"""A feature that an approved model uses cannot be removed."""

from __future__ import annotations

import io
import json

from tools.archives import tarred
from tools.features_in_use import DECLARED, Use, manifest, removed


def test_code_that_declares_all_that_approved_models_use_may_be_deployed():
    assert not list(removed([Use("fraud", "arn:1", frozenset(DECLARED["fraud"]))], DECLARED))


def test_a_feature_that_an_approved_model_uses_and_the_code_lacks_is_named_with_the_model():
    used = [Use("fraud", "arn:1", frozenset({"amount", "forgotten"})), Use("credit", "arn:2", frozenset())]

    (said,) = removed(used, DECLARED)

    assert "arn:1" in said
    assert "forgotten" in said
    assert "amount" not in said


def test_a_model_of_one_problem_is_not_held_against_the_features_of_the_other():
    own = next(name for name in DECLARED["fraud"] if name not in DECLARED["credit"])

    assert list(removed([Use("credit", "arn:1", frozenset({own}))], DECLARED))


def test_the_features_are_read_from_the_models_own_manifest():
    archive = tarred({"manifest.json": json.dumps({"meanings": {"amount": "cents"}}).encode()})

    assert set(manifest(io.BytesIO(archive))["meanings"]) == {"amount"}
