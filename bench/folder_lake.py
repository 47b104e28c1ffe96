"""A lake in a folder: Spark, S3 and the catalog as the jobs see them, over plain files.

Spark's own view file system shows the folder as `s3://<bucket>`; boto3's calls are answered from the same files.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import botocore.session
import pyarrow.parquet as pq
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters
from pyspark.sql import SparkSession

from glue.lake import Lake
from glue.metrics import Metrics
from glue.tables import Table


@cache
def service(name: str):
    return botocore.session.get_session().get_service_model(name)


def valid(name: str, operation: str, request: dict) -> None:
    """Raises when AWS would not understand the request."""
    validate_parameters(request, service(name).operation_model(operation).input_shape)


@dataclass(frozen=True)
class MountedLake(Lake):
    """A lake whose bucket is a folder."""

    root: Path = Path()

    def read_at(self, key: str) -> str:
        return str(self.root / key)


class FolderLake:
    """`lake` is what the jobs get; the rest is for looking at what they did."""

    def __init__(self, spark: SparkSession, root: Path, **settings) -> None:
        self.spark, self.root, self.bucket = spark, root, f"lake-{uuid.uuid4().hex[:8]}"
        hadoop = spark.sparkContext._jsc.hadoopConfiguration()
        hadoop.set("fs.file.impl", "org.apache.hadoop.fs.RawLocalFileSystem")  # no checksum files beside the data
        hadoop.set("fs.s3.impl", "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme")
        hadoop.set(f"fs.viewfs.mounttable.{self.bucket}.linkFallback", f"file://{root}/")
        self.catalog, self.cloudwatch = Catalog(), CloudWatch()
        self.lake = MountedLake(
            f"s3://{self.bucket}", "risk_test", s3=Objects(root), glue=self.catalog, root=root, **settings
        )
        self.metrics = Metrics("RiskTest", self.cloudwatch)

    def put(self, entity: str, batch: str, name: str, content: str | bytes) -> Path:
        path = self.root / "raw" / entity / f"batch={batch}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def files(self, prefix: str) -> list[Path]:
        return [path for path in sorted(self.root.rglob("*")) if path.is_file() and self.below(path, prefix)]

    def below(self, path: Path, prefix: str) -> bool:
        return key_of(self.root, path).startswith(prefix) and not path.name.startswith(("_", "."))

    def contents(self, prefix: str) -> list[tuple[str, str]]:
        """Folder and SHA-256 of every file: Spark draws new names for the same files."""
        paths = self.files(prefix)
        return sorted((key_of(self.root, p.parent), hashlib.sha256(p.read_bytes()).hexdigest()) for p in paths)

    def rows(self, table: Table) -> list[dict]:
        read = [pq.ParquetFile(path).read().to_pylist() for path in self.files(f"{table.prefix}/")]
        return [row for rows in read for row in rows]

    def quarantined(self, entity: str) -> list[dict]:
        read = [path.read_text().splitlines() for path in self.files(f"quarantine/{entity}/")]
        return [json.loads(line) for lines in read for line in lines]

    def json(self, key: str) -> dict:
        return json.loads((self.root / key).read_text())


def key_of(root: Path, path: Path) -> str:
    return str(path.relative_to(root))


def listing(key: str, path: Path) -> dict | None:
    """What S3 tells of an object; nothing of one that has gone since."""
    try:
        stood = path.stat()
    except FileNotFoundError:
        return None
    return {"Key": key, "LastModified": datetime.fromtimestamp(int(stood.st_mtime), UTC), "Size": stood.st_size}


class Objects:
    """S3 over a folder, as far as the lake uses it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get_paginator(self, operation: str) -> Objects:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **request):
        valid("s3", "ListObjectsV2", request)
        prefix, delimiter = request["Prefix"], request.get("Delimiter")
        paths = {key_of(self.root, p): p for p in self.standing(prefix)}
        found = sorted(key for key in paths if key.startswith(prefix))
        if delimiter:
            cut = [prefix + k[len(prefix) :].partition("/")[0] + "/" for k in found if "/" in k[len(prefix) :]]
            yield {"CommonPrefixes": [{"Prefix": p} for p in dict.fromkeys(cut)]}
            return
        yield {"Contents": [listed for key in found if (listed := listing(key, paths[key]))]}

    def standing(self, prefix: str) -> list[Path]:
        """Files below the prefix's folder. A folder that a job empties meanwhile is passed over, as S3 knows none."""
        walked = os.walk(self.root / prefix.rpartition("/")[0])
        return [Path(folder, name) for folder, _, names in walked for name in names]

    def get_object(self, **request) -> dict:
        valid("s3", "GetObject", request)
        try:
            return {"Body": io.BytesIO((self.root / request["Key"]).read_bytes())}
        except FileNotFoundError as missing:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject") from missing

    def put_object(self, **request) -> dict:
        valid("s3", "PutObject", request)
        path = self.root / request["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(request["Body"])
        return {}

    def delete_objects(self, **request) -> dict:
        valid("s3", "DeleteObjects", request)
        for item in request["Delete"]["Objects"]:
            (self.root / item["Key"]).unlink(missing_ok=True)
        return {}


class Catalog:
    """Partitions by table."""

    def __init__(self) -> None:
        self.partitions: dict[str, set[tuple[str, ...]]] = {}

    def get_table(self, **request) -> dict:
        valid("glue", "GetTable", request)
        return {"Table": {"StorageDescriptor": {"InputFormat": "parquet"}}}

    def batch_create_partition(self, **request) -> dict:
        valid("glue", "BatchCreatePartition", request)
        known = self.partitions.setdefault(request["TableName"], set())
        known |= {tuple(p["Values"]) for p in request["PartitionInputList"]}
        return {"Errors": []}

    def delete_partition(self, **request) -> dict:
        valid("glue", "DeletePartition", request)
        values = tuple(request["PartitionValues"])
        known = self.partitions.setdefault(request["TableName"], set())
        if values not in known:
            raise ClientError({"Error": {"Code": "EntityNotFoundException"}}, "DeletePartition")
        known.remove(values)
        return {}


class CloudWatch:
    """What was measured: value by name and entity."""

    def __init__(self) -> None:
        self.points: list[tuple[str, str, float]] = []

    def put_metric_data(self, **request) -> dict:
        valid("cloudwatch", "PutMetricData", request)
        for point in request["MetricData"]:
            entity = "".join(d["Value"] for d in point.get("Dimensions", ()))
            self.points.append((point["MetricName"], entity, point["Value"]))
        return {}
