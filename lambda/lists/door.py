"""A request to change a list -> entries with who, why and until when. All of a request counts, or nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scoring.entries import TOGETHER, Change, Entries
from scoring.metrics import emit
from scoring.policy import InvalidPolicy

from features.values import InvalidValue, instant

NEEDED = frozenset(("list", "values", "why"))
OPTIONAL = frozenset(("until", "take_off"))


class InvalidChange(ValueError):
    """The request is no change of a list. The text never repeats a value."""


@dataclass(frozen=True)
class ListsDoor:
    entries: Entries

    def take(self, document: object, by: str) -> dict:
        """Puts values on a list or takes them off; `by` is who asked. Raises InvalidChange, and what the table raises:
        then nothing was changed, and the same request may come again."""
        if not isinstance(document, Mapping) or not NEEDED <= document.keys() <= NEEDED | OPTIONAL:
            raise InvalidChange(
                f"expected a JSON object with {', '.join(sorted(NEEDED))}, may have {', '.join(sorted(OPTIONAL))}, and "
                "nothing else"
            )
        name, values, why = document["list"], document["values"], document["why"]
        take_off = document.get("take_off", False)
        if not isinstance(name, str) or not isinstance(why, str) or not isinstance(take_off, bool):
            raise InvalidChange("expected list and why to be texts, and take_off to be true or false")
        if not isinstance(values, list) or not 0 < len(values) <= TOGETHER:
            raise InvalidChange(f"expected values to be a list of 1 to {TOGETHER} identifiers")
        if not all(isinstance(value, str) for value in values):
            raise InvalidChange("expected each of values to be a text")
        if take_off and "until" in document:
            raise InvalidChange("expected no until of what is taken off")
        change = Change(by, why, until_of(document))
        try:
            did = self.entries.take_off if take_off else self.entries.put
            count = did(name, values, change)
        except InvalidPolicy as wrong:
            raise InvalidChange(str(wrong)) from None
        emit({"door": "lists"}, list_entries=count)
        return {"list": name, "taken_off" if take_off else "put": count, "by": by}


def until_of(document: Mapping) -> int | None:
    """Raises InvalidChange."""
    if "until" not in document:
        return None
    try:
        return instant(document["until"]) // 1000
    except InvalidValue as wrong:
        raise InvalidChange(f"until: {wrong}") from None
