"""Dead letters -> the stream again, or quarantine. A message is deleted when each of its records is in one of them.

A run that stops in between is run again: a payment that then comes twice is known to the stream door by its identifier
and counts once, and what was set aside is set aside under the same name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from scoring.terms import Terms
from stream.arrival import event_of
from stream.quarantine import Quarantine, Source, reason_of, row_of

from features.message import fields_of
from tools.replay.dead_letters import DeadLetter, NoDeadLetter, Queue, Shards

PER_CALL = 500  # most records that PutRecords takes
TRIES = 8  # in which nothing is taken
FIRST_PAUSE_SECONDS = 0.1
EXPIRED = "beyond the stream's retention: the lake has the payment when its RAW file has come"


class StreamRefuses(RuntimeError):
    """The stream does not take records; nothing of the message they came from was deleted."""


@dataclass
class Counts:
    """What became of the records. Two kinds of messages stay in the queue: `foreign` ones are none of Lambda's, and
    `unread` ones name records that the stream should have and does not give."""

    messages: int = 0
    replayed: int = 0
    poison: int = 0
    expired: int = 0
    foreign: int = 0
    unread: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def told(self) -> list[str]:
        lines = [
            f"{self.messages} messages: {self.replayed} payments replayed, {self.poison} poison records set aside, "
            f"{self.expired} expired beyond retention"
        ]
        lines += [f"  poison: {reason} ({times})" for reason, times in sorted(self.reasons.items())]
        if self.foreign:
            lines.append(f"{self.foreign} messages are no on-failure messages of a Kinesis mapping: they stay")
        if self.unread:
            lines.append(f"{self.unread} messages name records that the stream does not give: they stay, run again")
        return lines


class Stream:
    """Puts records on a stream again, bytes and partition key as they were."""

    def __init__(self, kinesis: Any, name: str, wait: Callable[[float], None] = time.sleep) -> None:
        self.kinesis, self.name, self.wait = kinesis, name, wait

    def put(self, records: list[dict]) -> None:
        """All of them, in order as far as PutRecords keeps it. Raises StreamRefuses."""
        for start in range(0, len(records), PER_CALL):
            self._put([{k: r[k] for k in ("Data", "PartitionKey")} for r in records[start : start + PER_CALL]])

    def _put(self, entries: list[dict]) -> None:
        turn = 0
        while turn < TRIES:
            answers = self.kinesis.put_records(StreamName=self.name, Records=entries)["Records"]
            refused = [(e, a) for e, a in zip(entries, answers, strict=True) if a.get("ErrorCode")]
            if not refused:
                return
            turn = turn + 1 if len(refused) == len(entries) else 1
            entries, code = [entry for entry, _ in refused], refused[0][1]["ErrorCode"]
            self.wait(FIRST_PAUSE_SECONDS * 2**turn)
        raise StreamRefuses(
            f"{self.name} took none of {len(entries)} records in {TRIES} tries: {code}; run again later"
        )


@dataclass(frozen=True)
class Replay:
    """`now` gives ms since 1970."""

    queue: Queue
    shards: Shards
    stream: Stream
    quarantine: Quarantine
    terms: Terms
    now: Callable[[], int]

    def run(self) -> Counts:
        """Raises StreamRefuses. What a stopped run has taken comes back to the queue by itself within an hour."""
        counts = Counts()
        letters, foreign = parsed(self.queue.taken())
        counts.foreign = len(foreign)
        self.queue.leave(foreign)
        waiting = sorted(letters, key=lambda letter: letter.place)
        try:
            while waiting:
                if not self._handle(waiting[0], counts):
                    self.queue.leave([{"ReceiptHandle": waiting[0].handle}])
                    counts.unread += 1
                waiting.pop(0)
        finally:
            self.queue.leave([{"ReceiptHandle": letter.handle} for letter in waiting])
        return counts

    def _handle(self, letter: DeadLetter, counts: Counts) -> bool:
        """False when records are missing that cannot have expired: nothing was done then."""
        records = self.shards.records(letter)
        expired = max(0, letter.count - len(records))
        if expired and not self.shards.expired(letter):
            return False
        payments = []
        reasons: list[str] = []
        for record in records:
            arrived = int(record["ApproximateArrivalTimestamp"].timestamp() * 1000)
            reason = why_not(record["Data"], arrived, record["PartitionKey"], self.terms)
            if reason is None:
                payments.append(record)
                continue
            reasons.append(reason)
            found = source(letter, record["SequenceNumber"])
            self.quarantine.put("door", found, arrived, row_of(record["Data"]), reason)
        if expired:
            row = {"first_sequence": letter.first, "last_sequence": letter.last, "expired": expired}
            self.quarantine.put("replay", source(letter, f"{letter.first}-expired"), self.now(), row, EXPIRED)
        self.stream.put(payments)
        self.queue.done(letter)
        counts.messages += 1
        counts.replayed += len(payments)
        counts.poison += len(reasons)
        counts.expired += expired
        for reason in reasons:
            counts.reasons[reason] = counts.reasons.get(reason, 0) + 1
        return True


def why_not(data: bytes, arrived: int, key: str, terms: Terms) -> str | None:
    """Why a record is poison; nothing when the stream door will take it."""
    try:
        event_of(fields_of(data), arrived, key, terms)
    except (ValueError, RecursionError) as wrong:
        return reason_of(wrong)
    return None


def source(letter: DeadLetter, sequence: str) -> Source:
    return Source(letter.stream, letter.shard, sequence)


def parsed(messages: Iterable[dict]) -> tuple[list[DeadLetter], list[dict]]:
    """Dead letters, and messages that are none."""
    letters: list[DeadLetter] = []
    foreign: list[dict] = []
    for message in messages:
        try:
            letters.append(DeadLetter.read(message))
        except NoDeadLetter:
            foreign.append(message)
    return letters, foreign
