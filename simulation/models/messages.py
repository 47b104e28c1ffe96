"""SNS topics and SQS queues. Assumed: what is taken is kept, in order; a batch may be taken in part and says so."""

from __future__ import annotations

from typing import Any

from simulation.models.service import Service
from simulation.scheduler import Scheduler


class Topics(Service):
    """`messages` by topic."""

    def __init__(self, scheduler: Scheduler, name: str) -> None:
        super().__init__(scheduler, name)
        self.messages: dict[str, list[str]] = {}

    def told(self, operation: str, request: dict) -> str:
        return request["TopicArn"]

    def do_publish(self, TopicArn: str, Message: str, **_: Any) -> dict:
        self.messages.setdefault(TopicArn, []).append(Message)
        return {"MessageId": "1"}

    def do_publish_batch(self, TopicArn: str, PublishBatchRequestEntries: list[dict], **_: Any) -> dict:
        self.messages.setdefault(TopicArn, []).extend(entry["Message"] for entry in PublishBatchRequestEntries)
        return {"Successful": [{"Id": e["Id"]} for e in PublishBatchRequestEntries], "Failed": []}

    def some_publish_batch(self, TopicArn: str, PublishBatchRequestEntries: list[dict], **_: Any) -> dict:
        """All but the first."""
        first, *rest = PublishBatchRequestEntries
        answer = self.do_publish_batch(TopicArn, rest)
        return {**answer, "Failed": [{"Id": first["Id"], "Code": "Throttled", "SenderFault": False}]}


class Queue(Service):
    def __init__(self, scheduler: Scheduler, name: str) -> None:
        super().__init__(scheduler, name)
        self.messages: list[str] = []

    def do_send_message(self, MessageBody: str, **_: Any) -> dict:
        self.messages.append(MessageBody)
        return {"MessageId": str(len(self.messages))}

    def do_send_message_batch(self, Entries: list[dict], **_: Any) -> dict:
        self.messages += [entry["MessageBody"] for entry in Entries]
        return {"Successful": [{"Id": e["Id"]} for e in Entries], "Failed": []}

    def some_send_message_batch(self, Entries: list[dict], **_: Any) -> dict:
        """All but the first."""
        answer = self.do_send_message_batch(Entries[1:])
        return {**answer, "Failed": [{"Id": Entries[0]["Id"], "Code": "Throttled", "SenderFault": False}]}
