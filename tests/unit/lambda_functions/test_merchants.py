"""The traffic at merchants: told by the stream door, counted once by the counter, seen by both doors' rules."""

from __future__ import annotations

import json
import random

import pytest
from merchants.counter import Counter
from scoring.records import StoreUnavailable

from features.declaration import COUNTED, DAY
from features.state import State, fingerprint, payment_event
from features.traffic import TRAFFIC_LAYOUTS, TRAFFIC_NAMES
from tests.unit.lambda_functions.aws import kinesis_record
from tests.unit.lambda_functions.scene import GROUPS, NOW, POLICY, Scene, fields

BUSY = {
    "name": "busy_merchant",
    "feature": "traffic_payment_count_1h",
    "above": 3,
    "action": "BLOCK",
}
FIVE = [fields(i, customer=f"c{i}") for i in range(5)]


def busy() -> Scene:
    """Five payments of five customers at one merchant, told and counted."""
    scene = Scene({**POLICY, "rules": [BUSY]})
    scene.deliver(FIVE)
    assert scene.count() == []
    return scene


def test_payments_of_all_customers_are_counted_at_their_merchant():
    assert busy().traffic("m1") == {
        "traffic_payment_count_10m": 5,
        "traffic_payment_amount_10m": 5_000,
        "traffic_payment_count_1h": 5,
        "traffic_payment_amount_1h": 5_000,
        "traffic_payment_count_1d": 5,
        "traffic_payment_amount_1d": 5_000,
        "traffic_label_fraud_1d": 0,
    }


def test_a_rule_blocks_the_next_payment_at_a_busy_merchant_at_both_doors_and_the_decision_keeps_why():
    scene = busy()
    answered = scene.ask(fields(5, customer="new"))
    scene.deliver([fields(6, customer="newer"), {**fields(7, customer="newest"), "merchant_id": "quiet"}], first=9)

    assert (answered["action"], answered["reasons"]) == ("BLOCK", ["busy_merchant"])
    assert answered["traffic"] == [5, 5_000, 5, 5_000, 5, 5_000, *[0] * 15], "it names no device and no address"
    assert [scene.logged()[i]["action"] for i in ("t6", "t7")] == ["BLOCK", "APPROVE"]


SHARED = {
    "name": "shared",
    "when": {
        "any": [
            {"feature": "device_traffic_payment_count_10m", ">": 3},
            {"feature": "address_traffic_payment_count_10m", ">": 3},
        ]
    },
    "action": "BLOCK",
}


@pytest.mark.parametrize("column", ["device_id", "ip"])
def test_a_rule_blocks_the_next_payment_of_a_busy_device_or_address_at_other_merchants_at_both_doors(column):
    scene = Scene({**POLICY, "rules": [SHARED]})
    scene.deliver([{**fields(i, customer=f"c{i}"), "merchant_id": f"m{i}", column: "shared"} for i in range(5)])
    assert scene.count() == []
    another = fields(5, customer="new", **{column: "shared"})
    answered, quiet = scene.ask(another), scene.ask(fields(6, customer="new", **{column: "own"}))
    scene.deliver([{**another, "transaction_id": "t7"}, fields(8, customer="newest")], first=9)

    assert (answered["action"], answered["reasons"]) == ("BLOCK", ["shared"])
    place = TRAFFIC_NAMES.index({"device_id": "device", "ip": "address"}[column] + "_traffic_payment_count_10m")
    assert (answered["traffic"][place], quiet["traffic"][place]) == (5, 0)
    assert quiet["action"] == "APPROVE"
    assert [scene.logged()[i]["action"] for i in ("t7", "t8")] == ["BLOCK", "APPROVE"]


def test_a_payment_counts_for_its_merchant_its_device_and_its_address_each_by_its_own_key():
    scene = Scene()
    scene.deliver([fields(0, device_id="d", ip="2001:db8::7"), fields(1, ip="2001:db8::7"), fields(2)])

    keys = [r["PartitionKey"] for r in scene.merchants.records]
    assert sorted(keys) == ["2001:db8::7", "2001:db8::7", "d", "m1", "m1", "m1"]
    assert scene.count() == []
    counted = {"device_traffic": "d", "address_traffic": "2001:db8::7", "traffic": "m1"}
    found = {entity: scene.traffic(whose, entity)[f"{entity}_payment_count_1d"] for entity, whose in counted.items()}
    assert found == {"device_traffic": 1, "address_traffic": 2, "traffic": 3}


