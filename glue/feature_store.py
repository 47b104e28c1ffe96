"""Bulk writes to SageMaker Feature Store from Spark's workers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import boto3
from pyspark.sql import DataFrame, Row

CALL = 24  # entries per BatchWriteRecord, two of each record; the API's limit is 25
PATIENCE = 6  # tries for records the store did not take


class StoreRefused(RuntimeError):
    """Feature Store did not take some records even after retries."""


@dataclass(frozen=True)
class Written:
    """How many records, and the newest event time among them (none of none)."""

    records: int = 0
    newest: str | None = None

    def __add__(self, other: Written) -> Written:
        times = [t for t in (self.newest, other.newest) if t is not None]
        return Written(self.records + other.records, max(times, default=None))


@dataclass(frozen=True)
class Progress:
    """Which slices of a publication are done: an object each, below `prefix/`. A run that was stopped goes on there."""

    bucket: str
    prefix: str

    def done(self, group: str, keys: Iterable[str]) -> frozenset[int]:
        """`keys` are those found below the prefix."""
        start = f"{self.prefix}/{group}/"
        return frozenset(int(k.removeprefix(start).removesuffix(".json")) for k in keys if k.startswith(start))

    def key(self, group: str, number: int) -> str:
        return f"{self.prefix}/{group}/{number}.json"


def publish(rows: DataFrame, name: str, group: str, progress: Progress, done: frozenset[int], online_at: str) -> None:
    """Writes every row as one record of the feature group `name`: columns are features, nulls are left out.

    The offline store dates a record by its own `event_time`. Online it is dated by `online_at`, or by its own time if
    that is later: Feature Store takes only what is later than what it has, and a record may be made anew without
    anything that happened since.

    A slice is a partition of `rows`, which must hold the same rows at every run. Slices in `done` are not even
    computed; a finished one is marked with what was written. `group` names the marks.
    """

    def write(number: int, partition: Iterable[Row]) -> Iterator[int]:
        if number in done:
            return
        client = boto3.client("sagemaker-featurestore-runtime")
        written = Written()
        for chunk in chunks(partition):
            send(client, [entry for row in chunk for entry in entries(name, row, online_at)])
            written += Written(len(chunk), max(row["event_time"] for row in chunk))
        body = json.dumps(asdict(written)).encode()
        boto3.client("s3").put_object(Bucket=progress.bucket, Key=progress.key(group, number), Body=body)
        yield number

    rows.rdd.mapPartitionsWithIndex(write).count()


def entries(group: str, row: Row, online_at: str) -> list[dict]:
    held = row.asDict()
    online = {**held, "event_time": max(held["event_time"], online_at)}
    return [
        {"FeatureGroupName": group, "TargetStores": [store], "Record": record(values)}
        for store, values in (("OnlineStore", online), ("OfflineStore", held))
    ]


def record(values: dict[str, object]) -> list[dict[str, str]]:
    return [{"FeatureName": name, "ValueAsString": text(value)} for name, value in values.items() if value is not None]


def text(value: object) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    for row in rows:
        chunk.append(row)
        if 2 * len(chunk) == CALL:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def send(client, entries: list[dict]) -> None:
    """Raises StoreRefused. Its text holds no record: it ends up in logs."""
    codes: set[str] = set()
    for attempt in range(PATIENCE):
        answer = client.batch_write_record(Entries=entries)
        codes = {error["ErrorCode"] for error in answer.get("Errors", ())}
        entries = [e["Entry"] for e in answer.get("Errors", ())] + list(answer.get("UnprocessedEntries", ()))
        if not entries:
            return
        time.sleep(0.1 * 2**attempt)
    groups = sorted({entry["FeatureGroupName"] for entry in entries})
    raise StoreRefused(
        f"{len(entries)} records of {', '.join(groups)} were not taken after {PATIENCE} tries: "
        f"{', '.join(sorted(codes)) or 'left unprocessed'}"
    )
