"""Lambda entry point of the labels door (HTTP API, payload format 2.0)."""

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
from scoring.budget import FRAUDS, LABELS
from scoring.frauds import Frauds
from scoring.labels import LabelFiles, NotStored
from scoring.merchants import MerchantStream
from scoring.settings import from_environment

from labels.door import InvalidLabels, LabelsDoor


@dataclass(frozen=True)
class Settings:
    metric_namespace: str
    answers_table: str
    lake_bucket: str
    merchant_stream: str


@lru_cache(maxsize=1)
def door() -> LabelsDoor:
    """Clients are made once per cold start and their connections kept."""
    settings = from_environment(Settings, os.environ)
    metrics.into(settings.metric_namespace)
    files = LabelFiles(boto3.client("s3", config=LABELS.config), settings.lake_bucket)
    now = lambda: int(time.time() * 1000)  # noqa: E731
    frauds = Frauds(
        Answers(boto3.client("dynamodb", config=FRAUDS.answers.config), settings.answers_table, time.time),
        MerchantStream(boto3.client("kinesis", config=FRAUDS.merchants.config), settings.merchant_stream),
        now,
    )
    return LabelsDoor(files, frauds, now)


def handle(event: dict, context: object) -> dict:
    try:
        body = event.get("body") or "null"
        document = json.loads(base64.b64decode(body) if event.get("isBase64Encoded") else body)
    except (ValueError, RecursionError):
        return answer(400, {"error": "the body is not JSON"})
    try:
        return answer(202, door().take(document))
    except InvalidLabels as wrong:
        return answer(400, {"error": str(wrong)})
    except NotStored:
        return answer(503, {"error": "the labels could not be stored; send the same again, it is written once"})


def answer(status: int, body: dict) -> dict:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
