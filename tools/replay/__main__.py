"""Entry point. Ends with 1 when something stayed in the queue."""

from __future__ import annotations

import sys
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError
from scoring.terms import Terms

from tools.replay.dead_letters import Queue, Shards
from tools.replay.replay import Quarantine, Replay, Stream, StreamRefuses
from tools.telling import Teller
from tools.terraform.environments import asked_for


def main(environment: str = "") -> int:
    if not environment:
        raise SystemExit("replay-dlq: expected ENV=<environment>")
    here = asked_for("replay-dlq", environment)
    prefix = here.prefix
    try:
        with Teller(sys.stderr).watched("what the stream door gave up is read and put back"):
            return replay(boto3, prefix, here.bucket("lake"))
    except ClientError as refused:
        said = refused.response["Error"]
        raise SystemExit(
            f"replay-dlq: {refused.operation_name} of {prefix} was refused: {said['Code']}: {said['Message']}; is the "
            "platform deployed?"
        ) from None
    except StreamRefuses as refused:
        raise SystemExit(f"replay-dlq: {refused}") from None


def replay(clients: Any, prefix: str, lake: str) -> int:
    """`clients` makes clients by name, as boto3 does. Prints what became of the records."""
    sqs, kinesis = clients.client("sqs"), clients.client("kinesis")
    url = sqs.get_queue_url(QueueName=f"{prefix}-stream-failed")["QueueUrl"]
    counts = Replay(
        Queue(sqs, url, milliseconds()),
        Shards(kinesis),
        Stream(kinesis, f"{prefix}-transactions"),
        Quarantine(clients.client("s3"), lake),
        Terms(clients.client("s3"), lake),
        milliseconds,
    ).run()
    print("\n".join(counts.told()))
    return 1 if counts.foreign or counts.unread else 0


def milliseconds() -> int:
    return int(time.time() * 1000)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
