"""The policy: thresholds and rules as versioned data. It turns a score into an action and says why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from features.cards import holds_card
from features.payment import LONGEST_IDENTIFIER, Payment

Action = Literal["APPROVE", "REVIEW", "BLOCK"]
SEVERITY: dict[Action, int] = {"APPROVE": 0, "REVIEW": 1, "BLOCK": 2}
LISTED_FIELDS = ("customer_id", "merchant_id")
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
    """`action` when the payment's customer or merchant is on the list, whatever the model says."""

    name: str
    field: str
    among: frozenset[str]
    action: Action

    def speaks(self, payment: Payment, values: Mapping[str, float | None]) -> bool:
        return (payment.customer_id if self.field == "customer_id" else payment.merchant_id) in self.among


Rule = Limit | Listed


@dataclass(frozen=True)
class Policy:
    """A score at or above a threshold takes its action; a rule can only make the action more severe.

    Of the payments that the score alone would block, `explore_share` goes to a person instead: a blocked payment is
    never labelled by what becomes of it, and a model that learns from its own blocks alone confirms itself. Which
    payments these are depends on their identifiers only, so that both doors and every repetition agree.

    `model` is the one whose scores the thresholds were solved for.
    """

    version: str
    review_at: float
    block_at: float
    rules: tuple[Rule, ...]
    explore_share: float = 0.0
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
            explore_share = float(document.get("explore_share", 0.0))
        except InvalidPolicy:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as wrong:
            raise InvalidPolicy(f"a policy has version, review_at, block_at and rules; {wrong!r}") from None
        if not 0 <= review_at <= block_at <= 1:
            raise InvalidPolicy(f"expected 0 <= review_at <= block_at <= 1, got {review_at} and {block_at}")
        if not 0 <= explore_share <= LARGEST_EXPLORE_SHARE:
            raise InvalidPolicy(f"expected explore_share from 0 to {LARGEST_EXPLORE_SHARE}, got {explore_share}")
        names = [r.name for r in rules]
        if len(set(names)) < len(names):
            raise InvalidPolicy(f"expected each rule to have a name of its own, as reasons are told by it; got {names}")
        if any(map(holds_card, (str(version), *names))):
            # They stand in every decision, and what looks like a card number goes into no log.
            raise InvalidPolicy("expected a version and rules' names that do not look like card numbers")
        if len(json.dumps([str(version), *names])) > LONGEST_NAMES:
            raise InvalidPolicy(f"expected a version and rules' names of at most {LONGEST_NAMES} characters together")
        return cls(str(version), review_at, block_at, rules, explore_share, document.get("model"))

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
        if action == "BLOCK" and not blocked_by_rule and sampled(payment.transaction_id, self.explore_share):
            action, reasons = "REVIEW", [*reasons, SAMPLED]
        for spoken in speaking:
            action = max(action, spoken.action, key=SEVERITY.__getitem__)
        return action, [*reasons, *(spoken.name for spoken in speaking)]


def sampled(transaction_id: str, share: float) -> bool:
    """Whether a payment is among that share of all. Who is in a share is in every larger one."""
    drawn = int.from_bytes(hashlib.sha256(f"explore {transaction_id}".encode()).digest()[:6], "big")
    return drawn < share * 2**48


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
    if field not in LISTED_FIELDS:
        raise InvalidPolicy(f"rule {name}: expected field to be one of {', '.join(LISTED_FIELDS)}, got {field!r}")
    if "list" in document:
        listing = lists.get(document["list"]) if isinstance(document["list"], str) else None
        if listing is None or listing.field != field:
            raise InvalidPolicy(f"rule {name}: expected a list of {field} that is there, got {document['list']!r}")
        return Listed(name, field, listing.among, action)
    among = document["among"]
    if not isinstance(among, list) or not among or not all(map(identifies, among)):
        raise InvalidPolicy(f"rule {name}: expected among to be a list of identifiers, not empty")
    return Listed(name, field, frozenset(among), action)


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
