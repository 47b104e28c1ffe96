"""Columns of a public file -> cells of the RAW contract, a batch at a time.

A reader takes an Arrow array and returns one of the contract's type, or raises Unexpected with what it found.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from datasets.options import milliseconds
from features.cards import ENOUGH, LEAST_DIGITS, holds_card
from features.values import LARGEST_AMOUNT

Reader = Callable[[pa.Array], pa.Array]

MONEY = pa.decimal128(18, 2)  # exact, and printed as 57.16 by every engine: a double would print as 1.0E7 in some
LAST_OF_TWO_DIGITS = 2020
LARGEST_WHOLE = 9e18  # below 2**63


class Unexpected(ValueError):
    """A cell is not what the declaration says; the text says what was expected and what was found."""


def shown(value: object) -> str:
    """A cell as an error may show it: short, and never a card number."""
    return "a card number" if holds_card(value) else repr(value)[:60]


def text(cells: pa.Array) -> pa.Array:
    """Any cell as text. A whole number that a tool has stored as a float loses its `.0`."""
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if pa.types.is_floating(cells.type):
        # Cell by cell: an identifier must read the same whichever batch it falls into.
        cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), cells)
        whole = pc.and_(pc.equal(cells, pc.round(cells)), pc.less(pc.abs(cells), LARGEST_WHOLE))
        numbers = pc.cast(pc.if_else(whole, cells, pa.scalar(None, cells.type)), pa.int64())
        return pc.coalesce(pc.cast(numbers, pa.string()), pc.cast(cells, pa.string()))
    return pc.cast(cells, pa.string())


def number(cells: pa.Array) -> pa.Array:
    """Any cell as a float; text is read, `$1,200.00` too, empty text is missing."""
    if pa.types.is_floating(cells.type) or pa.types.is_integer(cells.type) or pa.types.is_decimal(cells.type):
        return pc.cast(cells, pa.float64())
    words = pc.replace_substring_regex(pc.utf8_trim_whitespace(text(cells)), r"^\$", "")
    grouped = pc.match_substring_regex(words, r"^\d{1,3}(,\d{3})+(\.\d+)?$")
    words = pc.if_else(grouped, pc.replace_substring(words, ",", ""), words)
    words = pc.if_else(pc.equal(words, ""), pa.scalar(None, pa.string()), words)
    try:
        return pc.cast(words, pa.float64())
    except pa.ArrowInvalid:
        raise Unexpected(f"expected numbers, found {shown(first_that_fails(words, pa.float64()))}") from None


def first_that_fails(cells: pa.Array, wanted: pa.DataType) -> object:
    """The first cell that cannot be cast: only looked for once a whole batch has failed."""
    for cell in cells:
        try:
            pc.cast(cell, wanted)
        except pa.ArrowInvalid:
            return cell.as_py()
    return None


def money(cells: pa.Array) -> pa.Array:
    """Amounts in units of the currency, to the cent."""
    amounts = number(cells)
    fits = pc.and_(pc.greater_equal(amounts, 0.0), pc.less_equal(amounts, float(LARGEST_AMOUNT)))
    bad = pc.filter(amounts, pc.invert(fits))
    if len(bad):
        raise Unexpected(f"expected amounts between 0 and {LARGEST_AMOUNT}, found {shown(bad[0].as_py())}")
    return pc.cast(amounts, MONEY)


def unless(prefix: str) -> Reader:
    """A reader of text that is missing where it begins so."""

    def read(cells: pa.Array) -> pa.Array:
        words = text(cells)
        return pc.if_else(pc.starts_with(words, prefix), pa.scalar(None, pa.string()), words)

    return read


def count(cells: pa.Array) -> pa.Array:
    """A whole number; of text such as `term_36` or ` 36 months`, its first digits."""
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type) or pa.types.is_dictionary(cells.type):
        words = text(cells)
        digits = pc.struct_field(pc.extract_regex(words, r"(?P<digits>\d+)"), "digits")
        lost = pc.filter(words, pc.and_(pc.is_null(digits), pc.is_valid(words)))
        if len(lost):
            raise Unexpected(f"expected a whole number, found {shown(lost[0].as_py())}")
        return pc.cast(digits, pa.int32())
    try:
        return pc.cast(cells, pa.int32())
    except pa.ArrowInvalid:
        raise Unexpected("expected whole numbers, found fractions") from None


def flag(good: str = "0", bad: str = "1") -> Reader:
    """A reader of two words: `bad` becomes 1, `good` becomes 0, anything else is refused."""

    def read(cells: pa.Array) -> pa.Array:
        words = pc.utf8_trim_whitespace(text(cells))
        words = pc.replace_substring_regex(words, r"\.0$", "")
        place = pc.index_in(words, pa.array([good, bad]))
        lost = pc.filter(words, pc.is_null(place))
        if len(lost):
            raise Unexpected(f"expected {good} or {bad}, found {shown(lost[0].as_py())}")
        return pc.cast(place, pa.int8())

    return read


def clock(cells: pa.Array) -> pa.Array:
    """Timestamps, or ISO 8601 text (UTC where it names no zone) -> milliseconds since 1970."""
    if not pa.types.is_timestamp(cells.type):
        cells = text(cells)
        zoned = pc.any(pc.match_substring_regex(cells, r"(?:Z|[+-]\d\d:?\d\d)$")).as_py()
        wanted = pa.timestamp("ns", "UTC" if zoned else None)
        try:
            cells = pc.cast(cells, wanted)
        except pa.ArrowInvalid:
            found = shown(first_that_fails(cells, wanted))
            raise Unexpected(f"expected instants such as 2018-04-01 09:30:00, found {found}") from None
    cells = pc.cast(cells, pa.timestamp("ms", cells.type.tz), safe=False)
    return pc.cast(cells, pa.int64())


def dated(*forms: str) -> Reader:
    """A reader of days or months in one of some forms, as strptime writes them -> milliseconds since 1970 of midnight.

    Years of two digits are 1921 to 2020: what is read here has happened.
    """

    def read(cells: pa.Array) -> pa.Array:
        if pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type):
            return clock(pc.cast(cells, pa.timestamp("ms")))
        words = pc.utf8_trim_whitespace(text(cells))
        known = {word: midnight(word, forms) for word in words.unique().to_pylist() if word}
        return pa.array([known.get(word) for word in words.to_pylist()], pa.int64())

    return read


def midnight(word: str, forms: tuple[str, ...]) -> int:
    for form in forms:
        with suppress(ValueError):
            found = datetime.strptime(word, form).date()
            if "%y" in form:
                found = found.replace(year=LAST_OF_TWO_DIGITS - (LAST_OF_TWO_DIGITS - found.year) % 100)
            return milliseconds(found)
    example = datetime(1997, 2, 28).strftime(forms[0])
    raise Unexpected(f"expected days or months such as {example}, found {shown(word)}")


def elapsed(unit_ms: int, since: date, first: int = 0) -> Reader:
    """A reader of units gone by since midnight of `since`, counted from `first` -> milliseconds since 1970."""

    def read(cells: pa.Array) -> pa.Array:
        gone = pc.multiply(pc.subtract(number(cells), float(first)), float(unit_ms))
        return pc.add(pc.cast(pc.round(gone), pa.int64()), milliseconds(since))

    return read


def without_prefix(prefix: str) -> Reader:
    """A reader of text that loses a prefix which every cell carries."""
    return lambda cells: pc.replace_substring_regex(text(cells), f"^{prefix}", "")


def iso(moments: pa.Array) -> pa.Array:
    """Milliseconds since 1970 -> `2018-04-01T09:30:00.000Z`."""
    return pc.strftime(pc.cast(moments, pa.timestamp("ms")), format="%Y-%m-%dT%H:%M:%SZ")


def holds_cards(cells: pa.Array) -> bool:
    """Whether any cell is a card number or has one in it, in whatever type it came: as the lake sees it."""
    if pa.types.is_floating(cells.type) or pa.types.is_integer(cells.type):
        cells = text(pc.filter(cells, pc.greater_equal(cells, 10.0 ** (LEAST_DIGITS - 1))))
    elif pa.types.is_decimal(cells.type) and cells.type.scale == 0:
        cells = pc.cast(cells, pa.string())
    if not pa.types.is_string(cells.type):
        return False
    suspects = pc.filter(cells, pc.match_substring_regex(cells, ENOUGH)).drop_null()
    return any(holds_card(word) for word in suspects.to_pylist())
