"""The stream door: in order, exactly once in the state, and never stopped by one bad record."""

from __future__ import annotations

import json

import pytest
from scoring.answers import BESIDE
from scoring.decision import FIELDS, Decision
from scoring.records import StoreUnavailable

from features.currency import UNIT, Rates
from features.fraud import FRAUD
from features.state import Layout, State
from features.vector import CUSTOMER_LAYOUT, PARTIAL, Knowledge, cells_of, fraud_vector
from tests.unit.lambda_functions.aws import Down, kinesis_record
from tests.unit.lambda_functions.scene import GROUPS, NOW, POLICY, Scene, fields

TEN = [fields(i, customer=f"c{i % 3}") for i in range(10)]
FEW = {"name": "few", "feature": "customer_payment_count_10m", "above": 1, "action": "BLOCK"}
COUNT = FRAUD.columns.index("customer_payment_count_1d")


def seen_before(scene: Scene) -> dict[str, float]:
    return {identifier: d["vector"][COUNT] for identifier, d in scene.logged().items()}


def test_every_payment_is_decided_and_counted_once():
    scene = Scene()

    assert scene.deliver(TEN) == []
    assert sorted(scene.logged()) == sorted(p["transaction_id"] for p in TEN)
    assert [scene.counted(f"c{i}") for i in range(3)] == [4, 3, 3]
    assert len(scene.endpoint.asked) == 1, "one call for the whole batch"


def test_within_a_batch_a_payment_sees_its_customers_earlier_ones():
    scene = Scene()
    scene.deliver([fields(0), fields(1), fields(2, customer="c2"), fields(3)])

    assert seen_before(scene) == {"t0": 0, "t1": 1, "t2": 0, "t3": 2}


def test_the_vectors_are_those_of_payments_that_came_one_by_one():
    together, alone = Scene(), Scene()
    together.deliver(TEN)
    for number, payment in enumerate(TEN):
        alone.deliver([payment], first=number + 1)

    assert together.logged() == alone.logged()
    assert together.states() == alone.states()


def test_the_logged_vector_can_be_computed_again():
    scene = Scene()
    scene.deliver([fields(0), fields(1)])
    known = Knowledge.nothing()
    first, second = scene.logged()["t0"], scene.logged()["t1"]
    at = 1_522_573_200_000

    assert first["vector"] == fraud_vector(at, at, 1000, "m1", known, cells_of(at, {}))
    known.customer.pay(at, 1000, "m1", "t0", cells_of(at, {}))
    assert second["vector"] == fraud_vector(at + 60_000, at + 60_000, 1000, "m1", known, cells_of(at + 60_000, {}))


def test_a_payment_that_comes_late_counts_right_after_its_customers_last_one_and_the_lake_is_told():
    scene = Scene()
    scene.deliver([fields(0), fields(30), fields(1)])
    late = scene.logged()["t1"]

    assert late["event_time"] == "2018-04-01T09:01:00.000Z"
    assert late["counted_at"] == scene.logged()["t30"]["counted_at"] + 1 == 1_522_573_200_001 + 30 * 60_000
    told = {"transaction_id": "t1", "event_time": "2018-04-01T09:01:00.000Z", "counted_at": late["counted_at"]}
    assert scene.bucket.lines("late/") == [{**told, "blocked": 0, "decided_at": late["decided_at"]}]
    assert scene.counted("c1") == 3


def test_what_was_decided_first_counts_first_though_another_payment_was_on_the_stream_before_it():
    scene = Scene()
    scene.ask(fields(1))  # t0 was on the stream already
    handed_on = json.loads(scene.stream.records[0]["Data"])

    scene.deliver([fields(0), handed_on])

    assert [scene.logged()[i]["overtaken"] for i in ("t0", "t1")] == [False, False]
    assert seen_before(scene) == {"t0": 1, "t1": 0}


