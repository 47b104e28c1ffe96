"""What rules may compute: numbers, letters of texts, moments.

Numbers are doubles (IEEE 754): each step is rounded once, as on every machine, so that a decision is the same wherever
it is made again. Cents are whole numbers and stay exact in sums, differences and comparisons up to 2**53; a quotient is
the nearest double. What cannot be computed is unknown: one of the parts is, a divisor is 0, the result is not finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from features.values import InvalidValue, instant

Kind = Literal["number", "text"]
HOUR = 3_600_000
DAY = 24 * HOUR
EPOCHS_WEEKDAY = 3  # 1970 began on a Thursday, the third day after a Monday


@dataclass(frozen=True)
class Function:
    """`takes` the kind of each argument, and `least` to `most` of them."""

    work: Callable[..., Any]
    takes: Kind
    least: int
    most: int
    makes: Kind


def of_numbers(work: Callable[[float, float], float]) -> Callable[..., float | None]:
    def computed(first: float | None, *others: float | None) -> float | None:
        if first is None:
            return None
        try:
            found = float(first)
            for other in others:
                if other is None:
                    return None
                found = work(found, float(other))
        except (ZeroDivisionError, OverflowError, ValueError):
            return None
        return found if math.isfinite(found) else None

    return computed


def of_text(work: Callable[[str], Any]) -> Callable[[str | None], Any]:
    return lambda text: None if text is None else work(text)


def of_moment(work: Callable[[int], int]) -> Callable[[float | None], float | None]:
    def computed(at: float | None) -> float | None:
        return None if at is None or not math.isfinite(at) else float(work(math.floor(at)))

    return computed


def moment(text: str) -> float | None:
    """Milliseconds since 1970 of an instant as payments spell it."""
    try:
        return float(instant(text))
    except InvalidValue:
        return None


MANY = 10  # arguments of + and *
FUNCTIONS: dict[str, Function] = {
    "+": Function(of_numbers(lambda a, b: a + b), "number", 2, MANY, "number"),
    "-": Function(of_numbers(lambda a, b: a - b), "number", 2, 2, "number"),
    "*": Function(of_numbers(lambda a, b: a * b), "number", 2, MANY, "number"),
    "/": Function(of_numbers(lambda a, b: a / b), "number", 2, 2, "number"),
    # The sign of the first, as C, Java and SQL have it, and not as Python.
    "%": Function(of_numbers(math.fmod), "number", 2, 2, "number"),
    "lower": Function(of_text(str.lower), "text", 1, 1, "text"),
    "upper": Function(of_text(str.upper), "text", 1, 1, "text"),
    "length": Function(of_text(lambda text: float(len(text))), "text", 1, 1, "number"),
    "time": Function(of_text(moment), "text", 1, 1, "number"),
    "hour": Function(of_moment(lambda at: at // HOUR % 24), "number", 1, 1, "number"),
    "weekday": Function(of_moment(lambda at: (at // DAY + EPOCHS_WEEKDAY) % 7 + 1), "number", 1, 1, "number"),
}
