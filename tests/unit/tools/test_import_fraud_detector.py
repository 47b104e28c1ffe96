"""A detector and its events become files that our own commands take, and what does not is told."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tools.fraud_detector.__main__ import imported, main
from tools.fraud_detector.events import columns_of
from tools.fraud_detector.service import Unusable
from tools.operators import ruling
from tools.raw_data.loaded import Loaded
from tools.raw_data.preview import previews

DETECTOR = {
    "detectorId": "orders",
    "detectorVersionId": "3",
    "ruleExecutionMode": "FIRST_MATCHED",
    "rules": [
        {"detectorId": "orders", "ruleId": name, "ruleVersion": "1"} for name in ("known", "by_score", "dear", "listed")
    ],
    "modelVersions": [{"modelId": "orders_model", "modelType": "ONLINE_FRAUD_INSIGHTS", "modelVersionNumber": "1.0"}],
}
RULES = [
    ("known", "$account_age_days >= 365", "approve"),
    ("by_score", "$orders_model_insightscore > 900", "block"),
    ("dear", '$order_price > 500 and $billing_country != "IE"', "review"),
    ("listed", "$ip_address in @bad_addresses", "block"),
]
DETAILS = [
    {"ruleId": name, "ruleVersion": "1", "language": "DETECTORPL", "expression": expression, "outcomes": [outcome]}
    for name, expression, outcome in RULES
]
VARIABLES = [
    {"name": "order_price", "dataType": "FLOAT", "variableType": "PRICE"},
    {"name": "ip_address", "dataType": "STRING", "variableType": "IP_ADDRESS"},
    {"name": "billing_country", "dataType": "STRING", "variableType": "BILLING_COUNTRY"},
    {"name": "account_age_days", "dataType": "INTEGER", "variableType": "NUMERIC"},
    {"name": "shop", "dataType": "STRING", "variableType": "CATEGORICAL"},
]
HEAD = "EVENT_TIMESTAMP,EVENT_LABEL,ENTITY_ID,ENTITY_TYPE,EVENT_ID"
EVENTS = f"{HEAD},order_price,ip_address,billing_country,account_age_days,shop"


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    documents = {
        "version.json": DETECTOR,
        "rules.json": {"ruleDetails": DETAILS},
        "variables.json": {"variables": VARIABLES},
        "lists.json": {"lists": [{"name": "bad_addresses", "variableType": "IP_ADDRESS"}, {"name": "old_emails"}]},
        "bad_addresses.elements.json": {"elements": ["198.51.100.7", "198.51.100.8"]},
        "model.json": {
            "modelId": "orders_model",
            "trainingDataSchema": {"labelSchema": {"labelMapper": {"FRAUD": ["chargeback"], "LEGIT": ["fine"]}}},
        },
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document))
    rows = [
        f"2026-10-{1 + n % 28:02d}T09:30:00Z,{'chargeback' if n % 9 == 0 else 'fine' if n % 2 else ''},c{n % 7},"
        f"customer,{f'e{n}' if n else ''},{n}.50,203.0.113.{n},IE,{n},shop{n % 3}"
        for n in range(40)
    ]
    (folder / "events.csv").write_text("\n".join([EVENTS, *rows]) + "\n")
    return folder


def test_a_detector_becomes_a_raw_folder_a_policy_and_lists(source, tmp_path):
    out = tmp_path / "out"
    told = imported(source, out, "shop", "")

    policy = json.loads((out / "policy.json").read_text())
    assert [(rule["name"], rule["action"]) for rule in policy["rules"]] == [
        ("known", "ALLOW"),
        ("dear", "REVIEW"),
        ("listed", "BLOCK"),
    ]
    change = ruling(policy, {"bad_addresses": {"field": "ip", "kind": "watch"}})
    assert change({}, {})[0]["looked_up"] == {"bad_addresses": {"field": "ip", "kind": "watch"}}
    assert (out / "lists" / "bad_addresses.txt").read_text().split() == ["198.51.100.7", "198.51.100.8"]

    (payments, labels) = previews(Loaded(out / "raw"))
    assert payments.refused == labels.refused == []
    paid = list(csv.DictReader((out / "raw" / "transactions.csv").open()))
    assert len(paid) == 40
    assert (paid[0]["transaction_id"], paid[1]["transaction_id"]) == ("events-2", "e1")
    assert (paid[3]["merchant_id"], paid[3]["amount"], paid[3]["country"], paid[3]["account_age_days"]) == (
        "shop0",
        "3.50",
        "IE",
        "3",
    )
    verdicts = list(csv.DictReader((out / "raw" / "fraud_labels.csv").open()))
    assert sum(int(row["is_fraud"]) for row in verdicts) == 5
    lost = [line for line in told if line.startswith("NOT CONVERTED")]
    assert [line.split(":")[0] for line in lost] == [
        "NOT CONVERTED rule by_score",
        "NOT CONVERTED rule dear (converted)",
        "NOT CONVERTED rule listed (converted)",
        "NOT CONVERTED list old_emails",
        "NOT CONVERTED model orders_model",
    ]
    assert (out / "report.txt").read_text().splitlines() == told


def test_nothing_is_written_over(source, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(Unusable, match="expected a new or an empty folder"):
        imported(source, tmp_path / "out", "shop", "")


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("version.json", {}, "expected what get_detector_version returned"),
        (
            "version.json",
            {**DETECTOR, "ruleExecutionMode": "ONE"},
            "expected ruleExecutionMode FIRST_MATCHED or ALL_MATCHED",
        ),
        ("rules.json", {"ruleDetails": DETAILS[:2]}, "lacking dear 1, listed 1"),
        (
            "rules.json",
            {"ruleDetails": [{**d, "outcomes": ["vip"]} for d in DETAILS]},
            "outcome vip: its name does not tell",
        ),
        ("rules.json", {"ruleDetails": [{"ruleId": "x"}]}, "rules.json: expected what the service returns"),
        (
            "rules.json",
            {"ruleDetails": [{"ruleId": d["ruleId"], "ruleVersion": "1", "outcomes": ["block"]} for d in DETAILS]},
            "expected each rule of get_rules with 'expression'",
        ),
        ("rules.json", {"ruleDetails": [{**d, "outcomes": []} for d in DETAILS]}, "rule known: expected an outcome"),
        ("variables.json", {"variables": VARIABLES[1:]}, "expected a variable of type PRICE"),
        ("model.json", {}, "line 2: expected a label of fraud, 1, true"),
    ],
)
def test_what_the_service_would_not_return_is_refused_with_its_file(source, tmp_path, file, change, said):
    (source / file).write_text(json.dumps(change))
    with pytest.raises(Unusable) as refused:
        imported(source, tmp_path / "out", "shop", "")
    assert said in str(refused.value)
    assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_who_is_paid_is_asked_for(source, tmp_path):
    with pytest.raises(
        SystemExit, match="no variable says who is paid; expected MERCHANT=<variable>, one of order_price"
    ):
        main(str(source), str(tmp_path / "out"))
    with pytest.raises(SystemExit, match="expected make import-fraud-detector"):
        main()


def test_an_outcome_of_another_name_is_told_by_a_file(source, tmp_path):
    details = [{**d, "outcomes": ["vip" if d["outcomes"] == ["approve"] else d["outcomes"][0]]} for d in DETAILS]
    (source / "rules.json").write_text(json.dumps({"ruleDetails": details}))
    (tmp_path / "outcomes.json").write_text('{"vip": "APPROVE"}')

    told = imported(source, tmp_path / "out", "shop", str(tmp_path / "outcomes.json"))
    assert told[0] == "detector orders-3, FIRST_MATCHED: 3 rules of 4 in policy.json"


def test_a_rule_that_our_parser_refuses_is_named_and_the_others_are_brought(source, tmp_path):
    details = [{**d, "expression": '$shop == ""'} if d["ruleId"] == "dear" else d for d in DETAILS]
    (source / "rules.json").write_text(json.dumps({"ruleDetails": details}))

    told = imported(source, tmp_path / "out", "shop", "")
    (line,) = [line for line in told if line.startswith("NOT CONVERTED rule dear:")]
    assert "when.all[0].=: expected a text" in line
    assert [rule["name"] for rule in json.loads((tmp_path / "out" / "policy.json").read_text())["rules"]] == [
        "known",
        "listed",
    ]


def test_variables_that_are_called_as_columns_of_ours_do_not_stand_twice():
    variables = {"customer_id": "", "amount": "NUMERIC", "price": "PRICE", "country": "CATEGORICAL", "shop": ""}

    assert columns_of(variables, "shop") == {
        "shop": "merchant_id",
        "price": "amount",
        "customer_id": "attributes.variable_customer_id",
        "amount": "attributes.variable_amount",
        "country": "country",
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"EVENT_TIMESTAMP,ENTITY_ID,price,price\n", "found price twice"),
        (b"EVENT_TIMESTAMP,price\n", "expected ENTITY_ID among the columns"),
        ("EVENT_TIMESTAMP,ENTITY_ID,Käufer\n".encode("latin-1"), "expected CSV as UTF-8"),
        (b'EVENT_TIMESTAMP,ENTITY_ID,order_price,shop\n2026-10-01,c1,"5"x,s\n', "behind line 1: expected CSV as UTF-8"),
    ],
    ids=["twice", "lacking", "latin", "quote"],
)
def test_an_event_file_that_cannot_be_read_is_refused_by_name(source, tmp_path, content, said):
    (source / "events.csv").write_bytes(content)
    with pytest.raises(Unusable) as refused:
        imported(source, tmp_path / "out", "shop", "")
    assert "events.csv" in str(refused.value)
    assert said in str(refused.value)