def test_an_answer_that_did_not_know_what_came_before_says_so_is_judged_again_and_told():
    scene = Scene(policy={**POLICY, "rules": [FEW]})
    scene.table.refused = "risk-test-tails"
    asked = [scene.ask(fields(n)) for n in range(3)]
    handed_on = [json.loads(record["Data"]) for record in scene.stream.records]

    scene.deliver(handed_on)

    assert [d["velocity_exact"] for d in asked] == [False] * 3
    logged = [scene.logged()[f"t{n}"] for n in range(3)]
    assert [d["overtaken"] for d in logged] == [False, True, True]
    assert [d["action"] for d in logged] == ["APPROVE"] * 3
    assert [d["judged_again"] for d in logged] == [None, "APPROVE", "BLOCK"]
    assert [m["transaction_id"] for m in scene.topic.messages] == ["t2"]
    assert [(m["transaction_id"], m["judged_again"]) for m in scene.reviews.messages] == [("t2", "BLOCK")]


def test_a_payment_that_the_api_door_decided_is_logged_as_it_was_and_not_scored_again():
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.77] * len(rows)
    decision = scene.ask(fields(0))
    handed_on = json.loads(scene.stream.records[0]["Data"])
    scene.endpoint.asked.clear()

    scene.deliver([handed_on])

    assert scene.endpoint.asked == []
    assert scene.logged() == {"t0": {**decision, "explanation": ["Amount of 1000.0"], "attributes": "{}"}}
    assert scene.counted("c1") == 1


def test_a_decision_whose_instants_would_pass_for_card_numbers_is_logged():
    scene = Scene()
    decision = scene.ask(fields(0)) | {"arrived_at": 4222222222222, "decided_at": 4222222222222}

    assert scene.deliver([{**fields(0), "decision": decision}]) == []
    assert scene.logged() == {"t0": {**decision, "attributes": "{}"}}


def test_a_batch_delivered_twice_counts_once():
    scene = Scene()
    scene.deliver(TEN)
    records, objects = dict(scene.store.records), dict(scene.bucket.objects)

    assert scene.deliver(TEN) == []
    assert scene.store.records == records
    assert scene.bucket.objects == objects


