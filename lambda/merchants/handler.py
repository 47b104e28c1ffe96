"""Lambda entry point of the counter (Kinesis mapping with partial-batch answers)."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import lru_cache

import boto3
from scoring import metrics
from scoring.breaker import Breaker
from scoring.budget import COUNTER
from scoring.records import Records
from scoring.settings import from_environment, groups_of

from features.declaration import EntityName
from features.entities import COUNTED, FURTHER
from merchants.counter import Counter


@dataclass(frozen=True)
class Settings:
    metric_namespace: str
    traffic_group: str
    device_traffic_group: str
    address_traffic_group: str


@lru_cache(maxsize=1)
def counter() -> Counter:
    """Clients are made once per cold start and their connections kept."""
    settings = from_environment(Settings, os.environ)
    metrics.into(settings.metric_namespace)
    store = boto3.client("sagemaker-featurestore-runtime", config=COUNTER.config)
    groups: dict[EntityName, str] = {
        "traffic": settings.traffic_group,
        "device_traffic": settings.device_traffic_group,
        "address_traffic": settings.address_traffic_group,
        **groups_of((entity for entity in FURTHER if entity in COUNTED), os.environ),
    }
    return Counter(Records(store, groups, breaker=Breaker(pause=0)), lambda: int(time.time() * 1000))


def handle(event: dict, context: object) -> dict:
    return {"batchItemFailures": counter().take(event["Records"])}
