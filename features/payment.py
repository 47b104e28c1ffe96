"""One payment as it comes to a door: checked against the contract, or refused with what was wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from features.cards import LEAST_DIGITS, holds_card
from features.columns import FALSE, TRUE
from features.contract import TRANSACTIONS
from features.currency import Rates, spelt
from features.declaration import MINUTE
from features.values import BLANKS, MISSING, NUMBER, ROUNDED, InvalidValue, cents, instant, names_seconds

# Feature Store takes no value with a line break, and a whole call would fail for it.
FLAGS = frozenset(c.name for c in TRANSACTIONS.columns if c.type == "flag")
CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
LONGEST_IDENTIFIER = 128
AHEAD = 5 * MINUTE  # clocks differ; further ahead a stamp is no clock's


class InvalidPayment(ValueError):
    """A payment breaks the RAW contract. The text names the column and what was expected, never a card number."""


@dataclass(frozen=True)
class Payment:
    """`at` in milliseconds since 1970, `amount` in cents: of `currency`, until `counted` has put it into the home
    currency, and of that where there is none."""

    transaction_id: str
    at: int
    customer_id: str
    merchant_id: str
    amount: int
    currency: str | None = None
    further: Mapping[str, str] = field(default_factory=dict)  # every other column that says something, as a text

    def said(self, column: str) -> str | None:
        """What the payment says in a column that is no number or time; none where it says nothing."""
        if column in ("transaction_id", "customer_id", "merchant_id"):
            return getattr(self, column)
        return self.further.get(column)

    def identifier(self, column: str) -> str | None:
        """Whom the payment names in a column; none where it names nobody, or in letters that no record can be known
        by: Feature Store would refuse a whole call for them."""
        return identifying(self.said(column))

    def counted(self, rates: Rates) -> Payment:
        """With the amount in the home currency. Raises UnknownCurrency."""
        return replace(self, amount=rates.home_cents(self.amount, self.currency, self.at), currency=None)

    @classmethod
    def parse(
        cls,
        fields: Mapping[str, object],
        now: int | None = None,
        no_card: Callable[[str], bool] = lambda column: False,
        coarse: Callable[[], bool] = lambda: True,
    ) -> Payment:
        """Raises InvalidPayment for a missing column, a cell of another type, or a value that holds a card number.

        `no_card` says of a column whether its cells are none although they look like some, `coarse` whether a time may
        be a day or a minute; they are asked for such only.
        """
        if not isinstance(fields, Mapping):
            raise InvalidPayment(f"expected a JSON object with {', '.join(TRANSACTIONS.required)}")
        fields = {name: trimmed(value) for name, value in fields.items()}
        missing = [name for name in TRANSACTIONS.required if is_missing(fields.get(name))]
        if missing:
            raise InvalidPayment(f"missing {', '.join(missing)}; a payment has {', '.join(TRANSACTIONS.required)}")
        for name, value in fields.items():
            if holds_card(name):
                raise InvalidPayment("a column's name looks like a card number; send a token instead")
            within = (value,) if isinstance(value, str) else cells(value)
            if any(map(holds_card, within)) and not no_card(name):
                # The name may hold a number, too.
                column = name if sum(map(str.isdigit, name)) < LEAST_DIGITS else "a column"
                raise InvalidPayment(f"{column} looks like a card number; send a token instead")
        texts = {}
        for name in ("transaction_id", "customer_id", "merchant_id"):
            text = fields[name]
            if not isinstance(text, str) or len(text) > LONGEST_IDENTIFIER or not storable(text):
                raise InvalidPayment(f"{name}: expected text of at most {LONGEST_IDENTIFIER} characters")
            if re.match(ROUNDED, text):
                raise InvalidPayment(f"{name}: expected an identifier, found a number that a spreadsheet has rounded")
            if re.search(CONTROL, text):
                raise InvalidPayment(f"{name}: expected text without line breaks and control characters")
            texts[name] = text
        try:
            at = instant(fields["event_time"])  # type: ignore[arg-type]
        except InvalidValue as wrong:
            raise InvalidPayment(f"event_time: {wrong}") from None
        if not names_seconds(fields["event_time"]) and not coarse():  # type: ignore[arg-type]
            raise InvalidPayment("event_time: expected a time to the second, found a day or a minute alone")
        if now is not None and at > now + AHEAD:
            raise InvalidPayment(
                "event_time: expected at most five minutes ahead of the clock; it says when a payment happened"
            )
        try:
            amount = cents(fields["amount"])  # type: ignore[arg-type]
        except InvalidValue as wrong:
            raise InvalidPayment(f"amount: {wrong}") from None
        currency = fields.get("currency")
        if not is_missing(currency) and not isinstance(currency, str):
            raise InvalidPayment("currency: expected an ISO 4217 code such as EUR")
        further = {name: as_text(name, value) for name, value in fields.items() if not is_own(name, value)}
        home = None if is_missing(currency) else spelt(currency)
        return cls(at=at, amount=amount, currency=home, further=further, **texts)


def identifying(said: str | None) -> str | None:
    """A text that a record can be known by, none of any other."""
    if said is None or len(said) > LONGEST_IDENTIFIER or not storable(said) or re.search(CONTROL, said):
        return None
    return said


def is_own(name: str, value: object) -> bool:
    """Whether a column is one that every payment has, or says nothing. A `decision` is nobody's but the doors'."""
    return name in TRANSACTIONS.required or name == "decision" or is_missing(value)


def as_text(name: str, value: object) -> str:
    """A cell as rules and the decision log see it: flags of the contract are 1 or 0 however they are spelt, texts stand
    as they came but for blanks around them, and what is no text stands as JSON."""
    if name == "currency" and isinstance(value, str):
        return spelt(value) or value
    if name in FLAGS and not isinstance(value, (Mapping, list)) and (said := flag_of(str(value).lower())) is not None:
        return f"{said:d}"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def flag_of(word: str) -> int | None:
    """1 or 0 of a word or a number that says one, as the lake reads it; none of another one."""
    if word in TRUE or word in FALSE:
        return int(word in TRUE)
    try:
        said = float(word) if re.match(NUMBER, word) else None
    except ValueError:
        return None
    return int(said) if said in (0.0, 1.0) else None


def cells(value: object) -> Iterator[object]:
    """What a column holds, however deep: texts and numbers, and the names within it."""
    waiting = [value]
    while waiting:  # a generator within a generator takes each value through all levels
        found = waiting.pop()
        if isinstance(found, Mapping):
            yield from found
            waiting += found.values()
        elif isinstance(found, (list, tuple)):
            waiting += found
        else:
            yield found


def is_missing(value: object) -> bool:
    return value is None or (isinstance(value, str) and (not value or value in MISSING))


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
