"""What the stream door gave up: messages that name a range of a shard, and the records that lie in it.

Lambda's on-failure message holds no payment, only stream, shard and the first and last sequence number of the batch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

PER_CALL = 10  # most messages that SQS gives at once
HIDDEN_SECONDS = 3_600  # how long a message that is worked on is hidden from another run
EMPTY_READS = 3  # of a queue that says nothing is there; one server of it may know better
FETCH = 1_000  # records that are read at once
PAUSE_SECONDS = 0.25  # a shard answers five reads a second
# What Kinesis says to a position that it does not have any more.
GONE = ("InvalidArgumentException", "ResourceNotFoundException")


class NoDeadLetter(ValueError):
    """A message of the queue is none of Lambda's; the text says what was expected, never what is in it."""


@dataclass(frozen=True)
class DeadLetter:
    """A batch that was given up: `count` records of a shard, from sequence number `first` to `last`, both included."""

    handle: str
    stream: str
    shard: str
    first: str
    last: str
    count: int

    @property
    def place(self) -> tuple[str, int]:
        """Where in the stream it lies: a shard, and a number that grows with time."""
        return self.shard, int(self.first)

    def holds(self, sequence: str) -> bool:
        return int(self.first) <= int(sequence) <= int(self.last)

    @classmethod
    def read(cls, message: dict) -> DeadLetter:
        """Raises NoDeadLetter."""
        try:
            body = json.loads(message["Body"])
            batch = body["KinesisBatchInfo"]
            first, last = batch["startSequenceNumber"], batch["endSequenceNumber"]
            if int(first) > int(last):
                raise ValueError
            return cls(
                handle=message["ReceiptHandle"],
                stream=stream_of(batch["streamArn"]),
                shard=batch["shardId"],
                first=first,
                last=last,
                count=int(batch["batchSize"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NoDeadLetter("expected an on-failure message of a Kinesis mapping (KinesisBatchInfo)") from None


class Queue:
    """The failed queue. A run takes what was there when it began: what fails again meanwhile waits for the next run."""

    def __init__(self, sqs: Any, url: str, began: int) -> None:
        """`began` in ms since 1970."""
        self.sqs, self.url, self.began = sqs, url, began

    def taken(self) -> list[dict]:
        """Every message sent before the run began, hidden from other runs for an hour."""
        found: list[dict] = []
        younger: list[dict] = []
        empty = 0
        while empty < EMPTY_READS:
            messages = self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=PER_CALL,
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=1,
                MessageSystemAttributeNames=["SentTimestamp"],
            ).get("Messages", [])
            empty = 0 if messages else empty + 1
            for message in messages:
                old = int(message["Attributes"]["SentTimestamp"]) <= self.began
                (found if old else younger).append(message)
        self.leave(younger)
        return found

    def leave(self, messages: list[dict]) -> None:
        """Gives messages back at once."""
        for message in messages:
            self.sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )

    def done(self, letter: DeadLetter) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=letter.handle)


class Shards:
    """Reads ranges of a stream's shards."""

    def __init__(self, kinesis: Any, wait: Callable[[float], None] = time.sleep) -> None:
        self.kinesis, self.wait = kinesis, wait

    def records(self, letter: DeadLetter) -> list[dict]:
        """The letter's records that the stream still has, in order."""
        place = self._place(letter)
        at = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": letter.first}
        # Where the beginning has expired, the end may still be there.
        iterator = self._iterator({**place, **at}) or self._iterator({**place, "ShardIteratorType": "TRIM_HORIZON"})
        found = []
        for record in self._from(iterator):
            if int(record["SequenceNumber"]) > int(letter.last):
                break
            if letter.holds(record["SequenceNumber"]):
                found.append(record)
            if len(found) == letter.count:
                break
        return found

    def expired(self, letter: DeadLetter) -> bool:
        """Whether the shard's oldest record is younger than the letter's first: what is missing is gone for good."""
        iterator = self._iterator({**self._place(letter), "ShardIteratorType": "TRIM_HORIZON"})
        if iterator is None:  # a shard that was split or merged away goes with its last record; a stream raises here
            return letter.shard not in self._shards(letter.stream)
        oldest = next(self._from(iterator), None)
        return oldest is None or int(oldest["SequenceNumber"]) > int(letter.first)

    def _shards(self, stream: str) -> set[str]:
        pages = self.kinesis.get_paginator("list_shards").paginate(StreamName=stream)
        return {shard["ShardId"] for page in pages for shard in page["Shards"]}

    def _from(self, iterator: str | None) -> Iterator[dict]:
        """Records until the end of the shard, or until now."""
        while iterator:
            answer = self.kinesis.get_records(ShardIterator=iterator, Limit=FETCH)
            yield from answer["Records"]
            if not answer["Records"] and not answer.get("MillisBehindLatest"):
                return
            iterator = answer.get("NextShardIterator")
            self.wait(PAUSE_SECONDS)

    @staticmethod
    def _place(letter: DeadLetter) -> dict:
        return {"StreamName": letter.stream, "ShardId": letter.shard}

    def _iterator(self, asked: dict) -> str | None:
        """None when the shard does not reach back so far, or is gone itself."""
        try:
            return self.kinesis.get_shard_iterator(**asked)["ShardIterator"]
        except Exception as refused:
            if code_of(refused) not in GONE:
                raise
        return None


def stream_of(arn: str) -> str:
    """The stream's name, from its ARN or from that of a consumer of it. Raises ValueError."""
    service, _, name = arn.partition(":stream/")
    if not name or ":kinesis:" not in service:
        raise ValueError
    return name.partition("/")[0]


def code_of(refused: Exception) -> str:
    return getattr(refused, "response", {}).get("Error", {}).get("Code", "")
