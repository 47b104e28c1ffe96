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
from scoring.answers import Answers
from scoring.budget import FRAUDS, INTAKE
from scoring.frauds import Frauds
from scoring.labels import LabelFiles
from scoring.merchants import MerchantStream
from scoring.settings import from_environment

from intake.door import Intake
from intake.watch import Watch


@dataclass(frozen=True)
class Settings:
    metric_namespace: str
    answers_table: str
    cases_table: str
    answers_topic_arn: str
    lake_bucket: str
    merchant_stream: str
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
    frauds = Frauds(
        Answers(boto3.client("dynamodb", config=FRAUDS.answers.config), settings.answers_table, time.time),
        MerchantStream(boto3.client("kinesis", config=FRAUDS.merchants.config), settings.merchant_stream),
        now,
    )
    finisher = Finisher(cases, files, frauds, answers, now)
    return Intake(cases), Watch(cases, finisher, now, int(settings.service_minutes) * 60_000)


def handle(event: dict, context: object) -> dict:
    intake, watch = doors()
    if "Records" in event:
        return {"batchItemFailures": intake.take(event["Records"])}
    return dict(watch.look())
