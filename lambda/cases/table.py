"""Cases in DynamoDB. Every change is one transaction: the case at the version that was read, a line of its history, and
what must change with it.

Items, by `of` and `what`:

    case#<id>      case           the case; only it and `owed` are in the index `queue`
    case#<id>      payment#<id>   a payment of it, as it was told
    case#<id>      history#<n>    who did what, by the case's version
    case#<id>      owed           it is decided, and labels or answers are still to be sent
    payment#<id>   payment        the case of a payment: each payment is in one
    customer#<id>  open           the customer's case that payments join: there is one at most
    customer#<id>  case#<id>      every case of the customer
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from scoring.refusals import code_of
from scoring.tails import is_of_others, reasons_of

from cases.case import LET_THROUGH, REVIEWED, Case, Changed, Done, Level, Refused, claim, is_free, joined
from features.values import iso

INDEX = "queue"
OWED = "OWED"
TRIES = 8  # of one change, while others change the same case
PAUSE = 0.02  # seconds at most before the second try
CANDIDATES = 25  # of one look for the next case
JSON_FIELDS = frozenset(("otherwise",))
TEXTS = frozenset(("id", "customer_id", "state", "level", "holder", "decision", "why", "decided_by"))
IDENTIFIERS = ("transaction_id", "customer_id", "merchant_id")  # of a payment as it is told: each is one name, whole
OURS = ("action", "judged_again", "reasons", "explanation", "event_time", "joined_at")  # what the platform says of it
DELETED = 25  # items of a BatchWriteItem, the API's limit
MOST = 500  # payments of a case: as many as a file of labels has, and an answer can hold


class Busy(RuntimeError):
    """Others changed the case each time: ask again."""


class NoPlace(ValueError):
    """No page begins there."""


class NoCase(LookupError):
    """There is no such case."""


@dataclass(frozen=True)
class Told:
    """A payment that a person must look at, as its message says it."""

    transaction_id: str
    customer_id: str
    message: Mapping[str, Any]

    @property
    def severity(self) -> int:
        let_through = self.message.get("judged_again") == "BLOCK" != self.message.get("action")
        return LET_THROUGH if let_through else REVIEWED


@dataclass(frozen=True)
class Whole:
    """A case with its payments and its history, oldest first."""

    case: Case
    payments: list[dict[str, Any]]
    history: list[dict[str, Any]]

    @property
    def identifiers(self) -> list[str]:
        return [str(payment["transaction_id"]) for payment in self.payments]


@dataclass(frozen=True)
class Page:
    cases: list[Case]
    after: dict | None  # where the next page begins


@dataclass(frozen=True)
class Cases:
    """`client` is DynamoDB, `now` gives ms since 1970, `pause` waits for seconds."""

    client: Any
    table: str
    now: Callable[[], int]
    pause: Callable[[float], None] = time.sleep
    most: int = MOST

    def take_in(self, told: Told) -> str:
        """Opens a case or lets the payment join the open one of its customer: `opened`, `joined`, or `known`, when the
        payment is in a case already. Beside one that is full another is opened. Raises Busy."""
        for attempt in range(TRIES):
            self._wait(attempt)
            if self._get(f"payment#{told.transaction_id}", "payment"):
                return "known"
            open_ = self._get(f"customer#{told.customer_id}", "open")
            try:
                if open_ is None:
                    self._write(self._opening(told))
                    return "opened"
                case = self._case(open_["case"]["S"])
                if case is not None and case.payments >= self.most:
                    self._write(self._opening(told, beside=case.id))
                    return "opened"
                if case is not None and case.state != "DECIDED":
                    changed = joined(case, told.severity, told.transaction_id)
                    self._write([*self._payment(case.id, told), *self._changing(case, changed)])
                    return "joined"
            except Moved:
                continue
        raise Busy(told.transaction_id)

    def get(self, identifier: str) -> Case:
        """Raises NoCase."""
        case = self._case(identifier)
        if case is None:
            raise NoCase(identifier)
        return case

    def whole(self, identifier: str) -> Whole:
        """Raises NoCase."""
        items = list(self._items(f"case#{identifier}"))
        found = [case_of(item) for item in items if item["what"]["S"] == "case"]
        if not found:
            raise NoCase(identifier)
        payments = [json.loads(i["told"]["S"]) for i in items if i["what"]["S"].startswith("payment#")]
        history = [json.loads(i["done"]["S"]) for i in items if i["what"]["S"].startswith("history#")]
        return Whole(found[0], sorted(payments, key=lambda p: p["joined_at"]), history)

    def of_payment(self, transaction_id: str) -> Case:
        """Raises NoCase."""
        found = self._get(f"payment#{transaction_id}", "payment")
        if found is None:
            raise NoCase(transaction_id)
        return self.get(found["case"]["S"])

    def of_customer(self, customer_id: str) -> list[Case]:
        """All that are kept, oldest first."""
        names = [item["what"]["S"] for item in self._items(f"customer#{customer_id}")]
        cases = [self._case(name.removeprefix("case#")) for name in names if name.startswith("case#")]
        return sorted((case for case in cases if case is not None), key=lambda case: case.opened_at)

    def change(self, identifier: str, change: Callable[[Case], Changed]) -> Case:
        """The case as it is afterwards. Raises NoCase, Busy, and what `change` raises of the case as it is now."""
        for attempt in range(TRIES):
            self._wait(attempt)
            case = self.get(identifier)
            changed = change(case)
            if changed.done is None:
                return case
            try:
                self._write(self._changing(case, changed))
            except Moved:
                continue
            return versioned(case, changed)
        raise Busy(identifier)

    def reopen(self, identifier: str, change: Callable[[Case], Changed]) -> Case:
        """A decided case, open again. Raises NoCase, Refused, Busy."""

        def reopened(case: Case) -> Changed:
            changed = change(case)
            open_ = self._get(f"customer#{case.customer_id}", "open")
            if changed.done is not None and open_ is not None:
                raise Refused(f"the customer has an open case, {open_['case']['S']}: what is new belongs there")
            return changed

        after = self.change(identifier, reopened)
        self.keep(self.whole(identifier), None)
        return after

    def next(self, by: str, lock_ms: int, level: Level) -> Case | None:
        """The case that somebody holds (who asks as a lead: of escalated ones), or else the next that is free, claimed:
        the severest, and of these the oldest. None when there is none. Raises Busy."""
        held = self._held_by(by, level)
        if held is not None:
            return held
        for attempt in range(TRIES):
            self._wait(attempt)
            candidates = self._free(level)
            if not candidates:
                return None
            for candidate in candidates:
                try:
                    return self.change(candidate.id, lambda case: claim(case, by, self.now(), lock_ms, level))
                except (Refused, NoCase, Busy):  # another was quicker; the index is a moment behind
                    continue
        raise Busy("next")

    def listed(self, state: str, most: int, after: dict | None = None, newest_first: bool = False) -> Page:
        """Cases in a state in the order of the index, as they were a moment ago. Raises NoPlace."""
        asked = self._queue(state, Limit=most, ScanIndexForward=not newest_first)
        try:
            answer = self.client.query(**asked, **({"ExclusiveStartKey": after} if after else {}))
        except Exception as refused:
            if after and code_of(refused) == "ValidationException":
                raise NoPlace from refused
            raise
        return Page([case_of(item) for item in answer["Items"]], answer.get("LastEvaluatedKey"))

    def every(self, state: str, since: str = "") -> Iterator[dict]:
        """Items of a state in the index, from a rank on."""
        asked = self._queue(state, since)
        while True:
            answer = self.client.query(**asked)
            yield from answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def owed(self) -> list[str]:
        """Decided cases of which labels or answers are still to be sent, the oldest first."""
        return [item["of"]["S"].removeprefix("case#") for item in self.every(OWED)]

    def is_owed(self, case: Case) -> bool:
        found = self._get(f"case#{case.id}", "owed")
        return found is not None and int(found["round"]["N"]) == case.round

    def settle(self, whole: Whole, expires: int) -> None:
        """Nothing is owed any more of what was decided; all of the case expires at a moment, in seconds."""
        case = whole.case
        self.keep(whole, expires)
        self._delete(f"case#{case.id}", "owed", "#round = :round", {":round": {"N": str(case.round)}})

    def keep(self, whole: Whole, expires: int | None) -> None:
        """All of a case expires then, or never."""
        identifier, customer = whole.case.id, whole.case.customer_id
        if expires is not None:  # first: what is written of the case from then on expires with it
            self._expire_decided(whole.case, expires)
        keys = [(item["of"]["S"], item["what"]["S"]) for item in self._items(f"case#{identifier}")]
        keys += [(f"payment#{payment}", "payment") for payment in whole.identifiers]
        keys.append((f"customer#{customer}", f"case#{identifier}"))
        for of, what in keys:
            if what not in ("owed", "case"):
                self._expire(of, what, expires)

    def forget(self, customer_id: str) -> int:
        """Deletes all of a customer's cases; returns how many items."""
        mine = [(item["of"]["S"], item["what"]["S"]) for item in self._items(f"customer#{customer_id}")]
        keys: list[tuple[str, str]] = []
        for _, what in mine:
            if what.startswith("case#"):
                items = list(self._items(what))
                keys += [(item["of"]["S"], item["what"]["S"]) for item in items]
                paid = [i["what"]["S"] for i in items if i["what"]["S"].startswith("payment#")]
                keys += [(payment, "payment") for payment in paid]
        # What leads to the others goes last: after an interruption they are found again.
        self._delete_all(keys)
        self._delete_all(mine)
        return len(keys) + len(mine)

    def holding(self, customer_id: str) -> tuple[int, int]:
        """How many items the table has, and how many of them say this customer's name."""
        asked: dict[str, Any] = {"TableName": self.table, "ConsistentRead": True}
        items = found = 0
        while True:
            answer = self.client.scan(**asked)
            for item in answer["Items"]:
                items += 1
                found += says(item, customer_id)
            if not answer.get("LastEvaluatedKey"):
                return items, found
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _held_by(self, by: str, level: Level) -> Case | None:
        """Read again, for the index is a moment behind."""
        for item in self.every("CLAIMED", iso(self.now())):
            found = case_of(item)
            if found.holder == by and level in ("reviewer", found.level):  # a lead may have given him an escalated one
                case = self._case(found.id)
                if case is not None and case.state == "CLAIMED" and case.holder == by:
                    return case
        return None

    def _free(self, level: Level) -> list[Case]:
        now = self.now()
        state = "ESCALATED" if level == "lead" else "OPEN"
        found = self.listed(state, CANDIDATES).cases
        asked = self._queue("CLAIMED", Limit=CANDIDATES * 4)
        asked["KeyConditionExpression"] += " AND #rank < :now"
        asked["ExpressionAttributeNames"]["#rank"] = "rank"
        asked["ExpressionAttributeValues"][":now"] = {"S": iso(now)}
        found += [case_of(item) for item in self.client.query(**asked)["Items"]]
        free = [case for case in found if is_free(case, now, level)]
        return sorted(free, key=lambda case: (-case.severity, case.opened_at, case.id))

    def _queue(self, state: str, since: str = "", **more: Any) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "TableName": self.table,
            "IndexName": INDEX,
            "KeyConditionExpression": "#queue = :state",
            "ExpressionAttributeNames": {"#queue": "queue"},
            "ExpressionAttributeValues": {":state": {"S": state}},
            **more,
        }
        if since:
            asked["KeyConditionExpression"] += " AND #rank >= :since"
            asked["ExpressionAttributeNames"]["#rank"] = "rank"
            asked["ExpressionAttributeValues"][":since"] = {"S": since}
        return asked

    def _case(self, identifier: str) -> Case | None:
        found = self._get(f"case#{identifier}", "case")
        return None if found is None else case_of(found)

    def _get(self, of: str, what: str) -> dict | None:
        key = {"of": {"S": of}, "what": {"S": what}}
        return self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")

    def _items(self, of: str) -> Iterator[dict]:
        asked: dict[str, Any] = {
            "TableName": self.table,
            "ConsistentRead": True,
            "KeyConditionExpression": "#of = :of",
            "ExpressionAttributeNames": {"#of": "of"},
            "ExpressionAttributeValues": {":of": {"S": of}},
        }
        while True:
            answer = self.client.query(**asked)
            yield from answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _opening(self, told: Told, beside: str | None = None) -> list[dict]:
        now, customer = self.now(), told.customer_id
        case = Case(identifier_of(told), customer, now, told.severity, 1)
        done = Done("the stream door", f"opened by {told.transaction_id}")
        named = {"case": {"S": case.id}, "customer_id": {"S": customer}}
        return [
            *self._payment(case.id, told),
            self._pointing(customer, named, beside),
            self._put(f"customer#{customer}", f"case#{case.id}", named),
            self._put(f"case#{case.id}", "case", item_of(case), new=True),
            self._history(case, done),
        ]

    def _pointing(self, customer: str, named: Mapping[str, Any], before: str | None) -> dict:
        """What leads to the case that payments join, where none or another was."""
        put = self._put(f"customer#{customer}", "open", named, new=before is None)
        if before is not None:
            put["Put"] |= pointing_at(before)
        return put

    def _payment(self, identifier: str, told: Told) -> list[dict]:
        named = {"case": {"S": identifier}, "customer_id": {"S": told.customer_id}}
        said = {**told.message, "joined_at": iso(self.now())}
        return [
            self._put(f"payment#{told.transaction_id}", "payment", named, new=True),
            self._put(f"case#{identifier}", f"payment#{told.transaction_id}", {"told": {"S": json.dumps(said)}}),
        ]

    def _changing(self, before: Case, changed: Changed) -> list[dict]:
        after = versioned(before, changed)
        assert changed.done is not None
        put = self._put(f"case#{after.id}", "case", item_of(after))
        put["Put"] |= unchanged(before)
        members = [put, self._history(after, changed.done)]
        customer, named = f"customer#{after.customer_id}", {"case": {"S": after.id}}
        if before.state != "DECIDED" == after.state:
            open_ = self._get(customer, "open")
            owed = {"queue": {"S": OWED}, "rank": {"S": iso(after.decided_at or 0)}, "round": {"N": str(after.round)}}
            key = {"of": {"S": customer}, "what": {"S": "open"}}
            if open_ is not None and open_["case"]["S"] == after.id:  # else another is open beside a full one
                members.append({"Delete": {"TableName": self.table, "Key": key, **pointing_at(after.id)}})
            members.append(self._put(f"case#{after.id}", "owed", owed))
        if before.state == "DECIDED" != after.state:
            named = {**named, "customer_id": {"S": after.customer_id}}
            key = {"of": {"S": f"case#{after.id}"}, "what": {"S": "owed"}}
            nothing_owed = {
                "ConditionExpression": "attribute_not_exists(#of)",
                "ExpressionAttributeNames": {"#of": "of"},
            }
            members.append(self._put(customer, "open", named, new=True))
            members.append({"ConditionCheck": {"TableName": self.table, "Key": key, **nothing_owed}})
        return members

    def _history(self, case: Case, done: Done) -> dict:
        why = {"why": done.why} if done.why is not None else {}
        line = {"at": iso(self.now()), "by": done.by, "did": done.did, **why}
        expires = {} if case.expires is None else {"expires": {"N": str(case.expires)}}
        return self._put(f"case#{case.id}", f"history#{case.version:08d}", {"done": {"S": json.dumps(line)}, **expires})

    def _put(self, of: str, what: str, holds: Mapping[str, Any], new: bool = False) -> dict:
        put: dict[str, Any] = {
            "TableName": self.table,
            "Item": {"of": {"S": of}, "what": {"S": what}, **holds},
        }
        if new:
            put |= {"ConditionExpression": "attribute_not_exists(#of)", "ExpressionAttributeNames": {"#of": "of"}}
        return {"Put": put}

    def _write(self, members: list[dict]) -> None:
        """Raises Moved where others have changed what was read."""
        try:
            self.client.transact_write_items(TransactItems=members)
        except Exception as refused:
            reasons = reasons_of(refused)
            if reasons and any(map(is_of_others, reasons)):
                raise Moved from refused
            raise

    def _expire(self, of: str, what: str, expires: int | None) -> None:
        self._update(
            of,
            what,
            UpdateExpression="REMOVE #expires" if expires is None else "SET #expires = :expires",
            ConditionExpression="attribute_exists(#of)",
            ExpressionAttributeNames={"#expires": "expires", "#of": "of"},
            **({} if expires is None else {"ExpressionAttributeValues": {":expires": {"N": str(expires)}}}),
        )

    def _expire_decided(self, case: Case, expires: int) -> None:
        """Unless it was reopened meanwhile."""
        self._update(
            f"case#{case.id}",
            "case",
            UpdateExpression="SET #expires = :expires",
            ConditionExpression="#round = :round AND #state = :decided",
            ExpressionAttributeNames={"#expires": "expires", "#round": "round", "#state": "state"},
            ExpressionAttributeValues={
                ":expires": {"N": str(expires)},
                ":round": {"N": str(case.round)},
                ":decided": {"S": "DECIDED"},
            },
        )

    def _update(self, of: str, what: str, **update: Any) -> None:
        """Nothing where the condition does not hold: it was forgotten, or changed, meanwhile."""
        try:
            self.client.update_item(TableName=self.table, Key={"of": {"S": of}, "what": {"S": what}}, **update)
        except Exception as refused:
            if code_of(refused) != "ConditionalCheckFailedException":
                raise

    def _delete(self, of: str, what: str, only_if: str, given: dict) -> None:
        try:
            self.client.delete_item(
                TableName=self.table,
                Key={"of": {"S": of}, "what": {"S": what}},
                ConditionExpression=only_if,
                ExpressionAttributeNames={"#round": "round"},
                ExpressionAttributeValues=given,
            )
        except Exception as refused:
            if code_of(refused) != "ConditionalCheckFailedException":  # somebody else has settled it
                raise

    def _delete_all(self, keys: list[tuple[str, str]]) -> None:
        requests = [{"DeleteRequest": {"Key": {"of": {"S": of}, "what": {"S": what}}}} for of, what in keys]
        for start in range(0, len(requests), DELETED):
            left = {self.table: requests[start : start + DELETED]}
            while left:
                left = self.client.batch_write_item(RequestItems=left).get("UnprocessedItems") or {}

    def _wait(self, attempt: int) -> None:
        if attempt:
            self.pause(random.uniform(0, PAUSE * 2**attempt))


