"""The Feature Store runtime: records in and out.

Every call runs on the event loop: it only touches memory. Answers are put together from stored JSON, which is what
makes a batch of a hundred records cheap.
"""

from __future__ import annotations

import json
import time
from typing import Any

from .. import limits, listing
from ..errors import ApiError
from .groups import FeatureGroups
from .offline import OfflineStore
from .online import OnlineStore, Row
from .schema import Schema, iso, refused, ttl_seconds

_UPDATABLE_STORES = ("Standard_V2", "InMemory")


class FeatureRuntime:
    def __init__(self, groups: FeatureGroups, online: OnlineStore, offline: OfflineStore) -> None:
        self._groups, self._online, self._offline = groups, online, offline

    def put_record(self, request: dict[str, Any]) -> bytes:
        self._write(request["FeatureGroupName"], request, None)
        return b""

    def batch_write_record(self, request: dict[str, Any]) -> bytes:
        """Write up to 25 records; what is wrong with single ones comes back in Errors, the others are written."""
        entries = request["Entries"]
        most, count = limits.RECORDS_WRITTEN, len(entries)
        limits.require_in_runtime(1 <= count <= most, "BatchWriteRecord", f"1 to {most} entries", count)
        errors = []
        for entry in entries:
            try:
                self._write(entry["FeatureGroupName"], entry, request.get("TtlDuration"))
            except ApiError as error:
                errors.append({"Entry": entry, "ErrorCode": error.code, "ErrorMessage": error.message})
        return json.dumps({"Errors": errors, "UnprocessedEntries": []}).encode()

    def get_record(self, request: dict[str, Any]) -> bytes:
        """Return the record; an unknown, deleted or expired one is an empty answer, not an error."""
        group, schema = self._online_group(request["FeatureGroupName"])
        wanted = schema.names(request.get("FeatureNames"))
        row = self._live(group, request["RecordIdentifierValueAsString"], time.time())
        if row is None:
            return b"{}"
        expires = _expires(request, row)
        return b'{"Record":' + _features(row, wanted) + expires + b"}"

    def batch_get_record(self, request: dict[str, Any]) -> bytes:
        """Return what exists of up to 100 records; a group that does not is reported in Errors."""
        identifiers = request["Identifiers"]
        asked = sum(len(item["RecordIdentifiersValueAsString"]) for item in identifiers)
        most = limits.RECORDS_READ
        fits = 1 <= asked <= most and all(item["RecordIdentifiersValueAsString"] for item in identifiers)
        limits.require_in_runtime(fits, "BatchGetRecord", f"1 to {most} identifiers and no empty list", asked)
        records: list[bytes] = []
        errors: list[dict[str, str]] = []
        now = time.time()
        for item in identifiers:
            name = item["FeatureGroupName"]
            try:
                group, schema = self._online_group(name)
                wanted = schema.names(item.get("FeatureNames"))
            except ApiError as error:
                errors += [
                    {
                        "FeatureGroupName": name,
                        "RecordIdentifierValueAsString": identifier,
                        "ErrorCode": error.code,
                        "ErrorMessage": error.message,
                    }
                    for identifier in item["RecordIdentifiersValueAsString"]
                ]
                continue
            head = b'{"FeatureGroupName":' + json.dumps(name).encode() + b',"RecordIdentifierValueAsString":'
            for identifier in dict.fromkeys(item["RecordIdentifiersValueAsString"]):
                if row := self._live(group, identifier, now):
                    record = b',"Record":' + _features(row, wanted) + _expires(request, row) + b"}"
                    records.append(head + json.dumps(identifier).encode() + record)
        tail = json.dumps({"Errors": errors, "UnprocessedIdentifiers": []}).encode()
        return b'{"Records":[' + b",".join(records) + b"]," + tail[1:]

    def delete_record(self, request: dict[str, Any]) -> bytes:
        """Delete softly (a tombstone with its time stays) or hard.

        A time that is not later than the record's keeps the record: silently for a soft delete, whose tombstone still
        goes to the offline store, with a ValidationError for a hard one.
        """
        group, schema = self._groups.ready(request["FeatureGroupName"])
        identifier, text = request["RecordIdentifierValueAsString"], request["EventTime"]
        instant = schema.instant(text)
        stores = _stores(request, schema)
        if "OnlineStore" in stores:
            arn = group["FeatureGroupArn"]
            row = self._online.rows(arn).get(identifier)
            later = row is None or instant > row.event_time
            if request.get("DeletionMode") == "HardDelete":
                if not later:
                    raise refused(f"Validation Error: EventTime: [{text}] is not later than the record's.")
                self._online.remove(arn, identifier)
            elif later:
                self._online.put(arn, identifier, Row(instant, None, None))
        if "OfflineStore" in stores:
            values = {schema.identifier: identifier, schema.event_time: text}
            self._offline.add(group, values, instant, deleted=True)
        return b""

    def update_record(self, request: dict[str, Any]) -> bytes:
        """Change some features of an existing record, in a Standard_V2 or InMemory online store."""
        group, schema = self._online_group(request["FeatureGroupName"])
        if group["OnlineStoreConfig"].get("StorageType") not in _UPDATABLE_STORES:
            raise refused(f"Validation Error: UpdateRecord needs StorageType {' or '.join(_UPDATABLE_STORES)}.")
        changes = {feature["FeatureName"]: feature for feature in request["Features"]}
        most, count = limits.FEATURES_UPDATED, len(request["Features"])
        limits.require_in_runtime(count <= most, "UpdateRecord", f"at most {most} features", count)
        if "TtlDuration" in request and schema.event_time not in changes:
            raise refused("Validation Error: TtlDuration needs an EventTime in the request.")
        identifier = request["RecordIdentifierValueAsString"]
        row = self._live(group, identifier, time.time())
        if row is None or row.record is None:
            raise ApiError("ResourceNotFound", f"Record {identifier} does not exist.", 404)
        merged = {**{f["FeatureName"]: f for f in json.loads(row.record)}, **changes}
        values, instant = schema.check(list(merged.values()))
        if values[schema.identifier] != identifier:
            raise refused("Validation Error: the record identifier cannot be changed.")
        if instant < row.event_time:
            raise ApiError("ConflictException", "The EventTime is older than the record's.", 409)
        self._write(group["FeatureGroupName"], {**request, "Record": list(merged.values())}, None, update=True)
        return b""

    def list_records(self, request: dict[str, Any]) -> bytes:
        group, _ = self._online_group(request["FeatureGroupName"])
        now = time.time()
        deleted = request.get("IncludeSoftDeletedRecords", False)
        rows = self._online.rows(group["FeatureGroupArn"])
        found = sorted(i for i, row in rows.items() if not _expired(row, now) and (deleted or row.record is not None))
        items, token = listing.cut(found, request)
        return json.dumps({"RecordIdentifiers": items, **({"NextToken": token} if token else {})}).encode()

    def _write(
        self, name: str, entry: dict[str, Any], default_ttl: dict[str, Any] | None, update: bool = False
    ) -> None:
        """An `update` may keep the record's event time; a put must be later."""
        group, schema = self._groups.ready(name)
        values, instant = schema.check(entry["Record"])
        stores = _stores(entry, schema)
        if "OnlineStore" in stores:
            arn, identifier = group["FeatureGroupArn"], values[schema.identifier]
            row = self._online.rows(arn).get(identifier)
            # What is not later is history and goes to the offline store only.
            if (
                row is None
                or instant > row.event_time
                or (update and instant == row.event_time)
                or _expired(row, time.time())
            ):
                ttl = ttl_seconds(entry.get("TtlDuration") or default_ttl)
                ttl = schema.ttl if ttl is None else ttl
                record = json.dumps(entry["Record"], separators=(",", ":")).encode()
                self._online.put(arn, identifier, Row(instant, None if ttl is None else instant + ttl, record))
        if "OfflineStore" in stores:
            self._offline.add(group, values, instant)

    def _online_group(self, name: str) -> tuple[dict[str, Any], Schema]:
        group, schema = self._groups.ready(name)
        if not schema.online:
            raise refused(f"Validation Error: FeatureGroup {name} has no online store.")
        return group, schema

    def _live(self, group: dict[str, Any], identifier: str, now: float) -> Row | None:
        row = self._online.rows(group["FeatureGroupArn"]).get(identifier)
        return None if row is None or row.record is None or _expired(row, now) else row


def _stores(entry: dict[str, Any], schema: Schema) -> list[str]:
    """Return where a write goes: the stores it names, else all that the group has."""
    has = {"OnlineStore": schema.online, "OfflineStore": schema.offline}
    wanted = entry.get("TargetStores") or [store for store, there in has.items() if there]
    for store in wanted:
        if not has.get(store):
            raise refused(f"Validation Error: FeatureGroup {schema.name} has no {store}.")
    return wanted


def _features(row: Row, wanted: set[str] | None) -> bytes:
    assert row.record is not None
    if wanted is None:
        return row.record
    chosen = [feature for feature in json.loads(row.record) if feature["FeatureName"] in wanted]
    return json.dumps(chosen, separators=(",", ":")).encode()


def _expires(request: dict[str, Any], row: Row) -> bytes:
    if request.get("ExpirationTimeResponse") != "Enabled" or row.expires_at is None:
        return b""
    return b',"ExpiresAt":"' + iso(row.expires_at).encode() + b'"'


def _expired(row: Row, now: float) -> bool:
    return row.expires_at is not None and row.expires_at <= now
