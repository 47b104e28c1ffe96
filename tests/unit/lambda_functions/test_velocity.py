"""Every payment of a customer that was decided before is seen, in flight or not, at whichever door it was decided."""

from __future__ import annotations

import json
import random

import pytest
from decide.door import DecidedBefore, NotHandedOn
from scoring.records import StoreUnavailable
from scoring.tails import MOST, Entry, Record, Tail

from features.fraud import FRAUD
from features.state import fingerprint
from features.vector import CUSTOMER_LAYOUT
from tests.unit.lambda_functions.aws import kinesis_record
from tests.unit.lambda_functions.scene import NOW, POLICY, Scene

LIMIT = {"name": "velocity", "feature": "customer_payment_count_10m", "above": 2, "action": "BLOCK"}
COUNT = FRAUD.columns.index("customer_payment_count_10m")


def limited() -> Scene:
    """More than three payments in ten minutes are blocked."""
    return Scene(policy={**POLICY, "rules": [LIMIT]})


def paid(number: int, at: str = "", customer: str = "c1") -> dict:
    """One a second from 09:20, if nothing else is said."""
    return {
        "transaction_id": f"t{number}",
        "event_time": at or f"2018-04-01T09:20:{number:02d}Z",
        "customer_id": customer,
        "merchant_id": "m1",
        "amount": "10.00",
    }


def handed_on(scene: Scene, first: int = 0) -> list[dict]:
    return [json.loads(record["Data"]) for record in scene.stream.records[first:]]


def seen(decision: dict) -> int:
    return int(decision["vector"][COUNT])


def test_the_fourth_payment_in_ten_minutes_is_refused_while_the_stream_is_behind():
    scene = limited()

    asked = [scene.ask(paid(n)) for n in range(50)]

    assert [d["action"] for d in asked] == ["APPROVE"] * 3 + ["BLOCK"] * 47
    assert all(d["velocity_exact"] for d in asked)
    scene.deliver(handed_on(scene))
    logged = scene.logged()
    assert [logged[f"t{n}"]["vector"] for n in range(50)] == [d["vector"] for d in asked]
    assert not any(d["overtaken"] for d in logged.values())
    assert scene.counted("c1") == 50


@pytest.mark.parametrize("seed", range(40))
def test_in_any_mix_of_doors_and_delays_each_payment_sees_all_that_were_decided_before(seed):
    rng = random.Random(seed)
    scene, waiting, delivered, decided = limited(), [], 0, []
    stamps = [f"2018-04-01T09:20:{rng.randrange(50):02d}Z" for _ in range(50)]  # some equal, some late
    for number in range(50):
        if rng.random() < 0.5:
            answer = scene.ask(paid(number, stamps[number]))
            decided.append(answer)
            assert seen(answer) == len(decided) - 1
        else:
            waiting.append(paid(number, stamps[number]))
        if rng.random() < 0.3:
            api = handed_on(scene, delivered)
            delivered += len(api)
            batch, waiting = [*waiting, *api], []
            rng.shuffle(batch)
            known = {d["transaction_id"] for d in decided}
            scene.deliver(batch, first=1 + 100 * number)
            new = [d for d in scene.bucket.lines() if d["transaction_id"] not in known]
            decided += sorted(new, key=lambda d: d["counted_at"])
    scene.deliver([*waiting, *handed_on(scene, delivered)], first=9_000)

    logged = sorted(scene.bucket.lines(), key=lambda d: d["counted_at"])
    assert [seen(d) for d in logged] == [*range(50)]
    assert [d["action"] for d in logged] == ["APPROVE"] * 3 + ["BLOCK"] * 47
    assert not any(d["overtaken"] for d in logged)
    assert all(d["velocity_exact"] for d in logged)
    assert len({d["counted_at"] for d in logged}) == 50


@pytest.mark.parametrize("number", range(25))
def test_of_two_payments_asked_at_once_one_sees_the_other(number):
    scene = limited()
    others: list[dict] = []
    for _ in range(number % 5):
        scene.ask(paid(len(scene.stream.records)))
    before = len(scene.stream.records)
    scene.table.meanwhile.append(lambda: others.append(scene.ask(paid(50))))

    answer = scene.ask(paid(51))

    assert sorted([seen(answer), seen(others[0])]) == [before, before + 1]
    assert answer["velocity_exact"]
    assert others[0]["velocity_exact"]


