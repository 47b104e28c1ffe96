"""Every version of every object of the lake: found, read on Spark's workers, replaced, deleted.

In a versioned bucket an object that is overwritten or deleted is still there. Only its versions end it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import boto3
from botocore.exceptions import ClientError
from pyspark.sql import SparkSession

from glue.lake import Lake

OBJECTS_PER_TASK = 64
MISSING = ("NoSuchKey", "NoSuchVersion", "404")
CHANGED = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")

Found = TypeVar("Found")


@dataclass(frozen=True)
class Stored:
    """An object: the version that is current (none when it was deleted), those that it replaced, and delete markers."""

    key: str
    current: str | None
    earlier: tuple[str, ...]
    markers: tuple[str, ...]

    @property
    def layer(self) -> str:
        return self.key.partition("/")[0]

    @property
    def versions(self) -> tuple[str, ...]:
        return (self.current, *self.earlier) if self.current else self.earlier


def everything(lake: Lake, left_out: str = "") -> list[Stored]:
    """All objects with their versions, but for those below a prefix. A key of which only markers are left is none."""
    current: dict[str, str] = {}
    earlier: dict[str, list[str]] = defaultdict(list)
    markers: dict[str, list[str]] = defaultdict(list)
    for page in lake.s3.get_paginator("list_object_versions").paginate(Bucket=lake.bucket):
        for version in page.get("Versions", ()):
            if version["IsLatest"]:
                current[version["Key"]] = version["VersionId"]
            else:
                earlier[version["Key"]].append(version["VersionId"])
        for marker in page.get("DeleteMarkers", ()):
            markers[marker["Key"]].append(marker["VersionId"])
    return [
        Stored(key, current.get(key), tuple(earlier[key]), tuple(markers[key]))
        for key in sorted({*current, *earlier})
        if not (left_out and key.startswith(left_out))
    ]


def each(spark: SparkSession, objects: list[Stored], work: Callable[[Any, Stored], Iterable[Found]]) -> list[Found]:
    """What `work(s3, object)` finds in all objects, done by Spark's workers."""

    def task(part: Iterable[Stored]) -> Iterator[Found]:
        s3 = boto3.client("s3")
        for stored in part:
            yield from work(s3, stored)

    if not objects:
        return []
    slices = max(spark.sparkContext.defaultParallelism, len(objects) // OBJECTS_PER_TASK)
    return spark.sparkContext.parallelize(objects, min(slices, len(objects))).mapPartitions(task).collect()


def contents(s3: Any, bucket: str, stored: Stored) -> Iterator[tuple[str, str, bytes]]:
    """Every version with its entity tag and content. What somebody has removed in the meantime is left out."""
    for version in stored.versions:
        try:
            answer = s3.get_object(Bucket=bucket, Key=stored.key, VersionId=version)
        except ClientError as missing:
            if missing.response["Error"]["Code"] not in MISSING:
                raise
            continue
        yield version, answer["ETag"], answer["Body"].read()


def replace(s3: Any, bucket: str, key: str, tag: str, content: bytes) -> bool:
    """A new current version where the current one still has this tag. False when somebody was faster."""
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=content, IfMatch=tag)
    except ClientError as refused:
        if refused.response["Error"]["Code"] not in CHANGED:
            raise
        return False
    return True


def hide(s3: Any, bucket: str, key: str, tag: str) -> str | None:
    """A delete marker where the current version still has this tag; none when somebody was faster."""
    try:
        return s3.delete_object(Bucket=bucket, Key=key, IfMatch=tag)["VersionId"]
    except ClientError as refused:
        if refused.response["Error"]["Code"] not in CHANGED:
            raise
        return None


def end(s3: Any, bucket: str, key: str, versions: Iterable[str]) -> None:
    """Deletes versions, or markers, for good."""
    for version in versions:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
