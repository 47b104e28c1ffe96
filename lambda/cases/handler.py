"""Lambda entry point of the cases door (HTTP API, payload format 2.0)."""

from __future__ import annotations

import base64
import json
import os
import time
from dataclasses import dataclass
from functools import lru_cache

import boto3
from scoring import metrics
from scoring.answers import Answers
from scoring.budget import CASES, FRAUDS
from scoring.caller import caller_of
from scoring.frauds import Frauds
from scoring.labels import LabelFiles
from scoring.log import warn
from scoring.merchants import MerchantStream
from scoring.settings import from_environment

from cases.case import Refused
from cases.door import CasesDoor, InvalidRequest, Owed, Request, Unfinished
from cases.finishing import AnswerTopic, Finisher
from cases.table import Busy, Cases, NoCase

MINUTE_MS = 60_000

# Below /v1. Each right has a route of its own: who may do what is said by IAM, and only there.
ROUTES = {
    "POST /cases/next": CasesDoor.next,
    "POST /cases/next-escalated": CasesDoor.next_escalated,
    "GET /cases": CasesDoor.listing,
    "GET /cases/{id}": CasesDoor.show,
    "POST /cases/{id}/claim": CasesDoor.claim,
    "POST /cases/{id}/release": CasesDoor.release,
    "POST /cases/{id}/escalate": CasesDoor.escalate,
    "POST /cases/{id}/comment": CasesDoor.comment,
    "POST /cases/{id}/decide": CasesDoor.decide,
    "POST /cases/{id}/reassign": CasesDoor.reassign,
    "POST /cases/{id}/reopen": CasesDoor.reopen,
    "GET /decisions": CasesDoor.answer,
}


@dataclass(frozen=True)
class Settings:
    metric_namespace: str
    answers_table: str
    cases_table: str
    answers_topic_arn: str
    lake_bucket: str
    merchant_stream: str
    lock_minutes: str
    service_minutes: str


@lru_cache(maxsize=1)
def door() -> CasesDoor:
    """Clients are made once per cold start and their connections kept."""
    settings = from_environment(Settings, os.environ)
    metrics.into(settings.metric_namespace)
    now = lambda: int(time.time() * 1000)  # noqa: E731
    cases = Cases(boto3.client("dynamodb", config=CASES.config), settings.cases_table, now)
    files = LabelFiles(boto3.client("s3", config=CASES.config), settings.lake_bucket)
    answers = AnswerTopic(boto3.client("sns", config=CASES.config), settings.answers_topic_arn)
    frauds = Frauds(
        Answers(boto3.client("dynamodb", config=FRAUDS.answers.config), settings.answers_table, time.time),
        MerchantStream(boto3.client("kinesis", config=FRAUDS.merchants.config), settings.merchant_stream),
        now,
    )
    return CasesDoor(
        cases,
        Finisher(cases, files, frauds, answers, now),
        now,
        int(settings.lock_minutes) * MINUTE_MS,
        int(settings.service_minutes) * MINUTE_MS,
    )


def handle(event: dict, context: object) -> dict:
    route = ROUTES.get(event["routeKey"].replace(" /v1/", " /", 1))
    if route is None:
        return answer(404, {"error": f"expected one of {', '.join(ROUTES)}"})
    by = caller_of(event)
    if by is None:
        return answer(
            403,
            {"error": "expected a signed request, or a token that names somebody: a case tells who did what"},
        )
    try:
        body = event.get("body") or "{}"
        document = json.loads(base64.b64decode(body) if event.get("isBase64Encoded") else body)
    except (ValueError, RecursionError):
        return answer(400, {"error": "the body is not JSON"})
    if not isinstance(document, dict):
        return answer(400, {"error": "expected a JSON object"})
    identifier = (event.get("pathParameters") or {}).get("id", "")
    asked = Request(by, identifier, event.get("queryStringParameters") or {}, document)
    try:
        return answer(200, route(door(), asked))
    except InvalidRequest as wrong:
        return answer(400, {"error": str(wrong)})
    except NoCase:
        return answer(404, {"error": "there is no such case; a payment has one within moments of its decision"})
    except Refused as refused:
        return answer(409, {"error": str(refused)})
    except Busy:
        return answer(503, {"error": "others change the case at this moment; ask again"})
    except Owed:
        return answer(503, {"error": "its labels or answers are still owed, so it was not reopened; ask again"})
    except Unfinished:
        return answer(202, {"case": identifier, "error": "it is decided; labels and answers follow within minutes"})
    except Exception as failed:  # whatever ails the table, who asked is told that he may ask again
        warn("a case was not read or not changed", failed)
        return answer(503, {"error": "the case could not be read or changed; send the same again"})


def answer(status: int, body: dict) -> dict:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
