"""The offline store: every write as a Parquet row below the group's S3 prefix, with a table in the Glue catalog."""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .. import objects
from ..aws import Aws
from ..settings import Settings

_log = logging.getLogger(__name__)
_MAX_ROWS = 50_000
_PATIENCE = 0.5
_GLUE_TYPES = {"Integral": "bigint", "Fractional": "double", "String": "string"}
_ARROW_TYPES = {"Integral": pa.int64(), "Fractional": pa.float64(), "String": pa.string()}
_READ = {"Integral": int, "Fractional": float, "String": str}
_PARTITIONS = ("year", "month", "day", "hour")


def resolved_uri(settings: Settings, group: dict[str, Any]) -> str:
    """Return where a group's files lie: `<S3Uri>/<account>/sagemaker/<region>/offline-store/<group>-<ts>/data`."""
    base = group["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"].rstrip("/")
    stamp = int(group["CreationTime"])
    place = f"{settings.account_id}/sagemaker/{settings.region}/offline-store/{group['FeatureGroupName']}-{stamp}/data"
    return f"{base}/{place}"


def create_table(aws: Aws, group: dict[str, Any]) -> None:
    """Make the Glue table (and AWS's default database) of a new group."""
    config = group["OfflineStoreConfig"]
    catalog = config["DataCatalogConfig"]
    glue = aws.client("glue")
    if catalog["Database"] == "sagemaker_featurestore":
        with contextlib.suppress(glue.exceptions.AlreadyExistsException):
            glue.create_database(DatabaseInput={"Name": catalog["Database"]})
    glue.create_table(DatabaseName=catalog["Database"], TableInput=_table_input(group))


def update_table(aws: Aws, group: dict[str, Any]) -> None:
    """Give the Glue table the columns of features that were added."""
    database = group["OfflineStoreConfig"]["DataCatalogConfig"]["Database"]
    aws.client("glue").update_table(DatabaseName=database, TableInput=_table_input(group))


def _table_input(group: dict[str, Any]) -> dict[str, Any]:
    config = group["OfflineStoreConfig"]
    return {
        "Name": config["DataCatalogConfig"]["TableName"],
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "PartitionKeys": [{"Name": name, "Type": "string"} for name in _PARTITIONS],
        "StorageDescriptor": _storage(group, config["S3StorageConfig"]["ResolvedOutputS3Uri"]),
    }


def _storage(group: dict[str, Any], location: str) -> dict[str, Any]:
    columns = [
        {"Name": d["FeatureName"].lower(), "Type": _GLUE_TYPES[d["FeatureType"]]} for d in group["FeatureDefinitions"]
    ]
    columns += [
        {"Name": "write_time", "Type": "timestamp"},
        {"Name": "api_invocation_time", "Type": "timestamp"},
        {"Name": "is_deleted", "Type": "boolean"},
    ]
    return {
        "Columns": columns,
        "Location": location,
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
    }


class OfflineStore:
    """Collects rows and writes them as files: by age (AWS: within 15 minutes; here a second) or by number.

    Rows that cannot be written are kept and tried again; those left at the end wait in a file for the next start.
    """

    def __init__(self, settings: Settings, aws: Aws) -> None:
        self._aws = aws
        self._interval = settings.offline_flush_seconds
        self._pending_file = settings.root / "offline-pending.json"
        self._lock = threading.Lock()
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._writing: dict[str, list[dict[str, Any]]] = {}
        self._groups: dict[str, dict[str, Any]] = {}
        self._partitions: set[str] = set()
        self._wake = threading.Event()
        self._closed = False
        if self._pending_file.exists():
            saved = json.loads(self._pending_file.read_text())
            self._groups, self._rows = saved["groups"], defaultdict(list, saved["rows"])
            self._pending_file.unlink()
        self._thread = threading.Thread(target=self._run, name="sagemaker-offline", daemon=True)
        self._thread.start()

    def add(
        self, group: dict[str, Any], values: dict[str, str | None], event_time: float, deleted: bool = False
    ) -> None:
        arn = group["FeatureGroupArn"]
        row = {"values": values, "event_time": event_time, "invoked": time.time(), "deleted": deleted}
        with self._lock:
            self._groups[arn] = group
            self._rows[arn].append(row)
            if len(self._rows[arn]) >= _MAX_ROWS:
                self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        # A write under way when the server stops taking requests would wait for an answer in vain.
        self._thread.join(timeout=_PATIENCE)
        with self._lock:
            arns = {*self._rows, *self._writing}
            left = {arn: rows for arn in arns if (rows := self._writing.get(arn, []) + self._rows.get(arn, []))}
            if left:
                groups = {arn: self._groups[arn] for arn in left}
                self._pending_file.write_text(json.dumps({"groups": groups, "rows": left}))

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(self._interval)
            if self._closed:
                return
            self._wake.clear()
            with self._lock:
                self._writing, self._rows = self._rows, defaultdict(list)
            for arn, rows in list(self._writing.items()):
                failed: list[dict[str, Any]] = []
                try:
                    self._write(self._groups[arn], rows)
                except Exception:
                    _log.exception("offline rows of %s wait for the next attempt", arn)
                    failed = rows
                with self._lock:
                    del self._writing[arn]
                    self._rows[arn] = failed + self._rows[arn]

    def _write(self, group: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        by_hour: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            at = datetime.fromtimestamp(row["event_time"], UTC)
            by_hour[at.strftime("%Y"), at.strftime("%m"), at.strftime("%d"), at.strftime("%H")].append(row)
        base = group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
        now = time.time()
        new = []
        for hour, part in by_hour.items():
            place = "/".join([base, *(f"{key}={value}" for key, value in zip(_PARTITIONS, hour, strict=True))])
            name = f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}_{secrets.token_hex(8)}.parquet"
            bucket, key = objects.split_uri(f"{place}/{name}")
            self._aws.client("s3").put_object(Bucket=bucket, Key=key, Body=_parquet(group, part, now))
            if place not in self._partitions:
                new.append((place, hour))
        if new and "DataCatalogConfig" in group["OfflineStoreConfig"]:
            self._register(group, new)
        self._partitions.update(place for place, _ in new)

    def _register(self, group: dict[str, Any], places: list[tuple[str, tuple[str, ...]]]) -> None:
        catalog = group["OfflineStoreConfig"]["DataCatalogConfig"]
        for start in range(0, len(places), 100):
            inputs = [
                {"Values": list(hour), "StorageDescriptor": _storage(group, place)}
                for place, hour in places[start : start + 100]
            ]
            self._aws.client("glue").batch_create_partition(
                DatabaseName=catalog["Database"], TableName=catalog["TableName"], PartitionInputList=inputs
            )


def _parquet(group: dict[str, Any], rows: list[dict[str, Any]], written: float) -> bytes:
    columns: dict[str, pa.Array] = {}
    for definition in group["FeatureDefinitions"]:
        name, kind = definition["FeatureName"], definition["FeatureType"]
        read = _READ[kind]
        texts = [row["values"].get(name) for row in rows]
        columns[name] = pa.array([None if text is None else read(text) for text in texts], _ARROW_TYPES[kind])
    instant = pa.timestamp("ms", tz="UTC")
    columns["write_time"] = pa.array([round(written * 1000)] * len(rows), pa.int64()).cast(instant)
    columns["api_invocation_time"] = pa.array([round(row["invoked"] * 1000) for row in rows], pa.int64()).cast(instant)
    columns["is_deleted"] = pa.array([row["deleted"] for row in rows], pa.bool_())
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, compression="snappy")
    return sink.getvalue().to_pybytes()
