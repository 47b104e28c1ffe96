"""What a training may make of declined loans, as `REJECTS=` says it. Needs no library: who asks may have none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import nan
from typing import Literal

Method = Literal["none", "parcelling"]
METHODS: tuple[Method, ...] = ("none", "parcelling")
UPLIFT, MOST_UPLIFT = 1.5, 10.0


class WrongRejects(ValueError):
    """It is not said in a way that can be used what declined loans shall teach; the text says what was expected."""


@dataclass(frozen=True)
class Rejects:
    """What is made of declined loans, and by how much their bad rate is thought to be above that of accepted ones."""

    method: Method = "none"
    uplift: float = UPLIFT

    @classmethod
    def parse(cls, text: str) -> Rejects:
        """`none`, `parcelling`, or `parcelling:2` with an uplift. Raises WrongRejects."""
        name, _, factor = (text.strip() or "none").partition(":")
        method = next((known for known in METHODS if known == name), None)
        try:
            uplift = float(factor) if factor else UPLIFT
        except ValueError:
            uplift = nan
        if method is None or not 1 <= uplift <= MOST_UPLIFT or (method == "none" and factor):
            raise WrongRejects(
                f"rejects: expected none, parcelling, or parcelling:2 with an uplift of 1 to {MOST_UPLIFT:g}, got "
                f"{text[:100]!r}"
            )
        return cls(method, uplift)

    def document(self) -> dict:
        return asdict(self)
