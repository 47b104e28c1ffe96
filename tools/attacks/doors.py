"""The doors as an attacker reaches them, and the lake in which it shows what became of what was sent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from stream.quarantine import QUARANTINE

from features.values import iso
from tools.operate.platform import Platform

PATIENCE_S = 120.0  # without news, then what has not come is missing
POLL_S = 0.2
CLOCKS_DIFFER = timedelta(minutes=2)


@dataclass(frozen=True)
class Place:
    """Where the stream has put a record."""

    shard: str
    sequence: str


@dataclass
class Doors:
    """`run` begins every identifier of this run, and of no other."""

    platform: Platform
    run: str
    begun: datetime = field(default_factory=lambda: datetime.now(UTC) - CLOCKS_DIFFER)
    read: set[str] = field(default_factory=set, repr=False)  # objects of the log
    lines: list[dict] = field(default_factory=list, repr=False)  # decisions of this run

    def payment(
        self, name: str, at: int | None = None, customer: str = "", merchant: str = "m", **more: object
    ) -> dict:
        """A payment of this run, of now or stamped `at` (ms); of a customer of its own where none is named."""
        return {
            "transaction_id": f"{self.run}-{name}",
            "event_time": iso(now() if at is None else at),
            "customer_id": f"{self.run}-{customer or name}",
            "merchant_id": f"{self.run}-{merchant}",
            "amount": "1.00",
            **more,
        }

    def ask(self, asked: dict | bytes) -> tuple[int, Any]:
        """The API door's status and what it says: JSON, or the text that is none."""
        answer, _ = self.platform.post(asked if isinstance(asked, bytes) else json.dumps(asked).encode())
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return answer.status_code, answer.text

    def put(self, data: bytes, key: str) -> Place:
        """A record onto the stream, in its order; one that a shard has no room for is put again."""
        kinesis, until = self.platform.client("kinesis"), time.monotonic() + PATIENCE_S
        while True:
            try:
                said = kinesis.put_record(StreamName=self.platform.outputs["stream_name"], Data=data, PartitionKey=key)
            except kinesis.exceptions.ProvisionedThroughputExceededException:
                if time.monotonic() > until:
                    raise
                time.sleep(POLL_S)
            else:
                return Place(said["ShardId"], said["SequenceNumber"])

    def stream(self, payment: dict) -> Place:
        return self.put(json.dumps(payment).encode(), payment["customer_id"])

    def decided(self, payments: Iterable[dict]) -> dict[str, dict]:
        """The last logged decision of each payment, by identifier, as soon as all are there; without those of which
        there is no news any more."""
        paid = list(payments)
        days = {payment["event_time"][:10] for payment in paid}
        wanted = {payment["transaction_id"] for payment in paid}

        def found() -> dict[str, dict]:
            for day in days:
                self._look(day)
            return {line["transaction_id"]: line for line in self.lines if line["transaction_id"] in wanted}

        return awaited(found, len(wanted))

    def logged(self, identifier: str) -> list[dict]:
        """Every line of the log about a payment, among those that were looked at."""
        return [line for line in self.lines if line["transaction_id"] == identifier]

    def _look(self, day: str) -> None:
        new = [key for key in self._keys(f"decisions/decision_date={day}/") if key not in self.read]
        with ThreadPoolExecutor(8) as pool:
            for body in pool.map(self.platform.read, new):
                found = map(json.loads, body.splitlines())
                self.lines += [line for line in found if line["transaction_id"].startswith(f"{self.run}-")]
        self.read.update(new)

    def _keys(self, prefix: str) -> Iterator[str]:
        """Objects that are no older than this run."""
        pages = self.platform.client("s3").get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.platform.lake, Prefix=prefix):
            yield from (o["Key"] for o in page.get("Contents", ()) if o["LastModified"] >= self.begun)

    def set_aside(self, places: Iterable[Place]) -> dict[Place, dict]:
        """What the stream door has set aside of these records, as soon as it has all of them."""
        named = {f"{place.shard}-{place.sequence}.json": place for place in places}

        def found() -> dict[Place, dict]:
            keys = {key.rpartition("/")[2]: key for key in self._keys(QUARANTINE)}
            return {place: json.loads(self.platform.read(keys[name])) for name, place in named.items() if name in keys}

        return awaited(found, len(named))

    def handed_on(self, after: Place, identifier: str) -> dict | None:
        """The record of a payment as the API door has put it on the stream, in the same shard behind another one."""
        kinesis = self.platform.client("kinesis")
        iterator = kinesis.get_shard_iterator(
            StreamName=self.platform.outputs["stream_name"],
            ShardId=after.shard,
            ShardIteratorType="AFTER_SEQUENCE_NUMBER",
            StartingSequenceNumber=after.sequence,
        )["ShardIterator"]
        until = time.monotonic() + PATIENCE_S
        while iterator and time.monotonic() < until:
            answer = kinesis.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                if identifier.encode() in record["Data"] and (found := json.loads(record["Data"])).get("decision"):
                    return found
            iterator = answer.get("NextShardIterator")
            time.sleep(POLL_S)
        return None


def awaited(found: Callable[[], dict], many: int) -> dict:
    """What is found once it is so many, or when nothing new has come for PATIENCE_S."""
    seen, news = found(), time.monotonic()
    while len(seen) < many and time.monotonic() - news < PATIENCE_S:
        time.sleep(POLL_S)
        if len(now_seen := found()) > len(seen):
            news = time.monotonic()
        seen = now_seen
    return seen


def now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)
