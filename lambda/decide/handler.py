"""Lambda entry point of the API door (HTTP API, payload format 2.0)."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from functools import lru_cache

import boto3
from scoring.aws import Model, Records, Release, client_config
from scoring.settings import from_environment

from decide.door import ApiDoor
from features.payment import InvalidPayment, Payment


@dataclass(frozen=True)
class Settings:
    stream_name: str
    endpoint_name: str
    customer_group: str
    merchant_group: str
    borrower_group: str
    release_parameter: str


@lru_cache(maxsize=1)
def door() -> ApiDoor:
    """Clients are made once per cold start and their connections kept."""
    settings = from_environment(Settings, os.environ)
    quick = client_config(read_seconds=0.5, retries=1)
    return ApiDoor(
        records=Records(
            boto3.client("sagemaker-featurestore-runtime", config=quick),
            {
                "customer": settings.customer_group,
                "merchant": settings.merchant_group,
                "borrower": settings.borrower_group,
            },
        ),
        model=Model(boto3.client("sagemaker-runtime", config=quick), settings.endpoint_name),
        release=Release(boto3.client("ssm", config=quick), settings.release_parameter),
        stream=boto3.client("kinesis", config=quick),
        stream_name=settings.stream_name,
        now=lambda: int(time.time() * 1000),
    )


def handle(event: dict, context: object) -> dict:
    try:
        fields = json.loads(event.get("body") or "null")
        payment = Payment.parse(fields, now=int(time.time() * 1000))
    except InvalidPayment as wrong:
        return answer(400, {"error": str(wrong)})
    except (ValueError, RecursionError) as wrong:
        where = f": {wrong.msg} at position {wrong.pos}" if isinstance(wrong, json.JSONDecodeError) else ""
        return answer(400, {"error": f"the body is not JSON{where}"})
    return answer(200, door().decide(payment, fields))


def answer(status: int, body: dict) -> dict:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
