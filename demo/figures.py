"""How a number is written in the report: money, shares and rates with what they rest on."""

from __future__ import annotations

from collections.abc import Mapping

TIED = "\N{NO-BREAK SPACE}"  # what belongs together stays in one line


def number(value: float | None, digits: int = 3) -> str:
    return "unknown" if value is None else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    return "unknown" if value is None else f"{100 * value:.{digits}f}{TIED}%"


def money(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f}"


def between(interval: tuple[float, float] | None, scale: float = 1, digits: int = 3) -> str:
    return f"[{scale * interval[0]:.{digits}f},{TIED}{scale * interval[1]:.{digits}f}]" if interval else ""


def rated(rate: Mapping | None) -> str:
    """A share with its interval, as `portfolio.rate` gives it."""
    if rate is None:
        return "unknown"
    return f"{percent(rate['value'])} {between((rate['low'], rate['high']), 100, 1)}"


def span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{number(low)}{TIED}to{TIED}{number(high)}"
