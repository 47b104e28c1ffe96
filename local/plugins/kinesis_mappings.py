"""Kinesis event source mappings that fail as AWS's do: retries, bisecting, partial batches, on-failure destinations.

MiniStack's poller repeats a failing batch for ever. Here each mapping has its own threads, one per shard and
parallelisation lane; a position is a sequence number, moved only when its records are done or discarded, and kept with
the rest of Lambda's state.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
import uuid
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import error_response_json, set_request_account_id, set_request_region
from ministack.services import cloudwatch, kinesis, lambda_svc, sqs

from local import limits
from local.permissions import roles
from local.plugins.kinesis_delivery import Answer, Delivery, Discarded, Policy, Record
from local.plugins.kinesis_resharding import parents_of
from local.services import own_client, s3_files
from local.settings import Settings

HOOKS = {
    "ministack.services.kinesis._consumers": None,
    "ministack.services.kinesis._streams": None,
    "ministack.services.kinesis.esm_wake": None,
    "ministack.services.lambda_svc._apply_filter_criteria": "(records: list[dict], esm: dict) -> list[dict]",
    "ministack.services.lambda_svc._create_esm": "(data: dict)",
    "ministack.services.lambda_svc._delete_esm": "(esm_id: str)",
    "ministack.services.lambda_svc._emit_lambda_metrics": (
        "(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None"
    ),
    "ministack.services.lambda_svc._esms": None,
    "ministack.services.lambda_svc._execute_function": "(func: dict, event: dict) -> dict",
    "ministack.services.lambda_svc._get_func_record_for_qualifier": (
        "(name: str, qualifier: str | None) -> tuple[dict | None, dict | None]"
    ),
    "ministack.services.lambda_svc._iter_all_esms": "()",
    "ministack.services.lambda_svc._kinesis_positions": None,
    "ministack.services.lambda_svc._poll_kinesis": "()",
    "ministack.services.lambda_svc._update_esm": "(esm_id: str, data: dict)",
    "ministack.services.sqs._queue_by_arn": None,
}

# AWS's answers for what a mapping leaves out; MiniStack's BatchSize of 10 is the one of queues.
DEFAULTS = {
    "BatchSize": 100,
    "MaximumRetryAttempts": -1,
    "MaximumRecordAgeInSeconds": -1,
    "BisectBatchOnFunctionError": False,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}
KEPT = ("StartingPositionTimestamp", "TumblingWindowInSeconds")
CONSUMER = "/consumer/"
RANGES = {
    "BatchSize": limits.STREAM_BATCH,
    "ParallelizationFactor": limits.PARALLELIZATION,
    "MaximumBatchingWindowInSeconds": limits.BATCHING_WINDOW_SECONDS,
    "MaximumRetryAttempts": limits.RETRIES,
    "MaximumRecordAgeInSeconds": limits.RECORD_AGE_SECONDS,
    "TumblingWindowInSeconds": limits.TUMBLING_WINDOW_SECONDS,
}
FOR_EVER = ("MaximumRetryAttempts", "MaximumRecordAgeInSeconds")
IDLE_SECONDS = 1.0
READ_SECONDS = 0.2  # a shard answers five reads a second

logger = logging.getLogger("local")
_lanes: dict[tuple[str, str, int], _Lane] = {}
_lock = threading.Lock()
_positions_lock = threading.Lock()  # all shards of a mapping share one document


def install(settings: Settings) -> None:
    lambda_svc._create_esm = _creating(lambda_svc._create_esm)
    lambda_svc._update_esm = _updating(lambda_svc._update_esm)
    lambda_svc._delete_esm = _deleting(lambda_svc._delete_esm)
    lambda_svc._poll_kinesis = _look_after_lanes
    kinesis.esm_wake = _Wake(kinesis.esm_wake)


def close() -> None:
    with _lock:
        lanes = list(_lanes.values())
        _lanes.clear()
    for lane in lanes:
        lane.end()
    for lane in lanes:
        lane.thread.join(timeout=1)


class _Wake:
    """Stands in for the event that a written record sets, and wakes our lanes as well."""

    def __init__(self, event: Any) -> None:
        self._event = event

    def set(self) -> None:
        self._event.set()
        for lane in list(_lanes.values()):
            lane.news.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._event, name)


def _is_kinesis(mapping: dict) -> bool:
    return ":kinesis:" in mapping.get("EventSourceArn", "")


def _creating(create: Any) -> Any:
    def create_mapping(data: dict) -> Any:
        if not _is_kinesis(data):
            return create(data)
        if refusal := _refusal(data, creating=True):
            return refusal
        data = {**DEFAULTS, **{key: value for key, value in data.items() if value is not None}}
        source = data["EventSourceArn"]
        if CONSUMER in source and source not in kinesis._consumers:
            message = f"Consumer does not exist: {source}. Register it with RegisterStreamConsumer."
            return error_response_json("InvalidParameterValueException", message, 400)
        # MiniStack knows streams as sources only. A consumer's mapping reads the consumer's stream.
        status, headers, body = create({**data, "EventSourceArn": source.partition(CONSUMER)[0]})
        if status >= 300:
            return status, headers, body
        mapping = lambda_svc._esms[json.loads(body)["UUID"]]
        mapping["EventSourceArn"] = source
        mapping.update({key: data[key] for key in KEPT if key in data})
        mapping.setdefault("DestinationConfig", {"OnFailure": {}})
        mapping["LastProcessingResult"] = "No records processed"
        _start_positions(mapping)
        _look_after_lanes()
        return status, headers, json.dumps(lambda_svc._esm_response(mapping)).encode()

    return create_mapping


def _updating(update: Any) -> Any:
    def update_mapping(esm_id: str, data: dict) -> Any:
        mapping = lambda_svc._esms.get(esm_id)
        if mapping is not None and _is_kinesis(mapping) and (refusal := _refusal(data, creating=False)):
            return refusal
        answer = update(esm_id, data)
        _look_after_lanes()
        return answer

    return update_mapping


def _deleting(delete: Any) -> Any:
    def delete_mapping(esm_id: str) -> Any:
        answer = delete(esm_id)
        _look_after_lanes()
        return answer

    return delete_mapping


def _refusal(data: dict, creating: bool) -> Any:
    position = data.get("StartingPosition")
    if creating and position not in ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"):
        message = (
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
        return error_response_json("InvalidParameterValueException", message, 400)
    if position == "AT_TIMESTAMP" and data.get("StartingPositionTimestamp") is None:
        message = "StartingPositionTimestamp is required for StartingPosition AT_TIMESTAMP."
        return error_response_json("InvalidParameterValueException", message, 400)
    for name, (least, most) in RANGES.items():
        value = data.get(name)
        if value is not None and not least <= value <= most and not (value == -1 and name in FOR_EVER):
            message = (
                f"1 validation error detected: Value '{value}' at '{name[0].lower()}{name[1:]}' failed to satisfy "
                f"constraint: Member must have value between {least} and {most}"
            )
            return error_response_json("InvalidParameterValueException", message, 400)
    return None


def _stream(mapping: dict) -> dict | None:
    spec = parse_arn(mapping["EventSourceArn"])
    stream = kinesis._streams.get_scoped(spec.account_id, spec.region, spec.resource.split("/")[1])
    return stream if stream and stream["StreamStatus"] == "ACTIVE" else None


def _start_positions(mapping: dict) -> None:
    """Anchored now: what is written after the mapping exists is never missed, whenever its threads start."""
    stream = _stream(mapping)
    position = mapping.get("StartingPosition")
    positions = {}
    for shard_id, shard in (stream["shards"] if stream else {}).items():
        records = shard["records"]
        if position == "LATEST":
            positions[shard_id] = records[-1]["SequenceNumber"] if records else shard["starting_sequence_number"]
        elif position == "AT_TIMESTAMP":
            at = float(mapping["StartingPositionTimestamp"])
            before = [record["SequenceNumber"] for record in records if record["ApproximateArrivalTimestamp"] < at]
            positions[shard_id] = before[-1] if before else ""
        else:
            positions[shard_id] = ""
    lambda_svc._kinesis_positions[mapping["UUID"]] = positions


def _look_after_lanes() -> bool:
    """Start the lanes that should run and end those that should not. Called by MiniStack's own poller, too."""
    wanted = {}
    for account, region, mapping in list(lambda_svc._iter_all_esms()):
        if not _is_kinesis(mapping) or not mapping.get("Enabled", True):
            continue
        spec = parse_arn(mapping["EventSourceArn"])
        stream = kinesis._streams.get_scoped(spec.account_id, spec.region, spec.resource.split("/")[1])
        width = int(mapping.get("ParallelizationFactor") or 1)
        positions = lambda_svc._kinesis_positions.get_scoped(account, region, mapping["UUID"]) or {}
        shards = stream["shards"] if stream else {}
        for shard_id in [name for name in shards if _parents_read(shards, name, positions)]:
            for number in range(width):
                wanted[mapping["UUID"], shard_id, number] = (account, region, mapping, shard_id, number, width)
    with _lock:
        for key, lane in list(_lanes.items()):
            if key not in wanted or lane.width != wanted[key][5]:
                lane.end()
                del _lanes[key]
        started = {key: _Lane(*arguments) for key, arguments in wanted.items() if key not in _lanes}
        _lanes.update(started)
        for lane in started.values():
            lane.thread.start()
    return False


