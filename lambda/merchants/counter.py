"""What the counter does with a batch of the merchants' stream: each payment into its merchant's record, once.

The stream is keyed by merchant, so a merchant has one writer. A payment that comes again, with its batch or because the
stream door told it twice, is known by its identifier: it counts once, as long as no more payments of the merchant lie
between than its record remembers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from scoring.metrics import emit
from scoring.records import Records

from features.state import State, payment_event


@dataclass(frozen=True)
class Told:
    """One record of the batch: a payment at a merchant, in cents, and when it counts (ms)."""

    arrived_at: int
    transaction_id: str
    merchant_id: str
    at: int
    amount: int


@dataclass(frozen=True)
class Counter:
    """`now` gives milliseconds since 1970."""

    records: Records
    now: Callable[[], int]

    def take(self, records: list[dict]) -> list[dict]:
        """Handles a Kinesis batch; returns the records to deliver again. Records before the first poison are done."""
        told, failures = parse(records)
        if told:
            states = self.records.read({"traffic": dict.fromkeys(t.merchant_id for t in told)})["traffic"]
            new = [t for t in told if count(states[t.merchant_id], t)]
            if new:
                moved = {t.merchant_id: states[t.merchant_id] for t in new}
                self.records.write("traffic", moved, max(t.arrived_at for t in told))
            oldest = self.now() - min(t.arrived_at for t in told)
            emit({"door": "merchants"}, counted=len(new), repeated=len(told) - len(new), oldest_ms=oldest)
        return failures


def count(state: State, told: Told) -> bool:
    """Whether the payment was new to the record. One that comes late counts where it happened: shards are not in step,
    and a backlog is no rush."""
    if state.knows(told.transaction_id):
        return False
    state.apply_where_it_happened(payment_event(told.at, told.amount, told.transaction_id))
    return True


def parse(records: list[dict]) -> tuple[list[Told], list[dict]]:
    """Payments up to the first record that is none, and that record as a failure: only the stream door writes here."""
    found: list[Told] = []
    for record in records:
        kinesis = record["kinesis"]
        try:
            fields = json.loads(base64.b64decode(kinesis["data"]))
            identifier, merchant = str(fields["transaction_id"]), str(fields["merchant_id"])
            if merchant != kinesis["partitionKey"]:
                raise ValueError("another merchant's key: two shards would write one record")
            arrived = int(kinesis["approximateArrivalTimestamp"] * 1000)
            found.append(Told(arrived, identifier, merchant, int(fields["at"]), int(fields["amount_cents"])))
        except (ValueError, KeyError, TypeError, RecursionError):
            sequence = kinesis["sequenceNumber"]
            print(json.dumps({"level": "ERROR", "message": "no payment of a merchant", "sequence": sequence}))
            return found, [{"itemIdentifier": sequence}]
    return found, []
