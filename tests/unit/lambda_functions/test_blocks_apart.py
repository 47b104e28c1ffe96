"""Where blocks are a kind of their own, what the doors blocked is in no baseline of what was paid, at either door."""

from __future__ import annotations

import json
import random

import pytest

from features.values import instant
from tests.unit.lambda_functions.aws import Down
from tests.unit.lambda_functions.scene import NOW, POLICY
from tests.unit.lambda_functions.versions import with_features

DECLARED = """
from features.declaration import DAY, HOUR, MINUTE, SinceLast, Window

FEATURES = (
    Window("customer", "block", "count", 10 * MINUTE, MINUTE),
    Window("customer", "attempt", "count", 10 * MINUTE, MINUTE),
    SinceLast("customer", "customer_ms_since_last_block", DAY, kind="block"),
)
"""
PAID, BLOCKS, TRIED = (f"customer_{kind}_count_10m" for kind in ("payment", "block", "attempt"))
SUM, SINCE = "customer_payment_amount_10m", "customer_ms_since_last_block"
LIMIT = {"name": "velocity", "feature": PAID, "above": 2, "action": "BLOCK"}
LARGE = {"name": "large", "feature": "amount", "above": 500_00, "action": "BLOCK"}


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    """The scene's module whose doors know blocks."""
    folder = tmp_path_factory.mktemp("features")
    (folder / "own.py").write_text(DECLARED)
    return with_features(folder)


def paid(number: int, amount: str = "10.00", stamp: int | None = None, **further) -> dict:
    return {
        "transaction_id": f"t{number}",
        "event_time": f"2018-04-01T09:20:{number if stamp is None else stamp:02d}Z",
        "customer_id": "c1",
        "merchant_id": "m1",
        "amount": amount,
        **further,
    }


def handed_on(scene, first: int = 0) -> list[dict]:
    return [json.loads(record["Data"]) for record in scene.stream.records[first:]]


def told(apart, decision: dict, *names: str) -> tuple:
    return tuple(decision["vector"][apart.FRAUD.columns.index(name)] for name in names)


def test_what_a_door_blocked_is_in_no_later_payments_baseline(apart):
    scene = apart.Scene(policy={**POLICY, "rules": [LARGE]})

    asked = [scene.ask(paid(0)), scene.ask(paid(1, "900.00")), scene.ask(paid(2))]
    scene.deliver([*handed_on(scene), paid(3, "900.00"), paid(4)])

    logged = scene.logged()
    assert [logged[f"t{n}"]["action"] for n in range(5)] == ["APPROVE", "BLOCK", "APPROVE", "BLOCK", "APPROVE"]
    assert told(apart, asked[2], PAID, SUM, BLOCKS, TRIED, SINCE) == (1, 10_00, 1, 2, 1_000)
    assert told(apart, logged["t4"], PAID, SUM, BLOCKS, TRIED, SINCE) == (2, 20_00, 2, 4, 1_000)
    assert not any(d["overtaken"] for d in logged.values())
    assert scene.counted("c1") == 3


def test_the_lake_is_told_which_payments_count_as_blocks(apart):
    scene = apart.Scene(policy={**POLICY, "rules": [LARGE]})
    scene.ask(paid(1, "900.00"))

    scene.deliver([paid(0), *handed_on(scene), paid(2, "900.00")])

    notes = {note["transaction_id"]: note for note in scene.bucket.lines("late/")}
    assert {name: note["blocked"] for name, note in notes.items()} == {"t0": 0, "t1": 1, "t2": 1}, "t0 counts late"
    logged = scene.logged()["t2"]
    assert notes["t2"]["counted_at"] == instant(logged["event_time"])
    assert notes["t2"]["decided_at"] == logged["decided_at"]


def test_payments_beyond_a_limit_of_what_is_paid_are_refused_however_often_they_are_tried(apart):
    scene = apart.Scene(policy={**POLICY, "rules": [LIMIT]})

    asked = [scene.ask(paid(n)) for n in range(25)]
    scene.deliver([*handed_on(scene), *(paid(n) for n in range(25, 50))])

    logged = [scene.logged()[f"t{n}"] for n in range(50)]
    assert [d["action"] for d in logged] == ["APPROVE"] * 3 + ["BLOCK"] * 47
    assert [told(apart, d, TRIED)[0] for d in logged] == [*range(50)]
    assert [told(apart, d, PAID)[0] for d in logged] == [0, 1, 2] + [3] * 47
    assert [d["vector"] for d in logged[:25]] == [d["vector"] for d in asked]


def test_a_batch_of_one_customer_is_decided_as_its_payments_are_one_by_one(apart):
    """Its vectors are scored at once: what is blocked turns out afterwards."""
    rng = random.Random(5)
    amounts = [rng.choice(["10.00", "40.00", "600.00"]) for _ in range(30)]
    mean = {"name": "high", "feature": "amount_over_customer_mean_1d", "above": 2, "action": "BLOCK"}
    policy = {**POLICY, "rules": [mean]}
    alone, together = apart.Scene(policy=policy), apart.Scene(policy=policy)

    for number, amount in enumerate(amounts):
        alone.deliver([paid(number, amount)], first=1 + number)
    together.deliver([paid(number, amount) for number, amount in enumerate(amounts)])

    said = {i: (d["action"], d["vector"], d["counted_at"]) for i, d in alone.logged().items()}
    assert {i: (d["action"], d["vector"], d["counted_at"]) for i, d in together.logged().items()} == said
    assert {action for action, *_ in said.values()} == {"APPROVE", "BLOCK"}
    assert together.counted("c1") == alone.counted("c1") == sum(action == "APPROVE" for action, *_ in said.values())


def test_a_batch_without_blocks_asks_the_endpoint_once(apart):
    scene = apart.Scene()

    scene.deliver([paid(n) for n in range(10)])

    assert [len(rows) for rows in scene.endpoint.asked] == [10]


def test_what_was_blocked_first_counts_as_a_block_though_the_batch_comes_again_and_is_decided_otherwise(apart):
    """A payment of the customer may have been answered by what was said first."""
    scene = apart.Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    scene.bucket.refused = "decisions/"
    with pytest.raises(Down):
        scene.deliver([paid(0)])
    scene.bucket.refused = None
    scene.endpoint.scorer = lambda rows: [0.01] * len(rows)
    answer = scene.ask(paid(1))

    scene.deliver([paid(0), *handed_on(scene)])

    assert {i: d["action"] for i, d in scene.logged().items()} == {"t0": "APPROVE", "t1": "APPROVE"}

    assert told(apart, answer, PAID, BLOCKS) == (0, 1)
    assert told(apart, scene.logged()["t1"], PAID, BLOCKS) == (0, 1)
    assert not scene.logged()["t1"]["overtaken"]
    assert [(n["transaction_id"], n["blocked"]) for n in scene.bucket.lines("late/")] == [("t0", 1)]


def test_what_the_lake_has_counted_as_paid_before_a_door_blocks_it_stays_so(apart):
    scene = apart.Scene(policy={**POLICY, "rules": [LARGE]})
    payment = paid(0, "900.00")
    state = apart.State(apart.CUSTOMER_LAYOUT)
    state.pay(instant(payment["event_time"]), 900_00, "m1", "t0")
    state.await_decision("t0")
    scene.records.write("customer", {"c1": state}, NOW - 1)

    scene.deliver([payment, paid(1)])

    assert scene.logged()["t0"]["action"] == "BLOCK"
    assert told(apart, scene.logged()["t1"], PAID, BLOCKS) == (1, 0)
    assert scene.bucket.lines("late/") == []
