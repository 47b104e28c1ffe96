"""Lambda entry point of the intake: an SQS mapping with partial-batch answers, and a schedule."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import lru_cache

import boto3
from cases.finishing import AnswerTopic, Finisher
from cases.table import Cases
from scoring import metrics
from scoring.budget import INTAKE
from scoring.labels import LabelFiles
from scoring.settings import from_environment

from intake.door import Intake
from intake.watch import Watch


@dataclass(frozen=True)
class Settings:
    metric_namespace: str
    cases_table: str
    answers_topic_arn: str
    lake_bucket: str
    service_minutes: str


@lru_cache(maxsize=1)
def doors() -> tuple[Intake, Watch]:
    """Clients are made once per cold start and their connections kept."""
    settings = from_environment(Settings, os.environ)
    metrics.into(settings.metric_namespace)
    now = lambda: int(time.time() * 1000)  # noqa: E731
    cases = Cases(boto3.client("dynamodb", config=INTAKE.config), settings.cases_table, now)
    files = LabelFiles(boto3.client("s3", config=INTAKE.config), settings.lake_bucket)
    answers = AnswerTopic(boto3.client("sns", config=INTAKE.config), settings.answers_topic_arn)
    finisher = Finisher(cases, files, answers, now)
    return Intake(cases), Watch(cases, finisher, now, int(settings.service_minutes) * 60_000)


def handle(event: dict, context: object) -> dict:
    intake, watch = doors()
    if "Records" in event:
        return {"batchItemFailures": intake.take(event["Records"])}
    return dict(watch.look())
