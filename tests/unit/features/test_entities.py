"""Entities that a user declares: who they are, what they change, and what they leave as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from features.declaration import COUNTED, DAY, IDENTIFIERS, Entity, Prefix, Ratio
from features.entities import FURTHER
from features.fraud import FRAUD, OURS, closed
from features.own import WrongFeatures, with_own
from features.state import Layout
from features.vector import LAYOUTS, NOBODY_FURTHER, Knowledge

ROOT = Path(__file__).resolve().parents[3]
CARDS = """
from features.declaration import DAY, Distinct, Entity, Prefix, Ratio
from features.fraud import SETTLED, closed

FRAUDS, PAYMENTS = closed("card", "label", "fraud", 30), closed("card", "payment", "count", 30)
FEATURES = (
    Entity("card", column="card_id", live=True),
    FRAUDS,
    PAYMENTS,
    Distinct("card", 7 * DAY, DAY, 16, "customer_id", "customers", open_head=False, delay=SETTLED),
    Ratio("card_fraud_share_of_payments_30d", (FRAUDS.name,), (PAYMENTS.name,)),
    Entity("category", column="mcc", live=True),
    Prefix("net", "ip", parts=3, separator="."),
    Entity("network", column="net"),
    closed("network", "payment", "count", 7),
)
"""
# In a process of its own: what is declared is read once.
DOORS = """
import json, sys, types
sys.modules["tests"] = types.ModuleType("tests")  # ours, whatever packages bring of that name
sys.modules["tests"].__path__ = ["tests"]
from features.entities import IDENTIFIERS, named_by
from features.fraud import FRAUD
from features.payment import Payment
from features.state import State, payment_event
from features.traffic import TRAFFIC_NAMES
from features.vector import LAYOUTS, NOBODY_FURTHER, Knowledge, cells_of, fraud_vector
from merchants.counter import parse
from scoring.labels import Label
from simulation import wiring
from tests.unit.lambda_functions.scene import POLICY, Scene, fields, kinesis_record
from tools.package import feature_groups

BUSY = {"feature": "card_traffic_payment_count_10m", ">=": 2}
BUSY = {"name": "busy_card", "when": {"all": [BUSY]}, "action": "BLOCK"}
scene = Scene({**POLICY, "rules": [BUSY]})
card, network = State(LAYOUTS["card"]), State(LAYOUTS["network"])
day = 86_400_000
card.apply(payment_event(1_522_575_001_000 - 2 * day, 500))
network.apply(payment_event(1_522_575_001_000 - 3 * day, 500))
scene.records.write("card", {"k1": card}, 1)
scene.records.write("network", {"192.0.2": network}, 1)
named = {"card_id": "k1", "ip": "192.0.2.7", "mcc": "5411"}
paid = Payment("t", 1_522_575_001_000, "c", "m", 100, further=named)
calls = scene.calls_during(lambda: scene.records.about([paid]))["batch_get_record"]
known = scene.records.about([paid])[0]
quiet = scene.records.about([Payment("t", paid.at, "c", "m", 100)])[0]
def at(known, name):
    vector = fraud_vector(paid.at, paid.at, 100, "m", known, cells_of(paid.at, paid.further))
    return vector[FRAUD.columns.index(name)]