class Moved(RuntimeError):
    """Somebody else has changed what was read."""


def unchanged(case: Case) -> dict[str, Any]:
    """Its version, and that it expires as it did when it was read: settling it is no change of its version."""
    expires = "attribute_not_exists(#expires)" if case.expires is None else "#expires = :expires"
    given = {} if case.expires is None else {":expires": {"N": str(case.expires)}}
    return {
        "ConditionExpression": f"#version = :version AND {expires}",
        "ExpressionAttributeNames": {"#version": "version", "#expires": "expires"},
        "ExpressionAttributeValues": {":version": {"N": str(case.version)}, **given},
    }


def pointing_at(identifier: str) -> dict[str, Any]:
    return {
        "ConditionExpression": "#case = :case",
        "ExpressionAttributeNames": {"#case": "case"},
        "ExpressionAttributeValues": {":case": {"S": identifier}},
    }


def identifier_of(told: Told) -> str:
    """The name of the case that a payment opens: nobody's who knows neither."""
    return hashlib.sha256(json.dumps([told.customer_id, told.transaction_id]).encode()).hexdigest()[:24]


def versioned(before: Case, changed: Changed) -> Case:
    return replace(changed.case, version=before.version + 1)


def rank_of(case: Case) -> str:
    """Its place in the index: what waits by severity and age, what is held by the end of its lock, what is decided by
    when it was."""
    if case.state == "CLAIMED":
        return f"{iso(case.locked_until or 0)}#{case.id}"
    if case.state == "DECIDED":
        return f"{iso(case.decided_at or 0)}#{case.id}"
    return f"{9 - case.severity}#{iso(case.opened_at)}#{case.id}"


