"""Lists of any size and snoozes: written with who and why, looked up by both doors for each payment, forgotten."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring.decision import Answer, decide, handed_on
from scoring.entries import LONGEST_SNOOZE, TOGETHER, Change, Entries, told
from scoring.lists import SNOOZED, Lists, asked
from scoring.policy import MOST_RULES, InvalidPolicy, Policy, snooze_mark

from features.payment import LONGEST_IDENTIFIER, Payment
from features.vector import RULED
from tests.unit.lambda_functions.aws import Documents, Down, ListsTable
from tests.unit.lambda_functions.scene import NOW, POLICY, Scene, fields

WHY = Change("ada", "police 4711")
LOOKED_UP = {
    "mules": {"field": "customer_id", "kind": "block"},
    "shops": {"field": "merchant_id", "kind": "watch"},
    "staff": {"field": "customer_id", "kind": "allow"},
}
RULES = [
    {"name": "known_mule", "field": "customer_id", "list": "mules", "action": "BLOCK"},
    {"name": "watched_shop", "field": "merchant_id", "list": "shops", "action": "REVIEW"},
    {"name": "any_amount", "feature": "amount", "above": 0, "action": "REVIEW"},
    {
        "name": "our_staff",
        "action": "ALLOW",
        "overrides": ["any_amount", "score"],
        "when": {"field": "customer_id", "list": "staff"},
    },
]
RULED_BY = {"version": "r-1", "rules": RULES, "lists": None, "looked_up": LOOKED_UP, "snooze_by": ["customer_id"]}
PAID = Payment("t1", 0, "c1", "m1", 100)


class Clock:
    def __init__(self) -> None:
        self.now = NOW / 1000

    def __call__(self) -> float:
        return self.now


def entries(table: ListsTable | None = None, clock: Clock | None = None) -> Entries:
    made = Entries(table or ListsTable(), "lists", clock or Clock())
    for name, listed in LOOKED_UP.items():
        made.declare(name, listed["field"], listed["kind"], WHY)
    return made


def policy(*rules: dict, **more) -> Policy:
    document = {**POLICY, **RULED_BY, **more}
    return Policy.parse({**document, "rules": list(rules or RULES)}, RULED)


def scene() -> Scene:
    made = Scene()
    made.documents = Documents(releases={"policy": POLICY}, policies=RULED_BY)
    entries(made.listed)
    return made


def test_flags_and_currencies_stand_on_lists_as_payments_say_them():
    table = ListsTable()
    mine = entries(table)
    event = {"transaction_id": "t1", "event_time": "2026-03-01T10:00:00Z", "customer_id": "c1", "merchant_id": "m1"}
    paid = Payment.parse({**event, "amount": "1.00", "card_present": True, "currency": "EUR"})
    rules = []
    for field, value in (("card_present", "true"), ("currency", "eur")):
        mine.declare(field, field, "watch", WHY)
        assert mine.put(field, [value], WHY) == 1
        rules.append({"name": field, "field": field, "list": field, "action": "REVIEW"})
        assert [line for line in told(mine.about(field, value)) if line.startswith("on list")] == [f"on list {field}"]
    looked_up = {field: {"field": field, "kind": "watch"} for field in ("card_present", "currency")}
    made = policy(*rules, looked_up=looked_up, snooze_by=["currency"])
    mine.snooze("card_present", "currency", "eur", replace(WHY, until=NOW // 1000 + 60))
    (marks,) = Lists(table, "lists", Clock()).marks(made, [paid])

    assert made.weigh(0.1, {}, paid, 0, marks)[1:] == (["currency"], ["snoozed card_present"])
    mine.take_off("currency", ["Eur"], WHY)
    mine.wake("card_present", "currency", "EUR", WHY)
    (marks,) = Lists(table, "lists", Clock()).marks(made, [paid])
    assert made.weigh(0.1, {}, paid, 0, marks)[1:] == (["card_present"], [])
    with pytest.raises(InvalidPolicy, match="list card_present: expected true or false as value 2, got 5 characters"):
        mine.put("card_present", ["1", "maybe"], WHY)


def test_an_entry_is_found_for_its_field_and_value_alone():
    table = ListsTable()
    entries(table).put("mules", ["c1", "c2"], WHY)
    lists = Lists(table, "lists", Clock())
    payments = [
        replace(PAID, customer_id=who, merchant_id=to) for who, to in (("c1", "m1"), ("c9", "c1"), ("c2", "c2"))
    ]

    assert lists.marks(policy(), payments) == [
        frozenset({"list/mules/customer_id"}),
        frozenset(),
        frozenset({"list/mules/customer_id"}),
    ]


def test_an_entry_counts_until_its_end_whether_or_not_it_is_deleted_by_then():
    table, clock = ListsTable(), Clock()
    entries(table, clock).put("mules", ["c1"], replace(WHY, until=int(clock.now) + 60))
    lists = Lists(table, "lists", clock)
    found = []
    for _ in range(3):
        found += lists.marks(policy(), [PAID])
        clock.now += 30

    assert found == [frozenset({"list/mules/customer_id"})] * 2 + [frozenset()]


def test_what_was_taken_off_is_found_no_more_and_its_history_stays():
    table, clock = ListsTable(), Clock()
    mine = entries(table, clock)
    mine.put("mules", ["c1"], WHY)
    clock.now += 1
    mine.take_off("mules", ["c1", "c7"], Change("ben", "it was his brother"))

    assert Lists(table, "lists", clock).marks(policy(), [PAID]) == [frozenset()]
    lines = list(told(mine.about("customer_id", "c1")))
    assert [line.strip().partition(" ")[0] for line in lines] == ["mules", "mules"]
    assert lines[0].endswith("put: by ada: police 4711")
    assert lines[1].endswith("taken off: by ben: it was his brother")


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["c1", "c2", "c3"])), max_size=12))
def test_a_list_holds_what_was_put_on_it_last(changes):
    table, clock, wanted = ListsTable(), Clock(), set()
    mine = entries(table, clock)
    for on, value in changes:
        clock.now += 0.001
        (mine.put if on else mine.take_off)("mules", [value], WHY)
        (wanted.add if on else wanted.discard)(value)
    payments = [replace(PAID, customer_id=who) for who in ("c1", "c2", "c3")]
    marks = Lists(table, "lists", clock).marks(policy(), payments)

    assert {p.customer_id for p, found in zip(payments, marks, strict=True) if found} == wanted
    history = [key for key in table.items if key[1].startswith("mules ")]
    assert len(history) == len(changes), "each change has a line"


def test_a_large_list_is_written_in_transactions_that_dynamodb_takes():
    table = ListsTable()
    many = [f"c{n}" for n in range(3 * TOGETHER + 1)]

    assert entries(table).put("mules", [*many, *many], WHY) == len(many)
    assert table.together == 2 * TOGETHER
    payments = [replace(PAID, customer_id=who) for who in many]
    assert all(Lists(table, "lists", Clock()).marks(policy(), payments))


@pytest.mark.parametrize(
    ("values", "change", "said"),
    [
        (["c1", " c2"], WHY, "list mules: expected an identifier as value 2, got 3 characters"),
        (["4111 1111 1111 1111"], WHY, "list mules: expected an identifier as value 1, got 19 characters"),
        (["x" * 129], WHY, "expected an identifier as value 1, got 129 characters"),
        (["\ud800"], WHY, "expected an identifier as value 1"),
        (["c1"], Change("ada", " "), "expected a reason of 1 to 500 characters"),
        (["c1"], Change("ada", "card 4111111111111111"), "which holds no card number"),
        (["c1"], Change("ada", "why", NOW // 1000), "expected an end that is still to come"),
    ],
    ids=["blank", "card", "long", "half", "no reason", "card as a reason", "over"],
)
def test_what_is_no_entry_is_refused_before_anything_is_written(values, change, said):
    table = ListsTable()
    mine = entries(table)
    before = dict(table.items)
    with pytest.raises(InvalidPolicy, match=said):
        mine.put("mules", values, change)
    assert table.items == before


def test_a_list_keeps_its_field_and_kind_and_is_declared_before_it_is_filled():
    mine = entries()
    mine.declare("mules", "customer_id", "block", WHY)
    with pytest.raises(InvalidPolicy, match="list mules: it is of kind block and of customer_id"):
        mine.declare("mules", "customer_id", "allow", WHY)
    with pytest.raises(InvalidPolicy, match="expected one of the lists mules, shops, staff, got 'mice'"):
        mine.put("mice", ["c1"], WHY)
    card = "4111-1111-1111-1111"
    for name, field, kind in (
        ("a b", "customer_id", "block"),
        (card, "customer_id", "block"),
        ("a", "shop", "block"),
        ("a", "ip", "grey"),
    ):
        with pytest.raises(InvalidPolicy):
            mine.declare(name, field, kind, WHY)


def test_a_snooze_makes_one_rule_silent_for_one_value_until_its_end():
    table, clock = ListsTable(), Clock()
    mine, lists = entries(table, clock), Lists(table, "lists", clock)
    mine.snooze("any_amount", "customer_id", "c1", replace(WHY, until=int(clock.now) + 60))
    mine.snooze("known_mule", "customer_id", "c1", replace(WHY, until=int(clock.now) + 120))

    def marked() -> frozenset[str]:
        return lists.marks(policy(), [PAID])[0]

    assert marked() == frozenset({"snooze/customer_id/any_amount", "snooze/customer_id/known_mule"})
    clock.now += 60
    assert marked() == frozenset({"snooze/customer_id/known_mule"})
    mine.wake("known_mule", "customer_id", "c1", WHY)
    assert marked() == frozenset()
    lines = list(told(mine.about("customer_id", "c1")))
    assert sum("snoozed" in line or "woken" in line for line in lines) == 3


@pytest.mark.parametrize("until", [None, NOW // 1000, NOW // 1000 + LONGEST_SNOOZE + 1])
def test_a_snooze_has_an_end_within_180_days(until):
    with pytest.raises(InvalidPolicy, match=r"within 180 days|still to come"):
        entries().snooze("any_amount", "customer_id", "c1", replace(WHY, until=until))


def test_a_snooze_needs_a_comment():
    with pytest.raises(InvalidPolicy, match="expected a reason"):
        entries().snooze("any_amount", "customer_id", "c1", Change("ada", "", NOW // 1000 + 60))


def test_a_forgotten_customer_leaves_lists_snoozes_and_history():
    table = ListsTable()
    table.page = 2
    mine = entries(table)
    mine.put("mules", ["c1", "c2"], WHY)
    mine.put("staff", ["c1"], WHY)
    mine.put("shops", ["c1"], WHY)
    for n in range(40):
        mine.snooze(f"rule_{n}", "customer_id", "c1", replace(WHY, until=NOW // 1000 + 60))

    assert mine.forget("c1") == 3 * 2 + 1 + 40
    assert not any("=c1" in json.dumps(item) for item in table.items.values())
    assert mine.about("customer_id", "c2")
    assert set(mine.declared()) == {"mules", "shops", "staff"}
    assert mine.forget("c1") == 0


def test_a_value_that_no_list_can_hold_is_not_asked_for():
    """DynamoDB would refuse the whole request."""
    long, half = "x" * (LONGEST_IDENTIFIER + 1), "\ud800"
    made = policy(
        {"name": "r", "field": "device_id", "list": "phones", "action": "BLOCK"}, looked_up=PHONES, snooze_by=[]
    )
    for said in (long, half):
        assert asked(made, replace(PAID, further={"device_id": said})) == []
    assert asked(made, PAID) == []
    assert [key.value for key in asked(made, replace(PAID, further={"device_id": "d1"}))] == ["device_id=d1"]


PHONES = {"phones": {"field": "device_id", "kind": "block"}}


def test_both_doors_look_up_what_was_written_a_moment_before():
    both = scene()
    door = both.api()
    assert door.decide(both.terms().payment(fields(0)), fields(0))["reasons"] == ["any_amount"]
    both.entries.put("mules", [fields(1)["customer_id"]], WHY)
    first = door.decide(both.terms().payment(fields(1)), fields(1))
    both.deliver([fields(2)])
    second = next(d for d in both.bucket.lines("decisions/") if d["transaction_id"] == fields(2)["transaction_id"])
    both.entries.take_off("mules", [fields(1)["customer_id"]], WHY)
    third = door.decide(both.terms().payment(fields(3)), fields(3))

    for decision in (first, second):
        assert (decision["action"], decision["reasons"]) == ("BLOCK", ["known_mule", "any_amount"])
        assert decision["listed"] == ["list/mules/customer_id"]
    assert (third["action"], third["listed"]) == ("REVIEW", [])


def test_the_door_reads_lists_once_and_beside_the_records():
    both = scene()
    door = both.api()
    door.decide(both.terms().payment(fields(0)), fields(0))
    calls = both.calls_during(lambda: door.decide(both.terms().payment(fields(1)), fields(1)))

    assert calls["batch_get_item"] == 1
    assert calls["get_item"] == 1, "the tail"


def test_a_policy_without_lists_costs_no_reading():
    both = scene()
    both.documents = Documents(releases={"policy": POLICY}, policies={**RULED_BY, "rules": [RULES[2]], "snooze_by": []})
    calls = both.calls_during(lambda: both.ask(fields(0)))

    assert calls["batch_get_item"] == 0


def test_the_first_payment_of_a_cold_door_and_of_a_new_policy_is_judged_by_lists_too():
    both = scene()
    both.entries.put("mules", [fields(0)["customer_id"]], WHY)

    assert both.ask(fields(0))["action"] == "BLOCK"


def test_without_the_table_doors_decide_rules_on_lists_are_silent_and_the_decision_says_so(capsys):
    both = scene()
    both.entries.put("mules", [fields(0)["customer_id"]], WHY)
    both.listed.down = True
    asked_ = both.ask(fields(0))
    both.deliver([fields(1)])
    streamed = next(d for d in both.bucket.lines("decisions/") if d["door"] == "stream")

    for decision in (asked_, streamed):
        assert (decision["action"], decision["reasons"], decision["listed"]) == ("REVIEW", ["any_amount"], None)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(line.get("unread_lists", 0) for line in lines) == 3, "the stream door has logged both"


def test_what_dynamodb_leaves_unread_is_asked_for_again_by_the_stream_door_and_is_unknown_to_a_payer():
    table = ListsTable()
    entries(table).put("mules", ["c1"], WHY)
    table.spared = 1
    assert Lists(table, "lists", Clock()).marks(policy(), [PAID]) == [frozenset({"list/mules/customer_id"})]

    table.spared = 1
    with pytest.raises(RuntimeError, match="were left unread"):
        Lists(table, "lists", Clock(), tries=1).look(asked(policy(), PAID))


def test_a_table_that_fails_again_and_again_is_left_alone_for_a_while():
    table = ListsTable()
    table.down = True
    lists = Lists(table, "lists", Clock())
    for _ in range(3):
        with pytest.raises(Down):
            lists.look(asked(policy(), PAID))
    with pytest.raises(RuntimeError, match="calls in a row failed"):
        lists.look(asked(policy(), PAID))


def test_staff_passes_and_the_decision_says_whose_word_it_was():
    both = scene()
    both.endpoint.scorer = lambda rows: [0.95] * len(rows)
    both.entries.put("staff", [fields(0)["customer_id"]], WHY)
    decision = both.ask(fields(0))

    assert (decision["action"], decision["reasons"]) == ("APPROVE", ["our_staff"])
    assert decision["without_effect"] == ["overridden score", "overridden any_amount"]


def test_an_overtaken_decision_is_judged_again_by_the_lists_that_it_was_made_by():
    both = scene()
    both.entries.put("mules", [fields(1)["customer_id"]], WHY)
    late = {**fields(1), "decision": both.ask(fields(1))}
    both.entries.take_off("mules", [fields(1)["customer_id"]], WHY)
    both.store.records.clear()
    both.table.tails.clear()
    both.deliver([{**fields(0), "transaction_id": "before"}])
    both.deliver([late], first=9)
    found = next(d for d in both.bucket.lines("decisions/") if d["transaction_id"] == fields(1)["transaction_id"])

    assert found["overtaken"]
    assert found["judged_again"] == "BLOCK"


def test_snoozes_of_all_rules_of_a_value_are_one_item():
    table = ListsTable()
    mine = entries(table)
    for rule in ("any_amount", "watched_shop"):
        mine.snooze(rule, "customer_id", "c1", replace(WHY, until=NOW // 1000 + 60))

    assert [key for key in table.items if key[1] == SNOOZED] == [("customer_id=c1", SNOOZED)]


def test_a_decision_that_names_every_rule_of_the_largest_policy_is_one_that_the_stream_door_takes():
    rules = [{**RULES[2], "name": f"rule_{n}"} for n in range(MOST_RULES)]
    fields_ = ["customer_id", "merchant_id", "device_id", "country"]
    made = policy(*rules, looked_up={}, snooze_by=fields_)
    marks = frozenset(snooze_mark(field, rule["name"]) for field in fields_ for rule in rules)
    decision = decide(
        PAID,
        None,
        Answer(0.1, None),
        made,
        traffic=None,
        step="none",
        door="api",
        counted_at=0,
        arrived_at=0,
        decided_at=0,
        velocity_exact=False,
        marks=marks,
    ).document()

    assert len(handed_on(decision)["listed"]) == 4 * MOST_RULES
    assert len(decision["without_effect"]) == MOST_RULES