def _parents_read(shards: dict, shard_id: str, positions: dict) -> bool:
    """Whether everything that was written before this shard was opened is done: customers keep their order."""
    for parent in (name for name in parents_of(shards[shard_id]) if name in shards):
        records = shards[parent]["records"]
        if records and positions.get(parent, "") < records[-1]["SequenceNumber"]:
            return False
        if not _parents_read(shards, parent, positions):
            return False
    return True


class _Lane:
    """One shard of one mapping, or a share of its partition keys when ParallelizationFactor is above one."""

    def __init__(self, account: str, region: str, mapping: dict, shard_id: str, number: int, width: int) -> None:
        self.account, self.region, self.mapping = account, region, mapping
        self.shard_id, self.number, self.width = shard_id, number, width
        self.news = threading.Event()
        self.ended = threading.Event()
        self.next_read = 0.0
        # Read before any lane runs: a lane that started late would else begin where its siblings have already been.
        # A shard that appeared by splitting is read from its beginning, as AWS does.
        positions = lambda_svc._kinesis_positions.get_scoped(account, region, mapping["UUID"]) or {}
        self.position: str = positions.get(shard_id, "")
        self.thread = threading.Thread(
            target=self._run, daemon=True, name=f"mapping-{mapping['FunctionName']}-{number}"
        )

    def end(self) -> None:
        self.ended.set()
        self.news.set()

    def _run(self) -> None:
        set_request_account_id(self.account)
        set_request_region(self.region)
        while not self.ended.is_set():
            self.news.clear()
            try:
                records, reached = self._next_batch()
                if records:
                    self._deliver(records)
                if reached is not None and not self.ended.is_set():
                    self._checkpoint(reached)
                if reached is None:
                    self.news.wait(IDLE_SECONDS)
            except Exception:
                logger.exception("event source mapping %s, shard %s", self.mapping["UUID"], self.shard_id)
                self.ended.wait(IDLE_SECONDS)

    def _next_batch(self) -> tuple[list[dict], str | None]:
        """Records of this lane, and how far the shard was read to find them (None: nothing new)."""
        self.ended.wait(max(0.0, self.next_read - time.monotonic()))
        raw, reached = self._scan()
        window = float(self.mapping.get("MaximumBatchingWindowInSeconds") or 0)
        deadline = time.monotonic() + window
        while raw and window and len(raw) < self._batch_size() and not self.ended.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self.news.wait(left)
            self.news.clear()
            raw, reached = self._scan()
        # One read gives many batches of a backlog; at the tip each batch takes a read of its own.
        self.next_read = 0.0 if len(raw) == self._batch_size() else time.monotonic() + READ_SECONDS
        records = [self._event_record(record) for record in raw]
        return lambda_svc._apply_filter_criteria(records, self.mapping), reached

    def _batch_size(self) -> int:
        return int(self.mapping.get("BatchSize") or DEFAULTS["BatchSize"])

    def _scan(self) -> tuple[list[dict], str | None]:
        stream = _stream(self.mapping)
        if stream is None or self.shard_id not in stream["shards"]:
            return [], None
        records = stream["shards"][self.shard_id]["records"]
        # Compared as text: MiniStack's sequence numbers have one width.
        start = bisect_right(records, self.position, key=lambda record: record["SequenceNumber"])
        batch: list[dict] = []
        size, reached = 0, None
        for record in records[start:]:
            if self.width > 1 and kinesis._partition_key_to_hash(record["PartitionKey"]) % self.width != self.number:
                reached = record["SequenceNumber"]
                continue
            size += len(record["Data"]) + len(record["PartitionKey"])
            if len(batch) == self._batch_size() or (batch and size > limits.SYNCHRONOUS_PAYLOAD):
                break
            batch.append(record)
            reached = record["SequenceNumber"]
        return batch, reached

    def _role(self) -> str:
        function, _ = lambda_svc._get_func_record_for_qualifier(
            self.mapping["FunctionName"], self.mapping.get("Qualifier")
        )
        return ((function or {}).get("config") or {}).get("Role", "")

    def _event_record(self, record: dict) -> dict:
        data = record["Data"]
        role = self._role()
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record["PartitionKey"],
                "sequenceNumber": record["SequenceNumber"],
                "data": data if isinstance(data, str) else base64.b64encode(data).decode(),
                "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{self.shard_id}:{record['SequenceNumber']}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": role,
            "awsRegion": self.region,
            "eventSourceARN": self.mapping["EventSourceArn"],
        }

    def _deliver(self, records: list[dict]) -> None:
        delivery = Delivery(
            Policy.of(self.mapping), self._invoke, self._discard, self._checkpoint, time.time, self._wait
        )
        delivery.deliver(records)

    def _wait(self, seconds: float) -> bool:
        return not self.ended.wait(seconds)

    def _checkpoint(self, number: str) -> None:
        if number <= self.position:
            return
        self.position = number
        # The slowest lane decides: the others deliver again after a crash, which at-least-once allows.
        mine = (self.mapping["UUID"], self.shard_id)
        slowest = min((lane.position for key, lane in list(_lanes.items()) if key[:2] == mine), default=number)
        if mine[0] in lambda_svc._esms:
            with _positions_lock:
                positions = lambda_svc._kinesis_positions.get(mine[0]) or {}
                lambda_svc._kinesis_positions[mine[0]] = {**positions, self.shard_id: slowest}

    def _invoke(self, records: Sequence[Record]) -> Answer:
        name = self.mapping["FunctionName"]
        function, _ = lambda_svc._get_func_record_for_qualifier(name, self.mapping.get("Qualifier"))
        if function is None:
            self.mapping["LastProcessingResult"] = "PROBLEM: Function not found"
            return Answer(error=True, throttled=True)
        newest = records[-1]["kinesis"]["approximateArrivalTimestamp"]
        started = time.time()
        age = max(0.0, (started - newest) * 1000)
        cloudwatch.record_metric("AWS/Lambda", "IteratorAge", age, "Milliseconds", {"FunctionName": name})
        result = lambda_svc._execute_function(function, {"Records": list(records)})
        error, throttled = bool(result.get("error")), bool(result.get("throttle"))
        if not throttled:
            lambda_svc._emit_lambda_metrics(name, (time.time() - started) * 1000, error, False)
        self.mapping["LastProcessingResult"] = "PROBLEM: Function call failed" if error else "OK"
        body = result.get("body")
        request_id = body.get("requestId", "") if isinstance(body, dict) else ""
        return Answer(body, error, throttled, request_id)

    def _discard(self, discarded: Discarded) -> None:
        destination = ((self.mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
        if not destination:
            return
        message = _failure_message(self.mapping, self.shard_id, discarded)
        try:
            with roles.acting_as(self._role()):
                _send(destination, message, self.mapping["UUID"], self.shard_id, discarded.records)
        except Exception:
            logger.exception("on-failure destination %s", destination)


def _failure_message(mapping: dict, shard_id: str, discarded: Discarded) -> dict:
    first, last = discarded.records[0]["kinesis"], discarded.records[-1]["kinesis"]
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST", "functionError": None}
    if discarded.last.error:
        response["functionError"] = "Unhandled"
    return {
        "requestContext": {
            "requestId": discarded.last.request_id or str(uuid.uuid4()),
            "functionArn": mapping["FunctionArn"],
            "condition": discarded.condition,
            "approximateInvokeCount": discarded.invocations,
        },
        "responseContext": response,
        "version": "1.0",
        "timestamp": _instant(time.time()),
        "KinesisBatchInfo": {
            "shardId": shard_id,
            "startSequenceNumber": first["sequenceNumber"],
            "endSequenceNumber": last["sequenceNumber"],
            "approximateArrivalOfFirstRecord": _instant(first["approximateArrivalTimestamp"]),
            "approximateArrivalOfLastRecord": _instant(last["approximateArrivalTimestamp"]),
            "batchSize": len(discarded.records),
            "streamArn": mapping["EventSourceArn"].partition(CONSUMER)[0],
        },
    }


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _send(destination: str, message: dict, mapping_id: str, shard_id: str, records: Sequence[Record]) -> None:
    """Queues and topics get the numbers of the records, a bucket gets the records, too: as on AWS."""
    service = destination.split(":")[2]
    if service == "s3":
        now = datetime.now(UTC)
        key = f"aws/lambda/{mapping_id}/{shard_id}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
        payload = json.dumps({"Records": list(records)})
        s3_files.write(
            f"s3://{destination.rsplit(':', 1)[-1]}/{key}", json.dumps({**message, "payload": payload}).encode()
        )
        return
    message_text = json.dumps(message)
    if service == "sqs":
        queue = sqs._queue_by_arn(destination)
        if queue is None:
            raise LookupError(f"there is no queue {destination}")
        own_client.client("sqs").send_message(QueueUrl=queue["url"], MessageBody=message_text)
    else:
        own_client.client("sns").publish(TopicArn=destination, Message=message_text)
