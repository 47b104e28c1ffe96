"""What a rule names and compares with: fields of a payment, numbers, texts, flags. Each is read or refused with what
was expected, and what looks like a card number is not repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import isfinite

from features.cards import holds_card
from features.contract import TRANSACTIONS
from features.payment import FLAGS, LONGEST_IDENTIFIER, as_text, storable
from scoring.conditions import OWN

SCORE = "fraud_score"  # what a rule calls the model's score
# What a rule may look for: what the contract has as a text or a flag, and a bank's own columns by the prefix.
LISTED_FIELDS = tuple(c.name for c in TRANSACTIONS.columns if c.type in ("text", "flag") and c.name != "transaction_id")
SPELT_ANEW = FLAGS | {"currency"}  # fields that payments say in one spelling, however they came
NUMBERS = frozenset(c.name for c in TRANSACTIONS.columns if c.type == "degrees")
CONTRACTS_OWN = {c.name for c in TRANSACTIONS.columns}
OWN_COLUMN = re.compile(rf"{re.escape(OWN)}\S(.{{0,126}}\S)?")
# Who these name stands on lists alone, which forget; rules are kept as they were for good.
PERSONAL = frozenset({"customer_id", "card_id", "device_id", "ip", "beneficiary_id"})
SPELT_FLAGS = {"true": "1", "1": "1", "false": "0", "0": "0"}


class InvalidPolicy(ValueError):
    """A policy document is not usable; the text says what was expected."""


def may_list(name: object) -> bool:
    """Whether a rule may look for what a payment says there. Columns of a bank's own are called as such: a name that is
    misspelt is no other column."""
    if not isinstance(name, str):
        return False
    own = OWN_COLUMN.fullmatch(name) is not None and name.removeprefix(OWN) not in CONTRACTS_OWN
    return own or name in LISTED_FIELDS


def field_of(name: object, place: str) -> str:
    """A field that rules compare with something. Raises InvalidPolicy."""
    if name == "amount":
        raise InvalidPolicy(f"{place}: expected feature amount, which is in cents of the home currency")
    if not may_list(name) and not (isinstance(name, str) and name in NUMBERS):
        numbers = ", ".join(sorted(NUMBERS))
        raise InvalidPolicy(f"{place}: expected one of {fields_in_words()}, or {numbers}, got {shown(name)}")
    return str(name)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number_of(value: object, place: str) -> float:
    try:
        if is_number(value) and isfinite(number := float(value)) and not holds_card(value):  # type: ignore[arg-type]
            return number
    except OverflowError:
        pass
    raise InvalidPolicy(f"{place}: expected a number, got {shown(value)}")


def text_of(value: object, place: str) -> str:
    if identifies(value) and storable(str(value)) and not holds_card(value):
        return str(value)
    raise InvalidPolicy(
        f"{place}: expected a text of 1 to {LONGEST_IDENTIFIER} characters without blanks around it, got {shown(value)}"
    )


def flag_cell(value: object, place: str) -> str:
    if isinstance(value, bool):
        return f"{value:d}"
    if isinstance(value, str) and (said := SPELT_FLAGS.get(value.lower())) is not None:
        return said
    raise InvalidPolicy(f"{place}: expected true or false, got {shown(value)}")


def said_as(field_: str, value: object, place: str) -> str:
    """A value to look for in a field, in the one spelling in which payments say it there. Raises InvalidPolicy."""
    return flag_cell(value, place) if field_ in FLAGS else as_text(field_, text_of(value, place))


def spelt_as_said(field_: str, values: Iterable[str], place: str) -> frozenset[str]:
    """Values of a list of the policy. Raises InvalidPolicy for what no payment says in the field."""
    if field_ not in SPELT_ANEW:
        return frozenset(values)
    return frozenset(said_as(field_, value, f"{place}[{n}]") for n, value in enumerate(values))


def fields_in_words() -> str:
    return f"{', '.join(LISTED_FIELDS)} or {OWN}<a column of yours>"


def identifies(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_IDENTIFIER and value == value.strip()


def names_in(document: Mapping) -> str:
    return ", ".join(shown(name) for name in document)


def shown(value: object) -> str:
    """What came, in few words: what looks like a card number is not repeated."""
    text = repr(value)
    if any(holds_card(part) for part in (text, value)):
        return "what looks like a card number"
    return text if len(text) <= 60 else f"{text[:57]}..."
