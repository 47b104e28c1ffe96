"""Texts of Athena as numbers, and numbers as people read them."""

from __future__ import annotations

import re

from features.values import iso

NOTHING = "-"


def number(cell: str) -> float | None:
    return float(cell) if cell else None


def money(cents: float | str | None) -> str:
    """Units of the home currency, of cents."""
    return NOTHING if cents in (None, "") else f"{float(cents) / 100:,.2f}"


def share(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1%}"


def at(milliseconds: str) -> str:
    """ms since 1970 as UTC."""
    if not milliseconds:
        return NOTHING
    return iso(int(milliseconds)).replace("T", " ").removesuffix("Z")


def value(feature: float | None) -> str:
    """A feature's value; none is unknown."""
    return "unknown" if feature is None else f"{feature:,.4f}".rstrip("0").rstrip(".")


def plain(said: str) -> str:
    """A text of a payer's or a bank's that Markdown shows letter by letter."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(said.split()))
