"""A decision that comes with a payment is believed when the API door has made it, and from nobody else."""

from __future__ import annotations

import json

import pytest
from scoring.signing import Signer, Verifier

from tests.unit.lambda_functions.aws import Down, Kms
from tests.unit.lambda_functions.scene import Scene, fields

FORGED = "decision: expected one that the API door has signed"
LARGE = fields(0, amount="99999.00")


def approved(scene: Scene, payment: dict) -> dict:
    """The API door's decision on a small payment, made to speak of another one."""
    decision = scene.ask(fields(9))
    own = {"transaction_id": payment["transaction_id"], "event_time": "2018-04-01T09:00:00.000Z"}
    return {**decision, **own, "amount_cents": int(float(payment["amount"]) * 100)}


def handed_on(scene: Scene) -> dict:
    return json.loads(scene.stream.records[-1]["Data"])


def test_an_approval_that_somebody_writes_beside_his_payment_is_set_aside_and_rings(capsys):
    scene = Scene()
    forged = {**LARGE, "decision": approved(scene, LARGE)}

    (row,) = scene.deliver([forged, fields(1)], signing=False)

    assert row["reasons"] == [FORGED]
    assert "t0" not in scene.logged()
    assert '"forged": 1' in capsys.readouterr().out, "which is alarmed on"


NO_SIGNATURES = (
    None,
    "x",
    {},
    {"key": 1, "mac": "x"},
    {"key": "a2V5IDA=", "mac": 5},
    {"key": "a2V5IDA=", "mac": "\u00e9"},
    {"key": "no base64!", "mac": "x"},
    {"key": "", "mac": "x"},
    {"key": "b3RoZXI=", "mac": "x"},
)


@pytest.mark.parametrize("signature", NO_SIGNATURES)
def test_a_signature_that_is_none_is_no_failure(signature):
    scene = Scene()
    decision = approved(scene, LARGE)

    (row,) = scene.deliver([{**LARGE, "decision": {**decision, "signature": signature}}], signing=False)

    assert row["reasons"] == [FORGED]


@pytest.mark.parametrize("changed", [{"device_id": "another"}, {"note": "added"}, {"decision": {"action": "APPROVE"}}])
def test_a_signature_is_for_the_whole_event(changed):
    scene = Scene()
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    scene.ask(fields(0, device_id="d1"))
    event = handed_on(scene)
    scene.table.items.clear()
    changed = {**changed, "decision": {**event["decision"], **changed.get("decision", {})}}

    (row,) = scene.deliver([{**event, **changed}], signing=False)

    assert row["reasons"] == [FORGED]


@pytest.mark.parametrize("changed", [{"device_id": "another"}, {"note": "added"}])
def test_an_answer_that_is_kept_is_none_to_a_payment_with_other_columns(changed):
    """The decision on it is a copy of a true one."""
    scene = Scene()
    scene.ask(fields(0, device_id="d1"))
    event = handed_on(scene)

    (row,) = scene.deliver([{**event, **changed}], signing=False)

    assert row["reasons"] == [FORGED]


def test_a_signature_does_not_depend_on_how_the_event_is_spelt():
    scene = Scene()
    scene.ask(fields(0, note="\u00e9", share=0.1, large=1e300))
    event = handed_on(scene)
    scene.table.items.clear()

    assert not scene.deliver([json.dumps(dict(reversed(event.items())), indent=1).encode()], signing=False)
    assert [*scene.logged()] == ["t0"]


def test_what_a_door_without_a_key_has_answered_is_believed_because_it_is_kept():
    """KMS was away, or the door is of a version that did not sign."""
    scene = Scene()
    scene.kms.down = True
    scene.ask(fields(0))
    event = handed_on(scene)
    scene.kms.down = False

    assert "signature" not in event["decision"]
    assert not scene.deliver([event], signing=False)
    assert [*scene.logged()] == ["t0"]


def test_while_kms_is_away_a_batch_waits_and_nothing_is_set_aside():
    scene = Scene()
    scene.ask(fields(0))
    event = handed_on(scene)
    scene.kms.down = True

    with pytest.raises(Down):
        scene.deliver([event], signing=False)
    assert not scene.bucket.objects
    scene.kms.down = False

    assert not scene.deliver([event], signing=False)


def test_payments_without_a_decision_ask_kms_for_nothing():
    scene = Scene()
    scene.kms.down = True

    assert not scene.deliver([fields(0)], signing=False)
    assert [*scene.logged()] == ["t0"]


def test_a_container_asks_for_one_key_and_each_key_is_decrypted_once():
    kms = Kms()
    signer, verifier = Signer(kms, "signing"), Verifier(kms, "signing")
    events = [{"transaction_id": f"t{n}"} for n in range(5)]
    signatures = [signer.sign(event) for event in events]
    asked = []
    decrypt = kms.decrypt
    kms.decrypt = lambda **request: asked.append(1) or decrypt(**request)

    assert all(verifier.is_signed(e, s) for e, s in zip(events, signatures, strict=True))
    assert not verifier.is_signed(events[0], signatures[1])
    assert (len(kms.made), len(asked)) == (1, 1)
    assert Verifier(kms, "another key").is_signed(events[0], signatures[0]) is False
