"""`make discard`: shows what waits in a queue of what was given up, and takes it out.

For what cannot be brought back: counts at merchants that are a day old, approvals that are given again. Payments of
the stream door are brought back by `make replay-dlq`, and never discarded here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tools.operate.platform import Platform, Refused
from tools.telling import Teller

QUEUES = {"merchants": "merchants-failed", "release": "release-failed.fifo", "reviews": "reviews-failed"}
SHOWN = 300  # characters of a message


def discard(platform: Platform, teller: Teller, queue: str = "") -> None:
    if queue == "stream":
        raise Refused("expected QUEUE=merchants or release: the stream's payments come back, by make replay-dlq")
    if queue not in QUEUES:
        raise Refused(f"expected QUEUE={' or '.join(QUEUES)}, got {queue!r}")
    sqs: Any = platform.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{platform.prefix}-{QUEUES[queue]}")["QueueUrl"]
    taken = 0
    for message in messages(sqs, url):
        teller.say(message["Body"][:SHOWN])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        taken += 1
    teller.say(f"{taken} messages taken out of {QUEUES[queue]}")


def messages(sqs: Any, url: str) -> Iterator[dict]:
    """Until the queue gives none within a second."""
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        yield from found
