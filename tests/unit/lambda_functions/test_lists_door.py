"""The lists door: who asked is written down, all of a request is taken in or nothing."""

from __future__ import annotations

import base64
import json

import pytest
from lists import handler
from lists.door import ListsDoor
from scoring.entries import TOGETHER

from tests.unit.lambda_functions.aws import Down, ListsTable
from tests.unit.lambda_functions.test_lists import entries

ADA = "arn:aws:sts::111122223333:assumed-role/risk-dev-operator/ada"
CHANGE = {"list": "mules", "values": ["c1", "c2"], "why": "a raid"}


@pytest.fixture
def table(monkeypatch) -> ListsTable:
    table = ListsTable()
    monkeypatch.setattr(handler, "door", lambda: ListsDoor(entries(table)))
    return table


def ask(body: object, by: str | None = ADA, **more) -> tuple[int, dict]:
    context = {"authorizer": {"iam": {"userArn": by}}} if by else {}
    event = {"body": body if isinstance(body, str) else json.dumps(body), "requestContext": context, **more}
    found = handler.handle(event, None)
    return found["statusCode"], json.loads(found["body"])


def test_values_are_put_on_a_list_by_whoever_signed_and_taken_off_again(table):
    assert ask({**CHANGE, "until": "2030-01-01T00:00:00Z"}) == (200, {"list": "mules", "put": 2, "by": ADA})
    entry = table.items["customer_id=c1", "mules"]
    assert (entry["by"]["S"], entry["why"]["S"], entry["expires"]["N"]) == (ADA, "a raid", "1893456000")

    assert ask({**CHANGE, "take_off": True}) == (200, {"list": "mules", "taken_off": 2, "by": ADA})
    assert ("customer_id=c1", "mules") not in table.items


def test_a_body_in_base64_is_read(table):
    packed = base64.b64encode(json.dumps(CHANGE).encode()).decode()
    assert ask(packed, isBase64Encoded=True)[0] == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{", "the body is not JSON"),
        (None, "expected a JSON object with list, values, why"),
        ({**CHANGE, "colour": 1}, "and nothing else"),
        ({"list": "mules", "values": ["c1"]}, "expected a JSON object with list, values, why"),
        ({**CHANGE, "values": []}, f"expected values to be a list of 1 to {TOGETHER}"),
        ({**CHANGE, "values": ["c"] * (TOGETHER + 1)}, f"expected values to be a list of 1 to {TOGETHER}"),
        ({**CHANGE, "values": "c1"}, "expected values to be a list"),
        ({**CHANGE, "values": [7]}, "expected each of values to be a text"),
        ({**CHANGE, "values": ["c1", "4111111111111111"]}, "expected an identifier as value 2, got 16 characters"),
        ({**CHANGE, "why": ""}, "expected a reason"),
        ({**CHANGE, "why": "\ud800"}, "expected a reason"),
        ({**CHANGE, "why": 7}, "expected list and why to be texts"),
        ({**CHANGE, "list": "mice"}, "expected one of the lists mules, shops, staff"),
        ({**CHANGE, "until": "soon"}, "until: expected an ISO 8601 instant"),
        ({**CHANGE, "until": "2001-01-01"}, "expected an end that is still to come"),
        ({**CHANGE, "take_off": True, "until": "2030-01-01"}, "expected no until of what is taken off"),
        ({**CHANGE, "take_off": "yes"}, "take_off to be true or false"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_change_is_refused_and_changes_nothing(table, body, said):
    entries(table)
    before = dict(table.items)
    status, answer = ask(body if body is not None else "null")

    assert status == 400
    assert said in answer["error"]
    assert "4111" not in answer["error"]
    assert table.items == before


def test_nobody_changes_a_list_unsigned(table):
    assert ask(CHANGE, by=None)[0] == 403
    assert not any(key[1] == "mules" and key[0] != "#lists" for key in table.items)


def test_while_the_table_is_away_the_sender_is_asked_to_send_again(table, monkeypatch):
    def down(**_: object) -> None:
        raise Down

    monkeypatch.setattr(table, "transact_write_items", down)
    assert ask(CHANGE) == (503, {"error": "the list could not be changed; send the same again"})
