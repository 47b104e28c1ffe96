"""What Lambda does with the records of a shard: batches, tries again, halves, gives up.

Assumed, as the platform's mappings are declared (terraform/modules/consumer, counter): a shard has one invocation at a
time, children of a split shard wait until it is read, an error fails the whole batch, `batchItemFailures` only what is
not before the lowest of them, a failing batch is halved before it is tried again and that costs no try, after three
more tries it is described to the failed queue. A batch may come again, in another cut, though all was well."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from simulation.models.kinesis import Held, Shard
from simulation.scheduler import Actor, Killed, Scheduler

RETRIES = 3
BACKOFF_S = 0.1


@dataclass(frozen=True)
class GivenUp:
    """Records of a shard that wait in the failed queue."""

    shard: str
    records: tuple[Held, ...]


class Mapping:
    """`invoke` takes records as Lambda hands them over and returns the function's answer; it may raise anything.

    `batch` is the most records of an invocation. `again` says of a delivery, counted from 1, whether it is forgotten.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        name: str,
        invoke: Callable[[list[dict]], list[dict]],
        batch: int,
        again: Callable[[int], bool] = lambda number: False,
    ) -> None:
        self.scheduler, self.name, self.invoke, self.batch, self.again = scheduler, name, invoke, batch, again
        self.deliveries = 0
        self.given_up: list[GivenUp] = []
        self.ever_given_up: set[str] = set()  # partition keys
        self.errors: list[BaseException] = []
        self.readers: dict[str, Actor] = {}

    def read(self, shard: Shard) -> None:
        """Begins to read a shard."""
        reader = self.scheduler.spawn(f"{self.name} {shard.name[-2:]}", lambda: self._read(shard))
        self.readers[shard.name] = reader

    def told(self, shard: Shard) -> None:
        """There is something new in the shard."""
        reader = self.readers.get(shard.name)
        if reader is not None and reader in self.scheduler.actors:
            self.scheduler.wake(reader, int(self.scheduler.order.random() * 300))

    def _read(self, shard: Shard) -> None:
        place = 0
        while True:
            size = 1 + int(self.scheduler.order.random() * self.batch) if self.batch < 100 else self.batch
            records = shard.records[place : place + size]
            if records:
                self._deliver(shard, [(records, 0)])
                self.deliveries += 1
                if self.again(self.deliveries):
                    self.scheduler.note("place in the shard", "forgotten")
                else:
                    place += len(records)
            elif shard.closed:
                for child in shard.children:
                    self.read(child)
                return
            else:
                self.scheduler.idle()

    def _deliver(self, shard: Shard, waiting: list[tuple[list[Held], int]]) -> None:
        """`waiting` are batches in order, each with how often it was tried again."""
        while waiting:
            records, tried = waiting.pop(0)
            failed = self._failed(shard, records)
            if failed is None:
                continue
            rest = records[failed:]
            if failed > 0:
                waiting.insert(0, (rest, tried))
            elif len(rest) > 1:
                middle = len(rest) // 2
                waiting[:0] = [(rest[:middle], tried), (rest[middle:], tried)]
            elif tried >= RETRIES:
                self.scheduler.note(f"{len(rest)} records", "given up")
                self.ever_given_up |= {record.key for record in rest}
                self.given_up.append(GivenUp(shard.name, tuple(rest)))
            else:
                self.scheduler.sleep(BACKOFF_S * 2**tried)
                waiting.insert(0, (rest, tried + 1))

    def _failed(self, shard: Shard, records: list[Held]) -> int | None:
        """Where the lowest record that failed stands."""
        try:
            failures = self.invoke([delivered(shard, record) for record in records])
        except Killed:
            return 0
        except Exception as failed:
            self.errors.append(failed)
            self.scheduler.note("invocation", f"failed: {type(failed).__name__}")
            return 0
        named = [record.sequence for record in records]
        return min((named.index(f["itemIdentifier"]) for f in failures), default=None)


def delivered(shard: Shard, record: Held) -> dict:
    return {
        "eventID": f"{shard.name}:{record.sequence}",
        "eventSourceARN": "arn:aws:kinesis:eu-west-1:000000000000:stream/sim",
        "kinesis": {
            "sequenceNumber": record.sequence,
            "partitionKey": record.key,
            "data": base64.b64encode(record.data).decode(),
            "approximateArrivalTimestamp": record.arrived / 1000,
        },
    }
