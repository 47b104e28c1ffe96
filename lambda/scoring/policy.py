"""The policy: thresholds and rules as versioned data. It turns a score into an action and says why."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import Literal, NamedTuple

from features.cards import holds_card
from features.payment import Payment
from scoring.cells import LISTED_FIELDS, InvalidPolicy, identifies, may_list, shown
from scoring.conditions import OWN, Membership, Sight, subjects
from scoring.judging import Judge, judge_of
from scoring.rules import (
    ALLOW,
    BY_SCORE,
    KINDS,
    Known,
    Listing,
    LookedUp,
    Rule,
    may_name_list,
    rules_of,
)

__all__ = ["LISTED_FIELDS", "OWN", "InvalidPolicy", "Listing", "Policy", "Rule", "identifies", "may_list"]

Action = Literal["APPROVE", "REVIEW", "BLOCK"]
SEVERITY: dict[Action, int] = {"APPROVE": 0, "REVIEW": 1, "BLOCK": 2}
LARGEST_EXPLORE_SHARE = 0.1
LONGEST_NAME = 8_000  # characters: a decision's texts are not much longer
LONGEST_NAMES = 16_384  # characters of the version and all rules' names together: they stand in decisions
MOST_RULES = 900  # a decision names each that speaks, and each that is snoozed by each field
SAMPLED = "block_sampled_for_review"
MOST_SNOOZE_FIELDS = 4  # each is looked up for every payment
MOST_LOOKED_UP = 90  # with these in one request for a payment


class Judgement(NamedTuple):
    """`without_effect` are rules that spoke and changed nothing: `shadow <rule>`, `snoozed <rule>`, and `overridden
    <rule>` where an ALLOW took it out (`overridden score` for the action that the score took)."""

    action: Action
    reasons: list[str]
    without_effect: list[str]


def snooze_mark(field: str, rule: str) -> str:
    """How a decision says that the rule is snoozed for what the payment says in the field."""
    return f"snooze/{field}/{rule}"


@dataclass(frozen=True)
class Policy:
    """A score at or above a threshold takes its action; a rule can make the action more severe, or be an ALLOW that
    names what it overrides.

    Of the payments that the score alone would block, `explore_share` goes to a person instead: a blocked payment is
    never labelled by what becomes of it, and a model that learns from its own blocks alone confirms itself. Which
    payments these are depends on their identifiers and on `explore_key`, so that both doors and every repetition agree
    and no payer can choose an identifier that goes to a person.

    `model` is the one whose scores the thresholds were solved for. Rules may be snoozed by what a payment says in one
    of the fields `snooze_by`.
    """

    version: str
    review_at: float
    block_at: float
    rules: tuple[Rule, ...]
    explore_share: float = 0.0
    explore_key: str = ""
    model: str | None = None
    snooze_by: tuple[str, ...] = ()

    @classmethod
    def parse(cls, document: Mapping, features: Sequence[str], lists: Mapping[str, Listing] | None = None) -> Policy:
        """Rules may name `lists`, and those that the document says to be `looked_up`. Raises InvalidPolicy for a
        missing part, thresholds out of order, or a rule about nothing known."""
        try:
            known = Known(features, lists or {}, looked_up_in(document.get("looked_up", {})))
            rules = rules_of(document["rules"], known)
            snooze_by = snooze_by_of(document.get("snooze_by", []))
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
        if len(names) > MOST_RULES:
            raise InvalidPolicy(f"expected at most {MOST_RULES} rules, got {len(names)}")
        if any(map(holds_card, (str(version), *names))):
            # They stand in every decision, and what looks like a card number goes into no log.
            raise InvalidPolicy("expected a version and rules' names that do not look like card numbers")
        longest = max(map(len, (str(version), *names)))
        if len(json.dumps([str(version), *names])) > LONGEST_NAMES or longest > LONGEST_NAME:
            raise InvalidPolicy(
                f"expected a version and rules' names of at most {LONGEST_NAMES} characters together and "
                f"{LONGEST_NAME} each"
            )
        if snooze_by and any("," in name for name in names):
            raise InvalidPolicy("expected rules' names without commas, as they can be snoozed")
        made = cls(
            str(version), review_at, block_at, rules, explore_share, explore_key, document.get("model"), snooze_by
        )
        if len(made.memberships) > MOST_LOOKED_UP:
            raise InvalidPolicy(
                f"expected rules to look up at most {MOST_LOOKED_UP} lists, got {len(made.memberships)}"
            )
        made.ready  # noqa: B018 - made ready once, before a payer waits for it
        return made

    @cached_property
    def ready(self) -> tuple[tuple[Rule, ...], Sight, Judge]:
        """The rules, the most severe first, what they look at, and which of them speak."""
        rules = tuple(sorted(self.rules, key=lambda rule: -rule.severity))
        sight = Sight(rule.when for rule in rules)
        return rules, sight, judge_of([rule.when for rule in rules], sight.places)

    @cached_property
    def memberships(self) -> tuple[Membership, ...]:
        """The lists that are looked up for each payment."""
        return tuple(of for of in subjects(rule.when for rule in self.rules) if isinstance(of, Membership))

    def _is_explored(self, transaction_id: str) -> bool:
        return sampled(transaction_id, self.explore_share, self.explore_key)

    def judge(
        self,
        score: float | None,
        values: Mapping[str, float | None],
        payment: Payment,
        at: int | None = None,
        marks: frozenset[str] | None = frozenset(),
    ) -> tuple[Action, list[str]]:
        """The action and its reasons alone, see `weigh`."""
        return self.weigh(score, values, payment, at, marks)[:2]

    def weigh(
        self,
        score: float | None,
        values: Mapping[str, float | None],
        payment: Payment,
        at: int | None = None,
        marks: frozenset[str] | None = frozenset(),
    ) -> Judgement:
        """The action and its reasons, the model's first. Without a score only rules speak, and REVIEW is the floor.

        `values` are features by name, `at` is when it is decided (ms; none: rules are valid at any moment), `marks` say
        on which lists the payment is and which rules are snoozed for it; none where that could not be read.
        """
        action: Action = "APPROVE"
        reasons: list[str] = []
        if score is None:
            action, reasons = "REVIEW", ["no_model_score"]
        elif score >= self.block_at:
            action, reasons = "BLOCK", ["score_at_or_above_block_threshold"]
        elif score >= self.review_at:
            action, reasons = "REVIEW", ["score_at_or_above_review_threshold"]
        rules, sight, judge = self.ready
        seen = sight.of(score, values, payment, marks, at)
        speaking = [rule for rule in compress(rules, judge(seen)) if rule.is_valid(at)]
        without_effect: list[str] = []
        heard: list[Rule] = []
        for rule in speaking:
            if rule.shadow:
                without_effect.append(f"shadow {rule.name}")
            elif self._is_snoozed(rule, marks):
                without_effect.append(f"snoozed {rule.name}")
            else:
                heard.append(rule)
        stricter = [rule for rule in heard if rule.action != ALLOW]
        allowing: list[Rule] = []
        if len(stricter) < len(heard):
            by_score = [BY_SCORE] if score is not None and reasons else []
            speaks = {*by_score, *(rule.name for rule in stricter)}
            allowing = [rule for rule in heard if rule.action == ALLOW and speaks.intersection(rule.overrides)]
            overridden = {name for rule in allowing for name in rule.overrides}
            without_effect += [f"overridden {n}" for n in (*by_score, *(r.name for r in stricter)) if n in overridden]
            stricter = [rule for rule in stricter if rule.name not in overridden]
            if by_score and BY_SCORE in overridden:
                action, reasons = "APPROVE", []
        blocked_by_rule = any(rule.action == "BLOCK" for rule in stricter)
        if action == "BLOCK" and not blocked_by_rule and self._is_explored(payment.transaction_id):
            action, reasons = "REVIEW", [*reasons, SAMPLED]
        for spoken in stricter:
            action = max(action, spoken.action, key=SEVERITY.__getitem__)  # type: ignore[arg-type]
        names = [*(spoken.name for spoken in stricter), *(rule.name for rule in allowing)]
        return Judgement(action, [*reasons, *names], without_effect)

    def _is_snoozed(self, rule: Rule, marks: frozenset[str] | None) -> bool:
        if not marks or rule.is_final:
            return False
        return any(snooze_mark(field, rule.name) in marks for field in self.snooze_by)


def looked_up_in(document: object) -> dict[str, LookedUp]:
    """The lists that a policy's document says to be looked up. Raises InvalidPolicy."""
    if not isinstance(document, Mapping):
        raise InvalidPolicy("expected looked_up to be lists by name")
    found = {}
    for name, told in document.items():
        fits = isinstance(told, Mapping) and told.keys() == {"field", "kind"}
        if not fits or not may_name_list(name) or not may_look_up(told["field"]) or told["kind"] not in KINDS:
            raise InvalidPolicy(f"looked_up.{shown(name)}: expected field and kind ({', '.join(KINDS)})")
        found[name] = LookedUp(told["field"], told["kind"])
    return found


def snooze_by_of(document: object) -> tuple[str, ...]:
    """Raises InvalidPolicy."""
    if not isinstance(document, list) or len(document) > MOST_SNOOZE_FIELDS or not all(map(may_look_up, document)):
        raise InvalidPolicy(f"expected snooze_by to be a list of at most {MOST_SNOOZE_FIELDS} fields")
    return tuple(dict.fromkeys(document))


def may_look_up(field: object) -> bool:
    """A decision's marks are told apart by commas where Athena writes them in one cell."""
    return may_list(field) and "," not in str(field)


def sampled(transaction_id: str, share: float, key: str = "") -> bool:
    """Whether a payment is among that share of all. Who is in a share is in every larger one of the same key."""
    if share == 0:
        return False
    text = f"explore {transaction_id}".encode()
    # Documents of before have no key.
    found = hmac.new(key.encode(), text, hashlib.sha256) if key else hashlib.sha256(text)
    return int.from_bytes(found.digest()[:6], "big") < share * 2**48
