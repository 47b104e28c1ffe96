"""`make list` and `make snooze`: what is asked for, what is refused, and how a policy comes to know of a list."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from scoring.policy import InvalidPolicy, Listing

from tests.unit.lambda_functions.aws import Bucket, Documents, ListsTable
from tests.unit.lambda_functions.scene import Scene
from tests.unit.lambda_functions.test_lists import PAID, WHY, entries
from tests.unit.tools.test_operators import TABLE, named
from tools.backtest.__main__ import judged
from tools.entries import Asked, changed, held, require_snoozable, values_of
from tools.lists import EXPECTED, is_asked_well, replaced, taken_away
from tools.lists import main as make_list
from tools.operators import Operators
from tools.policy import rule
from tools.policy_diff import as_live, differences

MULE = {"name": "known_mule", "field": "customer_id", "list": "mules", "action": "BLOCK"}
DOCUMENT = {"version": "r-1", "review_at": 0.1, "block_at": 0.2, "rules": [MULE], "snooze_by": ["customer_id"]}


def operators(table: ListsTable | None = None) -> Operators:
    return Operators(Documents(), Bucket(), TABLE, "lake", entries(table))


def test_a_policy_says_of_which_field_and_kind_its_lists_are_and_needs_no_other_to_be_read():
    mine = operators()
    ruled = rule(mine, DOCUMENT)

    assert ruled["looked_up"] == {"mules": {"field": "customer_id", "kind": "block"}}
    doors = Scene()
    doors.documents, doors.bucket = mine.dynamodb, mine.s3
    doors.documents.put(
        "risk-test-releases", {"policy": {"version": "1", "review_at": 0.5, "block_at": 0.9, "rules": []}}
    )
    (policy,) = [doors.release().policy(None)]
    assert [of.list for of in policy.memberships] == ["mules"]
    assert policy.snooze_by == ("customer_id",)


def test_a_rule_about_a_list_that_nobody_declared_is_refused():
    with pytest.raises(
        InvalidPolicy, match="rule known_mule: expected a list of customer_id that is there, got 'mice'"
    ):
        rule(operators(), named(DOCUMENT, "r-2", rules=[{**MULE, "list": "mice"}]))


def test_a_list_of_the_policy_that_changes_leaves_what_is_looked_up_and_snoozed_as_it_was():
    mine = operators()
    rule(mine, {**DOCUMENT, "four_eyes": True})
    replaced(mine, "shops_of_old", Listing("merchant_id", frozenset({"m1"})))
    live = mine.read().stored.body

    assert live["looked_up"] == {"mules": {"field": "customer_id", "kind": "block"}}
    assert (live["snooze_by"], live["four_eyes"]) == (["customer_id"], True)


def test_one_name_is_not_both_kinds_of_list():
    mine = operators()
    with pytest.raises(InvalidPolicy, match="it is looked up for each payment"):
        replaced(mine, "mules", Listing("customer_id", frozenset({"c1"})))


def test_a_list_that_a_condition_looks_at_is_not_taken_away():
    mine = operators()
    replaced(mine, "old", Listing("merchant_id", frozenset({"m1"})))
    deep = {"name": "deep", "action": "BLOCK", "when": {"all": [{"not": {"field": "merchant_id", "list": "old"}}]}}
    rule(mine, named(DOCUMENT, "r-2", rules=[deep]))
    with pytest.raises(SystemExit, match="old is used by deep"):
        taken_away(mine, "old")


def test_a_file_of_entries_is_put_on_a_list_and_what_is_held_is_told_with_who_and_why(tmp_path):
    table = ListsTable()
    mine = entries(table)
    file = tmp_path / "found.txt"
    file.write_text("c1\n\n c2 \n")
    asked = Asked("ip", str(file), "watch", why="a raid", until="2030-01-01")

    assert changed(mine, "raided", asked, "arn:ada", values_of(asked)).startswith("list raided: 2 put on until 2030")
    lines = held(mine, "ip", "c2")
    assert lines[0] == "on list raided until 2030-01-01T00:00:00.000Z"
    assert lines[1].endswith("put, until 2030-01-01T00:00:00.000Z: by arn:ada: a raid")
    off = Asked(value="c2", why="wrong", take_off="1")
    assert changed(mine, "raided", off, "arn:ben", values_of(off)).startswith("list raided: 1 taken off")
    assert not any(line.startswith("on list") for line in held(mine, "ip", "c2"))
    assert held(mine, "ip", "c9") == ["no list and no snooze holds this ip, and none did"]


def test_an_end_that_is_no_instant_is_refused():
    with pytest.raises(InvalidPolicy, match="UNTIL: expected an ISO 8601 instant"):
        changed(entries(), "mules", Asked(value="c1", why="w", until="soon"), "ada", ["c1"])


@pytest.mark.parametrize(
    ("name", "remove", "asked", "well"),
    [
        ("l", "", Asked("customer_id", "f", "block", why="w"), True),
        ("l", "", Asked("customer_id", "", "block", "c1", "w"), True),
        ("l", "", Asked("customer_id", "", "block", why="w"), True),
        ("l", "", Asked(file="f", why="w", until="2030-01-01"), True),
        ("l", "", Asked(value="c1", why="w", take_off="1"), True),
        ("l", "", Asked("customer_id", "f"), True),
        ("l", "1", Asked(), True),
        ("", "", Asked("customer_id", value="c1"), True),
        ("l", "", Asked("customer_id", "f", "block"), False),
        ("l", "", Asked(why="w"), False),
        ("l", "", Asked(file="f", value="c1", why="w"), False),
        ("l", "", Asked(value="c1", why="w", take_off="1", until="2030-01-01"), False),
        ("l", "", Asked(value="c1", why="w", take_off="yes"), False),
        ("l", "", Asked("shop", "f"), False),
        ("l", "", Asked("customer_id", value="c1"), False),
        ("l", "yes", Asked(), False),
        ("l", "1", Asked(why="w"), False),
        ("", "", Asked("customer_id"), False),
    ],
)
def test_what_is_asked_for_is_told_apart(name, remove, asked, well):
    assert is_asked_well("dev", name, remove, asked) is well
    if not well:
        with pytest.raises(SystemExit) as refused:
            make_list("dev", name, asked.field, asked.file, remove, *list(vars(asked).values())[2:])
        assert str(refused.value) == EXPECTED


def test_only_a_live_rule_is_snoozed_and_only_by_a_field_that_the_policy_names():
    live = rule(operators(), DOCUMENT)
    require_snoozable(live, "known_mule", "customer_id")
    with pytest.raises(InvalidPolicy, match=r"expected a rule of the live policy \(known_mule\), got mule"):
        require_snoozable(live, "mule", "customer_id")
    with pytest.raises(
        InvalidPolicy, match=r"expected a field in snooze_by of the live policy \(customer_id\), got ip"
    ):
        require_snoozable(live, "known_mule", "ip")


def test_a_back_test_looks_at_lists_as_they_are_now():
    table = ListsTable()
    mine = operators(table)
    assert mine.entries is not None
    mine.entries.put("mules", ["c1"], WHY)
    live = {"version": "1", "review_at": 0.5, "block_at": 0.9, "rules": []}
    policy = judged(DOCUMENT, live, "live", {}, mine.read().stored.body, mine.declared())
    lookups = mine.lookups()
    assert lookups is not None
    marks = lookups.marks(policy, [PAID, replace(PAID, customer_id="c2")])

    assert [policy.judge(0.1, {}, PAID, None, each)[0] for each in marks] == ["BLOCK", "APPROVE"]


def test_a_difference_tells_a_list_that_begins_to_be_looked_up():
    mine = operators()
    live = mine.read()
    told = differences(live, as_live(DOCUMENT, live, mine.declared()))

    assert '~ looked_up: none -> {"mules": {"field": "customer_id", "kind": "block"}}' in told
    assert json.dumps(MULE) in told[-1]
