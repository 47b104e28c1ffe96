"""A customer's tail: payments that were decided and may not be in the customer's record yet.

The API door answers before the stream door has moved the record on. Yet a decision must see every payment of the
customer that was decided before it, at either door. So each decision is appended to the tail, on condition that nobody
has appended since the tail was read: who comes second reads again and judges again. A payment counts later than all
before it in the tail, and the stream door folds payments in that order. A record knows its last payments by their
identifiers, so it is told which of the tail it holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from features.payment import Payment
from features.state import NEVER, NO_CELLS, Cells, State, fingerprint
from features.vector import LOOKED, cells_of, not_looked_at
from scoring.breaker import Breaker
from scoring.refusals import code_of
from scoring.tables import items

KEPT_SECONDS = 86_400  # as an answer: a stream that is further behind marks what it overtakes
# A customer with more payments under way cannot be told exactly: a record must know them all, and items stay small.
MOST = 200
LARGEST = 40_000  # bytes of entries: a hundred tails are written in one transaction of at most 4 MB
WRITE = 100  # items per TransactWriteItems, the API's limit


class Entry(NamedTuple):
    """A payment that was decided: when it counts (ms), its amount in cents of the home currency, what features look at
    of it besides, as the door's version `looked` at payments, and whether it was blocked.

    Doors of two versions read one tail: a field keeps its place for good, a new one comes behind the others with a
    default. What a door of a later version has written behind is no part of what is known here, and is kept.
    """

    transaction_id: str
    counted_at: int
    amount: int
    merchant_id: str
    cells: Cells = NO_CELLS
    looked: str = ""
    blocked: int = 0
    behind: tuple[Any, ...] = ()

    @classmethod
    def of(cls, payment: Payment, counted_at: int, blocked: bool) -> Entry:
        cells = cells_of(payment.at, payment.further)
        told = (payment.transaction_id, counted_at, payment.amount, payment.merchant_id, cells, LOOKED)
        return cls(*told, int(blocked))

    @classmethod
    def parse(cls, stored: Sequence[Any]) -> Entry:
        """Of what `stored` has written, here or in another version. Raises TypeError for less than any has."""
        known = len(cls._fields) - 1
        return cls(*stored[:known])._replace(behind=tuple(stored[known:]))

    def stored(self) -> list[Any]:
        return [*self[:-1], *self.behind]


@dataclass(frozen=True)
class Record:
    """A stored record of a customer as far as it matters here: when it was written (ms), which payments it knows."""

    written: int = NEVER
    known: frozenset[int] = frozenset()

    @classmethod
    def of(cls, customer: State) -> Record:
        """Of a state as it was read, before anything was folded into it."""
        return cls(customer.recorded_at, frozenset(customer.remembered))

    def holds(self, entry: Entry) -> bool:
        mark = fingerprint(entry.transaction_id)
        return mark in self.known or ~mark in self.known


@dataclass(frozen=True)
class Tail:
    """`version` numbers what was written; what a record written at `dropped` (ms) held is left out here."""

    version: int = 0
    dropped: int = NEVER
    entries: tuple[Entry, ...] = ()

    def names(self, transaction_id: str) -> bool:
        return any(entry.transaction_id == transaction_id for entry in self.entries)

    def beyond(self, record: Record) -> tuple[Entry, ...]:
        """What the record does not hold, in the order in which it counts."""
        return tuple(entry for entry in self.entries if not record.holds(entry))

    def joins(self, record: Record) -> bool:
        """Whether the record and this tail together hold everything; else the record was read before the tail was
        shortened."""
        return record.written >= self.dropped

    def appended(self, record: Record, entries: Iterable[Entry]) -> Tail:
        """The next version, without what the record holds."""
        left = self.beyond(record)
        dropped = self.dropped if len(left) == len(self.entries) else max(self.dropped, record.written)
        return Tail(self.version + 1, dropped, (*left, *entries))

    @property
    def is_full(self) -> bool:
        return len(self.entries) > MOST or len(self.text()) > LARGEST

    def text(self) -> str:
        return json.dumps([entry.stored() for entry in self.entries])


def fold(customer: State, tail: Tail) -> None:
    """Adds to a customer's state what the tail knows beyond it."""
    for entry in tail.beyond(Record.of(customer)):
        told = (entry.counted_at, entry.amount, entry.merchant_id, entry.transaction_id, entry.cells)
        customer.pay(*told, blocked=bool(entry.blocked))
        if entry.looked != LOOKED:  # what a door of another version did not look at is unknown, and not nothing
            customer.miss(not_looked_at(entry.cells))


