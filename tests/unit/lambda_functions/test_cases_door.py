"""The cases door and the intake: who asks is who signed, what is no request changes nothing, refusals have a status."""

from __future__ import annotations

import base64
import json

import pytest
from cases import handler
from cases.handler import ROUTES
from intake.door import Intake
from intake.watch import FINISHING_MS, HOUR_MS, Watch

from tests.architecture.source import block, keys, terraform
from tests.unit.lambda_functions.cases_table import ADA, BEN, LEA, LOCK, SERVICE, START, Desk, asked

PAN = "4111111111111111"
VERDICT = {"decision": "fraud", "why": "nobody knows of it", "seen": 1}


@pytest.fixture
def desk(monkeypatch) -> Desk:
    desk = Desk()
    monkeypatch.setattr(handler, "door", lambda: desk.door)
    return desk


def ask(route: str, body: object = None, by: str | None = ADA, case: str = "", **query: str) -> tuple[int, dict]:
    event = {
        "routeKey": route,
        "requestContext": {"authorizer": {"iam": {"userArn": by}}} if by else {},
        "pathParameters": {"id": case} if case else None,
        "queryStringParameters": query or None,
    }
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    found = handler.handle(event, None)
    return found["statusCode"], json.loads(found["body"])


def a_place(**other: str) -> str:
    """Where a page of open cases may begin."""
    told = {"of": "case#x", "what": "case", "queue": "OPEN", "rank": "8#x", **other}
    return base64.urlsafe_b64encode(json.dumps({name: {"S": v} for name, v in told.items()}).encode()).decode()


def test_a_case_goes_from_the_queue_to_its_label_over_the_api(desk):
    message = {
        "transaction_id": "t1",
        "customer_id": "c1",
        "action": "REVIEW",
        "fraud_score": 0.7,
        "reasons": ["score"],
    }
    assert Intake(desk.cases).take([record(json.dumps(message))]) == []

    status, taken = ask("POST /cases/next")
    assert (status, taken["holder"], taken["payments_told"][0]["fraud_score"]) == (200, ADA, 0.7)
    assert ask("GET /decisions", transaction_id="t1") == (
        200,
        {"transaction_id": "t1", "answer": "pending", "case": taken["case"]},
    )
    status, decided = ask("POST /cases/{id}/decide", VERDICT, case=taken["case"])
    assert (status, decided["state"]) == (200, "DECIDED")
    assert desk.labels() == [("t1", "1")]
    assert ask("GET /decisions", transaction_id="t1")[1]["answer"] == "declined"


def test_every_route_of_the_api_is_known_to_the_function_and_no_other():
    declared = keys(block(terraform("review/main.tf"), "routes = toset(["), r'"([A-Z]+ /[^"]+)"')
    assert declared == set(ROUTES)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.startswith("POST")])
def test_nobody_works_on_a_case_unnamed(desk, route):
    case = desk.opened()
    before = dict(desk.table.items)
    status, said = ask(route, {"why": "x"}, by=None, case=case)
    assert (status, desk.table.items) == (403, before)
    assert "signed" in said["error"]


