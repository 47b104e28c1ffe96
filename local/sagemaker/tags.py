"""Tags of every resource, by ARN: AddTags, ListTags, DeleteTags."""

from __future__ import annotations

from typing import Any

from . import listing
from .store import Store


class Tags:
    """Terraform reads tags after every refresh, so what was set at creation must come back."""

    def __init__(self, store: Store) -> None:
        self._table = store.table("tags")

    def set_initial(self, arn: str, tags: list[dict[str, str]] | None) -> None:
        self._table.put(arn, {"Tags": list(tags or [])})

    def forget(self, arn: str) -> None:
        self._table.delete(arn)

    def of(self, arn: str) -> list[dict[str, str]]:
        return (self._table.get(arn) or {"Tags": []})["Tags"]

    def add_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        merged = {tag["Key"]: tag for tag in [*self.of(request["ResourceArn"]), *request["Tags"]]}
        self._table.put(request["ResourceArn"], {"Tags": list(merged.values())})
        return {"Tags": list(merged.values())}

    def list_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        tags, token = listing.cut(self.of(request["ResourceArn"]), request)
        return {"Tags": tags, "NextToken": token}

    def delete_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        kept = [tag for tag in self.of(request["ResourceArn"]) if tag["Key"] not in request["TagKeys"]]
        self._table.put(request["ResourceArn"], {"Tags": kept})
        return {}
