"""Where the stream door's decisions go: the log in S3, and alerts on SNS."""

from __future__ import annotations

import json
from functools import partial
from hashlib import sha256
from zlib import crc32

from scoring.breaker import Breaker
from scoring.decision import decision_date
from scoring.refusals import code_of

from features.values import iso

ALERTS_PER_CALL = 10  # the API's limit
TOLD = (
    "transaction_id",
    "customer_id",
    "merchant_id",
    "amount_cents",
    "fraud_score",
    "action",
    "judged_again",
    "reasons",
    "explanation",
    "event_time",
)
NOTED = ("transaction_id", "event_time", "counted_at", "blocked", "decided_at")
BLOCKED, REVIEWED = "Payment blocked", "Payment to review"


class DecisionLog:
    """JSON lines below `decisions/decision_date=.../`. What is written is never written over."""

    def __init__(self, client, bucket: str) -> None:
        self.client = client
        self.bucket = bucket

    def write(self, shard: str, decisions: list[tuple[str, dict]]) -> list[dict]:
        """Takes pairs of sequence number and document. Returns what the log now says of these payments, in their order:
        of a batch that comes again in the same cut, what was decided first."""
        said = [document for _, document in decisions]
        days: dict[str, list[int]] = {}
        for place, document in enumerate(said):
            days.setdefault(decision_date(document), []).append(place)
        for day, places in days.items():
            # The name holds who is in it: a retry that decides on fewer payments must not replace the fuller object.
            members = crc32(" ".join(said[place]["transaction_id"] for place in places).encode())
            first, _ = decisions[places[0]]
            key = f"decisions/decision_date={day}/{shard}-{first}-{len(places)}-{members:08x}.json"
            for place, document in zip(places, self._put(key, [said[p] for p in places]), strict=True):
                said[place] = document
        return said

    def _put(self, key: str, documents: list[dict]) -> list[dict]:
        body = "".join(json.dumps(document) + "\n" for document in documents).encode()
        try:
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*")
        except Exception as refused:
            if code_of(refused) != "PreconditionFailed":
                raise
            written = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            return [json.loads(line) for line in written.splitlines()]
        return documents


class LateLog:
    """Payments that count later than they happened, or as blocks, below `late/late_date=.../`: the lake cannot know it
    by itself."""

    def __init__(self, client, bucket: str) -> None:
        self.client = client
        self.bucket = bucket

    def write(self, decisions: list[dict]) -> None:
        """Writing the same payments again writes the same objects."""
        days: dict[str, list[dict]] = {}
        for document in decisions:
            line = {name: document[name] for name in NOTED}
            days.setdefault(iso(document["counted_at"])[:10], []).append(line)
        for day, lines in days.items():
            body = "".join(json.dumps(line) + "\n" for line in lines).encode()
            key = f"late/late_date={day}/{sha256(body).hexdigest()[:32]}.json"
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body)


class Topic:
    """One message per payment that somebody must know of."""

    def __init__(self, client, topic: str, subject: str, breaker: Breaker | None = None) -> None:
        self.client = client
        self.topic = topic
        self.subject = subject
        self.breaker = breaker or Breaker()

    def send(self, decisions: list[dict]) -> int:
        """Returns how many messages SNS did not take; they are named in the log. They hold up no payments: once SNS has
        not answered it is not asked again."""
        entries = [
            {
                "Id": str(number),
                "Subject": self.subject,
                "Message": json.dumps({name: d.get(name) for name in TOLD}),
            }
            for number, d in enumerate(decisions)
        ]
        unsent: list[str] = []
        silent = False
        for start in range(0, len(entries), ALERTS_PER_CALL):
            chunk = entries[start : start + ALERTS_PER_CALL]
            refused = [entry["Id"] for entry in chunk]
            if not silent:
                try:
                    answer = self.breaker.call(partial(self._publish, chunk))
                    refused = [entry["Id"] for entry in answer.get("Failed") or []]
                except Exception:  # whatever ails SNS, the decision is in the log and the shard must go on
                    silent = True
            unsent += [decisions[int(number)]["transaction_id"] for number in refused]
        if unsent:
            message = f"not sent: {self.subject}"
            print(json.dumps({"level": "ERROR", "message": message, "transactions": unsent}))
        return len(unsent)

    def _publish(self, entries: list[dict]) -> dict:
        return self.client.publish_batch(TopicArn=self.topic, PublishBatchRequestEntries=entries)
