"""Bulk writes to SageMaker Feature Store from Spark's workers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import boto3
from pyspark.sql import DataFrame, Row

CALL = 25  # records per BatchWriteRecord
ONLINE = ("OnlineStore",)  # a record that only the doors read: nobody analyses tiles
BOTH = ("OnlineStore", "OfflineStore")
PATIENCE = 6  # tries for records the store did not take


class StoreRefused(RuntimeError):
    """Feature Store did not take some records even after retries."""


def publish(rows: DataFrame, group: str, stores: tuple[str, ...]) -> int:
    """Writes every row as one record: columns are features, nulls are left out. Returns the number of records."""

    def write(partition: Iterable[Row]) -> Iterator[int]:
        client = boto3.client("sagemaker-featurestore-runtime")
        written = 0
        for chunk in chunks(partition):
            send(client, [entry(group, stores, row) for row in chunk])
            written += len(chunk)
        yield written

    return sum(rows.rdd.mapPartitions(write).collect())


def entry(group: str, stores: tuple[str, ...], row: Row) -> dict:
    return {"FeatureGroupName": group, "TargetStores": list(stores), "Record": record(row)}


def record(row: Row) -> list[dict[str, str]]:
    return [
        {"FeatureName": name, "ValueAsString": text(value)} for name, value in row.asDict().items() if value is not None
    ]


def text(value: object) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CALL:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def send(client, entries: list[dict]) -> None:
    for attempt in range(PATIENCE):
        answer = client.batch_write_record(Entries=entries)
        entries = [e["Entry"] for e in answer.get("Errors", ())] + list(answer.get("UnprocessedEntries", ()))
        if not entries:
            return
        time.sleep(0.1 * 2**attempt)
    raise StoreRefused(f"{len(entries)} records were not taken after {PATIENCE} tries, first: {entries[0]}")