def test_a_device_that_no_record_can_be_known_by_is_counted_nowhere_and_holds_nothing_up():
    scene = Scene()
    scene.deliver([fields(0, device_id="d" * 129, ip="a\nb")])

    assert [r["PartitionKey"] for r in scene.merchants.records] == ["m1"]
    assert scene.logged()["t0"]["traffic"] == [0] * len(TRAFFIC_NAMES)


def test_a_payment_that_a_door_of_before_has_told_by_merchant_alone_counts():
    """In the stream while the doors were changed for ones that count devices, too."""
    scene = Scene()
    told = json.dumps({"transaction_id": "t1", "merchant_id": "m1", "at": NOW, "amount_cents": 100}).encode()

    assert Counter(scene.records, lambda: NOW).take([kinesis_record(told, 1, key="m1")]) == []
    assert scene.traffic("m1")["traffic_payment_count_1d"] == 1


def test_more_payments_than_one_call_takes_are_told_in_several():
    scene = Scene()
    batch = [fields(i, customer=f"c{i}", minute=0, device_id=f"d{i}", ip=f"192.0.2.{i}") for i in range(200)]
    calls = scene.calls_during(lambda: scene.deliver(batch))

    assert (calls["put_records"], len(scene.merchants.records)) == (2, 600)


@pytest.mark.parametrize("entity", COUNTED)
def test_rules_are_silent_on_all_traffic_while_one_record_of_it_cannot_be_read(entity):
    scene = Scene({**POLICY, "rules": [BUSY]})
    named = {"device_id": "d", "ip": "192.0.2.7"}
    scene.deliver([{**payment, **named} for payment in FIVE])
    scene.count()
    scene.store.refused = GROUPS[entity]
    answered = scene.ask(fields(5, customer="new", **named))

    assert (answered["action"], answered["degrade_step"], answered["traffic"]) == ("APPROVE", "none", None)


def test_traffic_is_no_part_of_a_vector():
    busy_one, quiet_one = busy(), Scene()
    quiet_one.deliver(FIVE)
    payment = fields(5, customer="new")

    assert busy_one.ask(payment)["vector"] == quiet_one.ask(payment)["vector"]


def test_what_has_left_the_window_is_not_seen():
    scene = busy()
    scene.now += 45 * 60_000

    assert scene.ask(fields(5, customer="new", minute=75))["traffic"][:6] == [0, 0, 0, 0, 5, 5_000]


