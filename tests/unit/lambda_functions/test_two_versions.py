"""Doors of two versions serve the same customers, as while a release is rolled out or taken back: one knows features
that the other does not, and both read and write the same tails, answers, records and log."""

from __future__ import annotations

import json
import random

import pytest

from features.fraud import FRAUD
from tests.unit.lambda_functions.scene import POLICY, Scene
from tests.unit.lambda_functions.versions import with_features

ADDED = """
from features.declaration import DAY, HOUR, MINUTE, Distinct, Window

RUSH = Window("customer", "payment", "count", 3 * HOUR, 15 * MINUTE)
CARDS = Distinct("customer", 30 * DAY, DAY, kept=64, of="card_id", called="cards")
FEATURES = (RUSH, CARDS)
"""
COUNT, RUSH, CARDS = "customer_payment_count_10m", "customer_payment_count_3h", "customer_distinct_cards_30d"
LIMIT = {"name": "velocity", "feature": COUNT, "above": 2, "action": "BLOCK"}
PAYMENTS = 50


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    """The scene's module whose doors know more features."""
    folder = tmp_path_factory.mktemp("features")
    (folder / "own.py").write_text(ADDED)
    return with_features(folder)


def paid(number: int, stamp: int) -> dict:
    return {
        "transaction_id": f"t{number}",
        "event_time": f"2018-04-01T09:20:{stamp:02d}Z",
        "customer_id": "c1",
        "merchant_id": "m1",
        "amount": "10.00",
        "card_id": f"k{number}",
    }


def test_a_version_with_more_features_is_another_version(later):
    assert later.FRAUD.version != FRAUD.version
    assert set(later.FRAUD.columns) - set(FRAUD.columns) == {RUSH, CARDS}


@pytest.mark.parametrize("seed", range(30))
def test_doors_of_two_versions_decide_log_and_count_each_payment_once(seed, later):
    """A feature that only one of them knows is unknown, right, or of a decision that is marked as overtaken."""
    rng = random.Random(seed)
    old = Scene(policy={**POLICY, "rules": [LIMIT]})
    new = later.Scene(beside=old)
    waiting: list[dict] = []
    decided: list[str] = []
    delivered = 0
    for number in range(PAYMENTS):
        payment = paid(number, rng.randrange(50))
        if rng.random() < 0.5:
            door = rng.choice((old, new))
            answer = door.ask(payment)
            assert answer["velocity_exact"]
            assert door.told(answer)[COUNT] == len(decided)
            decided.append(answer["transaction_id"])
        else:
            waiting.append(payment)
        if rng.random() < 0.3 or number == PAYMENTS - 1:
            api = [json.loads(record["Data"]) for record in old.stream.records[delivered:]]
            delivered += len(api)
            batch, waiting = [*waiting, *api], []
            rng.shuffle(batch)
            assert not rng.choice((old, new)).deliver(batch, first=1 + 100 * number), "nothing is set aside"
            fresh = [d for d in old.bucket.lines() if d["transaction_id"] not in decided]
            decided += [d["transaction_id"] for d in sorted(fresh, key=lambda d: d["counted_at"])]

    lines = sorted(old.bucket.lines(), key=lambda d: d["counted_at"])
    seen = [old.told(d) or new.told(d) for d in lines]
    assert [d["transaction_id"] for d in lines] == decided
    assert any(map(old.told, lines))
    assert any(map(new.told, lines))
    assert [row[COUNT] for row in seen] == [*range(PAYMENTS)]
    assert [d["action"] for d in lines] == ["APPROVE"] * 3 + ["BLOCK"] * (PAYMENTS - 3)
    assert all(d["velocity_exact"] for d in lines)
    for before, (line, row) in enumerate(zip(lines, seen, strict=True)):
        for name in (RUSH, CARDS):
            assert row.get(name) in (None, before) or line["overtaken"], f"{name} of {line['transaction_id']}"
    assert old.counted("c1") == new.counted("c1") == PAYMENTS


def test_what_a_door_of_the_version_before_did_not_look_at_is_unknown_while_its_payment_is_under_way(later):
    """Folded in from the tail, where the card of that payment does not stand: one card would be too few."""
    old = Scene(policy={**POLICY, "rules": [LIMIT]})
    new = later.Scene(beside=old)
    old.ask(paid(0, 0))

    found = new.told(new.ask(paid(1, 1)))

    assert (found[COUNT], found[RUSH], found[CARDS]) == (1, 1, None)


def test_what_doors_of_the_later_version_alone_have_met_is_known(later):
    old = Scene(policy={**POLICY, "rules": [LIMIT]})
    new = later.Scene(beside=old)
    new.ask(paid(0, 0))
    new.deliver([paid(1, 1)])

    found = new.told(new.ask(paid(2, 2)))

    assert (found[COUNT], found[RUSH], found[CARDS]) == (2, 2, 2)
