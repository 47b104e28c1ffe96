"""What people write on the lists that doors look up: entries with who, when, why and until when, and their history.

Each change is written in one transaction with a line of its history, which lies beside the entry under the same
`value`: so whoever is forgotten leaves entries and history at once. A list is declared once, with its field and kind.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.cards import holds_card
from features.payment import FLAGS, as_text, storable
from features.values import iso
from scoring.cells import PERSONAL, InvalidPolicy, flag_cell, identifies, shown
from scoring.lists import LISTS, RULE, SNOOZED, value_of
from scoring.policy import may_look_up
from scoring.refusals import code_of
from scoring.rules import KINDS, Kind, LookedUp, may_name_list

TOGETHER = 50  # entries of a transaction, each with its history: 100 items are the API's limit
DELETED = 25  # items of a BatchWriteItem, the API's limit
LONGEST_SNOOZE = 180 * 86_400  # seconds
LONGEST_WHY = 500
DAY = 86_400


@dataclass(frozen=True)
class Change:
    """Who changes a list, why, and until when it counts (seconds since 1970; none: until it is taken off)."""

    by: str
    why: str
    until: int | None = None


@dataclass(frozen=True)
class Entries:
    """`client` is DynamoDB; `now` gives seconds since 1970."""

    client: Any
    table: str
    now: Callable[[], float]

    def declared(self) -> dict[str, LookedUp]:
        """The lists that there are, by name."""
        return {
            item["list"]["S"]: LookedUp(item["field"]["S"], item["kind"]["S"])  # type: ignore[arg-type]
            for item in self._about(LISTS)
        }

    def declare(self, name: str, field: str, kind: str, change: Change) -> LookedUp:
        """Makes a list, or finds it as it is asked for. Raises InvalidPolicy for a name that is taken by another."""
        if not may_name_list(name):
            raise InvalidPolicy(
                f"expected a list's name of 1 to 64 letters, digits, dots and dashes, got {shown(name)}"
            )
        if kind not in KINDS or not may_look_up(field):
            raise InvalidPolicy(f"list {name}: expected a kind of {', '.join(KINDS)} and a field of payments")
        wanted = LookedUp(field, kind)  # type: ignore[arg-type]
        told = {"field": {"S": field}, "kind": {"S": kind}, **self._told(change)}
        try:
            self.client.put_item(
                TableName=self.table,
                Item={"value": {"S": LISTS}, "list": {"S": name}, **told},
                ConditionExpression="attribute_not_exists(#list)",
                ExpressionAttributeNames={"#list": "list"},
            )
        except Exception as refused:
            if code_of(refused) != "ConditionalCheckFailedException":
                raise
        there = self.declared().get(name, wanted)
        if there != wanted:
            raise InvalidPolicy(
                f"list {name}: it is of kind {there.kind} and of {there.field}, which stay: take another name"
            )
        return there

    def put(self, name: str, values: Iterable[str], change: Change) -> int:
        """Puts values on a list, or their new reasons and ends; returns how many. Raises InvalidPolicy, before anything
        is written, for a list that is not there or what is no identifier."""
        return self._change(name, values, change, "put")

    def take_off(self, name: str, values: Iterable[str], change: Change) -> int:
        return self._change(name, values, change, "taken off")

    def _change(self, name: str, values: Iterable[str], change: Change, did: str) -> int:
        listed = self._list(name)
        wanted = list(
            dict.fromkeys(
                looked_for(listed.field, value, f"list {name}", f" as value {number}")
                for number, value in enumerate(dict.fromkeys(values), 1)
            )
        )
        self._require(change)
        for start in range(0, len(wanted), TOGETHER):
            members = []
            for value in wanted[start : start + TOGETHER]:
                of = value_of(listed.field, value)
                members += [self._entry(of, name, change, did), self._history(of, name, change, did)]
            self.client.transact_write_items(TransactItems=members)
        return len(wanted)

    def snooze(self, rule: str, field: str, value: str, change: Change) -> None:
        """Makes a rule silent for a value. Raises InvalidPolicy for more than LONGEST_SNOOZE, or no end."""
        self._require(change)
        if change.until is None or not self.now() < change.until <= self.now() + LONGEST_SNOOZE:
            raise InvalidPolicy(f"snooze {rule}: expected an end within {LONGEST_SNOOZE // DAY} days from now")
        value = looked_for(field, value, f"snooze {rule}")
        told = {"M": {**self._told(change), "expires": {"N": str(change.until)}}}
        self._snoozed(rule, value_of(field, value), change, "snoozed", "SET #rule = :told, ", {":told": told})

    def wake(self, rule: str, field: str, value: str, change: Change) -> None:
        """Ends a snooze before its time."""
        self._require(change)
        value = looked_for(field, value, f"snooze {rule}")
        self._snoozed(rule, value_of(field, value), change, "woken", "REMOVE #rule SET ", {})

    def _snoozed(self, rule: str, of: str, change: Change, did: str, what: str, given: dict) -> None:
        # All that the item holds is over by then: it was written before.
        last = {":last": {"N": str(int(self.now()) + LONGEST_SNOOZE + DAY)}}
        update = {
            "Update": {
                "TableName": self.table,
                "Key": {"value": {"S": of}, "list": {"S": SNOOZED}},
                "UpdateExpression": f"{what}expires = :last",
                "ExpressionAttributeNames": {"#rule": f"{RULE}{rule}"},
                "ExpressionAttributeValues": {**given, **last},
            }
        }
        history = self._history(of, f"{SNOOZED} {rule}", change, did)
        self.client.transact_write_items(TransactItems=[update, history])

    def about(self, field: str, value: str) -> list[dict[str, Any]]:
        """What the table holds about a value: entries, snoozes and their history, in the order of their names."""
        return list(self._about(value_of(field, as_text(field, value))))

    def forget(self, customer: str) -> int:
        """Deletes all that is held about a customer, in whatever field that names somebody; returns how many items."""
        fields = dict.fromkeys([*sorted(PERSONAL), *(listed.field for listed in self.declared().values())])
        keys = [
            {"value": item["value"], "list": item["list"]}
            for field in fields
            for item in self._about(value_of(field, customer))
        ]
        for start in range(0, len(keys), DELETED):
            left = {self.table: [{"DeleteRequest": {"Key": key}} for key in keys[start : start + DELETED]]}
            while left:
                left = self.client.batch_write_item(RequestItems=left).get("UnprocessedItems") or {}
        return len(keys)

    def _list(self, name: str) -> LookedUp:
        there = self.declared()
        if name not in there:
            raise InvalidPolicy(
                f"expected one of the lists {', '.join(sorted(there)) or '(there is none)'}, got {shown(name)}"
            )
        return there[name]

    def _about(self, value: str) -> Iterator[dict[str, Any]]:
        asked: dict[str, Any] = {
            "TableName": self.table,
            "ConsistentRead": True,
            "KeyConditionExpression": "#value = :value",
            "ExpressionAttributeNames": {"#value": "value"},
            "ExpressionAttributeValues": {":value": {"S": value}},
        }
        while True:
            answer = self.client.query(**asked)
            yield from answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _entry(self, of: str, name: str, change: Change, did: str) -> dict:
        key = {"value": {"S": of}, "list": {"S": name}}
        if did != "put":
            return {"Delete": {"TableName": self.table, "Key": key}}
        until = {"expires": {"N": str(change.until)}} if change.until is not None else {}
        return {"Put": {"TableName": self.table, "Item": {**key, **self._told(change), **until}}}

    def _history(self, of: str, name: str, change: Change, did: str) -> dict:
        """A key of its own, which no list's name can be, and no other change of the same moment."""
        until = {"until": {"S": iso(change.until * 1000)}} if change.until is not None else {}
        key = {"value": {"S": of}, "list": {"S": f"{name} {iso(int(self.now() * 1000))} {did} {secrets.token_hex(4)}"}}
        return {"Put": {"TableName": self.table, "Item": {**key, **self._told(change), **until}}}

    def _told(self, change: Change) -> Mapping[str, Any]:
        return {"by": {"S": change.by}, "why": {"S": change.why}, "at": {"S": iso(int(self.now() * 1000))}}

    def _require(self, change: Change) -> None:
        """Raises InvalidPolicy."""
        why = change.why
        if not why.strip() or len(why) > LONGEST_WHY or not storable(why) or holds_card(why):
            raise InvalidPolicy(
                f"expected a reason of 1 to {LONGEST_WHY} characters, each whole, which holds no card number"
            )
        if change.until is not None and change.until <= self.now():
            raise InvalidPolicy("expected an end that is still to come")


