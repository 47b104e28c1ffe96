"""The policy: thresholds and rules as versioned data. It turns a score into an action and says why."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from features.cards import holds_card
from features.contract import TRANSACTIONS
from features.payment import LONGEST_IDENTIFIER, Payment

Action = Literal["APPROVE", "REVIEW", "BLOCK"]
SEVERITY: dict[Action, int] = {"APPROVE": 0, "REVIEW": 1, "BLOCK": 2}
# What a rule may look for in a list: what the contract has as a text or a flag, and a bank's own columns by the prefix.
OWN = "attributes."
LISTED_FIELDS = tuple(c.name for c in TRANSACTIONS.columns if c.type in ("text", "flag") and c.name != "transaction_id")
CONTRACTS_OWN = {c.name for c in TRANSACTIONS.columns}
OWN_COLUMN = re.compile(rf"{re.escape(OWN)}\S(.{{0,126}}\S)?")
LARGEST_EXPLORE_SHARE = 0.1
LONGEST_NAMES = 8192  # characters of the version and all rules' names together: they stand in decisions
STRICTER = ("REVIEW", "BLOCK")  # what a rule can do
SAMPLED = "block_sampled_for_review"


class InvalidPolicy(ValueError):
    """A policy document is not usable; the text says what was expected."""


@dataclass(frozen=True)
class Listing:
    """Identifiers that rules look for in a payment's field."""

    field: str
    among: frozenset[str]


@dataclass(frozen=True)
class Limit:
    """`action` when the feature is above the limit, whatever the model says."""

    name: str
    feature: str
    above: float
    action: Action

    def speaks(self, payment: Payment, values: Mapping[str, float | None]) -> bool:
        value = values.get(self.feature)
        return value is not None and value > self.above


@dataclass(frozen=True)
class Listed:
    """`action` when what the payment says in a field is on the list, whatever the model says."""

    name: str
    field: str
    among: frozenset[str]
    action: Action

    def speaks(self, payment: Payment, values: Mapping[str, float | None]) -> bool:
        return payment.said(self.field.removeprefix(OWN)) in self.among


Rule = Limit | Listed


@dataclass(frozen=True)
class Policy:
    """A score at or above a threshold takes its action; a rule can only make the action more severe.

    Of the payments that the score alone would block, `explore_share` goes to a person instead: a blocked payment is
    never labelled by what becomes of it, and a model that learns from its own blocks alone confirms itself. Which
    payments these are depends on their identifiers and on `explore_key`, so that both doors and every repetition agree
    and no payer can choose an identifier that goes to a person.

    `model` is the one whose scores the thresholds were solved for.
    """

    version: str
    review_at: float
    block_at: float
    rules: tuple[Rule, ...]
    explore_share: float = 0.0
    explore_key: str = ""
    model: str | None = None

    @classmethod
    def parse(cls, document: Mapping, features: Sequence[str], lists: Mapping[str, Listing] | None = None) -> Policy:
        """Rules may name `lists`. Raises InvalidPolicy for a missing part, thresholds out of order, or a rule about
        nothing known."""
        try:
            rules = tuple(rule(r, features, lists or {}) for r in document["rules"])
            version, review_at, block_at = (
                document["version"],
                float(document["review_at"]),
                float(document["block_at"]),
            )
            explore_share, explore_key = float(document.get("explore_share", 0.0)), document.get("explore_key", "")
        except InvalidPolicy:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as wrong:
            raise InvalidPolicy(f"a policy has version, review_at, block_at and rules; {wrong!r}") from None
        if not 0 <= review_at <= block_at <= 1:
            raise InvalidPolicy(f"expected 0 <= review_at <= block_at <= 1, got {review_at} and {block_at}")
        if not 0 <= explore_share <= LARGEST_EXPLORE_SHARE:
            raise InvalidPolicy(f"expected explore_share from 0 to {LARGEST_EXPLORE_SHARE}, got {explore_share}")
        if not isinstance(explore_key, str):
            raise InvalidPolicy("expected explore_key to be a text")
        names = [r.name for r in rules]
        if len(set(names)) < len(names):
            raise InvalidPolicy(f"expected each rule to have a name of its own, as reasons are told by it; got {names}")
        if any(map(holds_card, (str(version), *names))):
            # They stand in every decision, and what looks like a card number goes into no log.
            raise InvalidPolicy("expected a version and rules' names that do not look like card numbers")
        if len(json.dumps([str(version), *names])) > LONGEST_NAMES:
            raise InvalidPolicy(f"expected a version and rules' names of at most {LONGEST_NAMES} characters together")
        return cls(str(version), review_at, block_at, rules, explore_share, explore_key, document.get("model"))

    def _is_explored(self, transaction_id: str) -> bool:
        return sampled(transaction_id, self.explore_share, self.explore_key)

    def judge(
        self, score: float | None, values: Mapping[str, float | None], payment: Payment
    ) -> tuple[Action, list[str]]:
        """The action and its reasons, the model's first. Without a score only rules speak, and REVIEW is the floor.

        `values` are features by name.
        """
        action: Action = "APPROVE"
        reasons: list[str] = []
        if score is None:
            action, reasons = "REVIEW", ["no_model_score"]
        elif score >= self.block_at:
            action, reasons = "BLOCK", ["score_at_or_above_block_threshold"]
        elif score >= self.review_at:
            action, reasons = "REVIEW", ["score_at_or_above_review_threshold"]
        speaking = [r for r in self.rules if r.speaks(payment, values)]
        blocked_by_rule = any(r.action == "BLOCK" for r in speaking)
        if action == "BLOCK" and not blocked_by_rule and self._is_explored(payment.transaction_id):
            action, reasons = "REVIEW", [*reasons, SAMPLED]
        for spoken in speaking:
            action = max(action, spoken.action, key=SEVERITY.__getitem__)
        return action, [*reasons, *(spoken.name for spoken in speaking)]