def test_a_payment_on_the_stream_and_one_that_is_asked_at_once_do_not_miss_each_other():
    scene = limited()
    others: list[dict] = []
    scene.table.meanwhile.append(lambda: others.append(scene.ask(paid(1))))

    scene.deliver([paid(2)])

    assert seen(others[0]) == 0
    logged = scene.logged()
    assert seen(logged["t2"]) == 1
    assert {i: d["velocity_exact"] for i, d in logged.items()} == {"t1": True, "t2": True}


def test_in_a_storm_of_conflicts_a_payment_is_answered_in_the_end_and_says_that_it_may_have_missed_some():
    scene = limited()
    write, numbers = scene.table.transact_write_items, iter(range(10))

    def after_another_one(**request) -> None:
        scene.table.transact_write_items = write
        scene.ask(paid(next(numbers)))
        scene.table.transact_write_items = after_another_one
        write(**request)

    scene.table.transact_write_items = after_another_one

    answer = scene.ask(paid(50))

    assert not answer["velocity_exact"]
    assert seen(answer) == 2, "it was judged again twice, and a third payment came before it"
    scene.deliver(handed_on(scene))
    assert scene.counted("c1") == 4
    assert scene.logged()["t50"]["overtaken"]


def test_a_record_that_was_read_before_the_tail_was_shortened_is_read_again():
    scene = limited()
    scene.ask(paid(0))
    scene.deliver(handed_on(scene))
    old = dict(scene.store.records)
    scene.ask(paid(1))  # shortens the tail by what the record holds
    current, reads = scene.store.records, []

    def stale(**request):
        reads.append(request)
        scene.store.records = old if len(reads) == 1 else current
        return type(scene.store).batch_get_record(scene.store, **request)

    scene.store.records = {key: value for key, value in old.items() if "customer" not in key[0]}
    old = scene.store.records
    scene.store.batch_get_record = stale

    answer = scene.ask(paid(2))

    assert len(reads) == 2
    assert (seen(answer), answer["velocity_exact"]) == (2, True)


def test_without_the_tails_table_answers_continue_and_are_marked():
    scene = limited()
    scene.table.refused = "risk-test-tails"

    answer = scene.ask(paid(0))
    scene.deliver([paid(1)])

    assert (answer["action"], answer["degrade_step"], answer["velocity_exact"]) == ("APPROVE", "none", False)
    assert scene.logged()["t1"]["velocity_exact"] is False


def test_without_any_table_answers_continue_and_are_marked():
    scene = limited()
    scene.table.down = True

    answer = scene.ask(paid(0))
    scene.deliver([paid(1)])

    assert (answer["action"], answer["velocity_exact"]) == ("APPROVE", False)
    assert scene.logged()["t1"]["velocity_exact"] is False


def test_a_decision_that_never_reached_the_stream_is_logged_with_the_next_one():
    scene = limited()
    lost = scene.ask(paid(0))
    scene.stream.records.clear()  # the door was stopped before it handed the payment on

    scene.ask(paid(1))
    scene.deliver(handed_on(scene))

    logged = scene.logged()
    assert logged["t0"]["vector"] == lost["vector"]
    assert [logged[i]["overtaken"] for i in ("t0", "t1")] == [False, False]
    assert scene.counted("c1") == 2
    scene.deliver([{**paid(0), "decision": lost}], first=50)
    assert scene.counted("c1") == 2
    assert len(scene.bucket.lines()) == 2


def test_answers_that_arrive_the_other_way_round_are_logged_as_they_were_given():
    scene = limited()
    asked = [scene.ask(paid(n)) for n in range(3)]

    for number, record in enumerate(reversed(handed_on(scene))):
        scene.deliver([record], first=1 + 10 * number)

    logged = scene.logged()
    assert [logged[f"t{n}"]["vector"] for n in range(3)] == [d["vector"] for d in asked]
    assert not any(d["overtaken"] for d in logged.values())
    assert len(scene.bucket.lines()) == 3


def test_a_payment_that_the_stream_brings_as_well_gets_the_answer_that_its_payer_got():
    scene = limited()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    told = scene.ask(paid(0))
    scene.endpoint.scorer = lambda rows: [0.01] * len(rows)

    scene.deliver([paid(0)])

    assert scene.logged()["t0"]["action"] == told["action"] == "BLOCK"