def item_of(case: Case) -> dict[str, Any]:
    holds: dict[str, Any] = {"queue": {"S": case.state}, "rank": {"S": rank_of(case)}}
    for each in fields(Case):
        value = getattr(case, each.name)
        if each.name in JSON_FIELDS:
            holds[each.name] = {"S": json.dumps(dict(value))}
        elif value is not None:
            holds[each.name] = {"S": value} if each.name in TEXTS else {"N": str(value)}
    return holds


def case_of(item: Mapping[str, Any]) -> Case:
    found: dict[str, Any] = {}
    for each in fields(Case):
        value = item.get(each.name)
        if value is None:
            continue
        if each.name in JSON_FIELDS:
            found[each.name] = json.loads(value["S"])
        else:
            found[each.name] = value["S"] if each.name in TEXTS else int(value["N"])
    return Case(**found)


def says(item: Mapping[str, Any], name: str) -> bool:
    """Whether an item is of the customer, or a text of others in it has the name as a whole word. Moments and names of
    states and rules are the platform's: a customer named 17 is in none of them."""
    told = json.loads(item["told"]["S"]) if "told" in item else {}
    done = json.loads(item["done"]["S"]) if "done" in item else {}
    named = [item.get("customer_id", {}).get("S"), *(told.get(field) for field in IDENTIFIERS)]
    if name in named or item["of"]["S"] == f"customer#{name}":
        return True
    texts = [item.get("why", {}).get("S"), done.get("why")]
    texts += [value for field, value in told.items() if field not in (*IDENTIFIERS, *OURS)]
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return any(isinstance(text, str) and word.search(text) for text in texts)
