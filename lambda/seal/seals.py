"""What a seal is: the objects of a day's decision log with their SHA-256, their Merkle root, and the seals before it.

`seals/decision_date=<day>.json` is the seal of the day; objects that came later have additions, `...<day>.1.json` and
so on. Every seal names all seals that none had named before, by the SHA-256 of their bytes: no seal can be rewritten or
removed without rewriting all that follow. Seals of the first form named one: a day's seal that of the day before, an
addition the one before it, so that nothing named a day's last addition. They are read as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from seal import merkle

DECISIONS, SEALS = "decisions/", "seals/"
FIRST_FORM, FORM = 1, 2
NAME = re.compile(r"seals/decision_date=(\d{4}-\d{2}-\d{2})(?:\.([1-9]\d*))?\.json")


class BrokenSeal(ValueError):
    """An object below `seals/` is no seal; the text says why."""


@dataclass(frozen=True)
class Seal:
    """`objects` and `previous`, the seals before, map keys to SHA-256, in hexadecimal."""

    day: str
    number: int
    objects: Mapping[str, str]
    previous: Mapping[str, str]
    sealed_at: str
    form: int = FORM

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
            "previous": self._alone() if self.form == FIRST_FORM else dict(sorted(self.previous.items())),
            "sealed_at": self.sealed_at,
        }
        if self.form != FIRST_FORM:
            document = {"form": self.form, **document}
        return (json.dumps(document, indent=1) + "\n").encode()

    def _alone(self) -> dict[str, str] | None:
        """The one seal that a seal of the first form names."""
        return next(({"key": key, "sha256": sha} for key, sha in self.previous.items()), None)

    @classmethod
    def read(cls, key: str, body: bytes) -> Seal:
        """Raises BrokenSeal when it is not exactly what was written under this key."""
        try:
            told = json.loads(body)
            before, form = told["previous"], told.get("form", FIRST_FORM)
            if form == FIRST_FORM:
                before = {before["key"]: before["sha256"]} if before else {}
            seal = cls(
                day=told["decision_date"],
                number=told["number"],
                objects=dict(told["objects"]),
                previous=dict(before),
                sealed_at=told["sealed_at"],
                form=form,
            )
            same = seal.body() == body
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise BrokenSeal("it cannot be read as a seal") from None
        if form not in (FIRST_FORM, FORM):
            raise BrokenSeal(f"its form is {form!r}, expected {FIRST_FORM} or {FORM}")
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


def day_of(key: str) -> str:
    """`decisions/decision_date=2026-03-01/...` -> `2026-03-01`."""
    return key.partition("decision_date=")[2][:10]


def unnamed(seals: Mapping[str, Seal]) -> set[str]:
    """The keys of those that none of the others names."""
    return set(seals) - {before for seal in seals.values() for before in seal.previous}


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