def looked_for(field: str, value: str, whose: str, which: str = "") -> str:
    """A value in the spelling in which payments say it in the field. Raises InvalidPolicy, which never repeats it."""
    if not identifies(value) or not storable(value) or holds_card(value):
        raise InvalidPolicy(f"{whose}: expected an identifier{which}, got {len(str(value))} characters")
    if field not in FLAGS:
        return as_text(field, value)
    try:
        return flag_cell(value, whose)
    except InvalidPolicy:
        raise InvalidPolicy(f"{whose}: expected true or false{which}, got {len(value)} characters") from None


def kinds(declared: Mapping[str, LookedUp]) -> dict[str, dict[str, Kind | str]]:
    """As a policy's document has them."""
    return {name: {"field": listed.field, "kind": listed.kind} for name, listed in declared.items()}


def told(items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is held about a value, in lines for a reader."""
    for item in items:
        name = item["list"]["S"]
        if name == SNOOZED:
            for rule, snooze in sorted(item.items()):
                if rule.startswith(RULE):
                    until = iso(int(snooze["M"]["expires"]["N"]) * 1000)
                    yield f"rule {rule.removeprefix(RULE)} is silent until {until}"
        elif " " in name:
            until = f", until {item['until']['S']}" if "until" in item else ""
            yield f"  {name.rpartition(' ')[0]}{until}: by {item['by']['S']}: {item['why']['S']}"
        else:
            until = f" until {iso(int(item['expires']['N']) * 1000)}" if "expires" in item else ""
            yield f"on list {name}{until}"
