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
from .journal import Journal

_log = logging.getLogger(__name__)
_MAX_ROWS = 50_000
_PATIENCE = 0.5
_GLUE_TYPES = {"Integral": "bigint", "Fractional": "double", "String": "string"}
_ARROW_TYPES = {"Integral": pa.int64(), "Fractional": pa.float64(), "String": pa.string()}
_READ = {"Integral": int, "Fractional": float, "String": str}
_UNWRITABLE = (ValueError, OverflowError, OSError, pa.ArrowException)
_PARTITIONS = ("year", "month", "day", "hour")


def resolved_uri(settings: Settings, group: dict[str, Any]) -> str:
    """Return where a group's files lie: `<S3Uri>/<account>/sagemaker/<region>/offline-store/<group>-<ts>/data`."""
    base = group["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"].rstrip("/")
    stamp = int(group["CreationTime"])
    place = f"{settings.account_id}/sagemaker/{settings.region}/offline-store/{group['FeatureGroupName']}-{stamp}/data"
    return f"{base}/{place}"


def see_bucket(aws: Aws, group: dict[str, Any]) -> None:
    """Look at whose the bucket is, as AWS does before it writes there. Raises ClientError."""
    bucket = group["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"].removeprefix("s3://").partition("/")[0]
    aws.client("s3", group.get("RoleArn")).get_bucket_acl(Bucket=bucket)


def create_table(aws: Aws, group: dict[str, Any]) -> None:
    """Make the Glue table (and AWS's default database) of a new group."""
    config = group["OfflineStoreConfig"]
    catalog = config["DataCatalogConfig"]
    glue = aws.client("glue", group.get("RoleArn"))
    if catalog["Database"] == "sagemaker_featurestore":
        with contextlib.suppress(glue.exceptions.AlreadyExistsException):
            glue.create_database(DatabaseInput={"Name": catalog["Database"]})
    # It is there already when an earlier run of the server ended in the middle.
    with contextlib.suppress(glue.exceptions.AlreadyExistsException):
        glue.create_table(DatabaseName=catalog["Database"], TableInput=_table_input(group))


def update_table(aws: Aws, group: dict[str, Any]) -> None:
    """Give the Glue table the columns of features that were added."""
    database = group["OfflineStoreConfig"]["DataCatalogConfig"]["Database"]
    aws.client("glue", group.get("RoleArn")).update_table(DatabaseName=database, TableInput=_table_input(group))


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

    Rows that cannot be written are kept and tried again; a row that no file can hold is set aside and holds up nobody.
    A journal keeps what is not written yet for the next start.
    """

    def __init__(self, settings: Settings, aws: Aws) -> None:
        self._aws = aws
        self._interval = settings.offline_flush_seconds
        self._lock = threading.Lock()
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._noted: set[str] = set()  # groups that the open file of the journal names
        self._groups: dict[str, dict[str, Any]] = {}
        self._partitions: set[str] = set()
        self._wake = threading.Event()
        self._closed = False
        self._journal = Journal(settings.root, "offline")
        self._set_aside = settings.root / "refused-offline.jsonl"
        known: dict[str, dict[str, Any]] = {}
        for entry in self._journal.entries():
            if "group" in entry:
                known[entry["group"]["FeatureGroupArn"]] = entry["group"]
            else:
                self._groups[entry["arn"]] = known[entry["arn"]]
                self._rows[entry["arn"]].append(entry["row"])
        self._thread = threading.Thread(target=self._run, name="sagemaker-offline", daemon=True)
        self._thread.start()

    def add(
        self, group: dict[str, Any], values: dict[str, str | None], event_time: float, deleted: bool = False
    ) -> None:
        arn = group["FeatureGroupArn"]
        row = {"values": values, "event_time": event_time, "invoked": time.time(), "deleted": deleted}
        with self._lock:
            self._note(group, row)
            self._groups[arn] = group
            self._rows[arn].append(row)
            if len(self._rows[arn]) >= _MAX_ROWS:
                self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        # A write under way when the server stops taking requests would wait for an answer in vain.
        self._thread.join(timeout=_PATIENCE)

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(self._interval)
            if self._closed:
                return
            self._wake.clear()
            with self._lock:
                writing, self._rows = self._rows, defaultdict(list)
                number = self._journal.cut()
                self._noted = set()
            failed: dict[str, list[dict[str, Any]]] = {}
            for arn, rows in writing.items():
                try:
                    self._write(self._groups[arn], rows)
                except Exception:
                    _log.exception("offline rows of %s wait for the next attempt", arn)
                    failed[arn] = rows
            with self._lock:
                for arn, rows in failed.items():
                    self._rows[arn] = rows + self._rows[arn]
                    for row in rows:
                        self._note(self._groups[arn], row)
                self._journal.forget(number)

    def _note(self, group: dict[str, Any], row: dict[str, Any]) -> None:
        arn = group["FeatureGroupArn"]
        if arn not in self._noted:
            self._journal.add({"group": group})
            self._noted.add(arn)
        self._journal.add({"arn": arn, "row": row})

    def _files(self, group: dict[str, Any], rows: list[dict[str, Any]], now: float) -> dict[tuple[str, ...], bytes]:
        """Return the content of a file for each hour. All are made before one is written: what fails leaves none."""
        by_hour: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            by_hour[_hour(row)].append(row)
        return {hour: _parquet(group, part, now) for hour, part in by_hour.items()}

    def _possible(self, group: dict[str, Any], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows that a file can hold. PutRecord refuses others; an older state folder may have some."""
        possible = []
        for row in rows:
            try:
                self._files(group, [row], 0.0)
                possible.append(row)
            except _UNWRITABLE as error:
                _log.error("an offline row is set aside in %s: %r", self._set_aside, error)
                with self._set_aside.open("a") as file:
                    file.write(json.dumps({"arn": group["FeatureGroupArn"], "row": row}) + "\n")
        return possible

    def _write(self, group: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        base = group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
        now = time.time()
        try:
            files = self._files(group, rows, now)
        except _UNWRITABLE:
            files = self._files(group, self._possible(group, rows), now)
        new = []
        for hour, content in files.items():
            place = "/".join([base, *(f"{key}={value}" for key, value in zip(_PARTITIONS, hour, strict=True))])
            name = f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}_{secrets.token_hex(8)}.parquet"
            bucket, key = objects.split_uri(f"{place}/{name}")
            self._aws.client("s3", group.get("RoleArn")).put_object(Bucket=bucket, Key=key, Body=content)
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
            # Not in the role's name: whether AWS asks the role for this is not known.
            self._aws.client("glue").batch_create_partition(
                DatabaseName=catalog["Database"], TableName=catalog["TableName"], PartitionInputList=inputs
            )


def _hour(row: dict[str, Any]) -> tuple[str, ...]:
    at = datetime.fromtimestamp(row["event_time"], UTC)
    return f"{at:%Y}", f"{at:%m}", f"{at:%d}", f"{at:%H}"


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
