"""On to the merchants' stream: payments, and frauds that were told of, for the counter of the traffic."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from features.entities import COUNTED, IDENTIFIERS, named_by
from features.payment import Payment
from scoring.breaker import Breaker, Open

TOLD_PER_CALL = 500  # records of PutRecords, the API's limit
TELLING = 2  # tries
TELLING_PAUSE = 0.2  # seconds: a shard that is full in one moment may have room in the next

Happened = tuple[Payment, int]  # a payment, and when it counts, or when it was called fraud (ms)


class MerchantStream:
    """The same payments once more, by merchant, device and address: their counter is the only writer of the traffic."""

    def __init__(self, client, stream: str, breaker: Breaker | None = None) -> None:
        self.client = client
        self.stream = stream
        self.breaker = breaker or Breaker()

    def tell(self, payments: Iterable[Happened]) -> int:
        """Takes a batch's payments. Returns of how many the stream did not take all: it holds up no payments, for only
        rules look at traffic."""
        return self._all(payments, told, "merchants were not told")

    def tell_frauds(self, frauds: Iterable[Happened]) -> int:
        """The same of payments that were called fraud."""
        return self._all(frauds, told_fraud, "rules were not told of frauds")

    def _all(self, happened: Iterable[Happened], records: Callable[[Payment, int], list[dict]], failed: str) -> int:
        left = [(payment.transaction_id, record) for payment, at in happened for record in records(payment, at)]
        untold: list[str] = []
        for start in range(0, len(left), TOLD_PER_CALL):
            untold += self._told(left[start : start + TOLD_PER_CALL])
        if not untold:
            return 0
        named = list(dict.fromkeys(untold))
        print(json.dumps({"level": "ERROR", "message": failed, "transactions": named}))
        return len(named)

    def _told(self, left: Sequence[tuple[str, dict]]) -> list[str]:
        """Of which payments the stream did not take a record."""
        for attempt in range(TELLING):
            time.sleep(TELLING_PAUSE if attempt else 0)
            try:
                answer = self.breaker.call(partial(self._put, [record for _, record in left]))
            except Open:
                break
            except Exception:  # whatever ails the stream, the decision is in the log and the shard must go on
                continue
            left = [each for each, said in zip(left, answer["Records"], strict=True) if said.get("ErrorCode")]
            if not left:
                break
        return [identifier for identifier, _ in left]

    def _put(self, records: list[dict]) -> dict:
        return self.client.put_records(StreamName=self.stream, Records=records)


def told(payment: Payment, at: int) -> list[dict]:
    """A payment's records of the merchants' stream: one for each whose traffic is counted, as far as it names them."""
    return records_of(payment, {"at": at, "amount_cents": payment.amount})


def told_fraud(payment: Payment, at: int) -> list[dict]:
    """The same of a payment that was called fraud. The amount is for a counter of before, which knows no kinds and
    would hold up its shard without one: it takes the record for the payment once more, of nothing."""
    return records_of(payment, {"kind": "fraud", "at": at, "amount_cents": 0})


def records_of(payment: Payment, said: dict[str, object]) -> list[dict]:
    records = []
    for entity in COUNTED:
        whose = named_by(payment, entity)
        if whose is not None:
            fields = {"transaction_id": payment.transaction_id, IDENTIFIERS[entity]: whose, **said}
            records.append({"PartitionKey": whose, "Data": json.dumps(fields).encode()})
    return records
