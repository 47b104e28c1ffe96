"""Lists of any size, as a door looks them up: an item of a DynamoDB table for each value on each list.

`value` (`<field>=<what the payment says>`) and `list` are its key; an entry whose `expires` (seconds since 1970) has
passed counts no more, though DynamoDB may take days to delete it. What is written now is read by the next decision:
nobody keeps an entry. Snoozes of rules are kept beside, one item for each value, and forgotten with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from features.payment import LONGEST_IDENTIFIER, Payment, storable
from scoring.breaker import Breaker
from scoring.conditions import OWN, Membership
from scoring.policy import Policy, snooze_mark
from scoring.tables import PATIENCE, items

SNOOZED = "#snoozed"  # no list's name: the rules that are silent for a value, an attribute for each
RULE = "rule "  # begins the attribute's name
LISTS = "#lists"  # no value: the lists that there are


class Key(NamedTuple):
    value: str
    list: str

    @property
    def item(self) -> dict[str, dict[str, str]]:
        return {"value": {"S": self.value}, "list": {"S": self.list}}


@dataclass(frozen=True)
class Looked:
    """What was looked up for a payment, and the marks that came of it; none where the table did not answer."""

    keys: frozenset[Key] = frozenset()
    marks: frozenset[str] | None = frozenset()


def value_of(field: str, said: str) -> str:
    return f"{field}={said}"


def asked(policy: Policy, payment: Payment) -> list[Key]:
    """What a policy must know of a payment. A value that no list can hold is on none."""
    wanted = [(of.field, of.list) for of in policy.memberships]
    wanted += [(field, SNOOZED) for field in policy.snooze_by]
    found = []
    for field, name in wanted:
        said = payment.said(field.removeprefix(OWN))
        if said is not None and len(said) <= LONGEST_IDENTIFIER and storable(said):
            found.append(Key(value_of(field, said), name))
    return found


class Lists:
    """`now` gives seconds since 1970; `tries` is how often what a read left undone is asked for."""

    def __init__(
        self,
        client: Any,
        table: str,
        now: Callable[[], float],
        breaker: Breaker | None = None,
        tries: int = PATIENCE,
    ) -> None:
        self.client, self.table, self.now, self.tries = client, table, now, tries
        self.breaker = breaker or Breaker()

    def look(self, keys: Iterable[Key]) -> Looked:
        """For one payment. Any failure of the table passes through to the caller."""
        wanted = frozenset(keys)
        return Looked(wanted, marks_of(self._found(sorted(wanted)).values()))

    def marks(self, policy: Policy, payments: Sequence[Payment]) -> list[frozenset[str]]:
        """For each payment. Any failure of the table passes through to the caller."""
        wanted = [asked(policy, payment) for payment in payments]
        found = self._found(list(dict.fromkeys(key for keys in wanted for key in keys)))
        return [marks_of(found[key] for key in keys if key in found) for keys in wanted]

    def _found(self, keys: Sequence[Key]) -> dict[Key, Mapping[str, Any]]:
        """What counts now."""
        ask = self.client.batch_get_item
        asking = lambda **request: self.breaker.call(partial(ask, **request))  # noqa: E731
        read = items(asking, self.table, [key.item for key in keys], self.tries)
        return {
            Key(item["value"]["S"], item["list"]["S"]): counting(item, self.now())
            for item in read
            if not is_over(item, self.now())
        }


def is_over(told: Mapping[str, Any], now: float) -> bool:
    return "expires" in told and float(told["expires"]["N"]) <= now


def counting(item: Mapping[str, Any], now: float) -> Mapping[str, Any]:
    """Without the snoozes that are over: each has an end of its own."""
    return {name: told for name, told in item.items() if not (name.startswith(RULE) and is_over(told["M"], now))}


def marks_of(found: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    marks = set()
    for item in found:
        field, _, _ = item["value"]["S"].partition("=")
        if item["list"]["S"] == SNOOZED:
            marks |= {snooze_mark(field, name.removeprefix(RULE)) for name in item if name.startswith(RULE)}
        else:
            marks.add(Membership(field, item["list"]["S"]).mark)
    return frozenset(marks)
