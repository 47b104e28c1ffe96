"""The one error of this package that is meant for the person at the keyboard."""

from __future__ import annotations


class Unusable(ValueError):
    """A source or an option cannot be used; the text says what was expected and what came."""
