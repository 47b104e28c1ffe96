"""What Lambda does with one batch of stream records: retry, bisect, report partial failures, give up.

Pure: the caller brings the records, a way to invoke and a way to discard. The rules are those of AWS's event source
mappings for Kinesis:

- An error fails the whole batch. ``ReportBatchItemFailures`` names the records that failed: everything before the
  lowest one is done. An identifier that is not in the batch means that the whole batch failed.
- ``BisectBatchOnFunctionError`` halves a failing batch before it is tried again, and halving costs no retry.
- After ``MaximumRetryAttempts`` further attempts, or when a record is older than ``MaximumRecordAgeInSeconds``, the
  batch is discarded: that is, described to the on-failure destination. -1 means for ever.
- Order is kept: nothing behind a batch is tried before the batch is done or discarded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FOREVER = -1
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0
RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
TOO_OLD = "RecordAgeExceeded"

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Policy:
    """The part of an event source mapping that says what failure means."""

    retries: int = FOREVER
    seconds: float = FOREVER
    bisect: bool = False
    partial: bool = False

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> Policy:
        return cls(
            retries=mapping.get("MaximumRetryAttempts", FOREVER),
            seconds=mapping.get("MaximumRecordAgeInSeconds", FOREVER),
            bisect=bool(mapping.get("BisectBatchOnFunctionError")),
            partial="ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or []),
        )


@dataclass(frozen=True)
class Answer:
    """What an invocation gave: an error, a throttle (which costs no retry), or a value."""

    value: Any = None
    error: bool = False
    throttled: bool = False
    request_id: str = ""


@dataclass(frozen=True)
class Discarded:
    """A batch that was given up, and why."""

    records: Sequence[Record]
    condition: str
    invocations: int
    last: Answer


@dataclass(frozen=True)
class _Batch:
    records: Sequence[Record]
    retried: int = 0
    invocations: int = 0
    waited: int = 0
    last: Answer = Answer()


class Delivery:
    """Delivers batches of one shard, in order. ``wait(seconds)`` returns False when the mapping has ended."""

    def __init__(
        self,
        policy: Policy,
        invoke: Callable[[Sequence[Record]], Answer],
        discard: Callable[[Discarded], None],
        done: Callable[[str], None],
        clock: Callable[[], float],
        wait: Callable[[float], bool],
    ) -> None:
        self.policy, self.invoke, self.discard, self.done, self.clock, self.wait = (
            policy,
            invoke,
            discard,
            done,
            clock,
            wait,
        )

    def deliver(self, records: Sequence[Record]) -> bool:
        """Deliver or discard every record; ``done`` gets the last sequence number of each finished part.

        False when the mapping ended in between: what was not reported as done is delivered again next time.
        """
        waiting = deque([_Batch(records)])
        while waiting:
            batch = waiting.popleft()
            fresh = self._without_old(batch)
            if fresh is None:
                continue
            answer = self.invoke(fresh.records)
            tried = _Batch(fresh.records, fresh.retried, fresh.invocations + 1, fresh.waited, answer)
            failed = self._first_failure(tried, answer)
            if failed is None:
                self.done(_number(tried.records[-1]))
                continue
            if failed > 0:
                self.done(_number(tried.records[failed - 1]))
            again = self._again(tried, failed)
            if again and again[0].waited and not self.wait(self._pause(again[0].waited)):
                return False
            waiting.extendleft(reversed(again))
        return True

    def _first_failure(self, batch: _Batch, answer: Answer) -> int | None:
        """The position of the lowest record that failed; None when all is well."""
        if answer.error:
            return 0
        if not self.policy.partial:
            return None
        failures = answer.value.get("batchItemFailures") if isinstance(answer.value, Mapping) else None
        if not failures:
            return None
        positions = {_number(record): position for position, record in enumerate(batch.records)}
        named = [str(failure.get("itemIdentifier")) if isinstance(failure, Mapping) else "" for failure in failures]
        if any(name not in positions for name in named):
            return 0
        return min(positions[name] for name in named)

    def _again(self, batch: _Batch, failed: int) -> list[_Batch]:
        """What is still to be tried of a failed batch, in order."""
        rest = batch.records[failed:]
        if batch.last.throttled:
            return [_Batch(rest, batch.retried, batch.invocations, batch.waited + 1, batch.last)]
        if self.policy.bisect and failed > 0:
            return [_Batch(rest, batch.retried, 0, 0, batch.last)]
        if self.policy.bisect and len(rest) > 1:
            middle = len(rest) // 2
            halves = (rest[:middle], rest[middle:])
            return [_Batch(half, batch.retried, 0, 0, batch.last) for half in halves]
        if self.policy.retries != FOREVER and batch.retried >= self.policy.retries:
            self._give_up(_Batch(rest, batch.retried, batch.invocations, 0, batch.last), RETRIES_EXHAUSTED)
            return []
        return [_Batch(rest, batch.retried + 1, batch.invocations, batch.waited + 1, batch.last)]

    def _without_old(self, batch: _Batch) -> _Batch | None:
        """Discards the records that have waited too long; None when none is left."""
        if self.policy.seconds == FOREVER:
            return batch
        limit = self.clock() - self.policy.seconds
        young = next((n for n, record in enumerate(batch.records) if _arrival(record) >= limit), len(batch.records))
        if young:
            old = _Batch(batch.records[:young], batch.retried, batch.invocations, batch.waited, batch.last)
            self._give_up(old, TOO_OLD)
        if young == len(batch.records):
            return None
        return _Batch(batch.records[young:], batch.retried, batch.invocations, batch.waited, batch.last)

    def _give_up(self, batch: _Batch, condition: str) -> None:
        self.discard(Discarded(batch.records, condition, batch.invocations, batch.last))
        self.done(_number(batch.records[-1]))

    @staticmethod
    def _pause(waited: int) -> float:
        return min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** (waited - 1))


def _number(record: Record) -> str:
    return record["kinesis"]["sequenceNumber"]


def _arrival(record: Record) -> float:
    return record["kinesis"]["approximateArrivalTimestamp"]
