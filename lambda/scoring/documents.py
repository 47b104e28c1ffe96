"""The documents that decide, each with one owner: the release (which model serves, and the thresholds that were solved
for it) is the release function's; the policy (rules, and which lists they look at) is the operators'.

The current ones are DynamoDB items, one table for each owner. They are written only as the successor of what was read.
Whatever once decided is kept in the lake below `policies/`, in objects that bear the SHA-256 of their content: the
beginnings of these stand in every decision's `policy_version`. Identifiers of lists lie there and nowhere else, so that
a customer can be forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from features.canonical import SHOWN, canonical, digest, versioned
from scoring.policy import InvalidPolicy, Listing
from scoring.refusals import code_of

__all__ = ["SHOWN", "canonical", "digest", "versioned"]

KEPT = "policies/"
Kind = Literal["thresholds", "rules", "lists"]

# What decides until a model is approved: nobody is blocked by a model that knows nothing, and rules already speak.
BOOTSTRAP: dict[str, Any] = {"version": "bootstrap", "model": "bootstrap", "review_at": 1, "block_at": 1, "rules": []}
NEVER_RELEASED: dict[str, Any] = {
    "model_package_arn": None,
    "model_name": None,
    "model_data": None,
    "endpoint_config": None,
    "policy": None,
    "earlier_policy": None,
}
EXPLORING = ("explore_share", "explore_key")  # the key is absent in documents of before
LOOKING_UP = ("looked_up", "snooze_by")  # absent where rules look up nothing
JUDGING = (*EXPLORING, *LOOKING_UP)
NO_RULES: dict[str, Any] = {"version": None, "explore_share": 0.0, "rules": [], "lists": None}


class Conflict(RuntimeError):
    """Somebody else has written the document since it was read. Nothing was written."""


@dataclass(frozen=True)
class Stored:
    """A document as it was read; `number` counts its writings, 0 of one that was never written."""

    body: dict[str, Any]
    number: int


def first_release(problem: str) -> dict[str, Any]:
    """What a release that was never written means."""
    return {**NEVER_RELEASED, "policy": dict(BOOTSTRAP) if problem == "fraud" else None}


def read(dynamodb: Any, table: str, problem: str, absent: Mapping[str, Any]) -> Stored:
    """The current document, or `absent`."""
    found = dynamodb.get_item(TableName=table, Key={"problem": {"S": problem}}, ConsistentRead=True)
    return stored(found.get("Item"), absent)


def stored(item: Mapping[str, Any] | None, absent: Mapping[str, Any]) -> Stored:
    """A document from its item."""
    if item is None:
        return Stored(dict(absent), 0)
    return Stored(json.loads(item["body"]["S"]), int(item["number"]["N"]))


def write(dynamodb: Any, table: str, problem: str, body: Mapping[str, Any], after: Stored, **told: str | None) -> None:
    """Writes the successor of `after`; `told` are parts that a state machine reads. Raises Conflict."""
    beside = {name: {"S": value} for name, value in told.items() if value is not None}
    try:
        dynamodb.put_item(
            TableName=table,
            Item={
                **beside,
                "problem": {"S": problem},
                "number": {"N": str(after.number + 1)},
                "body": {"S": json.dumps(body)},
            },
            ConditionExpression="attribute_not_exists(problem) OR #number = :read"
            if after.number == 0
            else "#number = :read",
            ExpressionAttributeNames={"#number": "number"},
            ExpressionAttributeValues={":read": {"N": str(after.number)}},
        )
    except Exception as refused:
        if code_of(refused) != "ConditionalCheckFailedException":
            raise
        raise Conflict(f"the {problem} document in {table} was written by somebody else since it was read") from None


def key_of(problem: str, kind: Kind, sha: str) -> str:
    """Of an object that was kept; of the beginning of its SHA-256, the beginning of its key."""
    end = {"lists": ".jsonl"}.get(kind, ".json") if len(sha) == 64 else ""
    return f"{KEPT}{problem}/{kind}/{sha}{end}"


def keep(s3: Any, bucket: str, problem: str, kind: Kind, body: bytes) -> str:
    """Keeps a content for good, once; returns its SHA-256."""
    sha = digest(body)
    write_once(s3, bucket, key_of(problem, kind, sha), body)
    return sha


def write_once(s3: Any, bucket: str, key: str, body: bytes) -> bool:
    """Whether the object is written now; one that is there stays."""
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
    except Exception as there:
        if code_of(there) != "PreconditionFailed":
            raise
        return False
    return True


def judging(thresholds: Mapping[str, Any], ruled: Mapping[str, Any]) -> dict[str, Any]:
    """The document of the policy that judges: a release's thresholds with the operators' rules and share."""
    if ruled["version"] is None:  # nobody has written a policy yet
        return {"rules": [], **thresholds}
    version = f"{thresholds['version']}+{versioned(ruled['version'], digest(canonical(ruled)))}"
    return {
        **thresholds,
        "version": version,
        "rules": ruled["rules"],
        **{part: ruled[part] for part in JUDGING if part in ruled},
    }


def lines_of(lists: Mapping[str, Listing], again: int = 0) -> bytes:
    """Lists as they are kept: a line that names each, and one for each identifier, which forgetting takes out.

    `again` tells the same lists apart from those that were kept before and have lost an identifier since.
    """
    first = [{"again": again}] if again else []
    return "".join(f"{json.dumps(line)}\n" for line in (*first, *_lines(lists))).encode()


def _lines(lists: Mapping[str, Listing]) -> Iterator[dict[str, Any]]:
    for name, listing in sorted(lists.items()):
        yield {"list": name, "field": listing.field, "entries": len(listing.among)}
        for identifier in sorted(listing.among):
            yield {"list": name, listing.field: identifier}


@dataclass(frozen=True)
class Kept:
    """Lists as they lie there, and how many identifiers have been taken out of them since they were written."""

    lists: dict[str, Listing]
    taken_out: int


def lists_in(body: bytes) -> Kept:
    """Raises InvalidPolicy."""
    fields: dict[str, str] = {}
    among: dict[str, set[str]] = {}
    entries = 0
    try:
        for line in map(json.loads, body.splitlines()):
            if "again" in line:
                continue
            name = line["list"]
            if "field" in line:
                fields[name], among[name] = line["field"], set()
                entries += line["entries"]
            else:
                among[name].add(line[fields[name]])
    except (ValueError, KeyError, TypeError) as wrong:
        raise InvalidPolicy(f"expected lists as they are kept, got what cannot be read: {wrong!r}") from None
    lists = {name: Listing(fields[name], frozenset(among[name])) for name in fields}
    return Kept(lists, entries - sum(len(one) for one in among.values()))
