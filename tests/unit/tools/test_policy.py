"""A policy from its file to what decides: proposed and made live, compared, and recomputed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from scoring.documents import canonical, digest
from scoring.policy import InvalidPolicy, Listing

from features.payment import Payment
from features.values import instant
from tests.unit.lambda_functions.aws import Bucket, Documents
from tests.unit.lambda_functions.scene import Scene
from tests.unit.lambda_functions.test_release import Scene as Releasing
from tests.unit.tools.test_operators import BLOCKED, DOCUMENT, VECTOR, named, operators
from tools.four_eyes import PROPOSED_FOR, Proposed, person, version_key
from tools.operators import listing
from tools.policy import rule
from tools.policy_diff import as_live, differences, kept
from tools.why.action import Archive, judged_again

ADA, BEN = "arn:aws:sts::1:assumed-role/operator/ada", "arn:aws:sts::1:assumed-role/operator/ben"
EYES = {**DOCUMENT, "four_eyes": True}
LARGE = {"name": "large", "action": "BLOCK", "when": {"all": [{"feature": "amount", ">": 100}]}}


def test_a_policy_goes_live_at_once_while_nobody_asks_for_four_eyes():
    mine = operators(Documents(), Bucket())

    assert rule(mine, EYES, ADA)["four_eyes"] is True
    assert mine.read().stored.body["version"] == "lists-2"


def test_under_four_eyes_one_proposes_and_another_makes_it_live():
    mine = operators(Documents(), Bucket())
    rule(mine, EYES, ADA)
    for _ in range(2):
        with pytest.raises(Proposed) as waits:
            rule(mine, named(DOCUMENT, "lists-3"), ADA)
        assert waits.value.by == ADA
    assert mine.read().stored.body["version"] == "lists-2"

    assert rule(mine, named(DOCUMENT, "lists-3"), BEN)["version"] == "lists-3"
    assert rule(mine, named(DOCUMENT, "lists-4"), ADA)["version"] == "lists-4", "the live one asks for it no more"


@pytest.mark.parametrize(
    "same",
    [
        "arn:aws:sts::1:assumed-role/policy-owner/ada",
        "arn:aws:sts::2:assumed-role/operator/Ada",
        "arn:aws:sts::1:federated-user/ada",
        "arn:aws:iam::1:user/ada",
        "arn:aws:iam::1:user/risk/ada",
    ],
)
def test_under_four_eyes_one_person_in_two_roles_is_one_person(same):
    mine = operators(Documents(), Bucket())
    rule(mine, EYES, ADA)
    with pytest.raises(Proposed):
        rule(mine, named(DOCUMENT, "lists-3"), ADA)
    with pytest.raises(Proposed) as waits:
        rule(mine, named(DOCUMENT, "lists-3"), same)
    assert waits.value.by == ADA
    assert rule(mine, named(DOCUMENT, "lists-3"), same.lower().replace("/ada", "/ben"))["version"] == "lists-3"


def test_a_caller_without_a_name_is_what_its_arn_says():
    roots = [f"arn:aws:iam::{account}:root" for account in (1, 2)]
    assert [person(root) for root in roots] == roots


def test_under_four_eyes_what_somebody_unknown_has_brought_needs_a_new_version():
    mine = operators(Documents(), Bucket())
    rule(mine, EYES, ADA)
    with pytest.raises(InvalidPolicy, match=r"'lists-1' was brought without writing down by whom .* a new version"):
        rule(mine, named(DOCUMENT, "lists-1"))
    for by in (ADA, BEN):
        with pytest.raises(InvalidPolicy, match="give it a new version"):
            rule(mine, named(DOCUMENT, "lists-1"), by)


@pytest.mark.parametrize("told", [{}, {"by": ADA}, {"at": 7}], ids=str)
def test_under_four_eyes_a_proposal_of_before_needs_a_new_version(told):
    bucket = Bucket()
    mine = operators(Documents(), bucket)
    document = named(DOCUMENT, "lists-1")
    rule(mine, EYES, ADA)
    bucket.objects[version_key("fraud", "lists-1")] = json.dumps(
        {"sha256": digest(canonical(document)), **told}
    ).encode()
    with pytest.raises(InvalidPolicy, match=r"without writing down by whom and when: .* give it a new version"):
        rule(mine, document, BEN)


def test_under_four_eyes_what_has_been_live_is_not_made_live_again_by_one_alone():
    mine = operators(Documents(), Bucket())
    lenient, strict, stricter = (named(EYES, f"lists-{n}") for n in (2, 3, 4))
    rule(mine, lenient, ADA)
    for by in (ADA, BEN):
        with pytest.raises(InvalidPolicy, match=r"'lists-2' has been live before: .* give it a new version"):
            rule(mine, lenient, by)
    for document in (strict, stricter):
        with pytest.raises(Proposed):
            rule(mine, document, ADA)
        rule(mine, document, BEN)
    for old in (lenient, strict):
        with pytest.raises(InvalidPolicy, match=r"has been live before: .* give it a new version"):
            rule(mine, old, BEN)
    assert mine.read().stored.body["version"] == "lists-4"


def test_without_four_eyes_what_has_been_live_is_made_live_again_at_once():
    mine = operators(Documents(), Bucket())
    for version in ("lists-2", "lists-3", "lists-2"):
        rule(mine, named(DOCUMENT, version), ADA)
    assert mine.read().stored.body["version"] == "lists-2"


def test_a_proposal_is_made_live_within_thirty_days_or_brought_anew():
    clock = [1_000.0]
    mine = replace(operators(Documents(), Bucket()), now=lambda: clock[0])
    rule(mine, EYES, ADA)
    for version in ("lists-3", "lists-4"):
        with pytest.raises(Proposed):
            rule(mine, named(EYES, version), ADA)
    clock[0] += PROPOSED_FOR
    assert rule(mine, named(EYES, "lists-3"), BEN)["version"] == "lists-3"
    clock[0] += 1
    for by in (ADA, BEN):
        with pytest.raises(InvalidPolicy, match=r"proposed more than 30 days ago: .* give it a new version"):
            rule(mine, named(EYES, "lists-4"), by)


def test_a_proposal_stays_open_when_others_write_while_it_goes_live():
    documents = Documents()
    mine = operators(documents, Bucket())
    rule(mine, EYES, ADA)
    with pytest.raises(Proposed):
        rule(mine, named(DOCUMENT, "lists-3"), ADA)
    documents.meanwhile.append(lambda: mine.change(listing("old", Listing("merchant_id", frozenset({"m1"})))))
    assert rule(mine, named(DOCUMENT, "lists-3"), BEN)["version"] == "lists-3"
    assert "old" in mine.read().lists


def test_under_four_eyes_another_document_is_not_what_was_proposed():
    mine = operators(Documents(), Bucket())
    rule(mine, EYES, ADA)
    with pytest.raises(Proposed):
        rule(mine, named(DOCUMENT, "lists-3"), ADA)
    with pytest.raises(InvalidPolicy, match="is that of another policy"):
        rule(mine, named(DOCUMENT, "lists-3", rules=[]), BEN)


def test_four_eyes_is_true_or_false():
    with pytest.raises(InvalidPolicy, match="four_eyes to be true or false"):
        rule(operators(Documents(), Bucket()), {**DOCUMENT, "four_eyes": "yes"})


def test_a_difference_is_told_rule_by_rule_and_place_by_place():
    mine = operators(Documents(), Bucket())
    gone = {"name": "gone", "feature": "amount", "above": 1, "action": "REVIEW"}
    rule(mine, named(DOCUMENT, "lists-2", rules=[*DOCUMENT["rules"], gone, LARGE]))
    more = {**LARGE, "shadow": True, "when": {"all": [{"feature": "amount", ">": 500}]}}
    new = {**gone, "name": "new"}
    mule = {**DOCUMENT["rules"][0], "among": ["m17", "m18"]}
    document = named(DOCUMENT, "lists-3", rules=[mule, more, new], explore_share=0.01)
    live = mine.read()

    assert differences(live, as_live(document, live)) == [
        "from lists-2 to lists-3:",
        "~ explore_share: 0.05 -> 0.01",
        '- rule gone: {"name": "gone", "feature": "amount", "above": 1, "action": "REVIEW"}',
        "~ rule large: when.all[0].>: 100 -> 500",
        "~ rule large: shadow: none -> true",
        '+ rule new: {"name": "new", "feature": "amount", "above": 1, "action": "REVIEW"}',
        "~ list known_mule: 1 more and 0 fewer, 2 together",
    ]
    assert differences(live, live) == ["from lists-2 to lists-2:", "nothing changes"]


def test_no_identifier_of_a_list_is_told_with_a_difference():
    mine = operators(Documents(), Bucket())
    told = "\n".join(differences(mine.read(), as_live(BLOCKED, mine.read())))

    assert "~ list known_thief: 2 more" in told
    assert "c-1" not in told


def test_the_live_policy_is_compared_with_one_that_decided():
    scene, doors = Releasing(), Scene()
    doors.documents, doors.bucket = scene.documents, scene.bucket
    scene.release(version=3)
    mine = operators(scene.documents, scene.bucket)
    rule(mine, DOCUMENT)
    version = doors.release().policy(None).version
    rule(mine, named(DOCUMENT, "lists-3", rules=[]))

    assert differences(kept(mine, version), mine.read())[0] == "from lists-2 to lists-3:"
    for wrong in ("lists-2", "4@1+lists-2@0000", "4@1+lists-2@000000000000"):
        with pytest.raises(InvalidPolicy, match="expected a version as decisions say it"):
            kept(mine, wrong)


def test_what_spoke_and_what_spoke_without_effect_is_computed_again_as_it_was():
    scene, doors = Releasing(), Scene()
    doors.documents, doors.bucket = scene.documents, scene.bucket
    scene.release(version=3)
    trusted = {
        "name": "payroll",
        "action": "ALLOW",
        "overrides": ["large"],
        "when": {"field": "merchant_id", "=": "m1"},
    }
    tried = {**LARGE, "name": "tried", "shadow": True}
    over = {**LARGE, "name": "over", "until": "2026-01-01T00:00:00Z"}
    rule(operators(scene.documents, scene.bucket), named(DOCUMENT, "r-1", rules=[LARGE, trusted, tried, over]))
    policy = doors.release().policy(None)
    paid, at = Payment("t1", 1_772_000_000_000, "c-2", "m1", 500), instant("2026-06-01T00:00:00Z")
    action, reasons, without_effect = policy.weigh(0.3, {"amount": 500.0}, paid, at)
    assert (action, reasons) == ("APPROVE", ["payroll"])
    assert without_effect == ["shadow tried", "overridden large"]
    decision = {
        "policy_version": policy.version,
        "action": action,
        "reasons": f"[{', '.join(reasons)}]",
        "without_effect": f"[{', '.join(without_effect)}]",
        "listed": [],
        "decided_at": at,
        "fraud_score": 0.3,
        "vector": VECTOR,
        "traffic": None,
    }
    archive = Archive(scene.bucket, "lake")

    same, said = judged_again(json.loads(json.dumps(decision)), paid, archive)
    assert same, said
    assert said[1:] == ["  without effect: shadow tried", "  without effect: overridden large"]
    for changed in (
        {"without_effect": "[shadow tried]"},
        {"reasons": "[]"},
        {"decided_at": instant("2025-06-01T00:00:00Z")},
    ):
        same, _ = judged_again({**decision, **changed}, paid, archive)
        assert not same, changed
