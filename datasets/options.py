"""The words of `make dataset`, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from datasets.unusable import Unusable

DAY_MS = 86_400_000


def whole(options: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    """A whole number between `least` and `most`; None when the option was not given. Raises Unusable."""
    if name not in options:
        return None
    try:
        number = int(options[name])
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise Unusable(f"{name}: expected a whole number between {least} and {most}, got {options[name]!r}")
    return number


def first_day(options: Mapping[str, str], name: str = "START") -> date | None:
    """START, or another option, as a day; None when it was not given. Raises Unusable."""
    if name not in options:
        return None
    try:
        return date.fromisoformat(options[name])
    except ValueError:
        raise Unusable(f"{name}: expected a day such as 2018-04-01, got {options[name]!r}") from None


def days(options: Mapping[str, str]) -> int | None:
    return whole(options, "DAYS", 1, 36_500)


def milliseconds(day: date) -> int:
    """Midnight UTC of a day, in milliseconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