@pytest.mark.parametrize("seed", range(5))
def test_however_payments_are_told_and_delivered_again_each_counts_once(seed):
    rng = random.Random(seed)
    scene = Scene()
    payments = [{**fields(i, customer=f"c{i % 7}", minute=i // 3), "merchant_id": f"m{i % 3}"} for i in range(60)]
    assert scene.deliver(payments) == []
    told = [kinesis_record(r["Data"], n, key=r["PartitionKey"]) for n, r in enumerate(scene.merchants.records)]
    done = 0
    while done < len(told):
        again, done = max(0, done - rng.randrange(30)), done + rng.randrange(1, 9)
        assert Counter(scene.records, lambda: NOW).take(told[again:done]) == []

    for merchant in range(3):
        stored = scene.store.records[GROUPS["traffic"], f"m{merchant}"]["state"]
        counted = State.load(stored, TRAFFIC_LAYOUTS["traffic"]).remembered
        assert sorted(counted) == sorted(fingerprint(f"t{i}") for i in range(merchant, 60, 3))
        assert scene.traffic(f"m{merchant}")["traffic_payment_count_1d"] == 20


def test_a_backlog_counts_where_it_happened_and_looks_like_no_rush():
    """One shard is an hour behind, another keeps the merchant's clock current."""
    scene = Scene()
    scene.deliver([fields(0, customer="current", minute=34)])
    scene.deliver([fields(n, customer=f"c{n}", minute=n // 20) for n in range(1, 101)], first=2)
    scene.deliver([{**fields(200, customer="old"), "event_time": "2018-03-30T09:00:00Z"}], first=200)
    scene.count()

    found = scene.traffic("m1")
    assert found["traffic_payment_count_10m"] == 1
    assert found["traffic_payment_count_1h"] == found["traffic_payment_count_1d"] == 101
    assert found["traffic_payment_amount_1d"] == 101_000


@pytest.mark.parametrize("seed", range(5))
def test_shards_that_are_out_of_step_count_as_if_they_were_not(seed):
    payments = [fields(i, customer=f"c{i % 7}", minute=i // 3) for i in range(60)]
    orderly, torn = Scene(), Scene()
    orderly.deliver(payments)
    orderly.count()
    rng = random.Random(seed)
    left = [[p for p in payments if p["customer_id"] == f"c{n}"] for n in range(7)]
    place = 1
    while any(left):
        own = rng.choice([shard for shard in left if shard])
        torn.deliver([own.pop(0)], first=place)
        place += 1
    torn.count()

    assert torn.traffic("m1") == orderly.traffic("m1")


def test_a_store_that_cannot_tell_the_traffic_leaves_the_model_its_features_and_rules_silent(capsys):
    scene = busy()
    scene.store.refused = GROUPS["traffic"]
    answered = scene.ask(fields(5, customer="new"))
    scene.deliver([fields(6, customer="newer")], first=9)

    assert (answered["action"], answered["degrade_step"], answered["traffic"]) == ("APPROVE", "none", None)
    assert scene.logged()["t6"]["degrade_step"] == "none"
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"unread_traffic": 1' in line]
    assert {line["door"] for line in counted} == {"api", "stream"}


def test_the_counter_waits_for_a_store_that_cannot_tell_it_the_traffic():
    scene = Scene()
    scene.deliver(FIVE)
    scene.store.refused = GROUPS["traffic"]
    with pytest.raises(StoreUnavailable):
        scene.count()
    scene.store.refused = None
    scene.count()

    assert scene.traffic("m1")["traffic_payment_count_1d"] == 5


def test_a_batch_of_the_payment_stream_that_comes_again_before_it_was_applied_counts_once():
    scene = Scene()
    scene.store.down_for_writes = True
    with pytest.raises(StoreUnavailable):
        scene.deliver(FIVE)
    scene.store.down_for_writes = False
    scene.deliver(FIVE)
    scene.count()

    assert len(scene.merchants.records) == 10, "told twice"
    assert scene.traffic("m1")["traffic_payment_count_1d"] == 5


def test_a_merchant_that_the_store_could_not_keep_is_counted_when_the_batch_comes_again():
    scene = Scene()
    scene.deliver(FIVE)
    scene.store.down_for_writes = True
    with pytest.raises(StoreUnavailable):
        scene.count()
    scene.store.down_for_writes = False
    scene.count()

    assert scene.traffic("m1")["traffic_payment_count_1d"] == 5


def test_payments_that_the_merchants_stream_took_in_part_are_told_again():
    scene = Scene()
    scene.merchants.refusing = 1
    scene.deliver(FIVE)
    scene.count()

    assert scene.traffic("m1")["traffic_payment_count_1d"] == 5


def test_payments_are_decided_while_the_merchants_stream_takes_nothing_and_the_untold_are_counted(capsys):
    scene = Scene()
    scene.merchants.down = True

    assert scene.deliver(FIVE) == []
    assert len(scene.logged()) == 5
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert next(line for line in told if "untold_merchants" in line)["untold_merchants"] == 5


@pytest.mark.parametrize(
    "poison",
    [b"not json", b"[1]", b'{"transaction_id": "t", "merchant_id": "m2", "at": 1, "amount_cents": 1}', b"{" * 9_000],
    ids=["no JSON", "no object", "another merchant's key", "nested without end"],
)
def test_what_is_no_payment_fails_alone_and_what_came_before_it_is_counted(poison):
    scene = Scene()
    scene.deliver(FIVE)
    good = [kinesis_record(r["Data"], n, key="m1") for n, r in enumerate(scene.merchants.records)]

    failed = Counter(scene.records, lambda: NOW).take([*good[:2], kinesis_record(poison, 2, key="m1"), *good[2:]])

    assert failed == [{"itemIdentifier": "2"}]
    assert scene.traffic("m1")["traffic_payment_count_1d"] == 2


def test_a_record_is_bounded_and_remembers_more_than_the_batches_that_may_come_again():
    state = State(TRAFFIC_LAYOUTS["traffic"])
    for n in range(2_000):
        state.pay(NOW + n * 43_000, 1_000_000, "m1", f"a-long-identifier-of-a-payment-{n}")

    assert len(state.dump()) < 32_768
    assert state.knows("a-long-identifier-of-a-payment-976")
    assert not state.knows("a-long-identifier-of-a-payment-975")


def test_a_payment_that_is_older_than_every_window_takes_no_room_and_is_remembered():
    state = State(TRAFFIC_LAYOUTS["traffic"])
    for at in (NOW, NOW + 1):
        state.apply_where_it_happened(payment_event(at, 100, f"t{at}"))
    held = {ring: dict(tiles) for ring, tiles in state.tiles.items()}

    state.apply_where_it_happened(payment_event(NOW - 3 * DAY, 100, "old"))

    assert state.tiles == held
    assert state.knows("old")
