"""The API door: the payer gets an answer, whatever is down behind it."""

from __future__ import annotations

import base64
import json

import pytest
from decide import handler
from scoring.decision import Decision

from features.fraud import FRAUD
from features.values import instant
from tests.unit.lambda_functions.scene import GROUPS, NOW, POLICY, Scene, fields

LARGEST_ITEM = 400 * 1024  # bytes that DynamoDB takes


def test_a_payment_is_scored_on_its_customers_history():
    scene = Scene()
    states = scene.records.read({"customer": ["c1"]})["customer"]
    states["c1"].pay(instant("2018-04-01T08:55:00Z"), 700, "m1", "t9")
    scene.records.write("customer", states, 0)

    decision = scene.ask(fields(0))

    assert decision["action"] == "APPROVE"
    assert decision["degrade_step"] == "none"
    assert (decision["door"], decision["model"], decision["policy_version"]) == ("api", "model-7", "7")
    assert scene.endpoint.asked == [[decision["vector"]]], "the vector that was scored is the one that is kept"
    assert decision["arrived_at"] == decision["decided_at"] == NOW


@pytest.mark.parametrize(("score", "action"), [(0.2, "APPROVE"), (0.7, "REVIEW"), (0.95, "BLOCK")])
def test_the_score_decides(score, action):
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [score]

    assert scene.ask(fields(0))["action"] == action


def test_without_the_feature_store_the_model_sees_an_unknown_customer():
    scene = Scene()
    scene.store.down = True

    decision = scene.ask(fields(0))

    assert decision["degrade_step"] == "default_features"
    assert decision["fraud_score"] == 0.01
    assert decision["vector"] is not None


def test_without_the_endpoint_rules_speak_and_a_person_looks():
    scene = Scene()
    scene.endpoint.down = True

    decision = scene.ask(fields(0))

    assert (decision["degrade_step"], decision["action"]) == ("rules_only", "REVIEW")
    assert decision["fraud_score"] is decision["model"] is None
    assert decision["reasons"] == ["no_model_score"]


def test_without_the_endpoint_a_rule_still_blocks():
    rule = {"name": "large", "feature": "amount", "above": 500, "action": "BLOCK"}
    scene = Scene(policy={**POLICY, "rules": [rule]})
    scene.endpoint.down = True

    decision = scene.ask(fields(0))

    assert (decision["action"], decision["reasons"]) == ("BLOCK", ["no_model_score", "large"])


def test_the_payment_is_handed_on_with_its_decision_to_its_customers_shard():
    scene = Scene()
    payment = fields(0, currency="EUR")

    decision = scene.ask(payment)

    (record,) = scene.stream.records
    assert record["PartitionKey"] == "c1"
    assert json.loads(record["Data"]) == scene.signed({**payment, "decision": decision})


def test_a_decision_that_the_caller_brings_is_not_believed():
    scene = Scene()

    decision = scene.ask(fields(0, decision={"action": "APPROVE", "fraud_score": 0}))

    assert json.loads(scene.stream.records[0]["Data"]) == scene.signed({**fields(0), "decision": decision})


def test_the_api_door_leaves_the_state_to_the_stream_door():
    scene = Scene()
    scene.ask(fields(0))

    assert scene.store.writes == []
    assert scene.bucket.objects == {}


