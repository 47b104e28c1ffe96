"""One loan application as it comes to a door: checked against the contract, or refused with what was wrong.

What it says becomes the same cells as the lake's row of it: `training.credit_set` names columns as this module does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from features.cards import LEAST_DIGITS, holds_card
from features.contract import LOAN_APPLICATIONS
from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import DAY
from features.payment import AHEAD, CONTROL, LONGEST_IDENTIFIER, as_text, cells, is_missing, storable, trimmed
from features.values import LARGEST_COUNT, NUMBER, ROUNDED, InvalidValue, cents, instant

NEEDED = ("loan_id", "customer_id")
SENT = ("amount", "term_months")  # null where nothing is known: one that was forgotten is no unknown one
OLDEST = DAY  # what was applied for before is of the day's or the month's run
SHADOWED = " (of the file)"  # behind the name of a user's column that bears one of ours
BOOKKEEPING = ("identifier", "at", "label", "customer_id")
# A column that bears one of our names is no candidate: one called `label` is most likely the answer itself.
TAKEN = frozenset((*BOOKKEEPING, "amount", "term_months", *PAYMENT_BEHAVIOUR.columns))
CONTRACT = frozenset(column.name for column in LOAN_APPLICATIONS.columns)
KNOWN = {name.lower(): name for name in CONTRACT}


class InvalidApplication(ValueError):
    """An application breaks the RAW contract. The text names the column and what was expected, never a cell."""


@dataclass(frozen=True)
class Application:
    """`at` in milliseconds since 1970, `amount` in cents. `named` are all columns that came, with or without a value,
    `further` the texts of those that are not the contract's and say something. `dated`: it says when it was applied
    for."""

    customer_id: str
    loan_id: str
    at: int
    amount: int | None
    term_months: int | None
    further: Mapping[str, str] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    dated: bool = False

    def cells(self, behaviour: Mapping[str, float | None]) -> dict[str, object]:
        """Cells by the names that a model has for its columns; `behaviour` is what the customer's payments say."""
        return {
            "amount": None if self.amount is None else self.amount / 100,
            "term_months": self.term_months,
            **behaviour,
            **{known_as(name): cell for name, cell in self.further.items()},
        }

    @property
    def columns(self) -> frozenset[str]:
        """Columns that came, as a model names them; what a customer's payments say is always there."""
        brought = {known_as(name) for name in self.named - CONTRACT}
        return frozenset(brought | self.named & {*SENT} | {*PAYMENT_BEHAVIOUR.columns})

    @classmethod
    def parse(cls, fields: object, now: int) -> Application:
        """What `read` gives, of an application that a door may decide on now. Raises InvalidApplication."""
        found = cls.read(fields, now)
        found.require_recent(now)
        return found

    def require_recent(self, now: int) -> None:
        """Raises InvalidApplication for what runs decide on, and for what lies ahead of the clock."""
        if not now - OLDEST <= self.at <= now + AHEAD:
            raise InvalidApplication(
                "applied_at: expected within the last day and at most five minutes ahead of the clock; loans of before "
                "are decided by the day's and the month's run"
            )

    @classmethod
    def read(cls, fields: object, now: int) -> Application:
        """`now` in milliseconds since 1970: when it came, and was applied for where it does not say.

        Raises InvalidApplication for a missing column or one that comes twice, a cell of another type, or a value that
        holds a card number.
        """
        if not isinstance(fields, Mapping):
            raise InvalidApplication(f"expected a JSON object with {', '.join((*NEEDED, *SENT))}")
        said = {name: trimmed(value) for name, value in named(fields).items()}
        if missing := [name for name in NEEDED if is_missing(said.get(name))]:
            raise InvalidApplication(f"missing {', '.join(missing)}; an application has {', '.join((*NEEDED, *SENT))}")
        for name, value in said.items():
            if holds_card(name) or not storable(name):
                raise InvalidApplication("a column's name looks like a card number, or has half of a character")
            if any(holds_card(cell) for cell in cells(value)):
                column = name if sum(map(str.isdigit, name)) < LEAST_DIGITS else "a column"
                raise InvalidApplication(f"{column} looks like a card number; send a token instead")
            if isinstance(value, Mapping | list) or (isinstance(value, str) and not storable(value)):
                raise InvalidApplication(f"{name}: expected a number, a text, true, false or null")
        if missing := [name for name in SENT if name not in said]:
            raise InvalidApplication(f"missing {', '.join(missing)}: send each, null where nothing is known")
        found = {name: identifier(name, said[name]) for name in NEEDED}
        return cls(
            **found,
            at=applied(said.get("applied_at"), now),
            amount=amount_of(said.get("amount")),
            term_months=count_of("term_months", said.get("term_months")),
            further={n: as_text(n, v) for n, v in said.items() if n not in CONTRACT and not is_missing(v)},
            named=frozenset(said),
            dated=not is_missing(said.get("applied_at")),
        )


def named(fields: Mapping[str, object]) -> dict[str, object]:
    """Columns as the lake knows them: the contract's in any case, and none twice. Raises InvalidApplication."""
    stripped = [name.strip() for name in fields]
    times = Counter(name.lower() for name in stripped)
    if twice := [name for name in stripped if times[name.lower()] > 1]:
        shown = ", ".join(name if not holds_card(name) and storable(name) else "(a card number)" for name in twice)
        raise InvalidApplication(f"expected every column once, whatever its case; came: {shown}")
    return {KNOWN.get(name.lower(), name): cell for name, cell in zip(stripped, fields.values(), strict=True)}


def known_as(name: str) -> str:
    """What a model calls a column that somebody brought."""
    return name + SHADOWED if name in TAKEN else name


def identifier(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_IDENTIFIER or not storable(value):
        raise InvalidApplication(f"{name}: expected text of at most {LONGEST_IDENTIFIER} characters")
    if re.match(ROUNDED, value):
        raise InvalidApplication(f"{name}: expected an identifier, found a number that a spreadsheet has rounded")
    if re.search(CONTROL, value):
        raise InvalidApplication(f"{name}: expected text without line breaks and control characters")
    return value


def applied(value: object, now: int) -> int:
    if is_missing(value):
        return now
    try:
        return instant(value)  # type: ignore[arg-type]
    except InvalidValue as wrong:
        raise InvalidApplication(f"applied_at: {wrong}") from None


def amount_of(value: object) -> int | None:
    if is_missing(value):
        return None
    try:
        if isinstance(value, bool) or not re.match(NUMBER, str(value)):
            raise InvalidValue("expected a decimal amount such as 12.50")
        return cents(value)  # type: ignore[arg-type]
    except InvalidValue as wrong:
        raise InvalidApplication(f"amount: {wrong}") from None


def count_of(name: str, value: object) -> int | None:
    """A whole number however it is written, as the lake reads it."""
    if is_missing(value):
        return None
    try:
        found = float(str(value)) if not isinstance(value, bool) and re.match(NUMBER, str(value)) else -1.0
    except ValueError:
        found = -1.0
    if not 0 <= found <= LARGEST_COUNT or found != int(found):
        raise InvalidApplication(f"{name}: expected a whole number of no less than 0")
    return int(found)
