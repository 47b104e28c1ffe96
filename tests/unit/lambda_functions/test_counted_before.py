"""Payments that are in their customer's record when a door meets them."""

from __future__ import annotations

import json

import pytest
from decide import handler
from decide.door import DecidedBefore

from features.payment import Payment
from features.state import State
from features.vector import CUSTOMER_LAYOUT, cells_of
from tests.unit.lambda_functions.aws import Down
from tests.unit.lambda_functions.scene import NOW, Scene, fields


def folded_by_a_night(scene: Scene, *paid: dict) -> None:
    """The customer's record as the lake publishes it when no door has met these payments."""
    state = State(CUSTOMER_LAYOUT)
    for each in paid:
        payment = Payment.parse(each)
        cells = cells_of(payment.at, payment.further)
        state.pay(payment.at, payment.amount, payment.merchant_id, payment.transaction_id, cells)
        state.await_decision(payment.transaction_id)
    scene.records.write("customer", {"c1": state}, NOW - 1)


def test_a_payment_that_waited_over_a_night_is_decided_logged_and_told_and_not_counted_again():
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    folded_by_a_night(scene, fields(0), fields(5))

    scene.deliver([fields(0)])

    line = scene.logged()["t0"]
    assert (line["action"], line["overtaken"]) == ("BLOCK", True)
    assert line["counted_at"] == Payment.parse(fields(0)).at, "where the lake has counted it"
    assert scene.bucket.lines("late/") == []
    assert len(scene.topic.messages) == 1
    assert len(scene.merchants.records) == 1
    assert scene.counted("c1") == 2
    assert [scene.customer("c1").awaits(i) for i in ("t0", "t5")] == [False, True]


def test_a_payment_that_waited_over_a_night_is_decided_once_however_often_it_comes():
    scene = Scene()
    folded_by_a_night(scene, fields(0))

    scene.deliver([fields(0), fields(0)])
    scene.deliver([fields(0)])

    assert [line["transaction_id"] for line in scene.bucket.lines()] == ["t0"]
    assert scene.counted("c1") == 1


def test_what_no_replay_after_a_night_would_make_good_is_told_before_anything_else_can_fail():
    """The night takes what is logged as done, and counts it from its file: alerts and merchants it does not tell."""
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    scene.bucket.refused = "late/"
    with pytest.raises(Down):
        scene.deliver([fields(30), fields(1)])

    assert len(scene.bucket.lines()) == len(scene.topic.messages) == len(scene.merchants.records) == 2


def test_a_payment_after_one_that_waited_counts_as_always():
    waited, not_waited = Scene(), Scene()
    folded_by_a_night(waited, fields(0))
    not_waited.deliver([fields(0)])

    for scene in (waited, not_waited):
        scene.deliver([fields(0), fields(1)], first=2)

    assert waited.logged()["t1"] == not_waited.logged()["t1"]
    assert waited.customer("c1").dump() == not_waited.customer("c1").dump()


def test_the_api_door_answers_about_a_payment_that_the_lake_has_counted_and_the_log_has_its_answer():
    scene = Scene()
    folded_by_a_night(scene, fields(0))

    answer = scene.ask(fields(0))
    scene.deliver([json.loads(record["Data"]) for record in scene.stream.records])

    assert scene.logged()["t0"] == {
        **answer,
        "counted_at": Payment.parse(fields(0)).at,
        "overtaken": True,
        "attributes": "{}",
    }
    assert scene.counted("c1") == 1
    assert scene.ask(fields(0)) == answer


def test_a_payment_that_was_decided_on_the_stream_gets_no_second_decision():
    scene = Scene()
    scene.deliver([fields(0), fields(1)])

    with pytest.raises(DecidedBefore, match=r"t0.*decision log"):
        scene.ask(fields(0))

    assert scene.table.items == {}, "nor is one kept"
    assert scene.stream.records == []


def test_who_asks_about_a_payment_that_was_streamed_is_told_so(monkeypatch):
    scene = Scene()
    scene.deliver([fields(0)])
    monkeypatch.setattr(handler, "door", scene.api)

    answer = handler.handle({"body": json.dumps(fields(0))}, None)

    assert (answer["statusCode"], json.loads(answer["body"])) == (
        409,
        {"error": "transaction_id t0: decided before, see the decision log"},
    )