def sampled(transaction_id: str, share: float, key: str = "") -> bool:
    """Whether a payment is among that share of all. Who is in a share is in every larger one of the same key."""
    if share == 0:
        return False
    text = f"explore {transaction_id}".encode()
    # Documents of before have no key.
    found = hmac.new(key.encode(), text, hashlib.sha256) if key else hashlib.sha256(text)
    return int.from_bytes(found.digest()[:6], "big") < share * 2**48


def rule(document: Mapping, features: Sequence[str], lists: Mapping[str, Listing]) -> Rule:
    """Raises InvalidPolicy."""
    kinds = {
        frozenset(("name", "action", *more)) for more in (("feature", "above"), ("field", "among"), ("field", "list"))
    }
    if not isinstance(document, Mapping) or frozenset(document) not in kinds:
        raise InvalidPolicy(
            "a rule has name and action, and feature and above, or field and among, or field and list, and nothing else"
        )
    name, action = str(document["name"]), document["action"]
    if action not in STRICTER:
        raise InvalidPolicy(
            f"rule {name}: expected an action of {', '.join(STRICTER)}, got {action!r}: a rule only makes it stricter"
        )
    if "feature" in document:
        return Limit(name, document["feature"], limit(name, document, features), action)
    field = document["field"]
    if not may_list(field):
        fields = f"{', '.join(LISTED_FIELDS)} or {OWN}<a column of yours>"
        raise InvalidPolicy(f"rule {name}: expected field to be one of {fields}, got {field!r}")
    if "list" in document:
        listing = lists.get(document["list"]) if isinstance(document["list"], str) else None
        if listing is None or listing.field != field:
            raise InvalidPolicy(f"rule {name}: expected a list of {field} that is there, got {document['list']!r}")
        return Listed(name, field, listing.among, action)
    among = document["among"]
    if not isinstance(among, list) or not among or not all(map(identifies, among)):
        raise InvalidPolicy(f"rule {name}: expected among to be a list of identifiers, not empty")
    return Listed(name, field, frozenset(among), action)


def may_list(field: object) -> bool:
    """Whether a rule may look for what a payment says there. Columns of a bank's own are called as such: a name that is
    misspelt is no other column."""
    if not isinstance(field, str):
        return False
    own = OWN_COLUMN.fullmatch(field) is not None and field.removeprefix(OWN) not in CONTRACTS_OWN
    return own or field in LISTED_FIELDS


def limit(name: str, document: Mapping, features: Sequence[str]) -> float:
    """Raises InvalidPolicy."""
    try:
        above = float(document["above"])
    except OverflowError:
        raise InvalidPolicy(f"rule {name}: expected above to be at most 1.8e308, got a larger number") from None
    if document["feature"] not in features or not isfinite(above):
        raise InvalidPolicy(f"rule {name}: expected a known feature above a number, got {document['feature']!r}")
    return above


def identifies(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_IDENTIFIER and value == value.strip()
