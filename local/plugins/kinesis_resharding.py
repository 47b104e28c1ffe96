"""Resharding as Kinesis does it: a shard that is split or merged away is closed, and keeps its records to be read.

MiniStack drops the shards that are replaced, with every record in them that nobody has read yet, and UpdateShardCount
numbers its shards from zero again. `kinesis_mappings` reads a child only after its parents have been read to their end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import kinesis

from local.settings import Settings

HOOKS = {
    "ministack.services.kinesis._compute_hash_ranges": "(shard_count)",
    "ministack.services.kinesis._describe_stream_summary": "(data)",
    "ministack.services.kinesis._get_records": "(data)",
    "ministack.services.kinesis._max_shard_index": "(stream)",
    "ministack.services.kinesis._merge_shards": "(data)",
    "ministack.services.kinesis._next_sequence_number": "()",
    "ministack.services.kinesis._resolve_stream": "(data)",
    "ministack.services.kinesis._route_to_shard": "(hash_key_int: int, stream: dict) -> str",
    "ministack.services.kinesis._shard_iterators": None,
    "ministack.services.kinesis._shard_out": "(shard_id, shard)",
    "ministack.services.kinesis._split_shard": "(data)",
    "ministack.services.kinesis._streams": None,
    "ministack.services.kinesis._update_shard_count": "(data)",
}


def install(settings: Settings) -> None:
    kinesis._route_to_shard = _route
    kinesis._split_shard = _split
    kinesis._merge_shards = _merge
    kinesis._update_shard_count = _update_count
    kinesis._shard_out = _telling_the_end(kinesis._shard_out)
    kinesis._describe_stream_summary = _counting_open_ones(kinesis._describe_stream_summary)
    kinesis._get_records = _ending_at_the_end(kinesis._get_records)


def parents_of(shard: dict) -> list[str]:
    return shard.get("parent_shard_ids", [])


def _open(stream: dict) -> dict[str, dict]:
    """Shards that take records, in the order of their ranges."""
    taking = {name: shard for name, shard in stream["shards"].items() if "ending_sequence_number" not in shard}
    return dict(sorted(taking.items(), key=lambda item: int(item[1]["starting_hash_key"])))


def _route(hash_key_int: int, stream: dict) -> str:
    return next(name for name, shard in _open(stream).items() if hash_key_int <= int(shard["ending_hash_key"]))


def _split(data: dict) -> Any:
    def split(stream: dict) -> Any:
        shard = _open(stream).get(data["ShardToSplit"])
        if shard is None:
            return _no_open_shard(data["ShardToSplit"])
        start, middle, end = (
            int(n) for n in (shard["starting_hash_key"], data["NewStartingHashKey"], shard["ending_hash_key"])
        )
        if not start < middle <= end:
            return _invalid("NewStartingHashKey is not within the shard's range, or is its beginning.")
        _replace(stream, [data["ShardToSplit"]], [(start, middle - 1), (middle, end)])
        return json_response({})

    return _of_stream(data, split)


def _merge(data: dict) -> Any:
    def merge(stream: dict) -> Any:
        taking, names = _open(stream), [data["ShardToMerge"], data["AdjacentShardToMerge"]]
        for name in names:
            if name not in taking:
                return _no_open_shard(name)
        (start, end), (next_start, next_end) = sorted(_range(taking[name]) for name in names)
        if end + 1 != next_start:
            return _invalid(f"Shards {' and '.join(names)} are not adjacent.")
        _replace(stream, names, [(start, next_end)])
        return json_response({})

    return _of_stream(data, merge)


def _update_count(data: dict) -> Any:
    def update(stream: dict) -> Any:
        taking, target = _open(stream), int(data["TargetShardCount"])
        current = len(taking)
        if not (current + 1) // 2 <= target <= 2 * current:
            return _invalid(
                "UpdateShardCount cannot scale up over double, or down below half, of your current open shard count. "
                f"Current open shard count: {current} Target shard count: {target}"
            )
        wanted = [(int(start), int(end)) for start, end in kinesis._compute_hash_ranges(target)]
        kept = {_range(shard) for shard in taking.values()} & set(wanted)
        closing = [name for name, shard in taking.items() if _range(shard) not in kept]
        _replace(stream, closing, [each for each in wanted if each not in kept])
        answer = {"CurrentShardCount": current, "TargetShardCount": target}
        return json_response({**answer, "StreamName": stream["StreamName"], "StreamARN": stream["StreamARN"]})

    return _of_stream(data, update)


def _of_stream(data: dict, work: Any) -> Any:
    name, stream = kinesis._resolve_stream(data)
    if not stream:
        return error_response_json("ResourceNotFoundException", f"Stream {name} not found", 400)
    return work(stream)


def _no_open_shard(name: str) -> Any:
    return error_response_json("ResourceNotFoundException", f"There is no open shard {name}.", 400)


def _invalid(message: str) -> Any:
    return error_response_json("InvalidArgumentException", message, 400)


def _range(shard: dict) -> tuple[int, int]:
    return int(shard["starting_hash_key"]), int(shard["ending_hash_key"])


def _replace(stream: dict, closing: list[str], ranges: Iterable[tuple[int, int]]) -> None:
    """A new mapping takes the place of the old one: threads may be walking through that."""
    shards, first = dict(stream["shards"]), kinesis._max_shard_index(stream) + 1
    for name in closing:
        shards[name] = {**shards[name], "ending_sequence_number": kinesis._next_sequence_number()}
    for number, (start, end) in enumerate(ranges, first):
        parents = [name for name in closing if _range(shards[name])[0] <= end and start <= _range(shards[name])[1]]
        shards[f"shardId-{number:012d}"] = {
            "records": [],
            "starting_hash_key": str(start),
            "ending_hash_key": str(end),
            "starting_sequence_number": kinesis._next_sequence_number(),
            "parent_shard_id": parents[0],
            "adjacent_parent_shard_id": parents[1] if len(parents) > 1 else None,
            "parent_shard_ids": parents,
        }
    stream["shards"] = shards


def _telling_the_end(tell: Any) -> Any:
    def shard_out(shard_id: str, shard: dict) -> dict:
        told = tell(shard_id, shard)
        if "ending_sequence_number" in shard:
            told["SequenceNumberRange"]["EndingSequenceNumber"] = shard["ending_sequence_number"]
        return told

    return shard_out


def _counting_open_ones(describe: Any) -> Any:
    def describe_stream_summary(data: dict) -> Any:
        status, headers, body = describe(data)
        if status != 200:
            return status, headers, body
        told = json.loads(body)
        told["StreamDescriptionSummary"]["OpenShardCount"] = len(_open(kinesis._resolve_stream(data)[1]))
        return json_response(told)

    return describe_stream_summary


def _ending_at_the_end(get: Any) -> Any:
    def get_records(data: dict) -> Any:
        """A closed shard that has been read gives no further iterator, and names its children."""
        asked = kinesis._shard_iterators.get(data.get("ShardIterator"))
        status, headers, body = get(data)
        stream = kinesis._streams.get(asked["stream"]) if asked and status == 200 else None
        shard = stream["shards"].get(asked["shard_id"]) if stream and asked else None
        if stream is None or asked is None or shard is None or "ending_sequence_number" not in shard:
            return status, headers, body
        answer = json.loads(body)
        if kinesis._shard_iterators[answer["NextShardIterator"]]["position"] < len(shard["records"]):
            return status, headers, body
        del answer["NextShardIterator"]
        answer["ChildShards"] = [
            {
                "ShardId": name,
                "ParentShards": parents_of(child),
                "HashKeyRange": kinesis._shard_out(name, child)["HashKeyRange"],
            }
            for name, child in stream["shards"].items()
            if asked["shard_id"] in parents_of(child)
        ]
        return json_response(answer)

    return get_records
