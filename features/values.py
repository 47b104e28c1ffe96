"""What a cell of the RAW contract means: instants and money, exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST_AMOUNT = Decimal(10_000_000_000)  # cents of it times any window count stay below 2**53 in practice
MILLISECOND = timedelta(milliseconds=1)


class InvalidValue(ValueError):
    """A cell does not hold what the contract asks for."""


def instant(text: str) -> int:
    """ISO 8601 instant -> milliseconds since 1970. An instant without an offset is UTC, as the contract says."""
    try:
        parsed = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise InvalidValue(f"expected an ISO 8601 instant such as 2018-04-01T09:30:00Z, got {text!r}") from None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return (parsed - EPOCH) // MILLISECOND


def iso(milliseconds: int) -> str:
    """Milliseconds since 1970 -> `2018-04-01T09:30:00.000Z`, the form that Feature Store accepts as event time."""
    moment = EPOCH + milliseconds * MILLISECOND
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def day(milliseconds: int) -> str:
    """Milliseconds since 1970 -> `2018-04-01`."""
    return iso(milliseconds)[:10]


def cents(amount: str | int | float | Decimal) -> int:
    """A decimal amount >= 0 with at most two decimals of meaning -> integer cents, half to even."""
    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        raise InvalidValue(f"expected a decimal amount such as 12.50, got {amount!r}") from None
    if not value.is_finite() or value < 0 or value > LARGEST_AMOUNT:
        raise InvalidValue(f"expected an amount between 0 and {LARGEST_AMOUNT}, got {amount!r}")
    return int((value * 100).to_integral_value())
