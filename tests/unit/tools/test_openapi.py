"""The API's document says what the doors take and answer: held against Terraform's routes and the doors themselves."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cases import handler
from jsonschema import Draft202012Validator
from labels.door import LabelsDoor
from lists.door import ListsDoor
from scoring.decision import FIELDS
from scoring.labels import LabelFiles

from tests.architecture.source import ROOT, block, keys, terraform
from tests.unit.lambda_functions.aws import Bucket, ListsTable
from tests.unit.lambda_functions.cases_table import ADA, LEA, Desk
from tests.unit.lambda_functions.scene import Scene, fields
from tests.unit.lambda_functions.test_cases_door import VERDICT, ask
from tests.unit.lambda_functions.test_labels_door import NOW, label
from tests.unit.lambda_functions.test_lists import entries
from tests.unit.lambda_functions.test_lists_door import CHANGE
from tests.unit.lambda_functions.test_loans_door import POOR
from tests.unit.lambda_functions.test_loans_door import Scene as LoansScene
from tools.openapi import BESIDE, document, page

DOCUMENT = document()


def wrong(schema: dict, value: Any) -> list[str]:
    """What a schema of the document refuses of a value."""
    validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    return [error.message for error in validator.iter_errors(json.loads(json.dumps(value)))]


def of(name: str) -> dict:
    return {"$ref": f"#/components/schemas/{name}"}


def answer_of(route: str, status: int) -> dict:
    verb, path = route.split(" ")
    return DOCUMENT["paths"][path][verb.lower()]["responses"][str(status)]["content"]["application/json"]["schema"]


def test_it_has_every_route_that_terraform_makes_and_no_other():
    api = "".join(path.read_text() for path in (ROOT / "terraform/modules/api").glob("*.tf"))
    made = set(re.findall(r'route_key\s+= "([A-Z]+ /[^"]+)"', api))
    made = {route.replace(" /v1/", " /") for route in made}
    made |= keys(block(terraform("review/main.tf"), "routes = toset(["), r'"([A-Z]+ /[^"]+)"')
    told = {f"{verb.upper()} {path}" for path, verbs in DOCUMENT["paths"].items() for verb in verbs}
    assert told == made
    assert len(made) > 12


def test_what_the_loans_door_answers_is_what_the_document_says(tmp_path):
    scene = LoansScene(tmp_path)
    found = scene.door.decide(POOR)

    assert wrong(of("Application"), POOR) == []
    assert wrong(of("LoanDecision"), found) == []
    assert wrong(of("LoanDecision"), {**found, "cells": []}) != []
    assert wrong(of("Application"), {name: value for name, value in POOR.items() if name != "loan_id"}) != []


def test_every_reference_leads_somewhere_and_every_schema_is_one():
    names = set(re.findall(r'"#/components/schemas/(\w+)"', page()))
    assert names == DOCUMENT["components"]["schemas"].keys()
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_what_the_cases_door_answers_is_what_it_says(monkeypatch):
    desk = Desk()
    monkeypatch.setattr(handler, "door", lambda: desk.door)
    case = desk.opened("t1", fraud_score=0.7)
    desk.take_in("t2")
    reassigned = {"to": ADA, "why": "x"}
    asked = [
        ("POST /cases/next", None, ADA, {}),
        ("POST /cases/next", None, LEA, {}),
        ("GET /decisions", None, ADA, {"transaction_id": "t1"}),
        ("POST /cases/{id}/comment", {"text": "called"}, ADA, {}),
        ("POST /cases/{id}/release", {}, ADA, {}),
        ("POST /cases/{id}/claim", {}, ADA, {}),
        ("POST /cases/{id}/escalate", {"why": "x"}, ADA, {}),
        ("POST /cases/next-escalated", {}, LEA, {}),
        ("POST /cases/{id}/reassign", reassigned, LEA, {}),
        ("POST /cases/{id}/decide", VERDICT, ADA, {}),
        ("POST /cases/{id}/decide", {**VERDICT, "decision": 1}, ADA, {}),
        ("POST /cases/{id}/decide", {**VERDICT, "seen": 2, "otherwise": {"t2": "honest"}}, ADA, {}),
        ("GET /cases/{id}", None, ADA, {}),
        ("GET /cases", None, ADA, {"state": "DECIDED"}),
        ("GET /decisions", None, ADA, {"transaction_id": "t2"}),
        ("POST /cases/{id}/reopen", {"why": "x"}, LEA, {}),
        ("GET /cases/{id}", None, None, {}),
    ]
    found = []
    for route, body, by, query in asked:
        status, said = ask(route, body, by=by, case=case, **query)
        found.append(status)
        assert wrong(answer_of(route, status), said) == [], (route, said)
        taken = DOCUMENT["paths"][route.split(" ")[1]][route.split(" ")[0].lower()].get("requestBody")
        if body is not None:
            schema = taken["content"]["application/json"]["schema"]
            assert (wrong(schema, body) == []) is (status != 400), (route, body)
    assert found == [200] * 9 + [409, 400] + [200] * 5 + [403]


def test_what_the_other_doors_take_and_answer_is_what_it_says():
    assert wrong(of("Label"), label()) == []
    taken = LabelsDoor(LabelFiles(Bucket(), "lake"), Scene().frauds(), lambda: NOW).take(label())
    assert wrong(of("LabelsTaken"), taken) == []
    assert wrong(of("Change"), CHANGE) == []
    assert wrong(of("Changed"), ListsDoor(entries(ListsTable())).take(CHANGE, ADA)) == []


def test_what_the_api_door_takes_and_answers_is_what_it_says():
    scene = Scene()
    asked = fields(1)
    decision = scene.ask(asked)
    assert wrong(of("Payment"), asked) == []
    assert wrong(of("Decision"), decision) == []
    assert set(DOCUMENT["components"]["schemas"]["Decision"]["properties"]) == FIELDS.keys() - set(BESIDE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Label", {**label(), "by": "me"}),
        ("Label", label(fraud=2)),
        ("Change", {**CHANGE, "values": []}),
        ("Verdict", {**VERDICT, "why": ""}),
        ("Payment", {"transaction_id": "t1"}),
        ("Answer", {"transaction_id": "t1", "answer": "maybe", "case": "c"}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_the_doors_refuse_it_refuses(name, value):
    assert wrong(of(name), value) != []
