"""Messages of payments to review -> cases. What is delivered again changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass

from cases.table import Cases, Told
from scoring.log import warn
from scoring.metrics import emit
from scoring.refusals import code_of

from features.payment import LONGEST_IDENTIFIER, storable

NAMED = ("transaction_id", "customer_id")


class Poison(ValueError):
    """The message tells of no payment. The text says why, never what it holds."""


@dataclass(frozen=True)
class Intake:
    cases: Cases

    def take(self, records: list[dict]) -> list[dict]:
        """Handles an SQS batch; returns the messages to deliver again. What is no payment is among them: SQS sets it
        aside once it has come often enough, as what the table has refused for so long."""
        failures, did, poison = [], {"opened": 0, "joined": 0, "known": 0}, 0
        for number, record in enumerate(records):
            try:
                did[self.cases.take_in(parse(record["body"]))] += 1
            except Poison as wrong:
                told = {"level": "ERROR", "message": "no payment to review", "queued": record["messageId"]}
                print(json.dumps({**told, "reason": str(wrong)}))
                poison += 1
                failures.append({"itemIdentifier": record["messageId"]})
            except Exception as failed:
                warn("a payment to review is in no case yet", failed)
                failures.append({"itemIdentifier": record["messageId"]})
                if code_of(failed) is None:  # nobody has answered: all would wait for that, one after another
                    failures += [{"itemIdentifier": left["messageId"]} for left in records[number + 1 :]]
                    break
        emit({"door": "intake"}, **did, poison=poison, refused=len(failures) - poison)
        return failures


def parse(body: str) -> Told:
    """Raises Poison."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise Poison("the message is not JSON") from None
    if not isinstance(message, dict):
        raise Poison("expected a JSON object")
    for name in NAMED:
        value = message.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_IDENTIFIER or not storable(value):
            raise Poison(f"{name}: expected text of 1 to {LONGEST_IDENTIFIER} characters")
    return Told(message["transaction_id"], message["customer_id"], message)
