"""Kinesis streams. Assumed: a record goes to the shard whose range holds the MD5 of its partition key, a shard keeps
its order, a split shard takes nothing more and its children take the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from simulation.models.service import Service
from simulation.scheduler import Scheduler

WHOLE = 2**128


@dataclass(frozen=True)
class Held:
    """A record; `arrived` in ms."""

    sequence: str
    key: str
    data: bytes
    arrived: int


@dataclass
class Shard:
    """Hash keys from `first` to `last`, both included."""

    name: str
    first: int
    last: int
    records: list[Held] = field(default_factory=list)
    closed: bool = False
    children: tuple[Shard, ...] = ()


class Stream(Service):
    """`on_put` is called with the shard of each record that is taken, and with one that is closed."""

    throttled = "ProvisionedThroughputExceededException"

    def __init__(self, scheduler: Scheduler, name: str, shards: int) -> None:
        super().__init__(scheduler, name)
        self.shards: list[Shard] = []
        self.sequence = 0
        self.on_put: Callable[[Shard], object] = lambda shard: None
        for number in range(shards):
            self._open(number * WHOLE // shards, (number + 1) * WHOLE // shards - 1)

    def told(self, operation: str, request: dict) -> str:
        if operation == "put_record":
            return request["PartitionKey"]
        return ", ".join(record["PartitionKey"] for record in request["Records"])

    def do_put_record(self, PartitionKey: str, Data: bytes, **_: Any) -> dict:
        shard = self.shard_of(PartitionKey)
        self.sequence += 1
        data = Data if isinstance(Data, bytes) else str(Data).encode()
        # As long as Kinesis's own: numbers of the same length compare as texts, too.
        held = Held(f"{49 * 10**50 + self.sequence}", PartitionKey, data, self.scheduler.now)
        shard.records.append(held)
        self.on_put(shard)
        return {"ShardId": shard.name, "SequenceNumber": held.sequence}

    def do_put_records(self, Records: list[dict], **_: Any) -> dict:
        said = [self.do_put_record(PartitionKey=r["PartitionKey"], Data=r["Data"]) for r in Records]
        return {"FailedRecordCount": 0, "Records": said}

    def some_put_records(self, Records: list[dict], **_: Any) -> dict:
        """All but the first."""
        refused = {"ErrorCode": self.throttled, "ErrorMessage": "Rate exceeded"}
        return {"FailedRecordCount": 1, "Records": [refused, *self.do_put_records(Records[1:])["Records"]]}

    def shard_of(self, key: str) -> Shard:
        place = hash_key(key)
        return next(s for s in self.shards if not s.closed and s.first <= place <= s.last)

    def split(self, shard: Shard) -> None:
        """In two halves, as `update_shard_count` and `split_shard` do."""
        middle = (shard.first + shard.last) // 2
        shard.closed = True
        shard.children = self._open(shard.first, middle), self._open(middle + 1, shard.last)
        self.on_put(shard)

    def _open(self, first: int, last: int) -> Shard:
        shard = Shard(f"shardId-{len(self.shards):012d}", first, last)
        self.shards.append(shard)
        return shard


@lru_cache(maxsize=4096)
def hash_key(key: str) -> int:
    return int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest(), "big")
