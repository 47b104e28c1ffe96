"""What follows from a decided case: its labels into RAW, its frauds to rules, and an answer for whoever waits for one.

The decision and the note that this is owed are one transaction. Whoever finishes it, the door at once or the watch some
minutes later, writes the same files under the same names, so each label is written once; answers are told once or more.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scoring.frauds import Frauds
from scoring.labels import MOST, Label, LabelFiles, as_csv

from cases.case import Case, Word
from cases.table import Cases, Whole
from features.values import day, iso

TOGETHER = 10  # messages of a PublishBatch, the API's limit
DAY_MS = 86_400_000
KEPT_SECONDS = 400 * 86_400  # a decided case, with its payments and its history
ANSWERS: dict[Word | None, str] = {None: "pending", "honest": "approved", "fraud": "declined"}


class NotTold(RuntimeError):
    """The topic did not take the answers."""


@dataclass(frozen=True)
class AnswerTopic:
    """The topic that tells payers. `client` is SNS."""

    client: Any
    topic: str

    def tell(self, whole: Whole) -> None:
        """A message for each payment. Raises NotTold, and what SNS raises."""
        entries = [
            {"Id": str(number), "Subject": "Payment decided", "Message": json.dumps(answer_of(whole.case, payment))}
            for number, payment in enumerate(whole.identifiers)
        ]
        for start in range(0, len(entries), TOGETHER):
            chunk = entries[start : start + TOGETHER]
            said = self.client.publish_batch(TopicArn=self.topic, PublishBatchRequestEntries=chunk)
            if said.get("Failed"):
                raise NotTold(f"{len(said['Failed'])} of {len(chunk)}")


@dataclass(frozen=True)
class Finisher:
    """`now` gives ms since 1970."""

    cases: Cases
    files: LabelFiles
    frauds: Frauds
    answers: AnswerTopic
    now: Callable[[], int]

    def finish(self, identifier: str) -> bool:
        """Whether anything was owed. Raises NotStored, NotTold, and what the services raise: it is owed still."""
        whole = self.cases.whole(identifier)
        if whole.case.state != "DECIDED" or not self.cases.is_owed(whole.case):
            return False
        labels = labels_of(whole)
        self._write(whole, labels)
        self.frauds.tell(labels, whole.case.decided_at or 0, "cases")
        self.answers.tell(whole)
        self.cases.settle(whole, self.now() // 1000 + KEPT_SECONDS)
        return True

    def _write(self, whole: Whole, labels: list[Label]) -> None:
        """Into the batch of today, unless that of a day since the decision holds it: nights have taken those in."""
        today = day(self.now())
        before = days_before(today, whole.case.decided_at or 0)
        for number, start in enumerate(range(0, len(labels), MOST), 1):
            name = f"case-{whole.case.id}-{whole.case.round}-{number}.csv"
            if not any(self.files.has(batch, name) for batch in before):
                self.files.put(today, name, as_csv(labels[start : start + MOST]))


def days_before(today: str, since: int) -> list[str]:
    """Each day from a moment (ms) on, without today."""
    days = []
    while day(since) < today:
        days.append(day(since))
        since += DAY_MS
    return days


def labels_of(whole: Whole) -> list[Label]:
    """One label for each payment, reported when it was decided."""
    case = whole.case
    at = case.decided_at or 0
    return [Label(payment, at, int(case.answer_for(payment) == "fraud")) for payment in sorted(whole.identifiers)]


def answer_of(case: Case, transaction_id: str) -> dict[str, Any]:
    """What a payer is told of a payment of the case."""
    decided = {} if case.decided_at is None else {"decided_at": iso(case.decided_at)}
    answer = ANSWERS[case.answer_for(transaction_id)]
    return {"transaction_id": transaction_id, "answer": answer, "case": case.id, **decided}