def test_a_full_batch_of_one_customer_delivered_twice_counts_once():
    """A card that is being tested fills a batch alone."""
    scene = Scene()
    burst = [fields(i, minute=i // 4) for i in range(100)]
    scene.deliver(burst)
    scene.deliver(burst)

    assert scene.counted("c1") == 100
    assert len(scene.bucket.lines()) == 100


def test_a_payment_that_comes_twice_in_one_batch_counts_once():
    scene = Scene()
    scene.deliver([fields(0), fields(0), fields(1)])

    assert scene.counted("c1") == 2
    assert len(scene.bucket.lines()) == 2


def test_a_batch_that_overlaps_an_applied_one_decides_only_on_the_rest():
    scene = Scene()
    scene.deliver(TEN[:6])
    first = scene.logged()
    scene.deliver(TEN[3:], first=4)

    assert len(scene.bucket.lines()) == 10
    assert {k: v for k, v in scene.logged().items() if k in first} == first
    assert sum(scene.counted(f"c{i}") for i in range(3)) == 10


def test_a_crash_between_the_log_and_the_state_loses_and_doubles_nothing():
    crashed, smooth = Scene(), Scene()
    crashed.store.down_for_writes = True
    with pytest.raises(StoreUnavailable):
        crashed.deliver(TEN)
    assert len(crashed.bucket.lines()) == 10
    assert crashed.store.records == {}
    crashed.store.down_for_writes = False

    assert crashed.deliver(TEN) == []
    smooth.deliver(TEN)
    assert crashed.bucket.objects == smooth.bucket.objects, "the same decisions under the same names"
    assert crashed.store.records == smooth.store.records


def test_a_crash_before_the_log_leaves_everything_to_the_next_delivery():
    scene = Scene()
    scene.store.down = True
    with pytest.raises(StoreUnavailable):
        scene.deliver(TEN)

    assert scene.bucket.objects == scene.store.records == {}


POISON = {
    "no JSON": b"{",
    "no text": b"\xff\xfe\x00",
    "no object": b"[1]",
    "no payment": json.dumps({"transaction_id": "x"}).encode(),
    "a card number": json.dumps(fields(5, customer="4111111111111111")).encode(),
    "an endless number": b"1" * 5000,
    "a number beyond all": json.dumps(fields(5)).encode()[:-1] + b', "share": 1e999}',
    "an endless nesting": b"[" * 100_000,
    "half a letter": json.dumps(fields(5, customer="\ud800")).encode(),
    "a time beyond the calendar": json.dumps({**fields(5), "event_time": "9999-12-31T23:59:59-01:00"}).encode(),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
def test_a_poison_record_is_set_aside_with_its_reason_and_holds_up_nobody(poison, capsys):
    scene = Scene()

    (row,) = scene.deliver([TEN[0], TEN[1], poison, TEN[2]])

    assert row["sequence_number"] == "3"
    assert sorted(scene.logged()) == ["t0", "t1", "t2"]
    said = capsys.readouterr().out
    assert row["reasons"][0] in said
    assert '"poison": 1' in said, "which is alarmed on"
    assert "41111111" not in said + json.dumps(row)


def test_a_batch_of_nothing_but_poison_touches_no_record():
    scene = Scene()

    (row,) = scene.deliver([b"{"])

    assert row["reasons"] == ["the record is not JSON"]
    assert [*scene.bucket.objects] == ["quarantine/stream/batch=2018-04-01/stage=door/shardId-000000000000-1.json"]
    assert scene.store.reads == []


def test_poison_names_no_column_of_the_tables_own_and_can_be_read_strictly():
    """One line that a table cannot read makes the whole table unreadable."""
    scene = Scene()
    hostile = {**fields(0), "customer_id": 7, "row_number": "none", "Reasons": 1, "SOURCE_FILE": {}, "note": "\ud800"}

    (row,) = scene.deliver([json.dumps(hostile).encode()])

    assert set(row) == {"transaction_id", "line", "reasons", "source_file", "sequence_number"}
    assert row["transaction_id"] == "t0"
    assert json.loads(row["line"])["row_number"] == "none"
    (body,) = (body for key, body in scene.bucket.objects.items() if key.startswith("quarantine/"))
    assert b"\\ud800" not in body
    body.decode()


def test_poison_that_cannot_be_set_aside_is_not_lost():
    scene = Scene()
    scene.bucket.refused = "quarantine/"

    with pytest.raises(Down):
        scene.deliver([TEN[0], b"{"])
    scene.bucket.refused = None

    assert len(scene.deliver([TEN[0], b"{"])) == 1
    assert sorted(scene.logged()) == ["t0"]


def test_without_the_endpoint_the_shard_goes_on_and_says_so(capsys):
    scene = Scene()
    scene.endpoint.down = True

    assert scene.deliver(TEN) == []
    assert {(d["degrade_step"], d["action"]) for d in scene.logged().values()} == {("rules_only", "REVIEW")}
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (metrics["decisions"], metrics["degraded"], metrics["repeated"]) == (10, 10, 0)
    assert metrics["oldest_ms"] == NOW - 1_522_575_000_500


def test_a_payment_to_review_is_told_with_what_the_model_saw():
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.6, 0.95, 0.1][: len(rows)]

    scene.deliver(TEN[:3])

    (review,) = scene.reviews.messages
    assert (review["transaction_id"], review["action"]) == ("t0", "REVIEW")
    assert (review["reasons"], review["explanation"]) == (["score_at_or_above_review_threshold"], ["Amount of 1000.0"])


def test_reviews_that_cannot_be_told_hold_up_no_payments_and_are_counted(capsys):
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.6] * len(rows)
    scene.reviews.down = True

    assert not scene.deliver(TEN)

    assert len(scene.logged()) == 10
    assert '"unsent_reviews": 10' in capsys.readouterr().out, "which is alarmed on"


def test_a_blocked_payment_raises_one_alert():
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95 if row[0] > 5000 else 0.6 for row in rows]
    scene.deliver([fields(0), fields(1, amount="99.00")])

    (alert,) = scene.topic.messages
    assert (alert["transaction_id"], alert["action"], alert["fraud_score"]) == ("t1", "BLOCK", 0.95)
    assert "vector" not in alert


