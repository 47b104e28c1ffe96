"""Prints docs/openapi.json: every route of the API of the decisions, made from what the doors hold requests against."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from cases import door as cases_door
from cases.case import STATES, WORDS
from cases.finishing import ANSWERS
from cases.handler import ROUTES
from scoring.decision import FIELDS, LONGEST_LIST, MOST_MARKS
from scoring.entries import LONGEST_WHY, TOGETHER
from scoring.labels import MOST
from scoring.policy import SEVERITY
from scoring.rules import LIST_NAME

from features.application import NEEDED, SENT
from features.contract import FRAUD_LABELS, LOAN_APPLICATIONS, TRANSACTIONS
from features.payment import CONTROL, LONGEST_IDENTIFIER
from features.values import LARGEST_AMOUNT, MISSING, ROUNDED
from lending.deciding import Decided
from lending.policy import DECISIONS

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
TEXT_OR_NONE: Json = {"type": ["string", "null"]}
WHOLE: Json = {"type": "integer"}
NUMBER: Json = {"type": "number"}
MOMENT: Json = {"type": "string", "format": "date-time"}
IDENTIFIER: Json = {"type": "string", "minLength": 1, "maxLength": LONGEST_IDENTIFIER}
# What Python takes for a blank: a text of nothing else says nothing.
SAYS_SOMETHING = r"[^\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
WHY: Json = {"type": "string", "minLength": 1, "maxLength": cases_door.LONGEST_WHY, "pattern": SAYS_SOMETHING}
# Whom a payment names: no blank alone, no line break, no word for a missing cell, no number that a spreadsheet rounded.
NAMED: Json = {
    **IDENTIFIER,
    "pattern": f"^[^{CONTROL[1:-1]}]*[^ {CONTROL[1:-1]}][^{CONTROL[1:-1]}]*$",
    "not": {"anyOf": [{"enum": sorted(MISSING)}, {"pattern": ROUNDED}]},
}
LIST: Json = {"type": "string", "pattern": f"^{LIST_NAME.pattern}$"}
# How cells of a payment may be written.
CELLS: dict[str, Json] = {
    "text": {"type": ["string", "number", "boolean", "null"]},
    "instant": MOMENT,
    "money": {
        "type": ["string", "number"],
        "minimum": 0,
        "maximum": int(LARGEST_AMOUNT),
        "pattern": r"^\+?([0-9]{1,10}(\.[0-9]*)?|\.[0-9]+)$",
    },
    "flag": {"type": ["string", "number", "boolean", "null"]},
    "degrees": {"type": ["string", "number", "null"]},
}
# A decision's fields, by what `scoring.decision` says of them in words.
WORDED: dict[str, Json] = {
    "text": TEXT,
    "text or none": TEXT_OR_NONE,
    "a probability or none": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    "an action": {"enum": sorted(SEVERITY)},
    "an action or none": {"enum": [*sorted(SEVERITY), None]},
    "a list of texts": {"type": "array", "items": TEXT, "maxItems": LONGEST_LIST},
    "none or a list of texts": {"type": ["array", "null"], "items": TEXT, "maxItems": MOST_MARKS},
    "a whole number": WHOLE,
    "none or a list of whole numbers": {"type": ["array", "null"], "items": WHOLE},
    "none or a list of numbers and nones": {"type": ["array", "null"], "items": {"type": ["number", "null"]}},
    "true or false": {"type": "boolean"},
}
OF_THE_GATEWAY = (401, 403, 429, 500, 503)
BESIDE = ("attributes", "event")  # of the log alone
BODIES: dict[str, Json] = {
    "claim": {},
    "next": {},
    "next-escalated": {},
    "release": {},
    "comment": {"text": WHY},
    "escalate": {"why": WHY},
    "reopen": {"why": WHY},
    "reassign": {"to": {"type": "string", "pattern": f"^{cases_door.WHO.pattern}$"}, "why": WHY},
}
SUMMARIES = {
    "POST /cases/next": "The case that you hold, or the next one, claimed",
    "POST /cases/next-escalated": "The same of escalated ones, for leads",
    "GET /cases": "Cases in a state, or all of a customer",
    "GET /cases/{id}": "A case with its payments and its history",
    "POST /cases/{id}/claim": "Take a case, or hold it for longer",
    "POST /cases/{id}/release": "Give it back",
    "POST /cases/{id}/escalate": "Hand it to the leads",
    "POST /cases/{id}/comment": "Write into its history",
    "POST /cases/{id}/decide": "Say what its payments were",
    "POST /cases/{id}/reassign": "Give it to somebody, for leads",
    "POST /cases/{id}/reopen": "Take a decided case again, for leads",
    "GET /decisions": "What became of a payment that a person looks at",
}
# What a client calls a route.
NAMES = {
    "POST /decisions": "decide",
    "GET /decisions": "answer",
    "POST /labels": "label",
    "POST /lists": "change_list",
    "POST /loans/decide": "decide_loan",
    "GET /openapi.json": "document",
    "POST /cases/next": "next_case",
    "POST /cases/next-escalated": "next_escalated_case",
    "GET /cases": "cases",
    "GET /cases/{id}": "case",
    "POST /cases/{id}/claim": "claim",
    "POST /cases/{id}/release": "release",
    "POST /cases/{id}/escalate": "escalate",
    "POST /cases/{id}/comment": "comment",
    "POST /cases/{id}/decide": "decide_case",
    "POST /cases/{id}/reassign": "reassign",
    "POST /cases/{id}/reopen": "reopen",
}
# What an answer names, and which route it may be asked of next.
LINKS = {
    "POST /decisions": [("GET /decisions", "transaction_id", "transaction_id")],
    "GET /cases": [("GET /cases/{id}", "id", "cases/0/case")],
} | {
    first: [(route, "id", "case") for route in ROUTES if "{id}" in route]
    for first in ("POST /cases/next", "POST /cases/next-escalated")
}
# Asked twice, it is done twice: a comment stands there twice.
ONCE_ONLY = {"POST /cases/{id}/comment"}
SAID = {
    "200": "Done, or it was so already",
    "202": "Taken; what follows comes within minutes",
    "400": "No such request; nothing was changed",
    "401": "No token that the route takes, where it asks for one",
    "403": "Not signed, or not your right",
    "404": "There is none",
    "409": "Not in this state, or another question under a known identifier",
    "413": "Too large",
    "429": "More requests than are taken; nothing was changed, ask later",
    "500": "The door failed",
    "503": "Ask again; it is done once",
}


# Where a route means something else by a status.
OTHERWISE = {
    "POST /loans/decide": {
        "200": "Decided, and kept; asked again, the answer is the same",
        "409": "Another application under a known loan_id, with what differs; or nothing can be decided: no model, no "
        "policy, or they do not fit; the text says which",
        "503": "Ask again; no decision was told",
    }
}
PATIENCE = {"POST /loans/decide": 30}  # seconds until API Gateway gives up, where the client's usual ones are too few


def document() -> Json:
    """OpenAPI 3.1. `security` is IAM's signature, which OpenAPI knows as an API key in the header, or a token where the
    environment's settings ask for one. `x-idempotent` says whether what may have been done may be asked again,
    `x-timeout-s` how long an answer may take, where that is longer than usual."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Decisions on payments",
            "version": "1",
            "description": "Made by `make docs`; do not edit. Signed for `execute-api` (AWS Signature Version 4).",
        },
        "servers": [{"url": "/v1"}],
        "security": [{"iam": []}, {"jwt": []}],
        "paths": paths(),
        "components": {
            "securitySchemes": {
                "iam": {"type": "apiKey", "in": "header", "name": "Authorization"},
                "jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
            "schemas": schemas(),
        },
    }


