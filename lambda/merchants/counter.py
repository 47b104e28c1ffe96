"""What the counter does with a batch of the merchants' stream: each payment into the record of its merchant, of its
device and of its address, and of whom else a user declares `live`, once; and once that it was called fraud.

A payment stands in the stream once for each of them, keyed by the identifier, so each record has one writer. A payment
that comes again, with its batch or because the stream door told it twice, is known by its identifier: it counts once,
as long as no more payments lie between than the record remembers. So is a fraud, however often a label says it, as long
as no more frauds lie between.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from scoring.metrics import emit
from scoring.records import Records

from features.declaration import EntityName
from features.entities import COUNTED, IDENTIFIERS
from features.state import State, label_event, payment_event

Kind = Literal["payment", "fraud"]


@dataclass(frozen=True)
class Told:
    """One record of the batch: a payment in cents, of whose traffic it is, and when it counts; or that it was called
    fraud, and when (ms)."""

    arrived_at: int
    transaction_id: str
    entity: EntityName
    identifier: str
    at: int
    amount: int
    kind: Kind


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
            emit(
                {"door": "merchants"},
                counted=len(new),
                frauds=sum(t.kind == "fraud" for t in new),
                repeated=len(told) - len(new),
                oldest_ms=oldest,
            )
        return failures


def count(state: State, told: Told) -> bool:
    """Whether the payment, or the fraud, was new to the record. What comes late counts where it happened: shards are
    not in step, and a backlog is no rush."""
    if told.kind == "fraud":
        if state.knows_label(told.transaction_id):
            return False
        state.apply_label(label_event(told.at, 1, identifier=told.transaction_id))
        return True
    if state.knows(told.transaction_id):
        return False
    state.apply_where_it_happened(payment_event(told.at, told.amount, told.transaction_id))
    return True


def parse(records: list[dict]) -> tuple[list[Told], list[dict]]:
    """Payments and frauds up to the first record that is none, and that record as a failure: only our doors write
    here."""
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
            kind = fields.get("kind", "payment")  # doors of before tell of payments alone, and do not say so
            if kind not in get_args(Kind):
                raise ValueError("another kind")
            found.append(Told(arrived, paid, entity, whose, int(fields["at"]), int(fields["amount_cents"]), kind))
        except (ValueError, KeyError, TypeError, RecursionError):
            sequence = kinesis["sequenceNumber"]
            print(json.dumps({"level": "ERROR", "message": "no payment to count", "sequence": sequence}))
            return found, [{"itemIdentifier": sequence}]
    return found, []