def test_many_alerts_go_in_calls_that_the_api_takes():
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    scene.deliver([fields(i) for i in range(23)])

    assert len({m["transaction_id"] for m in scene.topic.messages}) == 23
    assert scene.topic.calls == 3


def test_a_repeated_delivery_does_not_alert_again():
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    scene.deliver([fields(0)])
    scene.deliver([fields(0)])

    assert len(scene.topic.messages) == 1


def test_a_crash_after_an_alert_repeats_it_and_never_loses_it():
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    scene.store.down_for_writes = True
    with pytest.raises(StoreUnavailable):
        scene.deliver([fields(0)])
    scene.store.down_for_writes = False
    scene.deliver([fields(0)])

    assert {m["transaction_id"] for m in scene.topic.messages} == {"t0"}


@pytest.mark.parametrize(("down", "refusing", "unsent"), [(True, 0, 12), (False, 2, 4)], ids=["down", "throttled"])
def test_alerts_that_sns_does_not_take_are_named_and_counted_and_hold_up_nothing(capsys, down, refusing, unsent):
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    scene.topic.down, scene.topic.refusing = down, refusing

    assert scene.deliver([fields(i) for i in range(12)]) == []
    assert scene.counted("c1") == 12
    error, metrics = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    sent = {m["transaction_id"] for m in scene.topic.messages}
    assert set(error["transactions"]) == set(scene.logged()) - sent
    assert metrics["unsent_alerts"] == len(error["transactions"]) == unsent


def test_decisions_lie_by_the_payments_day_under_a_name_that_says_who_is_in_it():
    scene = Scene()
    late = {**fields(1), "event_time": "2018-03-31T23:59:59Z"}
    scene.deliver([fields(0), late, fields(2)], first=41)

    today, yesterday = sorted((k for k in scene.bucket.objects if k.startswith("decisions/")), reverse=True)
    assert today.startswith("decisions/decision_date=2018-04-01/shardId-000000000000-41-2-")
    assert yesterday.startswith("decisions/decision_date=2018-03-31/shardId-000000000000-42-1-")


def test_a_retry_that_decides_on_fewer_payments_does_not_replace_the_fuller_object():
    scene = Scene()
    scene.deliver(TEN[:2])
    fuller = dict(scene.bucket.objects)
    scene.deliver([TEN[0], fields(30)])  # the same first sequence number, another member

    assert fuller.items() <= scene.bucket.objects.items()
    assert len(scene.bucket.lines()) == 3


def test_a_payment_from_the_future_is_poison_and_does_not_move_the_customers_clock():
    scene = Scene()
    future = {**fields(1), "event_time": "2099-01-01T00:00:00Z"}

    assert [row["sequence_number"] for row in scene.deliver([fields(0), future, fields(2)])] == ["2"]
    assert list(scene.logged()) == ["t0", "t2"]
    assert seen_before(scene)["t2"] == 1


@pytest.mark.parametrize("forged", ["APPROVE", {"action": "APPROVE"}, 1])
def test_a_decision_that_the_api_door_did_not_make_is_poison(forged):
    scene = Scene()

    assert [row["sequence_number"] for row in scene.deliver([{**fields(0), "decision": forged}])] == ["1"]
    assert scene.logged() == {}


def test_a_decision_about_another_payment_is_poison():
    scene = Scene()
    decision = scene.ask(fields(0))

    assert [row["sequence_number"] for row in scene.deliver([{**fields(1), "decision": decision}])] == ["1"]


@pytest.mark.parametrize(
    "changed",
    [
        {"amount_cents": 1},
        {"merchant_id": "m2"},
        {"event_time": "2018-04-01T09:00:00.001Z"},
        {"door": "stream"},
        {"action": "WAVE THROUGH"},
        {"action": ["APPROVE"]},
        {"fraud_score": 2.0},
        {"fraud_score": "0.1"},
    ],
)
def test_a_decision_that_says_other_than_its_payment_or_nothing_possible_is_poison(changed):
    scene = Scene()
    decision = scene.ask(fields(0))

    assert [row["sequence_number"] for row in scene.deliver([{**fields(0), "decision": {**decision, **changed}}])] == [
        "1"
    ]
    assert scene.deliver([{**fields(0), "decision": decision}]) == []