def paths() -> Json:
    found: Json = {
        "/decisions": {
            "post": operation(
                "POST /decisions",
                "Decide on a payment while the payer waits",
                ref("Payment"),
                {"200": ref("Decision")},
                400,
                409,
                413,
                503,
            )
        },
        "/labels": {
            "post": operation(
                "POST /labels",
                "Say what payments were",
                ref("Labels"),
                {"202": ref("LabelsTaken")},
                400,
                503,
            )
        },
        "/lists": {
            "post": operation(
                "POST /lists",
                "Put values on a list that rules look up, or take them off",
                ref("Change"),
                {"200": ref("Changed")},
                400,
                503,
            )
        },
        "/loans/decide": {
            "post": operation(
                "POST /loans/decide",
                "Decide on one loan application",
                ref("Application"),
                {"200": ref("LoanDecision")},
                400,
                409,
                413,
                503,
            )
        },
        "/openapi.json": {
            "get": operation("GET /openapi.json", "This document", None, {"200": {"type": "object"}}),
        },
    }
    for route in ROUTES:
        verb, path = route.split(" ")
        found.setdefault(path, {})[verb.lower()] = of_cases(route)
    for route, leads in LINKS.items():
        verb, path = route.split(" ")
        found[path][verb.lower()]["responses"]["200"]["links"] = {
            NAMES[to]: {"operationId": NAMES[to], "parameters": {name: f"$response.body#/{value}"}}
            for to, name, value in leads
        }
    return found