@pytest.mark.parametrize(
    ("route", "body", "said"),
    [
        ("POST /cases/{id}/decide", "{", "the body is not JSON"),
        ("POST /cases/{id}/decide", [], "expected a JSON object"),
        ("POST /cases/{id}/decide", {**VERDICT, "by": BEN}, "and nothing else"),
        (
            "POST /cases/{id}/decide",
            {"decision": "fraud", "why": "x"},
            "expected a JSON object with decision, why, seen",
        ),
        ("POST /cases/{id}/decide", {**VERDICT, "decision": "maybe"}, "decision: expected fraud or honest"),
        ("POST /cases/{id}/decide", {**VERDICT, "decision": ["fraud"]}, "decision: expected fraud or honest"),
        ("POST /cases/{id}/decide", {**VERDICT, "seen": True}, "seen: expected how many"),
        ("POST /cases/{id}/decide", {**VERDICT, "seen": "1"}, "seen: expected how many"),
        ("POST /cases/{id}/decide", {**VERDICT, "why": "  "}, "why: expected a text"),
        ("POST /cases/{id}/decide", {**VERDICT, "why": "x" * 2001}, "why: expected a text"),
        ("POST /cases/{id}/decide", {**VERDICT, "why": "\ud800"}, "why: expected a text"),
        ("POST /cases/{id}/decide", {**VERDICT, "why": f"card {PAN}"}, "looks like a card number"),
        (
            "POST /cases/{id}/decide",
            {**VERDICT, "otherwise": {"t9": "honest"}},
            "1 of its payments are not of the case",
        ),
        ("POST /cases/{id}/decide", {**VERDICT, "otherwise": {"t1": 1}}, "expected fraud or honest for each"),
        ("POST /cases/{id}/decide", {**VERDICT, "otherwise": {"t1": {}}}, "expected fraud or honest for each"),
        ("POST /cases/{id}/decide", {**VERDICT, "otherwise": ["t1"]}, "otherwise: expected an object"),
        ("POST /cases/{id}/claim", {"by": BEN}, "expected no body"),
        ("POST /cases/{id}/release", {"why": "x"}, "expected no body"),
        ("POST /cases/{id}/escalate", {}, "expected a JSON object with why"),
        ("POST /cases/{id}/comment", {"text": 7}, "text: expected a text"),
        ("POST /cases/{id}/reassign", {"to": "ben", "why": "x"}, "to: expected the ARN"),
        ("POST /cases/{id}/reassign", {"to": 7, "why": "x"}, "to: expected the ARN"),
        ("POST /cases/{id}/reopen", {"why": ""}, "why: expected a text"),
        ("POST /cases/next", {"by": BEN}, "expected no body"),
    ],
    ids=lambda value: str(value)[:40].encode("ascii", "replace").decode(),
)
def test_what_is_no_request_is_refused_and_changes_nothing(desk, route, body, said):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    before = dict(desk.table.items)

    status, answer = ask(route, body, case=case)

    assert status == 400
    assert said in answer["error"]
    assert PAN not in answer["error"]
    assert desk.table.items == before


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"state": "LOST"}, "expected state="),
        ({"state": "OPEN", "customer_id": "c1"}, "expected state="),
        ({"most": "0"}, "most of 1 to 200"),
        ({"most": "x"}, "most of 1 to 200"),
        ({"most": "201"}, "most of 1 to 200"),
        ({"most": "9" * 5000}, "most of 1 to 200"),
        ({"after": a_place(queue="DECIDED")}, "after: expected what the page before gave"),
        ({"after": a_place(rank="")}, "after: expected what the page before gave"),
        ({"after": a_place(rank="x" * 1001)}, "after: expected what the page before gave"),
        ({"after": a_place(rank="\ud800")}, "after: expected what the page before gave"),
        ({"after": "x"}, "after: expected what the page before gave"),
        ({"after": base64.urlsafe_b64encode(b'{"of": 1}').decode()}, "after: expected"),
        ({"after": base64.urlsafe_b64encode(b"[[]]").decode()}, "after: expected"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_page_that_is_none_is_refused(desk, query, said):
    status, answer = ask("GET /cases", **query)
    assert (status, said in answer["error"]) == (400, True), answer


def test_a_place_that_the_table_refuses_is_no_page_and_nothing_else_is_taken_for_that(desk, monkeypatch):
    def refusing(code: str) -> None:
        def query(**request: object) -> dict:
            failed = Exception(code)
            failed.response = {"Error": {"Code": code}}  # type: ignore[attr-defined]
            raise failed

        monkeypatch.setattr(desk.table, "query", query)

    refusing("ValidationException")
    assert ask("GET /cases", after=a_place())[0] == 400
    assert ask("GET /cases")[0] == 503
    refusing("AccessDeniedException")
    assert ask("GET /cases", after=a_place())[0] == 503


def test_each_refusal_has_its_status(desk):
    case = desk.opened()
    assert ask("GET /cases/{id}", case="0" * 24)[0] == 404
    assert ask("GET /decisions", transaction_id="t9")[0] == 404
    assert ask("GET /decisions")[0] == 400
    assert ask("POST /cases/{id}/decide", VERDICT, case=case) == (409, {"error": "nobody holds it: claim it first"})
    ask("POST /cases/{id}/claim", case=case)
    assert ask("POST /cases/{id}/claim", by=BEN, case=case)[0] == 409
    assert ask("PUT /cases/{id}", case=case)[0] == 404
    desk.topic.down = True
    assert ask("POST /cases/{id}/decide", VERDICT, case=case)[0] == 202
    status, said = ask("POST /cases/{id}/reopen", {"why": "wrong"}, by=LEA, case=case)
    assert (status, "not reopened; ask again" in said["error"]) == (503, True), "a 202 would say that it was done"
    desk.table.down = True
    assert ask("GET /cases/{id}", case=case)[0] == 503


def test_a_body_in_base64_is_read(desk):
    case = desk.opened()
    event = {
        "routeKey": "POST /cases/{id}/comment",
        "requestContext": {"authorizer": {"iam": {"userArn": ADA}}},
        "pathParameters": {"id": case},
        "body": base64.b64encode(b'{"text": "called"}').decode(),
        "isBase64Encoded": True,
    }
    assert handler.handle(event, None)["statusCode"] == 200


def record(body: str, number: int = 1) -> dict:
    return {"messageId": f"m-{number}", "body": body}


@pytest.mark.parametrize(
    "poison",
    ["no JSON", "[]", "{}", '{"transaction_id": "t9"}', '{"transaction_id": 9, "customer_id": "c"}', "[" * 100_000]
    + [json.dumps({"transaction_id": name, "customer_id": "c"}) for name in ("", "x" * 129, "\ud800")],
    ids=lambda body: body[:30].encode("ascii", "replace").decode(),
)
def test_what_is_no_payment_comes_again_until_it_is_set_aside_and_holds_up_no_other(desk, poison, capsys):
    good = [record(json.dumps({"transaction_id": f"t{n}", "customer_id": "c1"}), n) for n in (1, 3)]
    failures = Intake(desk.cases).take([good[0], record(poison, 2), good[1]])

    assert failures == [{"itemIdentifier": "m-2"}]
    assert desk.cases.of_payment("t1") == desk.cases.of_payment("t3")
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told[0]["message"] == "no payment to review"
    assert (told[-1]["opened"], told[-1]["joined"], told[-1]["poison"], told[-1]["refused"]) == (1, 1, 1, 0)


def test_a_message_that_the_table_refuses_comes_again_and_one_that_was_taken_changes_nothing(desk, capsys):
    body = json.dumps({"transaction_id": "t1", "customer_id": "c1", "action": "REVIEW"})
    desk.table.down = True
    assert Intake(desk.cases).take([record(body)]) == [{"itemIdentifier": "m-1"}]
    desk.table.down = False
    assert Intake(desk.cases).take([record(body)]) == []
    before = dict(desk.table.items)
    assert Intake(desk.cases).take([record(body), record(body, 2)]) == []
    assert desk.table.items == before
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["known"] == 2


def test_a_table_that_does_not_answer_is_asked_once_for_a_batch(desk):
    calls: list[int] = []
    desk.table.down, desk.table.step = True, lambda: calls.append(1)
    batch = [record(json.dumps({"transaction_id": f"t{n}", "customer_id": "c1"}), n) for n in range(10)]
    assert Intake(desk.cases).take(batch) == [{"itemIdentifier": f"m-{n}"} for n in range(10)]
    assert len(calls) == 1


def test_the_watch_says_how_cases_stand(desk):
    watch = Watch(desk.cases, desk.finisher, lambda: desk.at, SERVICE)
    for number in range(5):
        desk.at = START + number * 60_000
        desk.opened(f"t{number}", f"c{number}")
    names = [desk.cases.of_payment(f"t{n}").id for n in range(5)]
    for by, case in ((ADA, names[0]), (ADA, names[1]), (BEN, names[2])):
        desk.door.claim(asked(by, case))
    desk.door.escalate(asked(ADA, names[0], {"why": "x"}))
    desk.door.decide(asked(ADA, names[1], VERDICT))
    desk.door.decide(asked(BEN, names[2], VERDICT))
    desk.door.claim(asked(BEN, names[3]))
    desk.at += LOCK - 1

    found = watch.measured()
    assert {name: found[name] for name in ("open", "held", "escalated", "overdue")} == {
        "open": 1,
        "held": 1,
        "escalated": 1,
        "overdue": 0,
    }
    assert found["oldest_unassigned_ms"] == desk.at - START, "an escalated case waits, too"
    assert (found["decided_in_hour"], found["reviewers_in_hour"], found["decisions_per_reviewer_hour"]) == (2, 2, 1)

    desk.at += SERVICE + HOUR_MS
    found = watch.measured()
    assert (found["held"], found["overdue"], found["decided_in_hour"]) == (0, 3, 0)
    assert found["decisions_per_reviewer_hour"] == 0


def test_the_watch_finishes_what_is_owed_and_goes_on_where_one_fails(desk, monkeypatch):
    watch = Watch(desk.cases, desk.finisher, lambda: desk.at, SERVICE)
    desk.topic.down = True
    for payment, customer in (("t1", "c1"), ("t2", "c2")):
        case = desk.opened(payment, customer)
        desk.door.claim(asked(LEA, case))
        assert ask("POST /cases/{id}/decide", VERDICT, by=LEA, case=case)[0] == 202
    assert watch.look()["unfinished"] == 2
    desk.topic.down = False
    desk.topic.refusing = 1
    tell = desk.topic.publish_batch

    def first_refused(**request: object) -> dict:
        said = tell(**request)
        desk.topic.refusing = 0
        return said

    monkeypatch.setattr(desk.topic, "publish_batch", first_refused)
    assert watch.look()["unfinished"] == 1
    assert watch.look()["unfinished"] == 0
    assert sorted(desk.labels()) == [("t1", "1"), ("t2", "1")]
    assert sorted(m["transaction_id"] for m in desk.topic.messages) == ["t1", "t2"]


def owed(desk: Desk, *payments: str) -> list[str]:
    """Decided cases whose answers the topic has not taken, the oldest first."""
    names = [desk.opened(payment, f"c-{payment}") for payment in payments]
    desk.topic.down = True
    for case in names:
        desk.at += 1000
        desk.door.claim(asked(LEA, case))
        assert ask("POST /cases/{id}/decide", VERDICT, by=LEA, case=case)[0] == 202
    desk.topic.down = False
    return names


@pytest.mark.parametrize("code", ["AccessDenied", "SlowDown"])
def test_a_case_whose_file_the_lake_refuses_holds_up_no_other(desk, monkeypatch, code):
    first, _ = owed(desk, "t1", "t2")
    desk.at += 24 * HOUR_MS
    put = desk.lake.put_object
    desk.lake.objects.clear()

    def refusing(**request: object) -> None:
        if first in str(request["Key"]):
            failed = Exception(code)
            failed.response = {"Error": {"Code": code}}  # type: ignore[attr-defined]
            raise failed
        put(**request)

    monkeypatch.setattr(desk.lake, "put_object", refusing)
    assert Watch(desk.cases, desk.finisher, lambda: desk.at, SERVICE).look()["unfinished"] == 1
    assert desk.cases.owed() == [first]


def test_a_note_of_a_case_that_is_gone_holds_up_no_other(desk):
    first, _ = owed(desk, "t1", "t2")
    del desk.table.items[f"case#{first}", "case"]
    Watch(desk.cases, desk.finisher, lambda: desk.at, SERVICE).look()
    assert desk.cases.owed() == [first]


def test_cases_are_measured_before_any_is_finished_and_finishing_has_an_end(desk, monkeypatch, capsys):
    _, second = owed(desk, "t1", "t2")
    tell = desk.topic.publish_batch
    said: list[str] = []

    def slow(**request: object) -> dict:
        said.append(capsys.readouterr().out)
        desk.at += FINISHING_MS
        return tell(**request)

    monkeypatch.setattr(desk.topic, "publish_batch", slow)
    assert Watch(desk.cases, desk.finisher, lambda: desk.at, SERVICE).look()["unfinished"] == 1
    assert desk.cases.owed() == [second]
    assert '"overdue"' in said[0], "measured before"


def test_a_reopened_case_is_waited_for_since_then(desk, capsys):
    watch = Watch(desk.cases, desk.finisher, lambda: desk.at, SERVICE)
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    desk.door.decide(asked(ADA, case, VERDICT))
    desk.at += 10 * SERVICE
    desk.door.reopen(asked(LEA, case, {"why": "the customer called"}))
    desk.at += 60_000
    assert watch.measured()["overdue"] == 0
    desk.door.release(asked(LEA, case))
    assert watch.measured()["oldest_unassigned_ms"] == 60_000
    desk.door.next_escalated(asked(LEA))
    capsys.readouterr()
    desk.door.decide(asked(LEA, case, VERDICT))
    said = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (said["decided_in_time"], said["to_decision_ms"]) == (1, 60_000)
    desk.door.reopen(asked(LEA, case, {"why": "once more"}))
    desk.at += SERVICE + 1
    assert watch.measured()["overdue"] == 1


def test_a_decision_is_counted_once_within_its_hours_or_not(desk, capsys):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    desk.at += SERVICE + 1
    for _ in range(2):
        desk.door.decide(asked(ADA, case, VERDICT))
        desk.at += 1000
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counted = [line for line in lines if "decided_in_time" in line]
    assert [(c["decided"], c["decided_in_time"], c["to_decision_ms"]) for c in counted] == [(1, 0, SERVICE + 1)]
