"""What the doors have met, brought to RAW: the payments of the decision log, as they came.

The doors log every payment whole, in an object for each batch of their stream: far too many objects for a lake. The
night puts those that are new into a few files of one batch. What is in RAW then is never gathered again, so a batch
that is run again finds what it had.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from glue.lake import Lake
from glue.tables import DECISIONS

PAYMENTS = "raw/door_payments"
GATHERED = "quality/door_payments/{batch}.json"  # what a batch has gathered, and up to when
LAST = "quality/door_payments.json"  # the same of the batch that gathered last
# An object that S3 dates before the others may be listed after them: so far back every night looks again.
OVERLAP = timedelta(hours=1)
ROWS_PER_FILE = 500_000
SILVER_REPORT = "quality/bronze_to_silver/{batch}.json"
LOOKED_BACK = 31  # batches whose refusal is remembered: of a customer that waits longer the lake tells what it knows
LISTED_AT_ONCE = 32


def gather(spark: SparkSession, lake: Lake, batch: str, now: datetime) -> dict[str, Any]:
    """Writes what the doors have logged since the batch that gathered last, up to `now`, to RAW files of this batch.

    Returns the report: objects of the log, payments, files. A batch that has gathered before is left as it is.
    """
    report = lake.get_json(GATHERED.format(batch=batch))
    last = lake.get_json(LAST) or {}
    if report is not None:
        if report["until"] > last.get("until", ""):
            lake.put_json(LAST, report)  # a run was stopped between the two
        return report
    found = listed(lake, last)
    new = unknown(found, last)
    counts: list[int] = []
    for count, body in files(events(spark, lake, new)) if new else ():
        key = f"{PAYMENTS}/batch={batch}/payments-{len(counts):05}.jsonl.gz"
        lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=body)
        counts.append(count)
    report = {"objects": len(new), "payments": sum(counts), "files": len(counts)}
    until = max((*new.values(), now))
    # Of all batches that have gathered within the hour: the next night looks back as far.
    recent = sorted(key for key, at in found.items() if at >= until - OVERLAP)
    kept = {**report, "until": until.isoformat(), "recent": recent}
    lake.put_json(GATHERED.format(batch=batch), kept)
    lake.put_json(LAST, kept)
    return kept


def listed(lake: Lake, report: dict[str, Any]) -> dict[str, datetime]:
    """The log's objects that may be newer than what a report tells of, by key with S3's times."""
    begin = datetime.fromisoformat(report["until"]) - OVERLAP if report else datetime.min.replace(tzinfo=UTC)
    days = [f"{DECISIONS.prefix}/{day}/" for day in lake.folders(DECISIONS.prefix)]

    def newer(day: str) -> dict[str, datetime]:
        return {key: at for key, at in lake.objects(day).items() if at >= begin}

    with ThreadPoolExecutor(LISTED_AT_ONCE) as pool:
        found = {key: at for objects in pool.map(newer, days) for key, at in objects.items()}
    return dict(sorted(found.items()))


def unknown(found: dict[str, datetime], report: dict[str, Any]) -> dict[str, datetime]:
    """Those of them that the report does not know."""
    known = frozenset(report.get("recent", ()))
    return {key: at for key, at in found.items() if key not in known}


def events(spark: SparkSession, lake: Lake, keys: Iterable[str]) -> DataFrame:
    """`event`, the payments of those objects as they came, each once, in the order in which they arrived. What was
    logged before the log held payments whole is left out."""
    logged = spark.read.schema("event string, arrived_at bigint").json([lake.path(key) for key in keys])
    met = logged.where("event IS NOT NULL").groupBy("event").agg(F.min("arrived_at").alias("at"))
    return met.orderBy("at", "event").select("event")


def files(rows: DataFrame, rows_per_file: int = ROWS_PER_FILE) -> Iterator[tuple[int, bytes]]:
    """Rows of one text as gzipped lines, a few large files, each with how many it holds. The same rows are the same
    bytes."""
    lines: list[bytes] = []
    for row in rows.toLocalIterator():
        lines.append(row[0].encode() + b"\n")
        if len(lines) == rows_per_file:
            yield len(lines), gzip.compress(b"".join(lines), mtime=0)
            lines = []
    if lines:
        yield len(lines), gzip.compress(b"".join(lines), mtime=0)


def payers_ahead(spark: SparkSession, lake: Lake, batch: str | None, as_of: int) -> DataFrame | None:
    """`customer_id` of those whose records online know more than the lake, none when there is none.

    The doors have logged a payment since the batch, or without one any batch, has gathered, that had come before
    `as_of` (ms). Or a batch has gathered one, and it is not in SILVER, because the gate or the reader has refused it.
    """
    found = []
    report = lake.get_json(GATHERED.format(batch=batch) if batch else LAST)
    new = unknown(listed(lake, report), report) if report else {}
    if new:
        logged = spark.read.schema("customer_id string, arrived_at bigint").json([lake.path(key) for key in new])
        found.append(logged.where(F.col("arrived_at") < as_of).select("customer_id"))
    waiting = [key for each in refused(lake) for key in lake.keys(f"{PAYMENTS}/batch={each}/")]
    if waiting:
        found.append(spark.read.schema("customer_id string").json([lake.path(key) for key in waiting]))
    return reduce(DataFrame.unionByName, found).distinct() if found else None


def refused(lake: Lake) -> list[str]:
    """Of the newest batches that have gathered payments those whose payments are not in SILVER."""
    reports = lake.objects(GATHERED.format(batch="").removesuffix(".json"))
    newest = sorted(reports, key=reports.__getitem__)[-LOOKED_BACK:]
    batches = [
        key.rpartition("/")[2].removesuffix(".json") for key in newest if (lake.get_json(key) or {}).get("payments")
    ]
    settled = {batch: (lake.get_json(SILVER_REPORT.format(batch=batch)) or {}).get("transactions") for batch in batches}
    return [batch for batch, told in settled.items() if told is None or "refused" in told]
