"""What a cell of the RAW contract means: instants and money, exactly."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

# How an instant is spelt: what Python and Spark both read, and read alike. A zone needs seconds before it, and Java
# knows none beyond 18 hours.
OFFSET = r"Z|[+-](?:(?:0\d|1[0-7])(?::?[0-5]\d)?|18(?::?00)?)"
TIME = rf"(?:[01]\d|2[0-3])(?::[0-5]\d(?::[0-5]\d(?:\.\d+)?(?:{OFFSET})?)?)?"
INSTANT = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]{TIME})?")
# How tools spell it besides, and what makes it such a one, in this order. Java and RE2 read these as Python does.
SPELT_OTHERWISE = (
    (r"^(\d{4})/(\d{2})/(\d{2})(\D|$)", r"\1-\2-\3\4"),  # Excel and Python's logs
    (r"^(\d{4})(\d{2})(\d{2})[Tt](\d{2})(\d{2})(\d{2})", r"\1-\2-\3T\4:\5:\6"),  # ISO 8601's basic form
    (r"^(\d{4}-\d{2}-\d{2})[Tt](\d{2})(\d{2})(\d{2})(\D|$)", r"\1T\2:\3:\4\5"),  # half of it
    (r"^(\d{4}-\d{2}-\d{2})(?:t| {2,})", r"\1T"),
    (r"(:\d{2}),(\d+)", r"\1.\2"),  # ISO 8601 allows the comma
    (r" ?(?:UTC|GMT|[Zz])$", r"Z"),  # BigQuery
    (r" +([+-]\d{2}:?\d{0,2})$", r"\1"),  # SQL Server
    (r"^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2})(Z|[+-])", r"\1:00\2"),  # Java leaves zero seconds out
)
LONGEST_INSTANT = 64  # letters: some of these expressions take long to see that a long text is none
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST_AMOUNT = Decimal(10_000_000_000)  # cents of it times any window count stay below 2**53 in practice
LARGEST_COUNT = 2**31 - 1
LARGEST_PERCENT = 100_000  # a price of a loan a year; a hundred thousand has lost its point
PERCENT_SIGN = "[ \u00a0]*%$"
NUMBER = "^[-+.0-9eE]+$"  # all that a number is written with: every engine alone would read more
# How a spreadsheet writes a long number that it has rounded: as an identifier it stands for many. `5e12` may be one.
ROUNDED = r"^[0-9](?:[.,][0-9]+[eE]\+?|[eE]\+)[0-9]{2}$"
BLANKS = " \t\n\v\f\r"  # around a cell they are no part of it
# What tools write where a cell is missing. `NA` is none of them: it is a country, and may be a name.
MISSING = frozenset({"nan", "NaN", "NAN", "NaT", "<NA>", "NULL", "null", "Null", "None", "N/A", "n/a", "#N/A", "\\N"})
LAST_INSTANT = 253_402_300_799_999  # the end of the year 9999: an offset can carry a readable instant beyond it
MILLISECOND = timedelta(milliseconds=1)


class InvalidValue(ValueError):
    """A cell does not hold what the contract asks for. The text never repeats the cell: it may be a card number."""


def plainly(text: str) -> str | None:
    """An instant as `INSTANT` spells it, None of a text that is none."""
    if INSTANT.fullmatch(text):
        return text
    if len(text) > LONGEST_INSTANT:
        return None
    for other, plain in SPELT_OTHERWISE:
        text = re.sub(other, plain, text)
    return text if INSTANT.fullmatch(text) else None


def instant(text: str) -> int:
    """ISO 8601 instant -> milliseconds since 1970. An instant without an offset is UTC, as the contract says."""
    try:
        plain = plainly(text)
        if plain is None:  # Python also reads 20180401, week dates and much more; the lake does not
            raise ValueError
        parsed = datetime.fromisoformat(plain)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=UTC)
        at = (parsed - EPOCH) // MILLISECOND
    except (TypeError, ValueError):
        at = -1
    if not 0 <= at <= LAST_INSTANT:
        raise InvalidValue("expected an ISO 8601 instant from 1970 on, such as 2018-04-01T09:30:00Z")
    return at


def names_seconds(text: str) -> bool:
    """Whether an instant says more than its day or its minute."""
    return re.search(r"\d{2}:\d{2}:\d{2}", plainly(text) or "") is not None


def iso(milliseconds: int) -> str:
    """Milliseconds since 1970 -> `2018-04-01T09:30:00.000Z`, the form that Feature Store accepts as event time."""
    moment = EPOCH + milliseconds * MILLISECOND
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def day(milliseconds: int) -> str:
    """Milliseconds since 1970 -> `2018-04-01`."""
    return iso(milliseconds)[:10]


def cents(amount: str | int | float | Decimal) -> int:
    """A decimal amount >= 0 with at most two decimals of meaning -> integer cents, half to even."""
    text = str(amount)
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = None
    if value is None or "_" in text or not text.isascii():  # Python alone reads 1_000 and digits of other scripts
        raise InvalidValue("expected a decimal amount such as 12.50")
    if not value.is_finite() or value < 0 or value > LARGEST_AMOUNT:
        raise InvalidValue(f"expected an amount between 0 and {LARGEST_AMOUNT}")
    return int((value * 100).to_integral_value())
