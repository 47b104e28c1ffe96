"""The API door is idempotent: asked again, it gives the first answer, and the payment counts once."""

from __future__ import annotations

import json

import pytest
from decide.door import NotHandedOn, NotRemembered
from scoring.answers import OtherQuestion

from features.currency import Rates
from features.payment import Payment
from tests.unit.lambda_functions.scene import Scene, fields


def handed_on(scene: Scene) -> list[dict]:
    return [json.loads(record["Data"]) for record in scene.stream.records]


def test_the_same_question_gets_the_first_answer_though_the_model_thinks_otherwise_by_now():
    scene = Scene()
    first = scene.ask(fields(0))
    scene.endpoint.scorer = lambda rows: [0.95]

    assert scene.ask(fields(0)) == first
    assert scene.ask(fields(0)) == first


def test_a_question_asked_again_counts_once():
    scene = Scene()
    for _ in range(3):
        scene.ask(fields(0))
    scene.deliver(handed_on(scene))

    assert scene.counted("c1") == 1
    assert list(scene.logged()) == ["t0"]


def test_a_payment_that_was_applied_is_not_handed_on_again_however_late_the_repetition():
    scene = Scene()
    scene.ask(fields(0))
    scene.deliver(handed_on(scene))
    scene.stream.records.clear()

    scene.ask(fields(0))

    assert not scene.stream.records


def test_a_repeated_delivery_notes_what_a_crash_left_unnoted():
    scene = Scene()
    scene.ask(fields(0))
    scene.table.down = True
    scene.deliver(handed_on(scene))
    assert "applied" not in scene.table.items["t0"]
    scene.table.down = False

    scene.deliver(handed_on(scene))

    assert "applied" in scene.table.items["t0"]


def test_one_answer_that_is_not_kept_any_more_does_not_leave_the_others_unnoted():
    scene = Scene()
    for number in range(3):
        scene.ask(fields(number))
    del scene.table.items["t0"]
    scene.deliver(handed_on(scene))

    assert ["applied" in scene.table.items[f"t{number}"] for number in (1, 2)] == [True, True]


def test_a_question_that_comes_again_is_no_failure_of_the_table():
    """Time-outs in between count, and a repetition shows that the table answers."""
    scene = Scene()
    scene.ask(fields(0))
    for down in (True, True, False):
        scene.table.down = down
        scene.ask(fields(0))
    scene.table.down = True
    scene.ask(fields(1))
    scene.table.down = False

    assert scene.answers.claim(Payment.parse(fields(0)), {}, {}) is not None, "it was asked"


def test_a_payment_that_was_counted_gets_no_second_answer_while_the_first_cannot_be_read(capsys):
    scene = Scene()
    first = scene.ask(fields(0))
    scene.deliver(handed_on(scene))
    scene.table.down = True
    scene.endpoint.scorer = lambda rows: [0.95]
    capsys.readouterr()
    with pytest.raises(NotRemembered):
        scene.ask(fields(0))
    assert '"unremembered": 1' in capsys.readouterr().out, "which is alarmed on"
    scene.table.down = False

    assert scene.ask(fields(0)) == first


def test_another_payment_under_a_known_identifier_is_refused():
    scene = Scene()
    scene.ask(fields(0))

    with pytest.raises(OtherQuestion, match="t0"):
        scene.ask(fields(0, amount="99.00"))
    assert len(scene.stream.records) == 1


def test_the_same_payment_in_other_words_is_the_same_question():
    scene = Scene()
    first = scene.ask(fields(0, amount="10.00"))

    assert scene.ask(fields(0, amount="10")) == first


def test_without_the_table_the_payer_still_gets_an_answer(capsys):
    scene = Scene()
    scene.table.down = True

    assert scene.ask(fields(0))["action"] == "APPROVE"
    assert '"unremembered": 1' in capsys.readouterr().out


def test_an_event_that_the_stream_refuses_once_is_handed_on_at_the_second_try():
    scene = Scene()
    scene.stream.refusing = 1
    scene.ask(fields(0))

    assert len(scene.stream.records) == 1


def test_an_event_that_cannot_be_handed_on_is_asked_for_again_and_the_first_answer_stands():
    scene = Scene()
    scene.stream.refusing = 2
    with pytest.raises(NotHandedOn):
        scene.ask(fields(0))
    scene.endpoint.scorer = lambda rows: [0.95]

    again = scene.ask(fields(0))

    assert again["fraud_score"] == 0.01
    assert len(scene.stream.records) == 1


@pytest.mark.parametrize("changed", [{"currency": "EUR"}, {"device_id": "d2"}, {"ip": "10.0.0.2"}, {"shop": "b"}])
def test_a_payment_that_differs_in_any_column_is_another_question(changed):
    scene = Scene()
    scene.publish(Rates("EUR"))
    payment = fields(0, device_id="d1", ip="10.0.0.1", shop="a")
    scene.ask(payment)

    with pytest.raises(OtherQuestion):
        scene.ask({**payment, **changed})


def test_the_order_of_columns_and_what_says_nothing_make_no_other_question():
    scene = Scene()
    first = scene.ask(fields(0, device_id="d1", shop="a"))

    assert scene.ask({"note": None, "shop": " a ", "device_id": "d1", **fields(0)}) == first


def test_an_answer_that_an_earlier_version_has_kept_is_found_by_what_that_version_knew():
    scene = Scene()
    first = scene.ask(fields(0, device_id="d1"))
    for name in ("whole", "attributes"):
        del scene.table.items["t0"][name]

    assert scene.ask(fields(0, device_id="d2")) == first
    with pytest.raises(OtherQuestion):
        scene.ask(fields(0, amount="11.00"))


def test_an_answer_that_an_earlier_version_has_kept_is_given_as_it_was():
    scene = Scene()
    first = scene.ask(fields(0))
    told = {name: value for name, value in first.items() if name not in ("traffic", "velocity_exact", "judged_again")}
    scene.table.items["t0"]["decision"] = {"S": json.dumps(told)}

    assert scene.ask(fields(0)) == told
    assert not scene.deliver(handed_on(scene)[1:])
    assert scene.logged()["t0"]["action"] == told["action"]