def test_another_payment_under_an_identifier_that_was_answered_does_not_get_its_answer():
    scene = limited()
    told = scene.ask(paid(0))

    scene.deliver([{**paid(0), "amount": "99.00"}])

    (logged,) = scene.bucket.lines()
    assert logged["amount_cents"] == told["amount_cents"] == 1_000


def test_a_batch_that_comes_again_after_a_crash_decides_at_the_same_moments():
    scene = limited()
    scene.store.down_for_writes = True
    with pytest.raises(StoreUnavailable):
        scene.deliver([paid(1), paid(0)])
    first = scene.logged()
    scene.store.down_for_writes = False
    scene.ask(paid(2))

    scene.deliver([paid(1), paid(0)])
    scene.deliver(handed_on(scene), first=20)

    assert {i: scene.logged()[i] for i in first} == first
    assert seen(scene.logged()["t2"]) == 2
    assert scene.counted("c1") == 3


def test_a_clock_ahead_does_not_hide_what_comes_after_it():
    """One payment five minutes ahead held everybody at its moment, where none saw another."""
    scene = limited()
    scene.now = NOW
    ahead = scene.ask(paid(0, at="2018-04-01T09:35:00Z"))

    answers = [scene.ask(paid(n, at="2018-04-01T09:30:00Z")) for n in range(1, 60)]

    assert ahead["counted_at"] == NOW
    assert [d["action"] for d in answers] == ["APPROVE"] * 2 + ["BLOCK"] * 57


def test_stamps_cut_to_the_minute_do_not_hide_payments_from_each_other():
    scene = limited()

    answers = [scene.ask(paid(n, at="2018-04-01T09:20:00Z")) for n in range(10)]

    assert [d["action"] for d in answers] == ["APPROVE"] * 3 + ["BLOCK"] * 7


def test_a_customer_with_too_many_payments_under_way_is_answered_and_marked():
    scene = limited()
    asked = [scene.ask(paid(n, at="2018-04-01T09:20:00Z")) for n in range(MOST + 2)]

    assert [d["velocity_exact"] for d in asked[-3:]] == [True, False, False]
    assert {d["action"] for d in asked[3:]} == {"BLOCK"}


def test_a_tail_drops_what_the_record_holds_and_says_so():
    entries = [Entry(f"t{n}", 10 * n, 100, "m1") for n in range(1, 4)]
    tail = Tail().appended(Record(), entries)
    holds_two = Record(77, frozenset({fingerprint("t1"), ~fingerprint("t2")}))

    shorter = tail.appended(holds_two, [Entry("t4", 40, 100, "m1")])

    assert [e.transaction_id for e in shorter.entries] == ["t3", "t4"]
    assert (shorter.version, shorter.dropped) == (2, 77)
    assert (shorter.joins(holds_two), shorter.joins(Record(76))) == (True, False)
    assert shorter.appended(Record(99), []).dropped == 77, "nothing was dropped"


def test_a_payment_that_was_passed_over_while_the_table_was_away_is_still_seen():
    """The stream door could not read the tail, and counted another payment later than the one that is under way."""
    scene = limited()
    scene.ask(paid(1))
    scene.table.refused = "risk-test-tails"
    scene.deliver([paid(9)])
    scene.table.refused = None

    answer = scene.ask(paid(10))
    scene.deliver(handed_on(scene), first=20)

    assert (seen(answer), answer["velocity_exact"]) == (2, True)
    assert scene.counted("c1") == 3
    assert len(scene.bucket.lines()) == 3


def test_of_two_payments_under_one_identifier_the_one_that_was_answered_is_logged():
    scene = limited()
    told = scene.ask({**paid(0), "amount": "99.00"})

    scene.deliver([paid(0), *handed_on(scene)])

    (logged,) = scene.bucket.lines()
    assert logged["amount_cents"] == told["amount_cents"] == 9_900
    assert scene.counted("c1") == 1


def test_without_kept_answers_a_decision_does_not_say_that_it_knows_all_before_it():
    scene = limited()
    scene.ask(paid(0))
    scene.table.refused = "risk-test-answers"

    scene.deliver([paid(1)])

    assert seen(scene.logged()["t1"]) == 0
    assert scene.logged()["t1"]["velocity_exact"] is False