def of_another_version(decision: dict, without: tuple[str, ...] = (), **further) -> dict:
    return {name: value for name, value in {**decision, **further}.items() if name not in without}


@pytest.mark.parametrize(
    ("without", "stands"),
    [("traffic", None), ("explanation", []), ("vector", None), ("counted_at", 1_522_573_200_000), ("overtaken", False)],
)
def test_a_decision_that_a_door_of_another_version_has_made_stands_as_the_payer_was_told_it(without, stands):
    scene = Scene()
    decision = scene.ask(fields(0))
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)

    assert scene.deliver([{**fields(0), "decision": of_another_version(decision, (without,), brought=1)}]) == []
    assert scene.logged() == {"t0": {**decision, without: stands, "attributes": "{}"}}
    assert scene.counted("c1") == 1


@pytest.mark.parametrize("without", ["action", "fraud_score", "reasons", "model", "decided_at", "amount_cents"])
def test_a_decision_that_lacks_what_nothing_can_stand_for_is_poison(without, capsys):
    scene = Scene()
    decision = of_another_version(scene.ask(fields(0)), (without,))

    assert [row["sequence_number"] for row in scene.deliver([{**fields(0), "decision": decision}])] == ["1"]
    assert f"expected what the API door hands on, with {without} " in capsys.readouterr().out


def test_a_vector_of_other_features_is_kept_and_neither_compared_nor_explained():
    """Its model would refuse the whole batch's question."""
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    other = of_another_version(scene.ask(fields(0)), vector=[1.0, None], feature_version="other")
    scene.deliver([{**fields(0), "decision": other}, fields(1)])

    assert scene.logged()["t0"] == {**other, "attributes": "{}"}
    assert scene.logged()["t0"]["overtaken"] is False
    assert [len(rows) for rows in scene.endpoint.explained] == [1]


def test_a_decision_from_a_record_that_is_younger_than_a_feature_says_so_and_is_compared_all_the_same():
    """The lake computes the feature from the whole past: such a vector is none of those that must be equal to it."""
    scene = Scene()
    scene.deliver([fields(0)])
    fewer = Layout([w for w in CUSTOMER_LAYOUT.windows if w.name != "customer_payment_count_10m"], of=FRAUD)
    record = scene.store.records[GROUPS["customer"], "c1"]
    record["state"] = State.load(record["state"], fewer).dump()

    asked = scene.ask(fields(1))
    scene.deliver([{**fields(1), "decision": asked}])
    scene.deliver([fields(2)])

    assert asked["vector"][FRAUD.columns.index("customer_payment_count_10m")] is None
    assert asked["vector"][FRAUD.columns.index("customer_payment_amount_10m")] is not None
    assert [scene.logged()[name]["feature_version"] for name in ("t0", "t1", "t2")] == [FRAUD.version, PARTIAL, PARTIAL]
    assert scene.logged()["t1"]["overtaken"] is False


def test_every_field_of_a_decision_is_looked_at():
    assert set(FIELDS) == {*Decision.__dataclass_fields__, *BESIDE}


