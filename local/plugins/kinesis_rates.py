"""A shard takes a thousand records and a megabyte a second, and refuses the rest: record by record in PutRecords.

MiniStack takes everything, so that a sender which never looks at FailedRecordCount seems to lose nothing.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import kinesis

from local.limits import SHARD_BYTES_PER_SECOND, SHARD_RECORDS_PER_SECOND
from local.settings import Settings

HOOKS = {
    "ministack.services.kinesis._partition_key_to_hash": None,
    "ministack.services.kinesis._put_record": "(data)",
    "ministack.services.kinesis._put_records": "(data)",
    "ministack.services.kinesis._resolve_stream": "(data)",
    "ministack.services.kinesis._route_to_shard": "(hash_key_int: int, stream: dict) -> str",
}

SECOND = 1.0
THROTTLED = "ProvisionedThroughputExceededException"

_meters: dict[tuple[str, str], Meter] = {}
_lock = threading.Lock()


class Meter:
    """What one shard has taken within the last second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: deque[tuple[float, int]] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def takes(self, size: int) -> bool:
        """Whether a record of this size still fits in; then it is counted."""
        now = self._clock()
        with self._lock:
            while self._taken and self._taken[0][0] <= now - SECOND:
                self._bytes -= self._taken.popleft()[1]
            # A shard that is idle takes one record of the largest size.
            full = len(self._taken) >= SHARD_RECORDS_PER_SECOND
            if full or (self._taken and self._bytes + size > SHARD_BYTES_PER_SECOND):
                return False
            self._taken.append((now, size))
            self._bytes += size
            return True


def install(settings: Settings) -> None:
    _meters.clear()
    kinesis._put_record = _one(kinesis._put_record)
    kinesis._put_records = _many(kinesis._put_records)


def _limited(data: dict) -> dict | None:
    """The stream, if it is one whose shards are counted."""
    _, stream = kinesis._resolve_stream(data)
    if not stream or stream.get("StreamStatus") != "ACTIVE":
        return None
    mode = (stream.get("StreamModeDetails") or {}).get("StreamMode") or stream.get("StreamMode")
    return None if mode == "ON_DEMAND" else stream


def _refused(stream: dict, record: dict) -> str:
    """The shard that has no room for the record, or nothing."""
    given, key = record.get("ExplicitHashKey"), record.get("PartitionKey", "")
    shard = kinesis._route_to_shard(int(given) if given else kinesis._partition_key_to_hash(key), stream)
    name = (stream["StreamARN"], shard)
    with _lock:
        meter = _meters.setdefault(name, Meter())
    # Base64: four characters for three bytes.
    return "" if meter.takes(len(record.get("Data") or "") * 3 // 4 + len(key)) else shard


def _message(stream: dict, shard: str) -> str:
    account = stream["StreamARN"].split(":")[4]
    return f"Rate exceeded for shard {shard} in stream {stream['StreamName']} under account {account}."


def _one(put: Any) -> Any:
    def put_record(data: dict) -> Any:
        stream = _limited(data)
        if stream and (shard := _refused(stream, data)):
            return error_response_json(THROTTLED, _message(stream, shard), 400)
        return put(data)

    return put_record


def _many(put: Any) -> Any:
    def put_records(data: dict) -> Any:
        stream, records = _limited(data), data.get("Records") or []
        if stream is None:
            return put(data)
        shards = [_refused(stream, record) for record in records]
        if not any(shards):
            return put(data)
        taken = [record for record, shard in zip(records, shards, strict=True) if not shard]
        results: list[dict] = []
        if taken:
            status, headers, body = put({**data, "Records": taken})
            if status >= 300:
                return status, headers, body
            results = json.loads(body)["Records"]
        given = iter(results)
        answered = [
            {"ErrorCode": THROTTLED, "ErrorMessage": _message(stream, shard)} if shard else next(given)
            for shard in shards
        ]
        encryption = stream.get("EncryptionType", "NONE")
        failed = sum(map(bool, shards))
        return json_response({"FailedRecordCount": failed, "Records": answered, "EncryptionType": encryption})

    return put_records
