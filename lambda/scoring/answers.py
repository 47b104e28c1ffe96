"""What the API door has answered, kept for a day: the same question gets the same answer, however often it comes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from features.payment import Payment
from scoring.breaker import Breaker
from scoring.refusals import code_of
from scoring.tables import PATIENCE, items
from scoring.tails import Moved, is_of_others, reasons_of, tail_of

BESIDE = ("attributes", "event")  # what is kept with a decision and is none of it
KEPT_SECONDS = 86_400  # a client that asks again does so within minutes


class OtherQuestion(ValueError):
    """A payment with this identifier was decided with other content. The text holds no content."""


@dataclass(frozen=True)
class Earlier:
    """The answer that was given first, and whether the stream door has applied its payment."""

    decision: dict
    applied: bool


class Answers:
    """A DynamoDB table by `transaction_id`. `now` gives seconds since 1970."""

    def __init__(self, client: Any, table: str, now: Callable[[], float], breaker: Breaker | None = None) -> None:
        self.client, self.table, self.now = client, table, now
        self.breaker = breaker or Breaker()

    def claim(
        self, payment: Payment, decision: dict, event: Mapping[str, object], appended: dict | None = None
    ) -> Earlier | None:
        """Keeps the decision unless one is kept already, which is then returned.

        `event` is the payment as it came: should it never reach the stream, the stream door logs it so. `appended` is
        what `Tails.put` gives: both are written, or none. Raises OtherQuestion, and Moved when the tail was appended to
        meanwhile.
        """
        kept = self.breaker.call(lambda: self._put(payment, decision, event, appended))
        if isinstance(kept, Moved):
            raise kept
        return earlier_answer(payment, kept)

    def kept(self, identifiers: Iterable[str], patience: int = PATIENCE) -> dict[str, dict]:
        """The decisions that are kept of these payments, with their further columns and the payments as they came, both
        as JSON. Any failure of the table passes through to the caller."""
        keys = [{"transaction_id": {"S": identifier}} for identifier in dict.fromkeys(identifiers)]
        found: dict[str, dict] = {}
        # Not through the breaker: a batch's few tries would pass without a call.
        for item in items(self.client.batch_get_item, self.table, keys, patience):
            # A door of an earlier version has kept the decision alone, or its further columns besides.
            beside = {name: item[name]["S"] for name in BESIDE if name in item}
            found[item["transaction_id"]["S"]] = {**json.loads(item["decision"]["S"]), **beside}
        return found

    def earlier(self, payment: Payment) -> Earlier | None:
        """The answer that is kept, if any. Raises OtherQuestion."""
        kept = self.breaker.call(lambda: self._get(payment.transaction_id))
        return earlier_answer(payment, kept)

    def _get(self, identifier: str) -> dict | None:
        return self.client.get_item(
            TableName=self.table, Key={"transaction_id": {"S": identifier}}, ConsistentRead=True
        ).get("Item")

    def _put(
        self, payment: Payment, decision: dict, event: Mapping[str, object], appended: dict | None
    ) -> dict | Moved | None:
        """The item that is there already, or the tail that has moved: answers, and no failures of the table."""
        put: dict[str, Any] = {
            "TableName": self.table,
            "Item": {
                "transaction_id": {"S": payment.transaction_id},
                "question": {"S": digest(essence(payment))},
                "whole": {"S": fingerprint(payment)},
                "decision": {"S": json.dumps(decision)},
                "attributes": {"S": json.dumps(payment.further)},
                "event": {"S": json.dumps(event)},
                "expires": {"N": str(int(self.now()) + KEPT_SECONDS)},
            },
            "ConditionExpression": "attribute_not_exists(transaction_id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            if appended is None:
                self.client.put_item(**put)
            else:
                self.client.transact_write_items(TransactItems=[{"Put": put}, appended])
        except Exception as refused:
            own, tail = reasons_of(refused) or ({"Item": getattr(refused, "response", {}).get("Item")}, {})
            if own.get("Item"):
                return own["Item"]
            if is_of_others(own) or is_of_others(tail):
                return Moved(tail_of(tail["Item"]) if tail.get("Item") else None)
            raise
        return None

    def applied(self, identifiers: Iterable[str]) -> None:
        """Notes that these payments are in their customers' records: a late repetition must not bring them again."""
        for identifier in identifiers:
            self.breaker.call(partial(self._note, identifier))

    def _note(self, identifier: str) -> None:
        try:
            self.client.update_item(
                TableName=self.table,
                Key={"transaction_id": {"S": identifier}},
                UpdateExpression="SET applied = :yes",
                ConditionExpression="attribute_exists(transaction_id)",
                ExpressionAttributeValues={":yes": {"BOOL": True}},
            )
        except Exception as refused:  # one that expired, or was never remembered, stays away
            if code_of(refused) != "ConditionalCheckFailedException":
                raise


def earlier_answer(payment: Payment, kept: dict | None) -> Earlier | None:
    """An item of the table, if it is about this very payment. Raises OtherQuestion."""
    if kept is None:
        return None
    same = kept["whole"]["S"] == fingerprint(payment) if "whole" in kept else asked_before(payment, kept)
    if not same:
        raise OtherQuestion(
            f"transaction_id {payment.transaction_id}: another payment with this identifier was decided"
        )
    return Earlier(json.loads(kept["decision"]["S"]), "applied" in kept)


def asked_before(payment: Payment, kept: dict) -> bool:
    """Of an answer that a door of an earlier version has kept."""
    return kept["question"]["S"] == digest(essence(payment))


def fingerprint(payment: Payment) -> str:
    """What makes two questions the same: all that the payment says, as it was understood."""
    return digest([*essence(payment), sorted(payment.further.items())])


def essence(payment: Payment) -> list:
    """By which doors of before told questions apart."""
    return [payment.transaction_id, payment.at, payment.customer_id, payment.merchant_id, payment.amount]


def digest(fields: list) -> str:
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()
