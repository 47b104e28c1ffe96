"""The policy: thresholds and rules as versioned data. It turns a score into an action and says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Action = Literal["APPROVE", "REVIEW", "BLOCK"]
SEVERITY: dict[Action, int] = {"APPROVE": 0, "REVIEW": 1, "BLOCK": 2}


class InvalidPolicy(ValueError):
    """A policy document is not usable; the text says what was expected."""


@dataclass(frozen=True)
class Rule:
    """`action` when the feature is above the limit, whatever the model says."""

    name: str
    feature: str
    above: float
    action: Action


@dataclass(frozen=True)
class Policy:
    """A score at or above a threshold takes its action; a rule can only make the action more severe."""

    version: str
    review_at: float
    block_at: float
    rules: tuple[Rule, ...]

    @classmethod
    def parse(cls, document: Mapping, features: tuple[str, ...]) -> Policy:
        """Raises InvalidPolicy when thresholds are out of order or a rule names an unknown feature or action."""
        try:
            rules = tuple(Rule(r["name"], r["feature"], float(r["above"]), r["action"]) for r in document["rules"])
            policy = cls(str(document["version"]), float(document["review_at"]), float(document["block_at"]), rules)
        except (KeyError, TypeError, ValueError) as wrong:
            raise InvalidPolicy(f"a policy has version, review_at, block_at and rules; {wrong!r}") from None
        if not 0 <= policy.review_at <= policy.block_at <= 1:
            raise InvalidPolicy(
                f"expected 0 <= review_at <= block_at <= 1, got {policy.review_at} and {policy.block_at}"
            )
        for rule in rules:
            if rule.feature not in features or rule.action not in SEVERITY:
                raise InvalidPolicy(f"rule {rule.name}: unknown feature {rule.feature!r} or action {rule.action!r}")
        return policy

    def judge(self, score: float | None, values: Mapping[str, float | None]) -> tuple[Action, list[str]]:
        """The action and its reasons, the model's first. Without a score only rules speak, and REVIEW is the floor."""
        action: Action = "APPROVE"
        reasons: list[str] = []
        if score is None:
            action, reasons = "REVIEW", ["no_model_score"]
        elif score >= self.block_at:
            action, reasons = "BLOCK", ["score_at_or_above_block_threshold"]
        elif score >= self.review_at:
            action, reasons = "REVIEW", ["score_at_or_above_review_threshold"]
        for rule in self.rules:
            value = values.get(rule.feature)
            if value is not None and value > rule.above:
                reasons.append(rule.name)
                action = max(action, rule.action, key=SEVERITY.__getitem__)
        return action, reasons
