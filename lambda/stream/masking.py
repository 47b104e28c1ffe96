"""Card numbers out of what is set aside, as the lake's quarantine does it: the last four digits stay."""

from __future__ import annotations

import re

from features.cards import LONG, MASKED, is_card, places_within

INSIDE = re.compile(LONG)


def masked(value: object) -> object:
    """A JSON value without card numbers, in names and in values, however deep."""
    if isinstance(value, dict):
        return {masked_in(str(name)): masked(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    if isinstance(value, str):
        return masked_in(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and is_card(whole(value)):
        return MASKED + whole(value)[-4:]
    return value


def masked_in(text: str) -> str:
    """The text with only the last digits of what passes the Luhn check; other long numbers may be identifiers."""
    kept, done = [], 0
    for begin, end in places_within(text):
        kept += [text[done:begin], MASKED, text[end - 4 : end]]
        done = end
    text = "".join([*kept, text[done:]])
    return INSIDE.sub(lambda found: f"{MASKED}{found[1]}" if is_card(found[0]) else found[0], text)


def masked_line(text: str) -> str:
    """Of a line that could not be read nobody knows what its numbers are: all that are long enough are masked."""
    return INSIDE.sub(rf"{MASKED}\1", text)


def whole(number: int | float) -> str:
    """A whole number as its digits: JSON may spell a card number as 4111111111111111.0."""
    return f"{number:.0f}" if number == number and abs(number) < float("inf") and number == int(number) else ""
