"""The table of cases in memory: conditional writes, transactions, one index that lags, and what may go wrong."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from typing import Any

from cases.case import Case
from cases.door import CasesDoor, Request
from cases.finishing import AnswerTopic, Finisher
from cases.table import Cases, Told, case_of
from scoring.labels import LabelFiles

from simulation.models.expressions import condition, update
from tests.unit.lambda_functions.aws import Bucket, Cancelled, Down, Messages, Refused, valid
from tests.unit.lambda_functions.scene import Scene

Key = tuple[str, str]
ADA = "arn:aws:sts::111122223333:assumed-role/risk-dev-reviewer/ada"
BEN = "arn:aws:sts::111122223333:assumed-role/risk-dev-reviewer/ben"
LEA = "arn:aws:sts::111122223333:assumed-role/risk-dev-review-lead/lea"
START = 1_522_575_001_000  # 2018-04-01T09:30:01Z
LOCK, SERVICE = 30 * 60_000, 24 * 3_600_000


class CasesTable:
    """DynamoDB items by `of` and `what`. `step` is called before each call, so that others come between; `down` does
    not answer; `lost` calls are done, and their answers are not heard; `page` is how many items a query gives at once.
    The index knows what `lag` lets it know: with a generator, some of what was written last is missing."""

    def __init__(self, step: Callable[[], None] = lambda: None, lag: random.Random | None = None) -> None:
        self.items: dict[Key, dict] = {}
        self.index: dict[Key, dict] = {}
        self.behind: list[tuple[Key, dict | None]] = []
        self.step, self.lag = step, lag
        self.down, self.lost, self.page = False, 0, 100
        self.together = 0

    @staticmethod
    def at(key: dict) -> Key:
        return key["of"]["S"], key["what"]["S"]

    def get_item(self, **request: Any) -> dict:
        self._asked("GetItem", request)
        assert request["ConsistentRead"] is True
        found = self.items.get(self.at(request["Key"]))
        return self._said({"Item": dict(found)} if found else {})

    def query(self, **request: Any) -> dict:
        self._asked("Query", request)
        by_index = "IndexName" in request
        assert by_index or request["ConsistentRead"] is True
        if by_index:
            self._catch_up()
        rows = self.index if by_index else self.items
        place = ("queue", "rank") if by_index else ("of", "what")
        holds = condition(request["KeyConditionExpression"])
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        order = lambda item: (item[place[1]]["S"], *self.at(item))  # noqa: E731
        found = sorted((i for i in rows.values() if place[0] in i and holds(i, names, values)), key=order)
        if request.get("ScanIndexForward") is False:
            found.reverse()
        if "ExclusiveStartKey" in request:
            start = self.at(request["ExclusiveStartKey"])
            found = found[[self.at(item) for item in found].index(start) + 1 :]
        return self._said(self._page(found, min(self.page, request.get("Limit", self.page)), ("of", "what", *place)))

    def scan(self, **request: Any) -> dict:
        self._asked("Scan", request)
        after = self.at(request["ExclusiveStartKey"]) if "ExclusiveStartKey" in request else ("", "")
        found = [self.items[key] for key in sorted(self.items) if key > after]
        return self._said(self._page(found, self.page, ("of", "what")))

    @staticmethod
    def _page(found: list[dict], most: int, key: tuple[str, ...]) -> dict:
        page = [dict(item) for item in found[:most]]
        if len(found) > most:
            return {"Items": page, "LastEvaluatedKey": {name: page[-1][name] for name in dict.fromkeys(key)}}
        return {"Items": page}

    def transact_write_items(self, **request: Any) -> dict:
        self._asked("TransactWriteItems", request)
        members = [next(iter(member.items())) for member in request["TransactItems"]]
        keys = [self.at(told.get("Item") or told["Key"]) for _, told in members]
        assert len(set(keys)) == len(keys) <= 100
        self.together = max(self.together, len(keys))
        fits = [self._fits(told, self.items.get(key, {})) for key, (_, told) in zip(keys, members, strict=True)]
        if not all(fits):
            raise Cancelled([{"Code": "None" if fit else "ConditionalCheckFailed"} for fit in fits])
        for key, (did, told) in zip(keys, members, strict=True):
            if did != "ConditionCheck":
                self._set(key, told["Item"] if did == "Put" else None)
        return self._said({})

    def update_item(self, **request: Any) -> dict:
        self._asked("UpdateItem", request)
        key = self.at(request["Key"])
        if not self._fits(request, self.items.get(key, {})):
            raise Refused(None)
        names, values = request["ExpressionAttributeNames"], request.get("ExpressionAttributeValues", {})
        self._set(key, update(request["UpdateExpression"])(self.items[key], names, values))
        return self._said({})

    def delete_item(self, **request: Any) -> dict:
        self._asked("DeleteItem", request)
        key = self.at(request["Key"])
        if not self._fits(request, self.items.get(key, {})):
            raise Refused(None)
        self._set(key, None)
        return self._said({})

    def batch_write_item(self, **request: Any) -> dict:
        """Half of each request is left."""
        self._asked("BatchWriteItem", request)
        ((table, asked),) = request["RequestItems"].items()
        assert len(asked) <= 25
        done = asked[: (len(asked) + 1) // 2]
        for each in done:
            self._set(self.at(each["DeleteRequest"]["Key"]), None)
        left = asked[len(done) :]
        return {"UnprocessedItems": {table: left} if left else {}}

    def _asked(self, operation: str, request: dict) -> None:
        valid("dynamodb", operation, request)
        self.step()
        if self.down:
            raise Down

    def _said(self, answer: dict) -> dict:
        if self.lost:
            self.lost -= 1
            raise Down
        return answer

    @staticmethod
    def _fits(told: dict, item: dict) -> bool:
        if "ConditionExpression" not in told:
            return True
        names, values = told["ExpressionAttributeNames"], told.get("ExpressionAttributeValues", {})
        return bool(condition(told["ConditionExpression"])(item, names, values))

    def _set(self, key: Key, item: dict | None) -> None:
        if item is None:
            self.items.pop(key, None)
        else:
            self.items[key] = dict(item)
        self.behind.append((key, None if item is None else dict(item)))

    def _catch_up(self) -> None:
        known = len(self.behind) if self.lag is None else self.lag.randint(0, len(self.behind))
        for key, item in self.behind[:known]:
            if item is None:
                self.index.pop(key, None)
            else:
                self.index[key] = item
        del self.behind[:known]

    def did(self, case: Case) -> str:
        """The last line of its history."""
        line: dict = json.loads(self.items[f"case#{case.id}", f"history#{case.version:08d}"]["done"]["S"])
        return line["did"]

    @property
    def cases(self) -> list[Case]:
        return [case_of(item) for (_, what), item in sorted(self.items.items()) if what == "case"]


class Desk:
    """Everything that works on cases, over services in memory, at a time of its own."""

    def __init__(self, table: CasesTable | None = None) -> None:
        self.table, self.lake, self.topic = table or CasesTable(), Bucket(), Messages()
        self.scene = Scene()  # of the doors that answer payments
        self.at = START
        self.cases = Cases(self.table, "cases", lambda: self.at, pause=lambda seconds: None)
        files, answers = LabelFiles(self.lake, "lake"), AnswerTopic(self.topic, "arn:aws:sns:eu-west-1:1:answers")
        self.finisher = Finisher(self.cases, files, self.scene.frauds(), answers, lambda: self.at)
        self.door = CasesDoor(self.cases, self.finisher, lambda: self.at, LOCK, SERVICE)

    def take_in(self, payment: str, customer: str = "c1", **more: object) -> str:
        return self.cases.take_in(told(payment, customer, **more))

    def opened(self, payment: str = "t1", customer: str = "c1", **more: object) -> str:
        """The name of the case of a payment, which has just come."""
        self.take_in(payment, customer, **more)
        return self.cases.of_payment(payment).id

    def labels(self) -> list[tuple[str, str]]:
        """Payment and label of every line of every file, the files in order."""
        files = [io.StringIO(body.decode()) for _, body in sorted(self.lake.objects.items())]
        return [(row["transaction_id"], row["is_fraud"]) for file in files for row in csv.DictReader(file)]


def told(payment: str, customer: str = "c1", **more: object) -> Told:
    message = {"transaction_id": payment, "customer_id": customer, "action": "REVIEW", "judged_again": None, **more}
    return Told(payment, customer, json.loads(json.dumps(message)))


def asked(by: str, identifier: str = "", body: dict | None = None, **query: str) -> Request:
    return Request(by, identifier, query, body or {})
