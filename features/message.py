"""A payment as a message carries it: one JSON object, with nothing in it that JSON does not know."""

from __future__ import annotations

import json
from math import isinf
from typing import Any

from features.payment import InvalidPayment

AGGREGATE = b"\xf3\x89\x9a\xc2"  # how a record of the Kinesis Producer Library begins that holds several


def fields_of(message: bytes | str) -> Any:
    """What the message says, for Payment.parse. Raises InvalidPayment for what sources get wrong in a known way, and
    ValueError or RecursionError for what is not JSON at all."""
    if isinstance(message, bytes) and message.startswith(AGGREGATE):
        raise InvalidPayment("an aggregate of the Kinesis Producer Library: switch AggregationEnabled off")
    try:
        return json.loads(message, parse_constant=no_number, parse_float=finite)
    except json.JSONDecodeError as wrong:
        if wrong.msg == "Extra data" and wrong.doc[wrong.pos :].lstrip()[:1] == "{":
            raise InvalidPayment("several JSON objects: send one payment in each record") from None
        raise


def finite(digits: str) -> float:
    """JSON may spell a number that is larger than any: it would be handed on as no number."""
    number = float(digits)
    if isinf(number):
        raise InvalidPayment("expected numbers of at most 1.8e308")
    return number


def no_number(word: str) -> object:
    """JSON has no word for these, and strict readers of the stream would refuse the payment."""
    raise InvalidPayment(f"expected JSON's numbers, found {word}: send null where there is none")