scene.deliver([fields(n, customer=f"c{n}", minute=0, **named) for n in range(3)])
told = [record["PartitionKey"] for record in scene.merchants.records]
scene.count()
answered = scene.ask(fields(5, customer="new", **named))
before = len(scene.merchants.records)
scene.frauds().tell([Label("t5", 1_522_575_001_000, 1)], 1_522_575_001_000, "labels")
robbed = [json.loads(record["Data"]) for record in scene.merchants.records[before:]]
scene.count(before)
seen = scene.ask(fields(6, customer="newer", **named))["traffic"]
print(json.dumps({
    "calls": calls,
    "names": [named_by(paid, entity) for entity in IDENTIFIERS],
    "card": [at(known, "card_payment_count_30d"), at(quiet, "card_payment_count_30d")],
    "network": [at(known, "network_payment_count_7d"), at(quiet, "network_payment_count_7d")],
    "version": known.feature_version == FRAUD.version,
    "nobody": sorted(NOBODY_FURTHER),
    "told": told,
    "traffic": scene.traffic("5411", "category_traffic")["category_traffic_payment_count_1d"],
    "rules": [answered["action"], answered["rules"] if "rules" in answered else None],
    "groups": {name: about["identifier"] for name, about in feature_groups().items()},
    "seen": len(answered["traffic"]) == len(TRAFFIC_NAMES),
    "robbed": [fraud.get("card_id") or fraud.get("mcc") for fraud in robbed if not {"ip", "merchant_id"} & set(fraud)],
    "frauds": {n: v for n, v in zip(TRAFFIC_NAMES, seen) if n.endswith("_label_fraud_1d") and v},
    "ours_first": list(TRAFFIC_NAMES[18:22]),
}))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FEATURES", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def doors(tmp_path_factory) -> dict:
    """What both doors, the counter and the package make of a folder that declares three entities."""
    own = tmp_path_factory.mktemp("own")
    (own / "cards.py").write_text(CARDS)
    paths = [str(ROOT), str(ROOT / "lambda")]
    said = {**os.environ, "FEATURES": str(own), "PYTHONPATH": os.pathsep.join(paths)}
    ran = subprocess.run([sys.executable, "-c", DOORS], env=said, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def declared(folder: Path, text: str = CARDS):
    (folder / "mine.py").write_text(text)
    return with_own(OURS)


def test_without_a_declaration_doors_read_and_count_who_they_always_did():
    assert OURS.identifiers == IDENTIFIERS
    assert OURS.counted == COUNTED
    assert OURS.further == ()
    if FRAUD is OURS:
        assert FURTHER == ()
        assert tuple(LAYOUTS) == tuple(IDENTIFIERS)
    assert Knowledge.nothing().further == NOBODY_FURTHER


def test_what_is_declared_is_identified_by_its_column_and_counted_live_behind_ours(folder):
    found = declared(folder)

    assert list(found.identifiers)[: len(IDENTIFIERS)] == list(IDENTIFIERS)
    further = {"card": "card_id", "network": "net", "card_traffic": "card_id", "category_traffic": "mcc"}
    assert {name: found.identifiers[name] for name in found.further} == further
    assert found.counted == (*COUNTED, "card_traffic", "category_traffic")
    assert found.nightly == (*OURS.nightly, "card", "network"), "of a category nothing is known by night"
    assert "card_fraud_share_of_payments_30d" in found.columns
    assert not {"card", "category", "net", "network"} & set(found.columns)


def test_an_entity_changes_nothing_of_ours(folder):
    found = declared(folder)

    assert {name: found.fingerprints[name] for name in OURS.fingerprints} == OURS.fingerprints
    assert found.columns[: len(OURS.columns)] == OURS.columns
    for entity in OURS.nightly:
        of = [f for f in found.features if getattr(f, "entity", None) == entity]
        assert Layout(of, of=found).text == Layout(of, of=OURS).text


def test_who_is_meant_is_part_of_what_a_feature_means_and_whether_it_is_counted_live_is_not(folder):
    ours, other = declared(folder), declared(folder, CARDS.replace('"card_id"', '"token"'))
    quiet = declared(folder, CARDS.replace(", live=True", ""))

    unlike = {name for name in ours.fingerprints if ours.fingerprints[name] != other.fingerprints[name]}
    of_card = ("card_label_fraud_30d", "card_payment_count_30d", "card_distinct_customers_7d")
    assert unlike == {"card", *of_card, "card_fraud_share_of_payments_30d"}
    assert (quiet.version, quiet.fingerprints) == (ours.version, ours.fingerprints)
    wider = declared(folder, CARDS.replace("parts=3", "parts=2"))
    assert wider.fingerprints["network_payment_count_7d"] != ours.fingerprints["network_payment_count_7d"]


def test_an_entity_of_which_only_rules_know_changes_no_version(folder):
    alone = 'from features.declaration import Entity\nFEATURES = (Entity("category", "mcc", live=True),)'

    assert declared(folder, alone).version == OURS.version
    assert declared(folder, alone).counted == (*COUNTED, "category_traffic")


def test_an_entity_is_declared_in_a_file_before_those_that_count_of_it(folder):
    (folder / "a.py").write_text('from features.declaration import Entity\nFEATURES = (Entity("card", "card_id"),)')
    (folder / "b.py").write_text('from features.fraud import *\nFEATURES = (closed("card", "payment", "count", 7),)')
    assert "card" in with_own(OURS).nightly

    (folder / "a.py").rename(folder / "c.py")
    with pytest.raises(WrongFeatures, match=r"b\.py: expected an entity among .*got 'card': declare it with Entity"):
        with_own(OURS)


def test_both_doors_read_declared_entities_in_the_same_call(doors):
    assert doors["calls"] == 1
    assert doors["card"] == [1.0, 0.0]
    assert doors["network"] == [1.0, 0.0], "by what the address begins with"
    assert doors["version"]


def test_a_payment_is_counted_live_for_each_whom_it_names(doors):
    assert doors["told"][:5] == ["m1", "192.0.2.7", "k1", "5411", "m1"], "merchant, address, card, category"
    assert doors["traffic"] == 3
    assert doors["rules"][0] == "BLOCK"
    assert doors["seen"]


def test_a_fraud_is_told_of_whom_a_user_declares_live_and_values_of_ours_stay_in_front(doors):
    assert doors["robbed"] == ["k1", "5411"]
    whose = ("traffic", "address_traffic", "card_traffic", "category_traffic")
    assert doors["frauds"] == {f"{entity}_label_fraud_1d": 1 for entity in whose}
    frauds = [f"{entity}_label_fraud_1d" for entity in ("traffic", "device_traffic", "address_traffic")]
    assert doors["ours_first"] == [*frauds, "card_traffic_payment_count_10m"]


def test_feature_groups_follow_the_declaration(doors):
    further = {"card": "card_id", "network": "net", "card-traffic": "card_id", "category-traffic": "mcc"}

    assert {name: key for name, key in doors["groups"].items() if name in further} == further


def test_a_record_of_a_declared_entity_is_measured_as_ours_are(folder):
    (folder / "mine.py").write_text(CARDS.replace("7 * DAY, DAY, 16,", "30 * DAY, DAY, 2000,"))
    ran = subprocess.run(
        [sys.executable, "-m", "features.own"],
        env={**os.environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert "a record of card may have" in ran.stderr
    assert "expected at most 307,200" in ran.stderr


def test_a_window_of_a_declared_entity_says_whose_it_is():
    window = closed("card", "payment", "count", 7)

    assert window.description == "Number of the card's payments"
    assert Entity("card", "card_id").description == "Whom or what payments name in `card_id`"
    assert (Entity("card", "card_id").default, Prefix("p", "ip", 2, ".").default) == (None, None)
    assert Ratio("r", (window.name,), ("amount",)).default is None
    assert window.length == 7 * DAY
