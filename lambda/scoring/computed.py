"""What rules may compute: numbers, letters of texts, moments.

Numbers are doubles (IEEE 754): each step is rounded once, as on every machine, so that a decision is the same wherever
it is made again. Cents are whole numbers and stay exact in sums, differences and comparisons up to 2**53; a quotient is
the nearest double. What cannot be computed is unknown: one of the parts is, a divisor is 0, the result is not finite.
"""

from __future__ import annotations

import math
import sys
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
    """`takes` the kind of its one argument, or of its two."""

    work: Callable[..., Any]
    takes: Kind
    arguments: int
    makes: Kind


LARGEST = sys.float_info.max


def plus(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return None
    found = a + b
    return found * 1.0 if -LARGEST <= found <= LARGEST else None


def minus(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return None
    found = a - b
    return found * 1.0 if -LARGEST <= found <= LARGEST else None


def times(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return None
    found = a * b
    return found * 1.0 if -LARGEST <= found <= LARGEST else None


def over(a: float | None, b: float | None) -> float | None:
    if a is None or not b:
        return None
    found = a / b
    return found if -LARGEST <= found <= LARGEST else None


def remainder(a: float | None, b: float | None) -> float | None:
    """With the sign of the first, as C, Java and SQL have it, and not as Python."""
    return None if a is None or not b else math.fmod(a, b)


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


FUNCTIONS: dict[str, Function] = {
    "+": Function(plus, "number", 2, "number"),
    "-": Function(minus, "number", 2, "number"),
    "*": Function(times, "number", 2, "number"),
    "/": Function(over, "number", 2, "number"),
    "%": Function(remainder, "number", 2, "number"),
    "lower": Function(of_text(str.lower), "text", 1, "text"),
    "upper": Function(of_text(str.upper), "text", 1, "text"),
    "length": Function(of_text(lambda text: float(len(text))), "text", 1, "number"),
    "time": Function(of_text(moment), "text", 1, "number"),
    "hour": Function(of_moment(lambda at: at // HOUR % 24), "number", 1, "number"),
    "weekday": Function(of_moment(lambda at: (at // DAY + EPOCHS_WEEKDAY) % 7 + 1), "number", 1, "number"),
}