def of_cases(route: str) -> Json:
    verb, path = route.split(" ")
    right = path.rpartition("/")[2]
    if route == "GET /cases":
        given = [
            query("state", {"enum": list(STATES), "default": "OPEN"}),
            query(
                "most",
                {"type": "integer", "minimum": 1, "maximum": cases_door.LARGEST_PAGE, "default": cases_door.PAGE},
            ),
            query("after", TEXT),
            query("customer_id", TEXT),
        ]
        return operation(route, SUMMARIES[route], None, {"200": ref("Cases")}, 400, 503, parameters=given)
    if route == "GET /decisions":
        given = [query("transaction_id", TEXT, required=True)]
        return operation(route, SUMMARIES[route], None, {"200": ref("Answer")}, 400, 404, 503, parameters=given)
    body = ref("Verdict") if right == "decide" else closed(BODIES[right]) if verb == "POST" else None
    whole = right in ("decide", "reopen", "{id}")
    answer = ref("NextCase") if right.startswith("next") else ref("WholeCase") if whole else ref("Case")
    answers = {"200": answer} | ({"202": ref("Owed")} if right == "decide" else {})
    named = {"parameters": [{"name": "id", "in": "path", "required": True, "schema": TEXT}]} if "{id}" in path else {}
    refused = (404, 503) if verb == "GET" else (400, 404, 409, 503)
    made = operation(route, SUMMARIES[route], body, answers, *refused, **named)
    if body is not None and "required" not in body and right != "decide":
        made["requestBody"]["required"] = False
    return made


def operation(
    route: str, summary: str, body: Json | None, answers: dict[str, Json], *refused: int, **more: Any
) -> Json:
    """What is `refused` beside what API Gateway itself refuses at every route."""
    words = SAID | OTHERWISE.get(route, {})
    said = {status: {"description": words[status], "content": content(schema)} for status, schema in answers.items()}
    for status in sorted(map(str, {*OF_THE_GATEWAY, *refused})):
        said[status] = {"description": words[status], "content": content(ref("Error"))}
    asked = {} if body is None else {"requestBody": {"required": True, "content": content(body)}}
    named = {"operationId": NAMES[route], "summary": summary, "x-idempotent": route not in ONCE_ONLY}
    patience = {"x-timeout-s": PATIENCE[route]} if route in PATIENCE else {}
    return {**named, **patience, **asked, **more, "responses": said}


