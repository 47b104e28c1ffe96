"""The operators' documents: the live policy's rules, and the lists that they look at.

Both are changed by what they were read as: a change that somebody else has made in the meantime is read, and this one
made on top of it.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scoring import documents
from scoring.cells import spelt_as_said
from scoring.documents import JUDGING, Conflict, Stored
from scoring.entries import Entries, kinds
from scoring.lists import Lists as LookUps
from scoring.policy import InvalidPolicy, Listing, Policy

from features.vector import RULED
from tools.four_eyes import Versions

PROBLEM = "fraud"
OPTIONS = ("snooze_by", "four_eyes")
PARTS = frozenset(
    ("version", "review_at", "block_at", "rules", "explore_share", "model", *OPTIONS)
)  # of an operator's file
TRIES = 5
MOST_RULES = 262_144  # bytes of rules as they are written: DynamoDB takes 400 KB for an item
MOST_LISTED = 100_000  # identifiers on all lists: every door reads and holds them
Lists = Mapping[str, Listing]
Change = Callable[[dict, Lists], tuple[dict, Lists]]


@dataclass(frozen=True)
class Live:
    """The live rules' document, and its lists."""

    stored: Stored
    lists: dict[str, Listing]


@dataclass(frozen=True)
class Operators:
    """Clients of DynamoDB and S3, the name of the operators' table, and the bucket that keeps documents. `now` gives
    seconds since 1970."""

    dynamodb: Any
    s3: Any
    table: str
    lake: str
    entries: Entries | None = None  # lists that are looked up for each payment
    now: Callable[[], float] = time.time

    @classmethod
    def of(cls, client: Callable[[str], Any], prefix: str, lake: str) -> Operators:
        dynamodb = client("dynamodb")
        entries = Entries(dynamodb, lists_table(prefix), time.time)
        return cls(dynamodb, client("s3"), policies_table(prefix), lake, entries)

    def declared(self) -> dict[str, Any]:
        """Lists that are looked up, as policies name them."""
        return kinds(self.entries.declared()) if self.entries is not None else {}

    def lookups(self) -> LookUps | None:
        """As doors look them up."""
        entries = self.entries
        return LookUps(entries.client, entries.table, entries.now) if entries is not None else None

    def read(self) -> Live:
        found = documents.read(self.dynamodb, self.table, PROBLEM, documents.NO_RULES)
        return Live(found, self.lists(found.body["lists"]).lists)

    def lists(self, sha: str | None) -> documents.Kept:
        """The lists that were kept under a SHA-256."""
        if sha is None:
            return documents.Kept({}, 0)
        key = documents.key_of(PROBLEM, "lists", sha)
        return documents.lists_in(self.s3.get_object(Bucket=self.lake, Key=key)["Body"].read())

    def change(self, change: Change) -> Live:
        """Makes a change live. Raises InvalidPolicy, and Conflict when others write all the time."""
        for _ in range(TRIES):
            before = self.read()
            ruled, lists = change(before.stored.body, before.lists)
            require_usable(ruled, lists)
            after = {**ruled, "lists": self._keep_lists(lists) if lists else None}
            if after["version"] is not None:
                self._keep("rules", documents.canonical(after))
            try:
                documents.write(self.dynamodb, self.table, PROBLEM, after, before.stored)
            except Conflict:
                continue
            return Live(Stored(after, before.stored.number + 1), dict(lists))
        raise Conflict(f"others have written {TRIES} times in between: nothing was changed, try again")

    @property
    def versions(self) -> Versions:
        return Versions(self.s3, self.lake, PROBLEM, self.now)

    def _keep_lists(self, lists: Lists) -> str:
        """Their SHA-256. Where this content was kept before, and somebody forgotten in it since, it is another one."""
        for again in itertools.count():
            body = documents.lines_of(lists, again)
            sha = self._keep("lists", body)
            if self.lists(sha).taken_out == 0:
                return sha
        raise AssertionError("counting ends")

    def _keep(self, kind: documents.Kind, body: bytes) -> str:
        return documents.keep(self.s3, self.lake, PROBLEM, kind, body)


