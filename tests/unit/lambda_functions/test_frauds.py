"""Frauds of the day: told by the doors that take labels, counted once by the counter, seen by both doors' rules."""

from __future__ import annotations

import json

import pytest
from cases.door import Unfinished
from labels.door import LabelsDoor
from merchants.counter import Counter
from scoring.frauds import TOGETHER, WITHIN
from scoring.labels import LabelFiles

from features.declaration import DAY, HOUR
from features.fraud import FRAUD
from features.state import State, label_event, payment_event
from features.traffic import FRAUDS_REMEMBERED, TRAFFIC, TRAFFIC_LAYOUTS, TRAFFIC_NAMES, traffic_at
from features.vector import RULED
from tests.unit.lambda_functions.aws import kinesis_record
from tests.unit.lambda_functions.cases_table import ADA, LEA, Desk, asked
from tests.unit.lambda_functions.scene import NOW, POLICY, Scene, fields

DEVICE, ADDRESS = "d1", "192.0.2.7"
ROBBED = fields(0, device_id=DEVICE, ip=ADDRESS)
WHOSE = {"traffic": "m1", "device_traffic": DEVICE, "address_traffic": ADDRESS}
RULE = {
    "name": "robbed_today",
    "when": {"any": [{"feature": f"{entity}_label_fraud_1d", ">": 0} for entity in WHOSE]},
    "action": "BLOCK",
}


def label(payment: str = "t0", fraud: int = 1, at: str = "2018-04-01T09:00:00Z") -> dict:
    return {"transaction_id": payment, "is_fraud": fraud, "reported_at": at}


def say(scene: Scene, *labels: dict, now: int | None = None) -> dict:
    """What the labels door answers."""
    files = LabelFiles(scene.bucket, "lake")
    return LabelsDoor(files, scene.frauds(), lambda: now or scene.now).take(list(labels))


def answered(*payments: dict) -> Scene:
    """Payments that the API door has decided and the stream door has counted."""
    scene = Scene({**POLICY, "rules": [RULE]})
    scene.deliver([{**payment, "decision": scene.ask(payment)} for payment in payments])
    scene.count()
    return scene


def frauds(scene: Scene, entity: str = "traffic", whose: str | None = None) -> int:
    """What a door reads of the day's."""
    named = whose or WHOSE[entity]
    state = scene.records.read({entity: [named]})[entity][named]
    return dict(zip(TRAFFIC_NAMES, traffic_at({entity: state}, scene.now) or [], strict=True))[
        f"{entity}_label_fraud_1d"
    ]


def metrics(out: str) -> list[dict]:
    return [line for line in map(json.loads, out.splitlines()) if "frauds_told" in line]


@pytest.mark.parametrize(
    "next_one",
    [
        {"merchant_id": "m1"},
        {"merchant_id": "other", "device_id": DEVICE},
        {"merchant_id": "other", "ip": ADDRESS},
    ],
    ids=["at the merchant", "with the device", "from the address"],
)
def test_a_fraud_that_was_told_is_known_to_rules_of_both_doors_and_the_decision_keeps_it(next_one):
    scene = answered(ROBBED)
    before = scene.ask({**fields(1, customer="c2"), **next_one})
    say(scene, label())
    scene.count()
    after = scene.ask({**fields(2, customer="c3"), **next_one})
    elsewhere = scene.ask({**fields(3, customer="c4"), "merchant_id": "quiet"})
    scene.deliver([{**fields(4, customer="c5"), **next_one}], first=9)

    assert (before["action"], elsewhere["action"]) == ("APPROVE", "APPROVE")
    assert (after["action"], after["reasons"]) == ("BLOCK", ["robbed_today"])
    assert sum(after["traffic"][-3:]) == 1
    assert scene.logged()["t4"]["action"] == "BLOCK"


def test_one_fraud_is_told_once_to_whom_the_payment_names_each_by_its_own_key():
    scene = answered(ROBBED)
    before = len(scene.merchants.records)
    say(scene, label())

    told = scene.merchants.records[before:]
    assert {r["PartitionKey"] for r in told} == set(WHOSE.values())
    assert [json.loads(r["Data"]) for r in told] == [
        {"transaction_id": "t0", column: whose, "kind": "fraud", "at": NOW, "amount_cents": 0}
        for column, whose in (("merchant_id", "m1"), ("device_id", DEVICE), ("ip", ADDRESS))
    ]


