"""Why a RAW file, or a folder of them, cannot be taken in."""

from __future__ import annotations


class Unreadable(ValueError):
    """The text says what was expected, what came and what to do; it repeats no cell that could be a card number."""
