"""Lambda entry point of the API door (HTTP API, payload format 2.0)."""

from __future__ import annotations

import base64
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import boto3
from scoring import metrics
from scoring.answers import Answers, OtherQuestion
from scoring.budget import API
from scoring.lists import Lists
from scoring.live import Places, Release
from scoring.model import Model
from scoring.records import Records
from scoring.settings import from_environment, groups_of
from scoring.signing import Signer
from scoring.tails import Tails
from scoring.terms import Terms, TermsUnread

from decide.door import ApiDoor, DecidedBefore, NotHandedOn, NotRemembered
from features.entities import FURTHER
from features.message import fields_of
from features.payment import InvalidPayment

LARGEST_BODY = 2**18  # characters
# Bytes of a payment as it is handed on, where a letter may be escaped to twelve. The stream takes 1 MiB, the table of
# answers 400 KB, where the payment stands beside its decision and its columns escaped once more, at most twice as long:
# what they refuse would be asked again for ever.
LARGEST_PAYMENT = 2**17


@dataclass(frozen=True)
class Settings:
    metric_namespace: str
    answers_table: str
    tails_table: str
    lists_table: str
    signing_key: str
    stream_name: str
    endpoint_name: str
    customer_group: str
    merchant_group: str
    account_group: str
    device_group: str
    traffic_group: str
    device_traffic_group: str
    address_traffic_group: str
    releases_table: str
    policies_table: str
    lake_bucket: str


@lru_cache(maxsize=1)
def door() -> ApiDoor:
    """Clients are made once per cold start and their connections kept."""
    settings = from_environment(Settings, os.environ)
    metrics.into(settings.metric_namespace)
    return ApiDoor(
        records=Records(
            boto3.client("sagemaker-featurestore-runtime", config=API.store.config),
            {
                "customer": settings.customer_group,
                "merchant": settings.merchant_group,
                "account": settings.account_group,
                "device": settings.device_group,
                "traffic": settings.traffic_group,
                "device_traffic": settings.device_traffic_group,
                "address_traffic": settings.address_traffic_group,
                **groups_of(FURTHER, os.environ),
            },
            patience=API.store.requests,
        ),
        model=Model(boto3.client("sagemaker-runtime", config=API.model.config), settings.endpoint_name),
        release=Release(
            boto3.client("dynamodb", config=API.policy.config),
            boto3.client("s3", config=API.policy.config),
            Places(settings.releases_table, settings.policies_table, settings.lake_bucket),
        ),
        terms=Terms(boto3.client("s3", config=API.terms.config), settings.lake_bucket),
        answers=Answers(boto3.client("dynamodb", config=API.answers.config), settings.answers_table, time.time),
        tails=Tails(boto3.client("dynamodb", config=API.tails.config), settings.tails_table, time.time),
        lists=Lists(boto3.client("dynamodb", config=API.lists.config), settings.lists_table, time.time, tries=1),
        beside=ThreadPoolExecutor(max_workers=2),
        signer=Signer(boto3.client("kms", config=API.key.config), settings.signing_key),
        stream=boto3.client("kinesis", config=API.stream.config),
        stream_name=settings.stream_name,
        now=lambda: int(time.time() * 1000),
    )


def handle(event: dict, context: object) -> dict:
    body = event.get("body") or "null"
    if len(body) > LARGEST_BODY:
        return answer(413, {"error": f"a payment has at most {LARGEST_BODY} characters, got {len(body)}"})
    try:
        fields = fields_of(base64.b64decode(body) if event.get("isBase64Encoded") else body)
        payment = door().taken_in(fields)
        handed_on = len(json.dumps(fields))
    except InvalidPayment as wrong:
        return answer(400, {"error": str(wrong)})
    except TermsUnread:
        return answer(503, {"error": "the rate of its currency, or what is declared, cannot be read now; ask again"})
    except (ValueError, RecursionError) as wrong:
        where = f": {wrong.msg} at position {wrong.pos}" if isinstance(wrong, json.JSONDecodeError) else ""
        return answer(400, {"error": f"the body is not JSON{where}"})
    if handed_on > LARGEST_PAYMENT:
        return answer(413, {"error": f"a payment has at most {LARGEST_PAYMENT} bytes of ASCII JSON, got {handed_on}"})
    try:
        return answer(200, door().decide(payment, fields))
    except (OtherQuestion, DecidedBefore) as other:
        return answer(409, {"error": str(other)})
    except (NotHandedOn, NotRemembered):
        return answer(503, {"error": "the decision could not be recorded; ask again, the answer will be the same"})


def answer(status: int, body: dict) -> dict:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
