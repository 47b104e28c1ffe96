"""What decides is written by its owners, each on top of what the other has written, and can be found again."""

from __future__ import annotations

import json

import pytest
from scoring.documents import BOOTSTRAP, Conflict, lines_of, lists_in
from scoring.policy import InvalidPolicy, Listing, Policy

from features.fraud import FRAUD
from features.payment import Payment
from features.vector import Vector
from glue.transforms.forgetting import Person, scrubbed
from tests.unit.lambda_functions.aws import Bucket, Documents
from tests.unit.lambda_functions.scene import Scene
from tests.unit.lambda_functions.test_release import Scene as Releasing
from tools.lists import entries, taken_away
from tools.operators import MOST_LISTED, TRIES, Operators, listing, ruling
from tools.policy import rule
from tools.why.action import Archive, judged_again

TABLE = "risk-test-policies"
MULE = {"name": "known_mule", "field": "merchant_id", "among": ["m17"], "action": "BLOCK"}
DOCUMENT = {"version": "lists-2", "review_at": 0.1, "block_at": 0.2, "rules": [MULE], "explore_share": 0.05}
BLOCKED = {
    "version": "people-1",
    "review_at": 0.1,
    "block_at": 0.2,
    "rules": [{"name": "known_thief", "field": "customer_id", "among": ["c-1", "c-2"], "action": "BLOCK"}],
}
PAID = Payment("t1", 1_772_000_000_000, "c-2", "m1", 500)
VECTOR: Vector = [500.0, *([None] * (len(FRAUD.columns) - 1))]


def operators(documents: Documents, bucket: Bucket) -> Operators:
    return Operators(documents, bucket, TABLE, "lake")


def named(document: dict, version: str, **changes) -> dict:
    return {**document, "version": version, **changes}


def test_a_release_brings_thresholds_and_leaves_the_operators_rules():
    scene, doors = Releasing(), Scene()
    doors.documents, doors.bucket = scene.documents, scene.bucket
    scene.release(version=3)
    rule(operators(scene.documents, scene.bucket), DOCUMENT)
    first = doors.release().policy(None)
    scene.sagemaker.change_over()
    scene.release(version=4)
    second = doors.release().policy(None)

    assert [(p.model, p.review_at) for p in (first, second)] == [("job-3", 0.4), ("job-4", 0.4)]
    assert first.version.partition("+")[2] == second.version.partition("+")[2]
    assert second.version.startswith("4@")
    assert "+lists-2@" in second.version
    assert [r.name for r in second.rules] == ["known_mule"]
    assert second.explore_share == 0.05


def test_a_policy_during_a_release_and_a_release_during_a_policy_lose_nothing():
    scene, doors = Releasing(), Scene()
    doors.documents, doors.bucket = scene.documents, scene.bucket
    mine = operators(scene.documents, scene.bucket)
    scene.documents.meanwhile.append(lambda: rule(mine, DOCUMENT))
    scene.release(version=3)
    policy = doors.release().policy("job-3")
    assert (policy.review_at, [r.name for r in policy.rules]) == (0.4, ["known_mule"])

    scene.sagemaker.change_over()
    scene.documents.meanwhile.append(lambda: scene.release(version=4))
    rule(mine, named(DOCUMENT, "lists-3", rules=[]))
    policy = doors.release().policy("job-4")
    assert (policy.model, policy.block_at, policy.rules) == ("job-4", 0.8, ())


def test_lists_of_flags_and_currencies_are_kept_as_payments_say_them():
    mine = operators(Documents(), Bucket())
    keyed = {"name": "keyed", "field": "card_present", "among": ["false"], "action": "REVIEW"}
    rule(mine, named(DOCUMENT, "lists-3", rules=[keyed]))
    live = mine.change(listing("abroad", Listing("currency", frozenset({"usd"}))))

    assert live.lists == {
        "keyed": Listing("card_present", frozenset("0")),
        "abroad": Listing("currency", frozenset({"USD"})),
    }
    with pytest.raises(InvalidPolicy, match=r"list absent\[0\]: expected true or false, got 'maybe'"):
        listing("absent", Listing("card_present", frozenset({"maybe"})))