def test_every_decision_is_counted_with_its_degradation(capsys):
    scene = Scene()
    scene.endpoint.down = True
    scene.ask(fields(0))

    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["door"], line["decisions"], line["degraded"]) == ("api", 1, 1)
    units = {m["Name"]: m["Unit"] for m in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert units == {
        **dict.fromkeys(
            (
                "decisions",
                "repeated",
                "unremembered",
                "degraded",
                "unread_traffic",
                "unread_lists",
                "inexact_velocity",
                "judged_again",
            ),
            "Count",
        ),
        "decision_ms": "Milliseconds",
    }


@pytest.fixture
def scene(monkeypatch) -> Scene:
    scene = Scene()
    monkeypatch.setattr(handler, "door", scene.api)
    return scene


def test_another_payment_under_a_known_identifier_gets_409_and_a_lost_event_503(scene):
    handler.handle({"body": json.dumps(fields(0))}, None)
    other = handler.handle({"body": json.dumps(fields(0, amount="99.00"))}, None)
    scene.stream.refusing = 2
    lost = handler.handle({"body": json.dumps(fields(1))}, None)

    assert other["statusCode"] == 409
    assert "99" not in other["body"]
    assert lost["statusCode"] == 503
    assert "ask again" in lost["body"]


def test_a_valid_body_is_answered_with_the_decision(scene):
    answer = handler.handle({"body": json.dumps(fields(0))}, None)

    assert answer["statusCode"] == 200
    assert set(json.loads(answer["body"])) == set(Decision.__dataclass_fields__)


def test_a_body_may_come_in_base64(scene):
    body = base64.b64encode(json.dumps(fields(0)).encode()).decode()

    assert handler.handle({"body": body, "isBase64Encoded": True}, None)["statusCode"] == 200


def test_a_body_that_the_stream_could_not_take_with_its_decision_is_refused_before_it_is_decided(scene):
    answer = handler.handle({"body": json.dumps({**fields(0), "note": "x" * handler.LARGEST_BODY})}, None)

    assert answer["statusCode"] == 413
    assert scene.endpoint.asked == [] == scene.stream.records


def test_a_body_that_grows_too_large_as_it_is_handed_on_is_refused_before_its_answer_is_claimed(scene):
    """A body in UTF-8 has one character where the event has up to twelve, and "1e15" twenty."""
    for note in ("\u4e2d" * 200_000, "\U0001f4b3" * 100_000, [1e15] * 52_000):
        body = json.dumps({**fields(0), "note": note}, ensure_ascii=False, separators=(",", ":"))
        body = body.replace("1000000000000000.0", "1e15")
        answer = handler.handle({"body": body}, None)

        assert len(body) <= handler.LARGEST_BODY
        assert answer["statusCode"] == 413
        assert "bytes" in answer["body"]
    assert scene.endpoint.asked == [] == scene.stream.records
    assert scene.table.items == {}


def test_the_largest_payment_that_is_taken_goes_on_with_its_decision(scene):
    """Identifiers as long as they may be, in letters of twelve bytes, stand in the decision and in the key, too."""
    longest = {**fields(0), **{name: "\U0001f4b3" * 128 for name in ("transaction_id", "customer_id", "merchant_id")}}
    room = handler.LARGEST_PAYMENT - len(json.dumps({**longest, "note": ""}))
    note = "\U0001f4b3" * (room // 12) + "x" * (room % 12)

    taken = handler.handle({"body": json.dumps({**longest, "note": note}, ensure_ascii=False)}, None)
    refused = handler.handle({"body": json.dumps({**longest, "note": note + "x"}, ensure_ascii=False)}, None)

    assert (taken["statusCode"], refused["statusCode"]) == (200, 413)
    assert len(scene.stream.records) == len(scene.table.items) == 1


def test_the_largest_payment_that_is_taken_is_kept_with_its_answer(scene):
    """A quote is two bytes in the payment as it came, and four where the column stands as a text beside it."""
    room = handler.LARGEST_PAYMENT - len(json.dumps({**fields(0), "note": [""]}))

    taken = handler.handle({"body": json.dumps({**fields(0), "note": ['"' * (room // 2)]})}, None)

    (item,) = scene.table.items.values()
    assert taken["statusCode"] == 200
    assert 380_000 < sum(len(name) + len(next(iter(value.values()))) for name, value in item.items()) < LARGEST_ITEM


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{", "not JSON"),
        ("1" * 5000, "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("", "JSON object"),
        (None, "JSON object"),
        ("[]", "JSON object"),
        ("{}", "missing transaction_id"),
        (json.dumps(fields(0, amount="-1")), "amount: expected"),
        (json.dumps(fields(0)).replace('"10.00"', "NaN"), "found NaN: send null"),
        (json.dumps(fields(0, customer="4111111111111111")), "customer_id looks like a card number"),
        (json.dumps(fields(0, customer="\ud800")), "customer_id: expected text"),
    ],
    ids=[
        "cut",
        "endless number",
        "endless nesting",
        "empty",
        "none",
        "list",
        "bare",
        "negative",
        "NaN",
        "card",
        "half",
    ],
)
def test_a_body_that_is_no_payment_is_refused_with_one_sentence(scene, body, reason):
    answer = handler.handle({"body": body}, None)

    assert answer["statusCode"] == 400
    assert reason in json.loads(answer["body"])["error"]
    assert "4111" not in answer["body"]
    assert scene.stream.records == []


@pytest.mark.parametrize("group", ["merchant", "account"])
def test_a_record_beside_the_customers_that_cannot_be_read_leaves_what_is_known_of_the_customer(group):
    scene = Scene()
    scene.ask(fields(0))
    scene.deliver([json.loads(record["Data"]) for record in scene.stream.records])
    scene.store.refused = GROUPS[group]

    asked = scene.ask(fields(1))

    assert asked["degrade_step"] == "default_features"
    assert asked["velocity_exact"] is True
    assert asked["vector"][FRAUD.columns.index("customer_payment_count_10m")] == 1
