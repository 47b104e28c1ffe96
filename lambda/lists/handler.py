"""Lambda entry point of the lists door (HTTP API, payload format 2.0)."""

from __future__ import annotations

import base64
import json
import os
import time
from dataclasses import dataclass
from functools import lru_cache

import boto3
from scoring import metrics
from scoring.budget import LISTS
from scoring.caller import caller_of
from scoring.entries import Entries
from scoring.log import warn
from scoring.settings import from_environment

from lists.door import InvalidChange, ListsDoor


@dataclass(frozen=True)
class Settings:
    metric_namespace: str
    lists_table: str


@lru_cache(maxsize=1)
def door() -> ListsDoor:
    """The client is made once per cold start and its connections kept."""
    settings = from_environment(Settings, os.environ)
    metrics.into(settings.metric_namespace)
    return ListsDoor(Entries(boto3.client("dynamodb", config=LISTS.config), settings.lists_table, time.time))


def handle(event: dict, context: object) -> dict:
    try:
        body = event.get("body") or "null"
        document = json.loads(base64.b64decode(body) if event.get("isBase64Encoded") else body)
    except (ValueError, RecursionError):
        return answer(400, {"error": "the body is not JSON"})
    by = caller_of(event)
    if by is None:
        return answer(
            403, {"error": "expected a signed request, or a token that names somebody: entries say who put them"}
        )
    try:
        return answer(200, door().take(document, by))
    except InvalidChange as wrong:
        return answer(400, {"error": str(wrong)})
    except Exception as failed:  # whatever ails the table, the sender is told that nothing has changed
        warn("a list was not changed", failed)
        return answer(503, {"error": "the list could not be changed; send the same again"})


def answer(status: int, body: dict) -> dict:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
