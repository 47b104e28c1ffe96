"""Lambda entry point of the loans' door (HTTP API, payload format 2.0)."""

from __future__ import annotations

import base64
import json
import os
import time
from dataclasses import dataclass
from functools import lru_cache

import boto3
from scoring import metrics
from scoring.budget import LOANS
from scoring.records import Records
from scoring.settings import from_environment

from features.application import InvalidApplication
from features.message import fields_of
from features.payment import InvalidPayment
from loans.answered import Answers, OtherQuestion
from loans.door import AskAgain, LoansDoor, NotReady, OtherColumns

LARGEST_BODY = 2**18  # characters


@dataclass(frozen=True)
class Settings:
    metric_namespace: str
    loan_endpoint: str
    customer_group: str
    releases_table: str
    policies_table: str
    lake_bucket: str


@lru_cache(maxsize=1)
def door() -> LoansDoor:
    """Clients are made once per cold start and their connections kept."""
    settings = from_environment(Settings, os.environ)
    metrics.into(settings.metric_namespace)
    store = boto3.client("sagemaker-featurestore-runtime", config=LOANS.store.config)
    return LoansDoor(
        dynamodb=boto3.client("dynamodb", config=LOANS.documents.config),
        s3=boto3.client("s3", config=LOANS.lake.config),
        runtime=boto3.client("sagemaker-runtime", config=LOANS.model.config),
        records=Records(store, {"customer": settings.customer_group}, patience=LOANS.store.requests),
        endpoint=settings.loan_endpoint,
        releases=settings.releases_table,
        policies=settings.policies_table,
        answers=Answers(boto3.client("s3", config=LOANS.answers.config), settings.lake_bucket),
        held={},
        now=lambda: int(time.time() * 1000),
    )


def handle(event: dict, context: object) -> dict:
    body = event.get("body") or "null"
    if len(body) > LARGEST_BODY:
        return answer(413, {"error": f"an application has at most {LARGEST_BODY} characters, got {len(body)}"})
    try:
        fields = fields_of(base64.b64decode(body) if event.get("isBase64Encoded") else body)
    except InvalidPayment as wrong:  # what sources get wrong in a known way
        return answer(400, {"error": str(wrong)})
    except (ValueError, RecursionError):
        return answer(400, {"error": "the body is not JSON"})
    try:
        return answer(200, door().decide(fields))
    except (InvalidApplication, OtherColumns) as wrong:
        return answer(400, {"error": str(wrong)})
    except OtherQuestion as other:
        return answer(409, {"error": str(other)})
    except NotReady as waits:
        return undecided(409, waits)
    except AskAgain as later:
        return undecided(503, later)


def undecided(status: int, why: Exception) -> dict:
    """Nobody's application is at fault: it is counted, so that somebody sees it."""
    metrics.emit({"door": "loans"}, loans_undecided=1)
    return answer(status, {"error": str(why)})


def answer(status: int, body: dict) -> dict:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