def test_a_payment_and_its_label_both_count_each_once_however_often_they_are_told():
    scene = answered(ROBBED)
    say(scene, label())
    say(scene, label())
    say(scene, label(at="2018-04-01T09:20:00Z"), now=NOW + HOUR)
    for _ in range(2):
        assert scene.count() == []

    for entity in WHOSE:
        assert frauds(scene, entity) == 1
        assert scene.traffic(WHOSE[entity], entity)[f"{entity}_payment_count_1d"] == 1


def test_a_label_that_is_counted_before_its_payment_hides_no_payment():
    scene = Scene()
    decision = scene.ask(ROBBED)
    say(scene, label())
    assert scene.count() == []
    scene.deliver([{**ROBBED, "decision": decision}])
    scene.count()

    assert (frauds(scene), scene.traffic("m1")["traffic_payment_count_1d"]) == (1, 1)


def test_honest_payments_are_told_of_to_nobody_and_take_no_fraud_back(capsys):
    scene = answered(ROBBED, fields(1, customer="c2"))
    before = len(scene.merchants.records)
    say(scene, label("t1", fraud=0))
    assert (len(scene.merchants.records), metrics(capsys.readouterr().out)) == (before, [])

    say(scene, label())
    say(scene, label(fraud=0, at="2018-04-01T09:20:00Z"))
    scene.count()

    assert frauds(scene) == 1


def test_a_fraud_that_the_same_request_takes_back_is_not_told():
    scene = answered(ROBBED)
    before = len(scene.merchants.records)
    say(scene, label(), label(fraud=0, at="2018-04-01T09:20:00Z"))

    assert len(scene.merchants.records) == before


def test_a_payment_that_the_answers_do_not_know_is_counted_as_such_and_stored_as_any(capsys):
    scene = answered(ROBBED)
    said = say(scene, label(), label("stranger"), label("another"))
    scene.count()

    assert said["accepted"] == 3
    (line,) = metrics(capsys.readouterr().out)
    assert {name: line[name] for name in ("door", "frauds_told", "frauds_unknown", "frauds_untold")} == {
        "door": "labels",
        "frauds_told": 1,
        "frauds_unknown": 2,
        "frauds_untold": 0,
    }
    assert frauds(scene) == 1


@pytest.mark.parametrize("kept", [{"merchant_id": 7}, {"event_time": "never"}, {"attributes": "{"}])
def test_an_answer_that_nobody_can_read_is_one_that_is_not_known(kept, capsys):
    scene = answered(ROBBED)
    item = scene.table.items["t0"]
    attributes = kept.pop("attributes", item["attributes"]["S"])
    item |= {"decision": {"S": json.dumps({**json.loads(item["decision"]["S"]), **kept})}}
    item |= {"attributes": {"S": attributes}}
    say(scene, label())

    (line,) = metrics(capsys.readouterr().out)
    assert (line["frauds_told"], line["frauds_unknown"]) == (0, 1)


@pytest.mark.parametrize("broken", ["answers", "stream"])
def test_a_label_is_stored_though_rules_cannot_be_told_and_the_same_request_tells_them(broken, capsys):
    scene = answered(ROBBED)
    service = {"answers": scene.table, "stream": scene.merchants}[broken]
    service.down = True
    said = say(scene, label())
    (line,) = metrics(capsys.readouterr().out)
    service.down = False

    assert (said["accepted"], said["repeated"]) == (1, False)
    assert (line["frauds_told"], line["frauds_untold"]) == (0, 1)
    assert say(scene, label())["repeated"]
    scene.count()
    assert frauds(scene) == 1


def test_what_cannot_be_told_while_somebody_waits_is_counted_as_untold(capsys):
    payments = [fields(n, customer=f"c{n}", minute=0) for n in range(TOGETHER + 1)]
    scene = answered(*payments)
    labels = [label(p["transaction_id"]) for p in payments]
    capsys.readouterr()
    table, looked = scene.table, []
    look = table.batch_get_item

    def slow(**request):
        looked.append(request)
        scene.now += WITHIN + 1
        return look(**request)

    table.batch_get_item = slow
    say(scene, *labels)

    (line,) = metrics(capsys.readouterr().out)
    assert len(looked) == 1
    assert (line["frauds_told"], line["frauds_untold"]) == (TOGETHER, 1)


