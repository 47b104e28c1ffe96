"""Whether an attack holds is judged from what the doors have logged and said: what got through never counts as held."""

from __future__ import annotations

import json

import pytest
from scoring.policy import Listing, Policy

from features.declaration import DAY
from features.fraud import FRAUD
from features.message import fields_of
from features.payment import Payment
from features.values import iso
from features.vector import RULED
from tools.attacks import __main__ as command
from tools.attacks import forged, hostile
from tools.attacks.__main__ import main
from tools.attacks.fraudsters import spoken
from tools.attacks.rules import Rules, is_judged_by
from tools.attacks.velocity import COUNT, limited, paired
from tools.attacks.verdict import Attack, table, write
from tools.operators import ruling

RULE = "attack-1-velocity"
RULES = Rules("attack-1")
NOW = 1_772_000_000_000
MULE = {"name": "known_mule", "field": "merchant_id", "list": "mules", "action": "BLOCK"}
LISTS = {"mules": Listing("merchant_id", frozenset({"m17"}))}
LIVE = {"version": "ours-1", "explore_share": 0.05, "explore_key": "k", "rules": [MULE], "lists": "sha"}
GOOD = {"transaction_id": "t", "event_time": "2026-02-25T06:13:20.000Z", "customer_id": "c", "merchant_id": "m"}
GOOD["amount"] = "1.00"


def decision(number: int, action: str = "BLOCK", **changed: object) -> dict:
    reasons = [RULE] if action == "BLOCK" else []
    said = {"action": action, "reasons": reasons, "counted_at": number, "velocity_exact": True, "judged_again": None}
    return {"transaction_id": f"t{number}", **said, **changed}


def day_of(*later: dict) -> list[dict]:
    """Three that pass, and what comes after them."""
    return [*(decision(number, "APPROVE") for number in range(3)), *later]


def judged(decisions: list[dict], asked: int | None = None, answers: dict | None = None):
    return limited(decisions, RULE, 3, len(decisions) if asked is None else asked, answers)


def test_a_limit_holds_when_all_after_the_first_are_blocked_in_whatever_order_they_are_read():
    found = judged([*reversed(day_of(*(decision(number) for number in range(3, 50))))])
    assert found.holds
    assert found.told() == "the first 3 pass, 47 blocked"


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (decision(4, "APPROVE"), "1 let through"),
        (decision(4, "REVIEW"), "1 let through"),
        (decision(4, reasons=["score_at_or_above_block_threshold"]), "1 let through"),
        (decision(4, "APPROVE", velocity_exact=False), "1 let through"),
        (decision(4, "APPROVE", judged_again="BLOCK"), "1 let through"),
        (decision(4, "APPROVE", velocity_exact=False, judged_again="REVIEW"), "1 let through"),
    ],
)
def test_a_limit_does_not_hold_when_one_is_let_through_or_blocked_by_something_else(later, said):
    found = judged(day_of(decision(3), later, *(decision(number) for number in range(5, 50))))
    assert not found.holds
    assert found.told().endswith(said)


def test_one_that_says_it_may_not_know_all_and_was_judged_again_is_no_hole_but_many_are():
    marked = {"velocity_exact": False, "judged_again": "BLOCK"}
    few = judged(day_of(decision(3, "APPROVE", **marked), *(decision(number) for number in range(4, 50))))
    assert few.holds
    assert "1 let through, marked and judged again" in few.told()
    assert not judged(day_of(*(decision(number, "APPROVE", **marked) for number in range(3, 50)))).holds


def test_a_limit_does_not_hold_when_it_blocks_too_early_or_a_decision_is_missing_or_the_payer_was_told_another():
    blocked = [decision(number) for number in range(3, 6)]
    assert not judged([decision(0), *day_of(*blocked)[1:]]).holds
    assert not judged(day_of(*blocked), asked=7).holds
    assert not judged([], asked=6).holds
    assert judged(day_of(*blocked), answers={"t3": {"action": "BLOCK"}}).holds
    assert not judged(day_of(*blocked), answers={"t3": {"action": "APPROVE"}}).holds


def knew(count: int | None, exact: bool = True) -> dict:
    vector = (
        None if count is None else [float(count) if place == COUNT else None for place in range(len(FRAUD.columns))]
    )
    return {"vector": vector, "velocity_exact": exact}


def test_of_two_at_once_one_knows_the_other_or_says_that_it_may_not():
    known = [(knew(0), knew(1)), (knew(1), knew(0))] * 10
    assert paired(known).holds
    assert paired([*known, (knew(0), knew(0, exact=False))]).holds
    assert paired([*known, (knew(None, exact=False), knew(0))]).holds

    assert not paired([*known, (knew(0), knew(0))]).holds
    assert not paired([*known, (knew(1), knew(1))]).holds
    assert not paired([*known, (knew(0), None)]).holds
    assert not paired([(knew(0), knew(0, exact=False))] * 20).holds, "marks are for exceptions"


def test_a_rule_must_speak_of_every_fraud_and_of_nobody_honest_and_silence_is_no_decision():
    fraud, honest = [{"transaction_id": "f"}], [{"transaction_id": "h"}]
    speaks, silent = {"reasons": ["r"]}, {"reasons": []}
    assert spoken({"f": speaks, "h": silent}, "r", fraud, honest).holds
    for decided in ({"f": silent, "h": silent}, {"f": speaks, "h": speaks}, {"h": silent}, {"f": speaks}):
        assert not spoken(decided, "r", fraud, honest).holds


