"""Labels as they come -> a CSV file of the RAW contract. All of a request is taken in, or nothing of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scoring.frauds import Frauds
from scoring.labels import MOST, Label, LabelFiles, NotStored, as_csv
from scoring.metrics import emit

from features.cards import holds_card
from features.contract import FRAUD_LABELS
from features.payment import AHEAD, LONGEST_IDENTIFIER, storable, trimmed
from features.values import InvalidValue, day, instant

SHOWN = 10  # faults that an answer lists


class InvalidLabels(ValueError):
    """The request breaks the RAW contract. The text names label and column, and never repeats a cell."""


@dataclass(frozen=True)
class LabelsDoor:
    """`now` gives milliseconds since 1970."""

    files: LabelFiles
    frauds: Frauds
    now: Callable[[], int]

    def take(self, document: object) -> dict:
        """Writes the labels of a request to the batch of today (UTC), which the coming night takes in.

        The same labels again, in any order, are the same file and written once; rules are told of frauds again, which
        count once. Raises InvalidLabels, and NotStored.
        """
        now = self.now()
        labels = parse(document, now)
        body = as_csv(labels)
        batch = day(now)
        name = f"feedback-{hashlib.sha256(body).hexdigest()[:32]}.csv"
        try:
            written = self.files.put(batch, name, body)
        except NotStored:
            emit({"door": "labels"}, labels_not_stored=1)
            raise
        emit(
            {"door": "labels"},
            labels=len(labels) if written else 0,
            labels_late=sum(day(label.reported_at) < batch for label in labels) if written else 0,
            labels_of_fraud=sum(label.is_fraud for label in labels) if written else 0,
        )
        self.frauds.tell(labels, now, "labels")
        return {"accepted": len(labels), "batch": batch, "file": name, "repeated": not written}


def parse(document: object, now: int) -> list[Label]:
    """Every label once, in order of payment and time. `now` in ms since 1970. Raises InvalidLabels."""
    rows = document if isinstance(document, list) else [document]
    if not rows or len(rows) > MOST:
        raise InvalidLabels(f"expected 1 to {MOST} labels, got {len(rows)}")
    labels: dict[tuple[str, int], Label] = {}
    faults = []
    for number, row in enumerate(rows, 1):
        try:
            label = read(row, now)
            earlier = labels.setdefault((label.transaction_id, label.reported_at), label)
            if earlier != label:
                raise InvalidLabels("another label of this request says the opposite of the same payment and instant")
        except InvalidLabels as wrong:
            faults.append(f"label {number}: {wrong}")
    if faults:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise InvalidLabels(f"nothing was taken in; {'; '.join(faults[:SHOWN])}{more}")
    return sorted(labels.values())


def read(row: object, now: int) -> Label:
    """Raises InvalidLabels."""
    wanted = FRAUD_LABELS.required
    if not isinstance(row, Mapping) or set(row) != set(wanted):
        raise InvalidLabels(f"expected a JSON object with {', '.join(wanted)} and nothing else")
    identifier = trimmed(row["transaction_id"])
    if not isinstance(identifier, str) or not 0 < len(identifier) <= LONGEST_IDENTIFIER:
        raise InvalidLabels(f"transaction_id: expected text of 1 to {LONGEST_IDENTIFIER} characters")
    if holds_card(identifier):
        raise InvalidLabels("transaction_id looks like a card number; send the payment's identifier")
    if not storable(identifier) or not identifier.isprintable():
        raise InvalidLabels("transaction_id: expected printable characters, a label is one line of a file")
    fraud = row["is_fraud"]
    if isinstance(fraud, bool) or fraud not in (0, 1) or not isinstance(fraud, int):
        raise InvalidLabels("is_fraud: expected 1 for fraud or 0 for an honest payment")
    try:
        reported = instant(row["reported_at"])
    except InvalidValue as wrong:
        raise InvalidLabels(f"reported_at: {wrong}") from None
    if reported > now + AHEAD:
        raise InvalidLabels(
            "reported_at: expected at most five minutes ahead of the clock; nobody knows tomorrow's frauds"
        )
    return Label(identifier, reported, fraud)