def schemas() -> Json:
    case = {
        **dict.fromkeys(("case", "customer_id"), TEXT),
        "state": {"enum": list(STATES)},
        "level": {"enum": ["reviewer", "lead"]},
        **dict.fromkeys(("severity", "payments", "round"), WHOLE),
        "opened_at": MOMENT,
        **dict.fromkeys(("holder", "why", "decided_by"), TEXT_OR_NONE),
        **{name: {**TEXT_OR_NONE, "format": "date-time"} for name in ("locked_until", "decided_at")},
        "decision": {"enum": [*WORDS, None]},
        "otherwise": {"type": "object", "additionalProperties": {"enum": list(WORDS)}},
    }
    whole = {**case, "payments_told": {"type": "array", "items": {"type": "object"}}}
    line = closed({"at": MOMENT, "by": TEXT, "did": TEXT}, why=TEXT)
    verdict = closed(
        {"decision": {"enum": list(WORDS)}, "why": WHY, "seen": WHOLE},
        otherwise={
            "type": "object",
            "maxProperties": cases_door.MOST_OTHERWISE,
            "additionalProperties": {"enum": list(WORDS)},
        },
    )
    values = {"type": "array", "items": IDENTIFIER, "minItems": 1, "maxItems": TOGETHER}
    reason = {"type": "string", "minLength": 1, "maxLength": LONGEST_WHY, "pattern": SAYS_SOMETHING}
    change = closed({"list": LIST, "values": values, "why": reason}, until=MOMENT, take_off={"type": "boolean"})
    # What is taken off has no end.
    ending = {"not": {"required": ["until", "take_off"], "properties": {"take_off": {"const": True}}}}
    return {
        "Payment": payment(),
        "Application": application(),
        "LoanDecision": loan_decision(),
        "Decision": {
            "type": "object",
            "properties": {name: WORDED[words] for name, (words, _) in FIELDS.items() if name not in BESIDE},
            "required": [name for name in FIELDS if name not in BESIDE],
        },
        "Label": closed(
            {
                name: {"enum": [0, 1]} if name == "is_fraud" else MOMENT if name == "reported_at" else IDENTIFIER
                for name in FRAUD_LABELS.required
            }
        ),
        "Labels": {"oneOf": [ref("Label"), {"type": "array", "items": ref("Label"), "minItems": 1, "maxItems": MOST}]},
        "LabelsTaken": closed({"accepted": WHOLE, "batch": TEXT, "file": TEXT, "repeated": {"type": "boolean"}}),
        "Change": {**change, **ending},
        "Changed": closed({"list": TEXT, "by": TEXT}, put=WHOLE, taken_off=WHOLE),
        "Case": closed(case),
        "WholeCase": closed({**whole, "history": {"type": "array", "items": line}}),
        "NextCase": {"anyOf": [ref("WholeCase"), ref("NoCase")]},
        "NoCase": closed({"case": {"type": "null"}}),
        "Cases": closed({"cases": {"type": "array", "items": ref("Case")}, "after": {"type": ["string", "null"]}}),
        "Verdict": verdict,
        "Answer": closed(
            {"transaction_id": TEXT, "answer": {"enum": list(ANSWERS.values())}, "case": TEXT}, decided_at=MOMENT
        ),
        "Owed": closed({"case": TEXT, "error": TEXT}),
        "Error": {
            "type": "object",
            "properties": {"error": TEXT, "message": TEXT},
            "anyOf": [{"required": ["error"]}, {"required": ["message"]}],
        },
    }


def payment() -> Json:
    """Any further column may stand beside those of the contract. What need not be said is taken however it is written:
    `x-written` tells how it ought to be, so that it is understood."""
    columns = {
        c.name: {**CELLS[c.type], "description": c.description}
        if c.required
        else {"x-written": CELLS[c.type], "description": c.description}
        for c in TRANSACTIONS.columns
    }
    named = [c.name for c in TRANSACTIONS.columns if c.required and c.type == "text"]
    columns |= {name: {**NAMED, "description": columns[name]["description"]} for name in named}
    columns["currency"] = {**TEXT_OR_NONE, "description": columns["currency"]["description"]}
    return {"type": "object", "properties": columns, "required": list(TRANSACTIONS.required)}


def application() -> Json:
    """Any further column may stand beside those of the contract: each that the model was trained on has to."""
    cells = {"money": {"type": ["string", "number", "null"]}, "count": {"type": ["string", "integer", "null"]}}
    columns = {
        c.name: {**(NAMED if c.type == "text" else cells.get(c.type, MOMENT)), "description": c.description}
        for c in LOAN_APPLICATIONS.columns
    }
    return {"type": "object", "properties": columns, "required": [*NEEDED, *SENT]}


def loan_decision() -> Json:
    texts, number = {"type": "array", "items": TEXT}, {"type": ["number", "null"]}
    share = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
    told: dict[str, Json] = {
        **dict.fromkeys(("reasons", "sentences", "rules"), texts),
        **dict.fromkeys(("expected_loss", "exposure", "price", "credit_limit"), number),
        **dict.fromkeys(("band", "snapshot"), TEXT_OR_NONE),
        "default_prob": share,
        "points": {"type": ["integer", "null"]},
        "decision": {"enum": list(DECISIONS)},
        "applied_at": MOMENT,
    }
    names = (*(field.name for field in fields(Decided)), "applied_at", "door")
    return closed({name: told.get(name, TEXT) for name in names})


def closed(needed: Json, **optional: Json) -> Json:
    needs = {"required": list(needed)} if needed else {}
    return {"type": "object", "properties": {**needed, **optional}, **needs, "additionalProperties": False}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def content(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def query(name: str, schema: Json, required: bool = False) -> Json:
    return {"name": name, "in": "query", "required": required, "schema": schema}


def page() -> str:
    return json.dumps(document(), indent=1) + "\n"


if __name__ == "__main__":
    print(page(), end="")
