"""Lambda entry point of the stream door (Kinesis mapping with partial-batch answers)."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import lru_cache

import boto3
from scoring import metrics
from scoring.answers import Answers
from scoring.breaker import Breaker
from scoring.budget import STREAM
from scoring.lists import Lists
from scoring.live import Places, Release
from scoring.merchants import MerchantStream
from scoring.model import Model
from scoring.records import Records
from scoring.settings import from_environment, groups_of
from scoring.signing import Verifier
from scoring.tails import Tails
from scoring.terms import Terms

from features.entities import FURTHER
from stream.door import StreamDoor
from stream.quarantine import Quarantine
from stream.sinks import BLOCKED, REVIEWED, DecisionLog, LateLog, Topic


@dataclass(frozen=True)
class Settings:
    metric_namespace: str
    answers_table: str
    tails_table: str
    lists_table: str
    signing_key: str
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
    alert_topic_arn: str
    review_topic_arn: str
    merchant_stream: str


@lru_cache(maxsize=1)
def door() -> StreamDoor:
    """Clients are made once per cold start and their connections kept."""
    settings = from_environment(Settings, os.environ)
    metrics.into(settings.metric_namespace)
    s3 = boto3.client("s3", config=STREAM.log.config)
    topics = boto3.client("sns", config=STREAM.alerts.config)
    return StreamDoor(
        records=Records(
            boto3.client("sagemaker-featurestore-runtime", config=STREAM.store.config),
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
            # Nobody waits here: a store that is back must be asked, or a batch's few retries pass without a call.
            breaker=Breaker(pause=0),
        ),
        model=Model(boto3.client("sagemaker-runtime", config=STREAM.model.config), settings.endpoint_name),
        release=Release(
            boto3.client("dynamodb", config=STREAM.policy.config),
            boto3.client("s3", config=STREAM.policy.config),
            Places(settings.releases_table, settings.policies_table, settings.lake_bucket),
        ),
        terms=Terms(boto3.client("s3", config=STREAM.terms.config), settings.lake_bucket),
        log=DecisionLog(s3, settings.lake_bucket),
        late=LateLog(s3, settings.lake_bucket),
        alerts=Topic(topics, settings.alert_topic_arn, BLOCKED),
        reviews=Topic(topics, settings.review_topic_arn, REVIEWED),
        merchants=MerchantStream(boto3.client("kinesis", config=STREAM.merchants.config), settings.merchant_stream),
        answers=Answers(boto3.client("dynamodb", config=STREAM.answers.config), settings.answers_table, time.time),
        tails=Tails(boto3.client("dynamodb", config=STREAM.tails.config), settings.tails_table, time.time),
        lists=Lists(boto3.client("dynamodb", config=STREAM.lists.config), settings.lists_table, time.time),
        verifier=Verifier(boto3.client("kms", config=STREAM.key.config), settings.signing_key),
        quarantine=Quarantine(s3, settings.lake_bucket),
        now=lambda: int(time.time() * 1000),
    )


def handle(event: dict, context: object) -> dict:
    """All or nothing: what fails comes again, in halves."""
    door().take(event["Records"])
    return {"batchItemFailures": []}
