"""A credit policy is published once, kept by its content, and named as the successor of what was there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scoring.documents import Conflict

from lending.policy import InvalidPolicy, Policy
from tests.unit.lambda_functions.aws import Bucket, Documents
from tools.four_eyes import PROPOSED_FOR, Proposed
from tools.lending.publishing import Publisher

TABLE = "risk-test-policies"
EXAMPLE = json.loads((Path(__file__).parents[3] / "policies" / "credit-example.json").read_text())


def policy(**changes) -> Policy:
    return Policy.parse({**EXAMPLE, **changes})


def test_a_published_policy_lies_under_its_hash_and_follows_the_one_before():
    documents, bucket = Documents(), Bucket()
    publisher = Publisher(documents, bucket, TABLE, "lake")
    first, second = policy(), policy(version="2027-01", refer_from=0.1)

    assert publisher.publish(first, "me").before is None
    assert publisher.publish(second, "me").before == first.version
    item = documents.items[TABLE, "credit"]
    assert (item["sha256"]["S"], item["number"]["N"]) == (second.sha256, "2")
    kept = [bucket.objects[f"policies/credit/rules/{each.sha256}.json"] for each in (first, second)]
    assert kept == [first.canonical, second.canonical]


def test_a_version_names_one_policy_for_good_and_the_same_may_be_published_again():
    documents = Documents()
    publisher = Publisher(documents, Bucket(), TABLE, "lake")
    publisher.publish(policy(), "me")
    publisher.publish(policy(), "me")

    with pytest.raises(InvalidPolicy, match="is that of another policy"):
        publisher.publish(policy(lgd=0.5), "me")
    assert documents.items[TABLE, "credit"]["number"]["N"] == "2"


def test_a_policy_follows_one_that_this_code_would_refuse():
    documents = Documents()
    documents.put(TABLE, {"version": "old", "unknown part": 1}, "credit")
    published = Publisher(documents, Bucket(), TABLE, "lake").publish(policy(), "me")

    assert published.version == policy().version
    assert published.before.startswith("old@")


def test_two_who_publish_at_once_do_not_undo_each_other():
    documents = Documents()
    publisher = Publisher(documents, Bucket(), TABLE, "lake")
    documents.meanwhile.append(lambda: publisher.publish(policy(version="theirs"), "somebody"))

    with pytest.raises(Conflict):
        publisher.publish(policy(version="mine"), "me")
    assert documents.body(TABLE, "credit")["version"] == "theirs"


def test_under_four_eyes_one_proposes_a_credit_policy_and_another_makes_it_live_once():
    documents, bucket = Documents(), Bucket()
    publisher = Publisher(documents, bucket, TABLE, "lake")
    first, second = policy(four_eyes=True), policy(version="2027-01")
    publisher.publish(first, "ada")
    for _ in range(2):
        with pytest.raises(Proposed) as waits:
            publisher.publish(second, "ada")
        assert waits.value.by == "ada"
    assert documents.body(TABLE, "credit")["version"] == first.document["version"]
    with pytest.raises(InvalidPolicy, match="is that of another policy"):
        publisher.publish(policy(version="2027-01", lgd=0.5), "ben")

    assert publisher.publish(second, "ben").before == first.version
    publisher.publish(policy(version="2027-02", four_eyes=True), "ada")  # the live one asks for it no more
    with pytest.raises(InvalidPolicy, match=r"has been live before: .* give it a new version"):
        publisher.publish(second, "ben")


def test_a_proposal_of_a_credit_policy_counts_for_thirty_days():
    clock = [1_000.0]
    publisher = Publisher(Documents(), Bucket(), TABLE, "lake", now=lambda: clock[0])
    publisher.publish(policy(four_eyes=True), "ada")
    with pytest.raises(Proposed):
        publisher.publish(policy(version="2027-01"), "ada")
    clock[0] += PROPOSED_FOR + 1
    with pytest.raises(InvalidPolicy, match="proposed more than 30 days ago"):
        publisher.publish(policy(version="2027-01"), "ben")


def test_four_eyes_of_a_credit_policy_is_true_or_false():
    with pytest.raises(InvalidPolicy, match="four_eyes: expected true or false"):
        policy(four_eyes="yes")