def test_a_list_goes_away_when_no_rule_looks_at_it_and_the_others_stay():
    documents, bucket = Documents(), Bucket()
    mine = operators(documents, bucket)
    for name in ("old", "kept"):
        mine.change(listing(name, Listing("merchant_id", frozenset({name}))))

    assert taken_away(mine, "old").startswith("list old is gone")
    assert [*mine.read().lists] == ["kept"]
    with pytest.raises(SystemExit, match="expected one of kept, got old"):
        taken_away(mine, "old")


def test_a_list_that_a_rule_looks_at_stays_and_the_rule_is_named():
    documents, bucket = Documents(), Bucket()
    mine = operators(documents, bucket)
    rule(mine, DOCUMENT)

    with pytest.raises(SystemExit, match="known_mule is used by known_mule: bring a policy without them first"):
        taken_away(mine, "known_mule")
    assert [*mine.read().lists] == ["known_mule"]


def test_a_list_that_changes_while_rules_are_written_is_not_lost():
    documents, bucket = Documents(), Bucket()
    mine = operators(documents, bucket)
    rule(mine, DOCUMENT)
    emergency = Listing("merchant_id", frozenset({"m17", "m99"}))
    documents.meanwhile.append(lambda: mine.change(listing("known_mule", emergency)))
    only_named = {"name": "known_mule", "field": "merchant_id", "list": "known_mule", "action": "BLOCK"}
    rule(mine, named(DOCUMENT, "lists-3", rules=[only_named]))

    assert mine.read().lists["known_mule"] == emergency
    assert mine.read().stored.body["version"] == "lists-3"


def test_a_change_is_refused_when_others_write_all_the_time():
    documents, bucket = Documents(), Bucket()
    mine = operators(documents, bucket)
    rule(mine, DOCUMENT)

    def again() -> None:
        documents.put(TABLE, documents.body(TABLE))
        documents.meanwhile.append(again)

    class Busy(Documents):
        def put_item(self, **request) -> None:
            self.put(TABLE, self.body(TABLE))
            super().put_item(**request)

    busy = Busy()
    busy.items = documents.items
    with pytest.raises(Conflict, match=f"others have written {TRIES} times"):
        operators(busy, bucket).change(listing("mine", Listing("merchant_id", frozenset({"m1"}))))
    assert "mine" not in mine.read().lists


def test_two_policies_do_not_bear_one_version():
    documents, bucket = Documents(), Bucket()
    mine = operators(documents, bucket)
    rule(mine, DOCUMENT)
    rule(mine, DOCUMENT)  # the same one may go live again
    with pytest.raises(InvalidPolicy, match="version 'lists-2' is that of another policy"):
        rule(mine, named(DOCUMENT, "lists-2", rules=[{**MULE, "among": ["m18"]}]))

    assert mine.read().lists["known_mule"].among == {"m17"}


def test_a_policy_that_is_refused_takes_no_version():
    documents, bucket = Documents(), Bucket()
    mine = operators(documents, bucket)
    with pytest.raises(InvalidPolicy):
        rule(mine, named(DOCUMENT, "lists-2", rules=[{**MULE, "field": "shop"}]))
    rule(mine, DOCUMENT)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({**DOCUMENT, "explore_shares": 0.1}, "nothing else, got explore_shares"),
        ([], "nothing else, got list"),
        ({**DOCUMENT, "rules": {}}, "expected rules to be a list, got dict"),
        ({"version": "1", "rules": []}, "review_at"),
        ({**DOCUMENT, "rules": [{**MULE, "action": "APPROVE"}]}, "REVIEW, BLOCK, ALLOW, got 'APPROVE'"),
        (
            {**DOCUMENT, "rules": [{"name": "n", "feature": "amount", "above": 10**400, "action": "BLOCK"}]},
            "rule n: expected above to be at most 1.8e308",
        ),
        ({**DOCUMENT, "block_at": 10**400}, "OverflowError"),
        (
            {**DOCUMENT, "rules": [{"name": "n", "field": "merchant_id", "list": "absent", "action": "BLOCK"}]},
            "rule n: expected a list of merchant_id that is there, got 'absent'",
        ),
        ({**DOCUMENT, "version": "v" * 8192}, "of at most 16384 characters together and 8000 each"),
    ],
    ids=["misspelt", "no object", "no rules", "no thresholds", "approve", "huge", "huge threshold", "no list", "long"],
)
def test_a_policy_that_no_door_could_take_does_not_go_live(document, said):
    documents = Documents()
    with pytest.raises(InvalidPolicy, match=said):
        rule(operators(documents, Bucket()), document)
    assert documents.items == {}


