"""One payment as it comes to a door: checked against the contract, or refused with what was wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from features.contract import TRANSACTIONS
from features.declaration import MINUTE
from features.values import BLANKS, InvalidValue, cents, instant

# Card numbers, in expressions that Java reads as Python does: the lake refuses what the doors refuse.
PAN = "[0-9](?:[ -]?[0-9]){12,18}"
# Within other text less is one: it begins as cards do, stands alone or in a card's groups, and is no decimals.
PAN_WITHIN = (
    "(?<![0-9A-Za-z])(?<![0-9][.,])(?=[3-6]|2[2-7])(?=("
    "[0-9]{13,19}"
    "|[0-9]{4}(?:[ ._-]{1,2}[0-9]{4}){2}[ ._-]{1,2}[0-9]{1,7}"
    "|[0-9]{4}[ ._-]{1,2}[0-9]{6}[ ._-]{1,2}[0-9]{4,5}"
    ")(?![0-9A-Za-z]|[.,][0-9]))"
)
# As long as a card number, in text that nobody could read: masked but for the group in brackets.
PAN_LONG = r"(?<!\d)(?:\d[ -]?){9,15}((?:\d[ -]?){3}\d)(?!\d)"
MASKED = "****"
# Feature Store takes no value with a line break, and a whole call would fail for it.
CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
LONGEST_IDENTIFIER = 128
SHORTEST_PAN = 13
AHEAD = 5 * MINUTE  # clocks differ; until a customer's clock is reached again, payments do not see each other


class InvalidPayment(ValueError):
    """A payment breaks the RAW contract. The text names the column and what was expected, never a card number."""


@dataclass(frozen=True)
class Payment:
    """`at` in milliseconds since 1970, `amount` in cents."""

    transaction_id: str
    at: int
    customer_id: str
    merchant_id: str
    amount: int

    @classmethod
    def parse(cls, fields: Mapping[str, object], now: int | None = None) -> Payment:
        """Raises InvalidPayment for a missing column, a cell of another type, or a value that holds a PAN."""
        if not isinstance(fields, Mapping):
            raise InvalidPayment(f"expected a JSON object with {', '.join(TRANSACTIONS.required)}")
        fields = {name: trimmed(value) for name, value in fields.items()}
        missing = [name for name in TRANSACTIONS.required if fields.get(name) in (None, "")]
        if missing:
            raise InvalidPayment(f"missing {', '.join(missing)}; a payment has {', '.join(TRANSACTIONS.required)}")
        for name, value in fields.items():
            if holds_pan(name):
                raise InvalidPayment("a column's name looks like a card number; send a token instead")
            if any(holds_pan(cell) for cell in cells(value)):
                # The name may hold a number, too.
                column = name if sum(map(str.isdigit, name)) < SHORTEST_PAN else "a column"
                raise InvalidPayment(f"{column} looks like a card number; send a token instead")
        texts = {}
        for name in ("transaction_id", "customer_id", "merchant_id"):
            text = fields[name]
            if not isinstance(text, str) or len(text) > LONGEST_IDENTIFIER or not storable(text):
                raise InvalidPayment(f"{name}: expected text of at most {LONGEST_IDENTIFIER} characters")
            if re.search(CONTROL, text):
                raise InvalidPayment(f"{name}: expected text without line breaks and control characters")
            texts[name] = text
        try:
            at = instant(fields["event_time"])  # type: ignore[arg-type]
        except InvalidValue as wrong:
            raise InvalidPayment(f"event_time: {wrong}") from None
        if now is not None and at > now + AHEAD:
            raise InvalidPayment(
                "event_time: expected at most five minutes ahead of the clock; it would move the customer's for good"
            )
        try:
            amount = cents(fields["amount"])  # type: ignore[arg-type]
        except InvalidValue as wrong:
            raise InvalidPayment(f"amount: {wrong}") from None
        return cls(at=at, amount=amount, **texts)


def cells(value: object) -> Iterator[object]:
    """What a column holds, however deep: texts and numbers, and the names within it."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield name
            yield from cells(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from cells(inner)
    else:
        yield value


def trimmed(value: object) -> object:
    """Blanks around a text are no part of it, as in the lake."""
    return value.strip(BLANKS) if isinstance(value, str) else value


def storable(text: str) -> bool:
    """JSON can spell half of a surrogate pair, which no file or key can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def holds_pan(value: object) -> bool:
    """Whether a cell is a card number, or a text with one in it."""
    text = str(value)
    return looks_like_pan(text) or (isinstance(value, str) and any(pans_within(text)))


def looks_like_pan(text: str) -> bool:
    """13 to 19 digits, spaces and hyphens aside, that pass the Luhn check (ISO/IEC 7812-1) and nothing else.

    A number that JSON made a float is one too.
    """
    text = text.strip().removesuffix(".0")
    return re.fullmatch(PAN, text) is not None and passes_luhn(text)


def pans_within(text: str) -> Iterator[str]:
    """What looks like a card number among other text."""
    return (found[1] for found in re.finditer(PAN_WITHIN, text) if passes_luhn(found[1]))


def passes_luhn(text: str) -> bool:
    """Of its digits."""
    digits = [int(c) for c in text if c.isdigit()]
    doubled = (sum(divmod(2 * d, 10)) for d in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
