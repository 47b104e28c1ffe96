"""What the counter does with a batch of the merchants' stream: each payment into the record of its merchant, of its
device and of its address, and of whom else a user declares `live`, once.

A payment stands in the stream once for each of them, keyed by the identifier, so each record has one writer. A payment
that comes again, with its batch or because the stream door told it twice, is known by its identifier: it counts once,
as long as no more payments lie between than the record remembers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from scoring.metrics import emit
from scoring.records import Records

from features.declaration import EntityName
from features.entities import COUNTED, IDENTIFIERS
from features.state import State, payment_event


@dataclass(frozen=True)
class Told:
    """One record of the batch: a payment in cents, of whose traffic it is, and when it counts (ms)."""

    arrived_at: int
    transaction_id: str
    entity: EntityName
    identifier: str
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
            named = dict.fromkeys(t.entity for t in told)
            states = self.records.read({e: dict.fromkeys(t.identifier for t in told if t.entity == e) for e in named})
            new = [t for t in told if count(states[t.entity][t.identifier], t)]
            for entity in dict.fromkeys(t.entity for t in new):
                moved = {t.identifier: states[entity][t.identifier] for t in new if t.entity == entity}
                self.records.write(entity, moved, max(t.arrived_at for t in told))
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
            (entity,) = (entity for entity in COUNTED if IDENTIFIERS[entity] in fields)
            whose = str(fields[IDENTIFIERS[entity]])
            if whose != kinesis["partitionKey"]:
                raise ValueError("another one's key: two shards would write one record")
            arrived, paid = int(kinesis["approximateArrivalTimestamp"] * 1000), str(fields["transaction_id"])
            found.append(Told(arrived, paid, entity, whose, int(fields["at"]), int(fields["amount_cents"])))
        except (ValueError, KeyError, TypeError, RecursionError):
            sequence = kinesis["sequenceNumber"]
            print(json.dumps({"level": "ERROR", "message": "no payment to count", "sequence": sequence}))
            return found, [{"itemIdentifier": sequence}]
    return found, []
