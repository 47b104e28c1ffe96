"""DynamoDB: tables of items with one key, strongly consistent, each call at one moment.

Assumed: a conditional write that fails changes nothing and gives the item where it is asked to; a transaction is done
whole or not at all and says of each part why; it is refused while another one writes an item of it
(`TransactionConflict`); one that boto3 sends again under its token is done once. Items do not expire within a schedule.
"""

from __future__ import annotations

from typing import Any

from simulation.models.expressions import Item, condition, update
from simulation.models.service import Service, error
from simulation.scheduler import Scheduler


class DynamoDB(Service):
    """`tables` gives the name of the key by table."""

    throttled = "ProvisionedThroughputExceededException"

    def __init__(self, scheduler: Scheduler, name: str, tables: dict[str, str]) -> None:
        super().__init__(scheduler, name)
        self.keys = tables
        self.items: dict[str, dict[str, Item]] = {table: {} for table in tables}
        self.tokens = 0
        self.done: set[str] = set()

    def told(self, operation: str, request: dict) -> str:
        if operation == "transact_write_items":
            parts = [next(iter(part.values())) for part in request["TransactItems"]]
            return ", ".join(f"{p['TableName']}/{self._identifier(p)}" for p in parts)
        if operation == "batch_get_item":
            return ", ".join(request["RequestItems"])
        return f"{request['TableName']}/{self._identifier(request)}"

    def prepared(self, operation: str, request: dict) -> dict:
        if operation == "transact_write_items" and "ClientRequestToken" not in request:
            self.tokens += 1
            request = {**request, "ClientRequestToken": f"token-{self.tokens}"}
        return request

    def do_get_item(self, TableName: str, Key: dict, **_: Any) -> dict:
        found = self._table(TableName).get(self._key(TableName, Key))
        return {"Item": dict(found)} if found else {}

    def do_batch_get_item(self, RequestItems: dict, **_: Any) -> dict:
        return {
            "Responses": {
                table: [
                    dict(found)
                    for key in asked["Keys"]
                    if (found := self._table(table).get(self._key(table, key))) is not None
                ]
                for table, asked in RequestItems.items()
            },
            "UnprocessedKeys": {},
        }

    def some_batch_get_item(self, RequestItems: dict, **_: Any) -> dict:
        """The first key of all, and the rest is left."""
        left = {table: {**asked, "Keys": list(asked["Keys"])} for table, asked in RequestItems.items()}
        first = next(iter(left))
        taken = left[first]["Keys"].pop(0)
        answer = self.do_batch_get_item({first: {"Keys": [taken]}})
        left = {table: asked for table, asked in left.items() if asked["Keys"]}
        if not left:
            raise error(self.throttled, "BatchGetItem")
        return {**answer, "UnprocessedKeys": left}

    def do_put_item(self, **request: Any) -> dict:
        self._check("PutItem", request)
        self._put(request)
        return {}

    def do_update_item(self, **request: Any) -> dict:
        self._check("UpdateItem", request)
        changed = self._update(request)
        return {"Attributes": changed} if request.get("ReturnValues") == "ALL_NEW" else {}

    def do_delete_item(self, **request: Any) -> dict:
        self._check("DeleteItem", request)
        self._table(request["TableName"]).pop(self._identifier(request), None)
        return {}

    def do_transact_write_items(self, TransactItems: list[dict], ClientRequestToken: str = "", **_: Any) -> dict:
        if ClientRequestToken in self.done:
            return {}
        parts = [next(iter(part.items())) for part in TransactItems]
        places = [(request["TableName"], self._identifier(request)) for _, request in parts]
        if len(set(places)) < len(places):
            raise error("ValidationException", "TransactWriteItems")
        reasons = [self._reason(request) for _, request in parts]
        if any(reason["Code"] != "None" for reason in reasons):
            raise error("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
        for kind, request in parts:
            if kind == "Put":
                self._put(request)
            elif kind == "Update":
                self._update(request)
            elif kind == "Delete":
                self._table(request["TableName"]).pop(self._identifier(request), None)
        self.done.add(ClientRequestToken)
        return {}

    def some_transact_write_items(self, TransactItems: list[dict], **_: Any) -> dict:
        """Somebody writes one of the items at this moment."""
        conflict: dict[str, Any] = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
        reasons = [conflict, *({"Code": "None"} for _ in TransactItems[1:])]
        raise error("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)

    def _reason(self, request: dict) -> dict:
        item = self._item(request)
        if self._holds(request, item):
            return {"Code": "None"}
        found = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
        if request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and item:
            return {**found, "Item": dict(item)}
        return found

    def _check(self, operation: str, request: dict) -> None:
        item = self._item(request)
        if self._holds(request, item):
            return
        if request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and item:
            raise error("ConditionalCheckFailedException", operation, Item=dict(item))
        raise error("ConditionalCheckFailedException", operation)

    @staticmethod
    def _holds(request: dict, item: Item) -> bool:
        text = request.get("ConditionExpression")
        if text is None:
            return True
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        return bool(condition(text)(item, names, values))

    def _put(self, request: dict) -> None:
        self._table(request["TableName"])[self._identifier(request)] = dict(request["Item"])

    def _update(self, request: dict) -> Item:
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        item = {**request["Key"], **self._item(request)}
        changed = update(request["UpdateExpression"])(item, names, values)
        self._table(request["TableName"])[self._identifier(request)] = changed
        return dict(changed)

    def _item(self, request: dict) -> Item:
        return self._table(request["TableName"]).get(self._identifier(request), {})

    def _identifier(self, request: dict) -> str:
        return self._key(request["TableName"], request.get("Key") or request["Item"])

    def _key(self, table: str, item: dict) -> str:
        return item[self.keys[table]]["S"]

    def _table(self, table: str) -> dict[str, Item]:
        found = self.items.get(table)
        if found is None:
            raise error("ResourceNotFoundException", "DynamoDB")
        return found