def test_more_identifiers_than_doors_can_hold_do_not_go_live():
    many = Listing("merchant_id", frozenset(map(str, range(MOST_LISTED + 1))))
    with pytest.raises(InvalidPolicy, match=f"hold {MOST_LISTED + 1} identifiers, expected at most {MOST_LISTED}"):
        operators(Documents(), Bucket()).change(listing("all", many))


def test_a_list_that_a_rule_looks_at_is_not_taken_away():
    mine = operators(Documents(), Bucket())
    rule(mine, DOCUMENT)
    with pytest.raises(InvalidPolicy, match="rule known_mule: expected a list of merchant_id that is there"):
        mine.change(listing("known_mule", None))


def test_no_identifier_of_a_list_stands_in_a_current_document():
    documents, bucket = Documents(), Bucket()
    rule(operators(documents, bucket), BLOCKED)

    assert "c-1" not in json.dumps(list(documents.items.values()))
    held = [key for key, body in bucket.objects.items() if b"c-1" in body]
    assert [key.rpartition("/")[0] for key in held] == ["policies/fraud/lists"]


def test_a_file_of_a_list_has_an_identifier_a_line():
    assert entries("m1\n\n m2 \n") == {"m1", "m2"}
    with pytest.raises(InvalidPolicy, match="identifier in line 2, got 2000 characters"):
        entries("m1\n" + "x" * 2000)


def decided(bucket: Bucket, documents: Documents) -> dict:
    doors = Scene()
    doors.documents, doors.bucket = documents, bucket
    policy = doors.release().policy(None)
    action, reasons = policy.judge(0.3, {"amount": 500.0}, PAID)
    return {
        "policy_version": policy.version,
        "action": action,
        "reasons": f"[{', '.join(reasons)}]",
        "fraud_score": 0.3,
        "vector": VECTOR,
        "traffic": None,
    }


def test_the_action_is_computed_again_by_the_policy_that_decided_whatever_is_live_now():
    scene = Releasing()
    scene.release(version=3)
    mine = operators(scene.documents, scene.bucket)
    rule(mine, BLOCKED)
    decision = decided(scene.bucket, scene.documents)
    mine.change(listing("known_thief", Listing("customer_id", frozenset({"c-7"}))))
    rule(mine, named(BLOCKED, "people-2", rules=[]))
    scene.sagemaker.change_over()
    scene.release(version=4)

    same, (said,) = judged_again(decision, PAID, Archive(scene.bucket, "lake"))
    assert same, said
    assert "logged BLOCK [known_thief]" in said
    for changed in ({"action": "APPROVE"}, {"reasons": "[]"}):
        same, (said,) = judged_again({**decision, **changed}, PAID, Archive(scene.bucket, "lake"))
        assert not same
        assert said.endswith("DIFFERENT")


def test_a_decision_without_a_policy_was_a_persons():
    decision = {"policy_version": "none", "action": "REVIEW", "reasons": "[no_policy]", "fraud_score": 0.1}
    same, _ = judged_again({**decision, "vector": VECTOR, "traffic": None}, PAID, Archive(Bucket(), "lake"))
    assert same


@pytest.mark.parametrize("kind", ["thresholds", "rules", "lists"])
def test_a_kept_document_that_was_written_over_explains_nothing(kind):
    scene = Releasing()
    scene.release(version=3)
    rule(operators(scene.documents, scene.bucket), BLOCKED)
    decision = decided(scene.bucket, scene.documents)
    (key,) = [key for key in scene.bucket.objects if key.startswith(f"policies/fraud/{kind}/")]
    scene.bucket.objects[key] = (
        scene.bucket.objects[key]
        .replace(b"c-1", b"c-9")
        .replace(b"0.4", b"0.3")
        .replace(b"known_thief", b"known_thieg")
    )

    same, (said,) = judged_again(decision, PAID, Archive(scene.bucket, "lake"))
    assert not same
    assert f"{key} is not what its name says" in said


