"""One customer out of the lake and the feature groups: what is theirs, the deletion, and the search afterwards."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import boto3
from pyspark.sql import SparkSession

from glue.lake import Lake
from glue.transforms.forgetting import (
    WITHOUT_HEADER,
    Belongings,
    CannotRewrite,
    Person,
    Scrubbed,
    belongings,
    holds,
    of_others,
    scrubbed,
)
from glue.versions import Stored, contents, each, end, hide, replace

ANSWERS = "athena/"  # what queries answered: made again by asking again, so not worth rewriting
SEALED = "decisions/"
WITH_HEADER = ("raw/", ANSWERS)  # their CSV files begin with names: a first line that is none is no reason to guess
OF_LINES = (".csv", ".json", ".jsonl", ".out")  # `.out` is what Batch Transform writes
# Where payments and loans come in, and whatever bears a loan that came to a door alone: one that two customers share
# shows there.
TOLD_BY = ("raw/", "decisions/", "predictions/loan_answers/", "predictions/loan_claims/")


@dataclass(frozen=True)
class Change:
    """What was done to one object. `refused` says why nothing could be; `logged` is a decision object that changed."""

    layer: str
    rows: int = 0
    cells: int = 0
    files: int = 0
    versions: int = 0
    refused: str = ""
    logged: Mapping[str, str | None] = field(default_factory=dict)


@dataclass
class Removed:
    """What all rounds took out, by layer. `logged` has the SHA-256 that decision objects have now, none where no row
    was left: the log is sealed, and this is how the seal's check knows who changed it."""

    rows: Counter[str] = field(default_factory=Counter)
    cells: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    versions: int = 0
    refused: list[str] = field(default_factory=list)
    logged: dict[str, str | None] = field(default_factory=dict)

    def add(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self.rows[change.layer] += change.rows
            self.cells[change.layer] += change.cells
            self.files[change.layer] += change.files
            self.versions += change.versions
            self.refused += [change.refused] if change.refused else []
            self.logged.update(change.logged)

    def document(self) -> dict:
        counted = {"rows": self.rows, "cells": self.cells, "files": self.files}
        return {name: dict(+counts) for name, counts in counted.items()} | {
            "versions": self.versions,
            "decisions": self.logged,
        }


def known(spark: SparkSession, lake: Lake, objects: list[Stored], customer: Person) -> Person:
    """The customer with all payments and loans that are theirs alone, anywhere in the lake and its past."""
    bucket = lake.bucket
    named = each(spark, objects, lambda s3, stored: belongings_in(s3, bucket, stored, customer.customer_id))
    mine = reduce(joined, named, Belongings(customer.transactions, customer.loans))
    everyone = Person(customer.customer_id, mine.transactions, mine.loans)
    told = [stored for stored in objects if stored.key.startswith(TOLD_BY)]
    also = reduce(joined, each(spark, told, lambda s3, stored: shared_in(s3, bucket, stored, everyone)), Belongings())
    return Person(customer.customer_id, everyone.transactions - also.transactions, everyone.loans - also.loans)


def belongings_in(s3: Any, bucket: str, stored: Stored, customer_id: str) -> list[Belongings]:
    form = form_of(stored.key)
    return [belongings(body, customer_id, *form) for _, _, body in contents(s3, bucket, stored)]


def shared_in(s3: Any, bucket: str, stored: Stored, customer: Person) -> list[Belongings]:
    form = form_of(stored.key)
    return [of_others(body, customer, *form) for _, _, body in contents(s3, bucket, stored)]


def joined(a: Belongings, b: Belongings) -> Belongings:
    return Belongings(a.transactions | b.transactions, a.loans | b.loans)


def delete_records(groups: Iterable[str], identifiers: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """Deletes the online records of every group that is identified by one of those columns; how many there were.

    Hard, and online only: a soft deletion keeps the identifier online, and one in both stores writes it offline again.
    """
    sagemaker, store = boto3.client("sagemaker"), boto3.client("sagemaker-featurestore-runtime")
    deleted = {}
    for group in groups:
        described = sagemaker.describe_feature_group(FeatureGroupName=group)
        if not described.get("OnlineStoreConfig", {}).get("EnableOnlineStore"):
            continue
        deleted[group] = 0
        for identifier in identifiers.get(described["RecordIdentifierFeatureName"], ()):
            where = {"FeatureGroupName": group, "RecordIdentifierValueAsString": identifier}
            record = {f["FeatureName"]: f["ValueAsString"] for f in store.get_record(**where).get("Record", ())}
            deleted[group] += bool(record)
            store.delete_record(
                **where,
                EventTime=after(record.get(described["EventTimeFeatureName"])),
                TargetStores=["OnlineStore"],
                DeletionMode="HardDelete",
            )
    return deleted


def after(event_time: str | None) -> str:
    """An instant that is later than the record's, as Feature Store wants it: it refuses to delete with an older one."""
    moment = datetime.now(UTC)
    if event_time is not None:
        moment = max(moment, datetime.fromisoformat(event_time) + timedelta(milliseconds=1))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def forget(s3: Any, bucket: str, stored: Stored, person: Person) -> list[Change]:
    """Takes the person out of an object and out of its past.

    What stays is written first, then the versions that held them are deleted: an interruption leaves a version too
    many, never a row too few, and the next run finds it.
    """
    rows = cells = 0
    ended: list[str] = []
    markers = list(stored.markers)
    rewritten = False
    logged: dict[str, str | None] = {}
    try:
        for version, tag, body in contents(s3, bucket, stored):
            done = without(stored.key, body, person)
            if done.content is body:
                continue
            if version == stored.current:
                if done.content is not None:
                    rewritten = replace(s3, bucket, stored.key, tag, done.content)
                    if not rewritten:
                        continue  # a job wrote it again: the next round reads what it wrote
                elif (marker := hide(s3, bucket, stored.key, tag)) is not None:
                    markers.append(marker)
                else:
                    continue
                rows, cells = done.rows, done.cells
                if stored.key.startswith(SEALED):
                    logged[stored.key] = hashlib.sha256(done.content).hexdigest() if done.content is not None else None
            end(s3, bucket, stored.key, [version])
            ended.append(version)
    except CannotRewrite as refused:
        return [Change(stored.layer, rows, cells, int(bool(ended)), len(ended), f"{stored.key}: {refused}", logged)]
    if not rewritten and set(ended) == set(stored.versions):
        end(s3, bucket, stored.key, markers)  # markers of a key of which nothing is left
    return [Change(stored.layer, rows, cells, 1, len(ended), logged=logged)] if ended else []


def form_of(key: str) -> tuple[Sequence[str], bool]:
    """What an object's place says of its form: the first columns of a CSV file there that has no header, and whether
    it is lines of text, whatever bytes are among them."""
    of_lines = key.endswith(OF_LINES) or (key.startswith("raw/") and not key.endswith(".parquet"))
    return () if key.startswith(WITH_HEADER) else WITHOUT_HEADER, of_lines


def without(key: str, body: bytes, person: Person) -> Scrubbed:
    """The content without the person; `content` is the very `body` when it does not hold them."""
    if key.startswith(ANSWERS):
        return Scrubbed(None, 0, 0) if holds(body, person, *form_of(key)) else Scrubbed(body, 0, 0)
    return scrubbed(body, person, *form_of(key))


def still_held(s3: Any, bucket: str, stored: Stored, person: Person) -> list[str]:
    """The object's key for every version that holds the person."""
    form = form_of(stored.key)
    return [stored.key for _, _, body in contents(s3, bucket, stored) if holds(body, person, *form)]