def test_a_fraud_of_yesterday_is_none_of_the_day():
    scene = answered(ROBBED)
    say(scene, label(at="2018-03-30T09:00:00Z"), now=NOW - DAY - 2 * HOUR)
    scene.count()

    assert frauds(scene) == 0


def test_frauds_are_no_part_of_a_vector_and_change_no_version():
    scene, quiet = answered(ROBBED), answered(ROBBED)
    say(scene, label())
    scene.count()
    payment = fields(1, device_id=DEVICE, ip=ADDRESS)

    assert scene.ask(payment)["vector"] == quiet.ask(payment)["vector"]
    assert not set(TRAFFIC_NAMES) & set(FRAUD.columns)
    assert "traffic_label_fraud_1d" in RULED


def test_decisions_keep_the_payments_of_ours_where_they_were_and_frauds_behind_them():
    assert TRAFFIC_NAMES[:18] == tuple(
        f"{entity}_payment_{measure}_{length}"
        for entity in WHOSE
        for length in ("10m", "1h", "1d")
        for measure in ("count", "amount")
    )
    assert TRAFFIC_NAMES[18:21] == tuple(f"{entity}_label_fraud_1d" for entity in WHOSE)
    assert len(TRAFFIC_NAMES) == len(set(TRAFFIC_NAMES)) == sum(map(len, TRAFFIC.values()))


def test_another_kind_than_the_counter_knows_is_set_aside():
    told = {"transaction_id": "t1", "merchant_id": "m1", "at": NOW, "amount_cents": 0, "kind": "refund"}
    record = kinesis_record(json.dumps(told).encode(), 1, key="m1")

    assert Counter(Scene().records, lambda: NOW).take([record]) == [{"itemIdentifier": "1"}]


def test_a_label_moves_no_clock_so_payments_that_come_behind_it_are_read_where_they_are():
    state = State(TRAFFIC_LAYOUTS["traffic"])
    state.apply_where_it_happened(payment_event(NOW, 100, "t1"))
    state.apply_label(label_event(NOW + 40 * DAY, 1, identifier="t1"))
    state.apply_where_it_happened(payment_event(NOW + 1, 100, "t2"))

    assert state.clock == NOW + 1
    seen = dict(zip(TRAFFIC_NAMES, traffic_at({"traffic": state}, NOW + 2) or [], strict=True))
    assert (seen["traffic_payment_count_1d"], seen["traffic_label_fraud_1d"]) == (2, 0)