@pytest.mark.parametrize(
    ("version", "said"), [("3", "older than the archive"), ("3@0123456789ab", "nothing is kept below")]
)
def test_a_policy_that_was_never_kept_explains_nothing(version, said):
    decision = {"policy_version": version, "action": "APPROVE", "reasons": "[]", "fraud_score": 0.1}
    same, (line,) = judged_again({**decision, "vector": VECTOR, "traffic": None}, PAID, Archive(Bucket(), "lake"))
    assert not same
    assert said in line


def test_a_forgotten_customer_leaves_every_list_and_the_decisions_of_others_are_still_explained():
    scene = Releasing()
    scene.release(version=3)
    rule(operators(scene.documents, scene.bucket), BLOCKED)
    decision = decided(scene.bucket, scene.documents)
    for key, body in scene.bucket.objects.items():
        if key.endswith(".jsonl"):
            done = scrubbed(body, Person("c-1"), (), of_lines=True)
            assert done.rows == 1
            scene.bucket.objects[key] = done.content or b""

    assert not any(b"c-1" in body for body in scene.bucket.objects.values())
    same, said = judged_again(decision, PAID, Archive(scene.bucket, "lake"))
    assert same
    assert said[1] == "  1 identifiers of its lists have been forgotten since"


def test_a_list_that_is_filled_again_after_somebody_was_forgotten_holds_them_again():
    documents, bucket = Documents(), Bucket()
    thieves = listing("thieves", Listing("customer_id", frozenset({"c-1", "c-2"})))
    operators(documents, bucket).change(thieves)
    before = set(bucket.objects)
    for key in before:
        bucket.objects[key] = scrubbed(bucket.objects[key], Person("c-1"), (), of_lines=True).content or b""

    operators(documents, bucket).change(thieves)
    operators(documents, bucket).change(thieves)
    assert operators(documents, bucket).read().lists["thieves"].among == {"c-1", "c-2"}
    assert len(set(bucket.objects) - before) == 1, "the same lists again are no others"


def test_a_list_whose_last_entry_was_forgotten_is_there_and_empty():
    lists = {"thieves": Listing("customer_id", frozenset({"c-1"}))}
    kept = lists_in(scrubbed(lines_of(lists), Person("c-1"), (), of_lines=True).content or b"")

    assert kept.lists == {"thieves": Listing("customer_id", frozenset())}
    assert kept.taken_out == 1
    speaks = {**BOOTSTRAP, "rules": [{"name": "n", "field": "customer_id", "list": "thieves", "action": "BLOCK"}]}
    assert Policy.parse(speaks, (), kept.lists).judge(0.0, {}, PAID) == ("APPROVE", [])


def test_rules_speak_before_a_model_is_released():
    doors = Scene()
    doors.documents = Documents()
    rule(operators(doors.documents, doors.bucket), BLOCKED)
    policy = doors.release().policy("bootstrap")

    assert policy.version.startswith("bootstrap+people-1@")
    assert policy.judge(0.0, {}, PAID) == ("BLOCK", ["known_thief"])
    assert policy.judge(0.99, {}, Payment("t1", PAID.at, "c-9", "m1", 500))[0] == "APPROVE"


def test_lists_are_read_again_only_when_a_document_has_changed():
    doors = Scene()
    doors.documents = Documents()
    mine = operators(doors.documents, doors.bucket)
    rule(mine, BLOCKED)
    clock = [0.0]
    release = doors.release(lambda: clock[0])
    calls = []
    get, doors.bucket.get_object = doors.bucket.get_object, lambda **r: calls.append(r["Key"]) or get(**r)
    for clock[0] in (0.0, 31.0, 62.0):
        release.policy(None)
    assert len(calls) == 1
    mine.change(listing("known_thief", Listing("customer_id", frozenset({"c-9"}))))
    calls.clear()
    clock[0] = 100.0
    assert release.policy(None).judge(0.0, {}, PAID)[0] == "APPROVE"
    assert len(calls) == 1


def test_what_a_rule_has_among_becomes_a_list_that_bears_its_name():
    ruled, lists = ruling(DOCUMENT)({}, {})

    assert ruled["rules"] == [{"name": "known_mule", "field": "merchant_id", "list": "known_mule", "action": "BLOCK"}]
    assert lists == {"known_mule": Listing("merchant_id", frozenset({"m17"}))}