class Moved(RuntimeError):
    """Somebody has appended to the tail since it was read. `tail` is what it is now; none where that is unknown."""

    def __init__(self, tail: Tail | None) -> None:
        super().__init__("the customer's tail was appended to meanwhile")
        self.tail = tail


class Tails:
    """A DynamoDB table by `customer_id`. `now` gives seconds since 1970."""

    def __init__(self, client: Any, table: str, now: Callable[[], float], breaker: Breaker | None = None) -> None:
        self.client, self.table, self.now = client, table, now
        self.breaker = breaker or Breaker()

    def read(self, customers: Iterable[str]) -> dict[str, Tail]:
        """Tails as they are now. Any failure of the table passes through to the caller."""
        found = dict.fromkeys(customers, Tail())
        keys = [{"customer_id": {"S": customer}} for customer in found]
        ask = self.client.batch_get_item
        for item in items(lambda **asked: self.breaker.call(partial(ask, **asked)), self.table, keys):
            found[item["customer_id"]["S"]] = tail_of(item)
        return found

    def of(self, customer: str) -> Tail:
        """One customer's. Any failure of the table passes through to the caller."""
        key = {"customer_id": {"S": customer}}
        answer = self.breaker.call(lambda: self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True))
        return tail_of(answer["Item"]) if "Item" in answer else Tail()

    def put(self, customer: str, before: Tail, after: Tail) -> dict:
        """A member of a transaction: `after` takes the place of `before`, which must still be there."""
        return {
            "Put": {
                "TableName": self.table,
                "Item": {
                    "customer_id": {"S": customer},
                    "version": {"N": str(after.version)},
                    "dropped": {"N": str(after.dropped)},
                    "entries": {"S": after.text()},
                    "expires": {"N": str(int(self.now()) + KEPT_SECONDS)},
                },
                **unchanged(before),
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def append(self, appended: Sequence[tuple[str, Tail, Tail]]) -> set[str]:
        """Takes customers with `before` and `after`. Returns those whose tail had moved: nothing was written for them.
        Any other failure of the table passes through to the caller."""
        moved: set[str] = set()
        for start in range(0, len(appended), WRITE):
            left = list(appended[start : start + WRITE])
            for _ in range(WRITE):
                if not left:
                    break
                reasons = self.breaker.call(partial(self._write, left))
                if reasons is None:
                    break
                moved |= {each[0] for each, reason in zip(left, reasons, strict=True) if reason}
                left = [each for each, reason in zip(left, reasons, strict=True) if not reason]
        return moved

    def _write(self, appended: Sequence[tuple[str, Tail, Tail]]) -> list[bool] | None:
        """Nothing when all were written; else which of them stood in the way."""
        try:
            self.client.transact_write_items(TransactItems=[self.put(*each) for each in appended])
        except Exception as refused:
            reasons = reasons_of(refused)
            if reasons is None or not any(is_of_others(reason) for reason in reasons):
                raise
            return [is_of_others(reason) for reason in reasons]
        return None


def unchanged(tail: Tail) -> dict:
    """The condition under which the tail is still what was read."""
    if tail.version:
        return {
            "ConditionExpression": "version = :read",
            "ExpressionAttributeValues": {":read": {"N": str(tail.version)}},
        }
    return {"ConditionExpression": "attribute_not_exists(customer_id)"}


def reasons_of(refused: Exception) -> list[dict] | None:
    """Why each member of a transaction was refused; none of another failure."""
    if code_of(refused) != "TransactionCanceledException":
        return None
    return getattr(refused, "response", {}).get("CancellationReasons")


def is_of_others(reason: dict) -> bool:
    """Whether somebody else has written the item, or is about to."""
    return reason.get("Code") in ("ConditionalCheckFailed", "TransactionConflict")


def tail_of(item: dict) -> Tail:
    entries = tuple(Entry.parse(entry) for entry in json.loads(item["entries"]["S"]))
    return Tail(int(item["version"]["N"]), int(item["dropped"]["N"]), entries)
