"""What a seal is: the objects of a day's decision log with their SHA-256, their Merkle root, and the seal before it.

`seals/decision_date=<day>.json` is the seal of the day; objects that came later have additions, `...<day>.1.json` and
so on. A day's seal names the seal of the day before it that was there, an addition the seal or addition before it, each
by the SHA-256 of its bytes: a seal cannot be rewritten without rewriting all that follow.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from seal import merkle

DECISIONS, SEALS = "decisions/", "seals/"
NAME = re.compile(r"seals/decision_date=(\d{4}-\d{2}-\d{2})(?:\.([1-9]\d*))?\.json")


class BrokenSeal(ValueError):
    """An object below `seals/` is no seal; the text says why."""


@dataclass(frozen=True)
class Seal:
    """`objects` maps keys to SHA-256, in hexadecimal; `previous` is key and SHA-256 of the seal before, or none."""

    day: str
    number: int
    objects: Mapping[str, str]
    previous: tuple[str, str] | None
    sealed_at: str

    @property
    def key(self) -> str:
        return key_of(self.day, self.number)

    @property
    def root(self) -> str:
        return merkle.root([f"{key}\n{self.objects[key]}".encode() for key in sorted(self.objects)])

    def body(self) -> bytes:
        document = {
            "decision_date": self.day,
            "number": self.number,
            "root": self.root,
            "objects": dict(sorted(self.objects.items())),
            "previous": {"key": self.previous[0], "sha256": self.previous[1]} if self.previous else None,
            "sealed_at": self.sealed_at,
        }
        return (json.dumps(document, indent=1) + "\n").encode()

    @classmethod
    def read(cls, key: str, body: bytes) -> Seal:
        """Raises BrokenSeal when it is not exactly what was written under this key."""
        try:
            told = json.loads(body)
            before = told["previous"]
            seal = cls(
                day=told["decision_date"],
                number=told["number"],
                objects=dict(told["objects"]),
                previous=(before["key"], before["sha256"]) if before else None,
                sealed_at=told["sealed_at"],
            )
            same = seal.body() == body
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise BrokenSeal("it cannot be read as a seal") from None
        if seal.key != key:
            raise BrokenSeal(f"it says that it is {seal.key}")
        if not same:
            raise BrokenSeal("its root or its form is not that of its objects")
        return seal


def key_of(day: str, number: int) -> str:
    return f"{SEALS}decision_date={day}{f'.{number}' if number else ''}.json"


def place_of(key: str) -> tuple[str, int] | None:
    """Day and number of a seal's key; none when it is no seal's."""
    found = NAME.fullmatch(key)
    return (found[1], int(found[2] or 0)) if found else None


def objects_of(day: str) -> str:
    return f"{DECISIONS}decision_date={day}/"


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