def test_another_decision_on_a_known_payment_or_any_on_one_without_original_was_believed():
    original = {"action": "APPROVE", "fraud_score": 0.1, "reasons": [], "amount_cents": 100}
    assert forged.believed([original, dict(original)], original) == 0
    assert forged.believed([original, {**original, "fraud_score": 0.2}], original) == 1
    assert forged.believed([original], None) == 1


def test_each_tampering_changes_the_record_and_leaves_the_signature():
    event = {
        **GOOD,
        "device_id": "d",
        "decision": {
            **original_decision(),
            "signature": {"key": "k", "mac": "m"},
        },
    }
    for change in forged.TAMPERED.values():
        changed = change(json.loads(json.dumps(event)))
        assert changed != event
        assert changed["decision"]["signature"] == event["decision"]["signature"]


def original_decision() -> dict:
    return {"transaction_id": "t", "action": "APPROVE", "fraud_score": 0.1, "velocity_exact": True, "reasons": []}


HOSTILE = {
    wrong: data
    for wrong, data in hostile.bodies(GOOD, iso(NOW + DAY)).items()
    if wrong != "a decision that is none"  # only the stream door looks at decisions
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_hostile_is_no_payment_by_the_contract(data):
    with pytest.raises((ValueError, RecursionError)):
        Payment.parse(fields_of(data), now=NOW, coarse=lambda: False)


def test_a_good_payment_is_one():
    assert Payment.parse(fields_of(json.dumps(GOOD)), now=NOW, coarse=lambda: False).amount == 100


def test_a_refusal_holds_only_with_its_status_and_a_sentence_that_repeats_no_card_number():
    assert hostile.explained(400, {"error": "missing amount"})
    assert hostile.explained(413, {"error": "too many characters"})
    for status, said in (
        (200, {"action": "APPROVE"}),
        (500, {"error": "Internal Server Error"}),
        (503, {"error": "ask again"}),
        (400, {"message": "Bad Request"}),
        (400, "Bad Request"),
        (400, {"error": ""}),
        (400, {"error": f"customer_id: got {hostile.CARD}"}),
        (400, {"error": f"customer_id: got {hostile.SPACED}"}),
    ):
        assert not hostile.explained(status, said), said


def test_the_rules_stand_beside_the_live_ones_and_leave_no_trace_when_they_are_put_back():
    ruled, lists = ruling(RULES.document(LIVE))(LIVE, LISTS)
    policy = Policy.parse({**ruled, "review_at": 0.1, "block_at": 0.2}, RULED, lists)
    assert policy.rules[0].name == "known_mule"
    assert {RULES.velocity, RULES.crowd, RULES.high, RULES.device} <= {rule.name for rule in policy.rules}
    assert (policy.explore_share, ruled["explore_key"]) == (0.05, "k")

    back, kept = RULES.put_back(LIVE)({**ruled, "lists": "other"}, lists)
    assert {**back, "lists": "sha"} == LIVE
    assert kept == LISTS


def test_what_an_operator_has_changed_meanwhile_stays():
    _, lists = ruling(RULES.document(LIVE))(LIVE, LISTS)
    emergency = {"version": "emergency", "explore_share": 0.0, "rules": [], "lists": "other"}
    more = {**lists, "new": Listing("merchant_id", frozenset({"m1"}))}
    back, kept = RULES.put_back(LIVE)(emergency, more)
    assert back["version"] == "emergency"
    assert set(kept) == {"mules", "new"}


def test_a_decision_is_by_the_rules_only_if_its_version_names_them():
    assert is_judged_by(RULES, {"policy_version": "4@aa+attack-1@bb"})
    for said in ({"policy_version": "4@aa+attack-12@bb"}, {"policy_version": "bootstrap"}, {}, "Bad Gateway"):
        assert not is_judged_by(RULES, said)


def test_the_table_says_of_one_that_fails_what_was_asked_and_expected_and_the_file_has_all(tmp_path):
    attacks = [Attack("ring", "8", "8 blocked", "8", True), Attack("clock trick", "50", "47 blocked", "none", False)]
    assert table(attacks) == [
        "holds  ring         8",
        "FAILS  clock trick  none",
        "       asked: 50",
        "       expected: 47 blocked",
        "2 attacks, 1 hold",
    ]
    write(attacks, tmp_path / "new" / "attacks.json")
    kept = json.loads((tmp_path / "new" / "attacks.json").read_text())
    assert kept[1] == {
        "name": "clock trick",
        "asked": "50",
        "expected": "47 blocked",
        "seen": "none",
        "holds": False,
    }


def test_an_environment_that_keeps_its_data_is_not_attacked():
    with pytest.raises(SystemExit, match="prod keeps its data"):
        main("prod")


@pytest.mark.parametrize(("holds", "code"), [(True, 0), (False, 1)])
def test_the_command_ends_with_1_when_an_attack_does_not_hold_and_writes_all_of_them(
    holds, code, tmp_path, monkeypatch, capsys
):
    played = [Attack("ring", "8", "8 blocked", "8", True), Attack("takeover", "3", "3 reviewed", "some", holds)]
    monkeypatch.setattr(command, "deployed", lambda name, environment: {"prefix": "risk-local"})
    monkeypatch.setattr(command, "play", lambda platform, teller: played)
    monkeypatch.setattr(command, "REPORT", tmp_path / "attacks.json")
    assert main("local") == code
    assert [attack["holds"] for attack in json.loads((tmp_path / "attacks.json").read_text())] == [True, holds]
    assert f"2 attacks, {1 + holds} hold" in capsys.readouterr().out