def lists_table(prefix: str) -> str:
    """Written by operators, read by the doors."""
    return f"{prefix}-lists"


def policies_table(prefix: str) -> str:
    """Written by operators alone."""
    return f"{prefix}-policies"


def require_usable(ruled: Mapping[str, Any], lists: Lists) -> None:
    """Raises InvalidPolicy for rules that no door could take."""
    Policy.parse(documents.judging(documents.BOOTSTRAP, ruled), RULED, lists)
    if (size := len(documents.canonical(ruled))) > MOST_RULES:
        raise InvalidPolicy(f"rules take {size} bytes, expected at most {MOST_RULES}")
    if (listed := sum(len(one.among) for one in lists.values())) > MOST_LISTED:
        raise InvalidPolicy(f"lists hold {listed} identifiers, expected at most {MOST_LISTED}")


def ruling(document: Mapping[str, Any], declared: Mapping[str, Any] | None = None) -> Change:
    """The change that an operator's file makes: its rules and share. What a rule has `among` becomes a list that bears
    the rule's name; lists that rules only name stay as they are. `declared` are lists that are looked up for each
    payment, by name, with `field` and `kind`; those that live rules know are known, too. Raises InvalidPolicy."""
    if not isinstance(document, Mapping) or (unknown := sorted(set(document) - PARTS)):
        given = ", ".join(unknown) if isinstance(document, Mapping) else type(document).__name__
        raise InvalidPolicy(f"a policy has {', '.join(sorted(PARTS))} and nothing else, got {given}")
    rules = document.get("rules")
    if not isinstance(rules, list):
        raise InvalidPolicy(f"expected rules to be a list, got {type(rules).__name__}")
    if not isinstance(document.get("four_eyes", False), bool):
        raise InvalidPolicy("expected four_eyes to be true or false")

    def change(before: dict, lists: Lists) -> tuple[dict, Lists]:
        known = {**before.get("looked_up", {}), **(declared or {})}
        Policy.parse({**document, "looked_up": known}, RULED, lists)
        own = {
            str(r["name"]): Listing(r["field"], spelt_as_said(r["field"], r["among"], f"rule {r['name']}: among"))
            for r in rules
            if "among" in r
        }
        named = [
            {k: v for k, v in r.items() if k != "among"} | ({"list": str(r["name"])} if "among" in r else {})
            for r in rules
        ]
        ruled = {
            "version": str(document["version"]),
            "explore_share": document.get("explore_share", 0.0),
            "explore_key": before.get("explore_key") or secrets.token_hex(16),
            "rules": named,
        }
        ruled |= {part: document[part] for part in OPTIONS if document.get(part)}
        if looked_up := {name: known[name] for name in sorted(lists_named(named) & known.keys() - lists.keys())}:
            ruled["looked_up"] = looked_up
        return ruled, {**lists, **own}

    return change


def lists_named(part: object) -> set[str]:
    """Lists that rules name, however deep."""
    if isinstance(part, list):
        return {name for each in part for name in lists_named(each)}
    if not isinstance(part, Mapping):
        return set()
    own = {part["list"]} if isinstance(part.get("list"), str) else set()
    return own.union(*map(lists_named, part.values()))


def listing(name: str, listed: Listing | None) -> Change:
    """The change that puts a list in the place of the one of that name, or takes it away. Raises InvalidPolicy for
    values that no payment says in its field."""
    if listed is not None:
        listed = Listing(listed.field, spelt_as_said(listed.field, sorted(listed.among), f"list {name}"))

    def change(before: dict, lists: Lists) -> tuple[dict, Lists]:
        others = {known: one for known, one in lists.items() if known != name}
        ruled = {part: before[part] for part in (*JUDGING, *OPTIONS, "version", "rules") if part in before}
        return ruled, others if listed is None else {**others, name: listed}

    return change
