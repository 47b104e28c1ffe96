"""What AWS calls a refusal."""

from __future__ import annotations


def code_of(refused: Exception) -> str | None:
    """The error code of a failed call; none of one that was not answered."""
    return getattr(refused, "response", {}).get("Error", {}).get("Code")