def test_an_answer_that_nobody_would_believe_is_not_given():
    """Neither signed nor kept: the stream door would set it aside."""
    scene = limited()
    scene.kms.down = scene.table.down = True

    with pytest.raises(NotHandedOn):
        scene.ask(paid(0))
    assert not scene.stream.records


def test_what_the_stream_has_decided_is_not_decided_once_more_while_records_cannot_be_read():
    scene = limited()
    scene.store.down_for_writes = True
    with pytest.raises(StoreUnavailable):
        scene.deliver([paid(0)])
    scene.store.down = True

    with pytest.raises(DecidedBefore):
        scene.ask(paid(0))


def test_a_batch_that_comes_again_counts_its_payments_where_the_log_says():
    """The claim is lost, and the door would count this one, which is stamped ahead, when it arrives."""
    scene, ahead = limited(), paid(0, at="2018-04-01T09:34:00Z")
    scene.store.down_for_writes = True
    with pytest.raises(StoreUnavailable):
        scene.stream_door().take([kinesis_record(ahead, 1, arrived=NOW / 1000)])
    scene.table.tails.clear()
    scene.store.down_for_writes = False

    scene.stream_door().take([kinesis_record(ahead, 1, arrived=NOW / 1000 + 5)])

    (logged,) = scene.bucket.lines()
    assert scene.customer("c1").clock == logged["counted_at"] == NOW


def test_a_record_knows_all_that_may_be_under_way():
    """What it does not know is taken for a payment that is still to come."""
    assert CUSTOMER_LAYOUT.remembered >= MOST + 100, "a batch of the stream besides"


@pytest.mark.parametrize("count", [130, MOST])
def test_many_payments_under_way_are_counted_once_when_they_arrive(count):
    scene = limited()
    for number in range(count):
        scene.ask(paid(number, at="2018-04-01T09:20:00Z"))
    scene.deliver([paid(9_000, at="2018-04-01T09:20:00Z")], first=1)  # takes them in before they arrive
    for first in range(0, count, 100):
        scene.deliver(handed_on(scene)[first : first + 100], first=1_000 + first)

    answer = scene.ask(paid(9_001, at="2018-04-01T09:20:01Z"))

    assert scene.counted("c1") == len(scene.bucket.lines()) == count + 1
    assert (seen(answer), answer["velocity_exact"]) == (count + 1, True)


def test_long_identifiers_make_no_tail_that_cannot_be_written():
    entries = [Entry("\U0001f600" * 128, n, 1, "\U0001f600" * 128) for n in range(40)]

    assert Tail().appended(Record(), entries).is_full
    assert not Tail().appended(Record(), entries[:9]).is_full


def test_a_tail_that_a_door_of_a_later_version_has_written_is_read_and_written_back_as_it_came():
    """Doors of two versions write one tail while a release is under way, and again when it is taken back."""
    scene = limited()
    scene.ask(paid(0))
    written = scene.table.tails["c1"]["entries"]
    (first,) = json.loads(written["S"])
    written["S"] = json.dumps([[*first, {"place": 7}, "more"]])

    decision = scene.ask(paid(1))

    assert (decision["velocity_exact"], decision["vector"][COUNT]) == (True, 1)
    assert json.loads(scene.table.tails["c1"]["entries"]["S"])[0] == [*first, {"place": 7}, "more"]
    scene.deliver(handed_on(scene))
    assert scene.counted("c1") == 2


def test_a_tail_that_a_door_of_an_earlier_version_has_written_is_read():
    scene = limited()
    scene.ask(paid(0))
    written = scene.table.tails["c1"]["entries"]
    written["S"] = json.dumps([entry[:4] for entry in json.loads(written["S"])])  # no cells

    assert scene.ask(paid(1))["vector"][COUNT] == 1


def test_what_a_tails_entry_holds_keeps_its_place():
    """A field that moves is another one to the doors of the version before: new ones come behind, with a default."""
    assert Entry._fields[:6] == ("transaction_id", "counted_at", "amount", "merchant_id", "cells", "looked")
    assert Entry._fields[6] == "blocked"
    assert Entry.parse(["t1", 10, 100, "m1"]).stored() == ["t1", 10, 100, "m1", {}, "", 0]
