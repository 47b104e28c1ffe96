"""What every List operation does: filter, sort, cut into pages."""

from __future__ import annotations

import base64
import json
from typing import Any

from .errors import validation

_DEFAULT_PAGE = 100


def page(
    items: list[dict[str, Any]],
    request: dict[str, Any],
    *,
    name: str,
    status: str = "",
    sort_by: str = "CreationTime",
    order: str = "Descending",
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the documents of one page and the token of the next.

    Understands NameContains, StatusEquals, Creation/LastModified Before/After, SortBy, SortOrder, MaxResults and
    NextToken. `name` and `status` say which members of the documents these mean.
    """
    kept = [item for item in items if _fits(item, request, name, status)]
    field = {"Name": name, "Status": status}.get(request.get("SortBy", sort_by), request.get("SortBy", sort_by))
    kept.sort(
        key=lambda item: (_sortable(item.get(field, item.get("CreationTime"))), str(item.get(name, ""))),
        reverse=request.get("SortOrder", order) == "Descending",
    )
    return cut(kept, request)


def cut(items: list[Any], request: dict[str, Any]) -> tuple[list[Any], str | None]:
    """Return one page of items that are already in order."""
    start = 0
    if token := request.get("NextToken"):
        try:
            start = int(json.loads(base64.urlsafe_b64decode(token))["start"])
        except (ValueError, KeyError, TypeError) as error:
            raise validation("Invalid NextToken.") from error
    end = start + request.get("MaxResults", _DEFAULT_PAGE)
    following = base64.urlsafe_b64encode(json.dumps({"start": end}).encode()).decode() if end < len(items) else None
    return items[start:end], following


def _fits(item: dict[str, Any], request: dict[str, Any], name: str, status: str) -> bool:
    if request.get("NameContains", "").lower() not in str(item.get(name, "")).lower():
        return False
    if "StatusEquals" in request and item.get(status) != request["StatusEquals"]:
        return False
    created, modified = item.get("CreationTime", 0.0), item.get("LastModifiedTime", item.get("CreationTime", 0.0))
    return (
        request.get("CreationTimeAfter", request.get("CreatedAfter", created)) <= created
        and created <= request.get("CreationTimeBefore", request.get("CreatedBefore", created))
        and request.get("LastModifiedTimeAfter", modified) <= modified
        and modified <= request.get("LastModifiedTimeBefore", modified)
    )


def _sortable(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, (int, float)) else (1, str(value))