def test_labels_count_the_same_in_whatever_order_they_come():
    moments = [NOW + n * 47 * 60_000 for n in range(60)]
    one, other = State(TRAFFIC_LAYOUTS["traffic"]), State(TRAFFIC_LAYOUTS["traffic"])
    for state, order in ((one, moments), (other, moments[::-1])):
        for at in order:
            state.apply_label(label_event(at, 1, identifier=f"t{at}"))

    assert one.tiles == other.tiles
    assert len(one.tiles["label", HOUR]) <= DAY // HOUR + 1, "others are in no window any more"
    at = max(moments) + 1
    assert one.values(at) == other.values(at)
    assert one.values(at)["traffic_label_fraud_1d"] == sum(m >= (at - DAY) // HOUR * HOUR for m in moments)


def test_frauds_are_known_though_many_payments_lie_between_and_the_record_stays_bounded():
    state = State(TRAFFIC_LAYOUTS["traffic"])
    name = "a-long-identifier-of-a-payment-{}".format
    for n in range(2_000):
        state.apply_label(label_event(NOW + n * 43_000, 1, identifier=name(n)))
        state.apply_where_it_happened(payment_event(NOW + n * 43_000, 1_000_000, name(n)))
    again = State.load(state.dump(), TRAFFIC_LAYOUTS["traffic"])

    assert len(state.dump()) < 32_768
    assert again.knows_label(name(2_000 - FRAUDS_REMEMBERED))
    assert not again.knows_label(name(1_999 - FRAUDS_REMEMBERED))
    assert again.copy().labelled == state.labelled
    assert not again.knows_label("t1")


def test_a_record_of_before_keeps_its_payments_and_tells_of_the_frauds_that_come():
    payments = [w for w in TRAFFIC["traffic"] if w.kind == "payment"]
    before = State(type(TRAFFIC_LAYOUTS["traffic"])(payments, 1_024))
    before.apply_where_it_happened(payment_event(NOW, 100, "t1"))
    state = State.load(before.dump(), TRAFFIC_LAYOUTS["traffic"])
    state.apply_label(label_event(NOW + 1, 1, identifier="t1"))

    seen = dict(zip(TRAFFIC_NAMES, traffic_at({"traffic": state}, NOW + 2) or [], strict=True))
    assert (seen["traffic_payment_count_1d"], seen["traffic_label_fraud_1d"]) == (1, 1)
    assert state.knows("t1")


def test_a_counter_of_before_takes_a_fraud_for_the_payment_once_more():
    """As it read records: it knew no kinds. What it takes for a payment it knows, or counts with no amount."""
    scene = answered(ROBBED)
    before = len(scene.merchants.records)
    say(scene, label())
    for record in scene.merchants.records[before:]:
        told = json.loads(record["Data"])
        del told["kind"]
        record["Data"] = json.dumps(told).encode()
    assert scene.count(before) == []

    found = scene.traffic("m1")
    assert (found["traffic_payment_count_1d"], found["traffic_payment_amount_1d"]) == (1, 1_000)


def reviewed(verdict: dict, *payments: dict) -> tuple[Desk, str]:
    """A desk that has decided on a case of payments that the API door has answered, and the case."""
    desk = Desk()
    for payment in payments:
        desk.scene.ask(payment)
        desk.take_in(payment["transaction_id"])
    case = desk.cases.of_payment(payments[0]["transaction_id"]).id
    desk.door.claim(asked(ADA, case))
    desk.door.decide(asked(ADA, case, {"why": "the customer did not pay this", "seen": len(payments), **verdict}))
    return desk, case


def test_what_a_reviewer_calls_fraud_is_known_to_rules_and_what_he_calls_honest_is_not():
    other = {**fields(1), "merchant_id": "other"}
    desk, _ = reviewed({"decision": "fraud", "otherwise": {"t1": "honest"}}, ROBBED, other)
    assert desk.scene.count() == []

    assert {entity: frauds(desk.scene, entity) for entity in WHOSE} == dict.fromkeys(WHOSE, 1)
    assert frauds(desk.scene, whose="other") == 0
    assert {json.loads(r["Data"])["at"] for r in desk.scene.merchants.records} == {desk.at}


def test_a_case_that_is_decided_anew_and_a_label_from_elsewhere_make_no_second_fraud_of_a_payment():
    desk, case = reviewed({"decision": "fraud"}, ROBBED)
    for decision in ("honest", "fraud"):
        desk.at += HOUR // 4
        desk.door.reopen(asked(LEA, case, {"why": "the customer called"}))
        desk.door.decide(asked(LEA, case, {"why": "he said so", "seen": 1, "decision": decision}))
    say(desk.scene, label())
    assert desk.scene.count() == []

    assert len(desk.scene.merchants.records) == 3 * len(WHOSE)
    assert frauds(desk.scene) == 1


def test_a_case_is_finished_though_rules_cannot_be_told_of_its_frauds(capsys):
    desk = Desk()
    desk.scene.merchants.down = True
    desk.scene.ask(ROBBED)
    case = desk.opened("t0")
    desk.door.claim(asked(ADA, case))
    desk.door.decide(asked(ADA, case, {"why": "the customer did not pay this", "seen": 1, "decision": "fraud"}))

    (line,) = metrics(capsys.readouterr().out)
    assert (line["door"], line["frauds_untold"]) == ("cases", 1)
    assert (desk.labels(), desk.cases.owed(), len(desk.topic.messages)) == ([("t0", "1")], [], 1)


def test_frauds_of_a_case_that_the_watch_finishes_count_when_they_were_decided():
    desk = Desk()
    desk.scene.ask(ROBBED)
    case = desk.opened("t0")
    desk.door.claim(asked(ADA, case))
    desk.lake.refused = "raw/"
    with pytest.raises(Unfinished):
        desk.door.decide(asked(ADA, case, {"why": "the customer did not pay this", "seen": 1, "decision": "fraud"}))
    assert desk.scene.merchants.records == [], "its labels are not stored"
    decided, desk.lake.refused = desk.at, None
    desk.at += HOUR
    assert desk.finisher.finish(case)

    assert {json.loads(r["Data"])["at"] for r in desk.scene.merchants.records} == {decided}