WRONG = {
    "reasons": ["score", {}, [1], ["x" * 8193], ["x"] * 1001, ["\ud800"]],
    "explanation": [None, [[]]],
    "vector": [[1.0], ["1"] * len(FRAUD.columns), [True] * len(FRAUD.columns), {}],
    "traffic": [[1.5], [True], 3],
    "model": [7],
    "policy_version": [None, 4],
    "feature_version": [None, 1],
    "degrade_step": [None, []],
    "overtaken": [None, 0],
    "counted_at": ["0", 1.0],
    "arrived_at": [None, "now", 10**300],
    "decided_at": [True],
    "amount_cents": [1000.0],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_decision_with_a_field_of_another_type_is_poison_that_names_it(name, value, capsys):
    scene = Scene()
    decision = {**scene.ask(fields(0)), name: value}

    assert [row["sequence_number"] for row in scene.deliver([{**fields(0), "decision": decision}])] == ["1"]
    said = capsys.readouterr().out
    assert "decision: expected what the API door hands on, with " in said
    assert name in said


@pytest.mark.parametrize("name", ["reasons", "explanation", "model", "policy_version", "degrade_step"])
def test_a_card_number_in_a_text_of_a_decision_is_poison(name, capsys):
    scene = Scene()
    decision = scene.ask(fields(0))
    number = "4111 1111 1111 1111"
    decision[name] = [number] if isinstance(decision[name], list) else number
    capsys.readouterr()

    assert [row["sequence_number"] for row in scene.deliver([{**fields(0), "decision": decision}])] == ["1"]
    said = capsys.readouterr().out
    assert f"decision: {name} looks like a card number" in said
    assert "4111" not in said


def test_a_payment_that_comes_by_another_key_than_its_customer_is_poison():
    """Another shard's consumer may be writing that customer's record at the same moment."""
    scene = Scene()
    record = kinesis_record(fields(0), 1, key="t0")

    scene.stream_door().take([record])
    (row,) = scene.bucket.lines("quarantine/")
    assert row["reasons"] == ["partition key: expected the payment's customer_id"]
    assert scene.logged() == {}


def test_what_was_logged_of_a_batch_stands_when_it_comes_again_in_the_same_cut():
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    scene.store.down_for_writes = True
    with pytest.raises(StoreUnavailable):
        scene.deliver([fields(0)])
    (key,), before = scene.bucket.objects, dict(scene.bucket.objects)
    scene.store.down_for_writes, scene.endpoint.down = False, True
    scene.deliver([fields(0)])

    assert scene.bucket.objects == before, key
    assert scene.counted("c1") == 1
    assert [message["action"] for message in scene.topic.messages] == ["BLOCK"], "before it was logged"


def test_what_was_not_approved_is_explained_whichever_door_decided_it_and_the_alert_says_it_too():
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [row[0] / 1e4 for row in rows]
    asked = scene.ask(fields(0, amount="70.00"))
    scene.deliver([{**fields(0, amount="70.00"), "decision": asked}, fields(1, amount="95.00"), fields(2)])

    explained = {i: d["explanation"] for i, d in scene.logged().items()}
    assert asked["explanation"] == [], "no payer waits for it"
    assert explained == {"t0": ["Amount of 7000.0"], "t1": ["Amount of 9500.0"], "t2": []}
    assert len(scene.endpoint.explained) == 1
    (alert,) = scene.topic.messages
    assert alert["explanation"] == ["Amount of 9500.0"]


def test_without_an_explanation_the_decision_stands():
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    scene.endpoint.silent_on_reasons = True
    scene.deliver([fields(0)])

    assert (scene.logged()["t0"]["action"], scene.logged()["t0"]["explanation"]) == ("BLOCK", [])
    assert scene.logged()["t0"]["degrade_step"] == "none"


def test_an_explanation_by_another_model_than_the_one_that_scored_is_dropped():
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    handed_on = {**fields(0), "decision": scene.ask(fields(0))}
    scene.endpoint.model = "model-8"  # the endpoint has changed over in between
    scene.deliver([handed_on, fields(1)])

    explained = {i: (d["model"], d["explanation"]) for i, d in scene.logged().items()}
    assert explained == {"t0": ("model-7", []), "t1": ("model-8", ["Amount of 1000.0"])}


def test_what_the_door_can_do_without_is_left_alone_once_it_has_failed_three_times(capsys):
    """Each would cost its time limit on every batch. What was not sent and not told is counted all the same."""
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    batches = [[scene.signed({**fields(n), "decision": scene.ask(fields(n))})] for n in range(5)]
    capsys.readouterr()
    door = scene.stream_door()
    scene.topic.down = scene.merchants.down = scene.endpoint.silent_on_reasons = scene.table.down = True

    calls = scene.calls_during(
        lambda: [door.take([kinesis_record(p, n) for p in batch]) for n, batch in enumerate(batches)]
    )

    asked = ("publish_batch", "put_records", "invoke_endpoint", "update_item")
    assert {operation: calls[operation] for operation in asked} == dict.fromkeys(asked, 3)
    assert len(scene.logged()) == scene.counted("c1") == 5
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [sum(line.get(name, 0) for line in said) for name in ("unsent_alerts", "untold_merchants")] == [5, 5]


def test_an_answer_that_is_not_kept_any_more_is_no_failure_of_the_table():
    scene = Scene()
    batch = [{**fields(n), "decision": scene.ask(fields(n))} for n in range(5)]
    for gone in range(4):
        del scene.table.items[f"t{gone}"]
    scene.deliver(batch)

    assert "applied" in scene.table.items["t4"]


def test_sns_that_does_not_answer_is_asked_once():
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    scene.topic.down = True
    scene.deliver([fields(i, minute=i // 4) for i in range(35)])

    assert scene.topic.asked == 1
    assert scene.counted("c1") == 35


def test_the_number_of_blocked_payments_is_told_whichever_door_blocked_them(capsys):
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95 if row[FRAUD.columns.index("amount")] > 100_000 else 0.1 for row in rows]
    scene.ask(fields(0, amount="2000.00"))
    handed_on = json.loads(scene.stream.records[0]["Data"])
    capsys.readouterr()

    scene.deliver([handed_on, fields(1), fields(2, amount="3000.00"), fields(3), fields(4)])

    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (metrics["decisions"], metrics["blocked"]) == (5, 2)


def test_the_log_has_every_column_of_a_payment_whichever_door_decided():
    scene = Scene()
    told = {"device_id": "d1", "card_present": True, "shop": "a"}
    scene.ask(fields(0, **told))
    asked = json.loads(scene.stream.records[0]["Data"])
    scene.ask(fields(1, **told))  # never reaches the stream

    scene.deliver([asked, fields(2, **told)])

    kept = {i: json.loads(d["attributes"]) for i, d in scene.logged().items()}
    own = {"device_id": "d1", "card_present": "1", "shop": "a"}
    assert kept == {"t0": own, "t1": own, "t2": own}
    assert "attributes" not in asked["decision"], "what comes beside it is not said twice"


def test_the_log_has_the_payment_as_it_came_whichever_door_decided_for_the_night_to_bring_to_raw():
    """One that was answered and never arrived too: its currency and amount, not what they count for at home."""
    scene = Scene()
    scene.publish(Rates("EUR").published([("USD", "2018-03-30", UNIT * 8 // 10)], "2018-03-30"))
    told = {"device_id": " d1", "card_present": True, "note": None, "currency": "usd"}
    scene.ask(fields(0, **told))
    asked = json.loads(scene.stream.records[0]["Data"])
    scene.ask(fields(1, **told))  # does not reach the stream before the next one

    scene.deliver([asked, fields(2, **told)])

    assert scene.met() == {f"t{number}": fields(number, **told) for number in range(3)}
    assert {d["amount_cents"] for d in scene.logged().values()} == {800}
    late = json.loads(scene.stream.records[1]["Data"])
    scene.deliver([late])
    events = [d["event"] for d in scene.bucket.lines() if d["transaction_id"] == "t1"]
    assert set(events) == {json.dumps({k: v for k, v in late.items() if k != "decision"})}, "one content, to the byte"


def test_an_answer_that_a_door_of_before_has_kept_without_the_payment_as_it_came_is_spelt_in_home_money():
    scene = Scene()
    scene.publish(Rates("EUR").published([("USD", "2018-03-30", UNIT * 8 // 10)], "2018-03-30"))
    scene.ask(fields(1, currency="USD", device_id="d1"))  # never reaches the stream
    del scene.table.items["t1"]["event"]

    scene.deliver([fields(2)])

    home = {"device_id": "d1", "amount": "8.00", "event_time": "2018-04-01T09:01:00.000Z"}
    assert scene.met()["t1"] == fields(1) | home
