"""The rules of a detector's version as rules of a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tools.fraud_detector.conversion import Known, NoCounterpart, condition, not_surely
from tools.fraud_detector.language import Unreadable, parse

FIRST, ALL = "FIRST_MATCHED", "ALL_MATCHED"
SEVERITY = {"APPROVE": 0, "REVIEW": 1, "BLOCK": 2}
WORDS = {
    "BLOCK": ("block", "deny", "decline", "reject", "fraud"),
    "REVIEW": ("review", "investigate", "verify", "challenge", "manual"),
    "APPROVE": ("approve", "allow", "accept", "pass", "legit"),
}


@dataclass(frozen=True)
class Rule:
    """One of the service's: its name, expression, and outcomes."""

    name: str
    expression: str
    outcomes: tuple[str, ...]


@dataclass
class Converted:
    """Rules of ours, and what has no counterpart, by the name of its rule."""

    rules: list[dict] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)


def converted(rules: Sequence[Rule], mode: str, actions: Mapping[str, str], known: Known) -> Converted:
    """`rules` in the order in which the service asks them; `actions` are APPROVE, REVIEW or BLOCK by outcome.

    Where all that match count (ALL_MATCHED) each is a rule of its own, as ours are. Where the first decides, a rule
    that would be stricter than one before it is asked only where that one is not surely true. What follows a rule that
    has no counterpart is converted without it, and says so.
    """
    found, lost = Converted(), []
    before: list[tuple[dict, str]] = []
    for rule in rules:
        try:
            when = condition(parse(rule.expression), known)
        except (NoCounterpart, Unreadable) as wrong:
            found.missing[rule.name] = str(wrong)
            lost.append(rule.name)
            continue
        action = max((actions[outcome] for outcome in rule.outcomes), key=SEVERITY.__getitem__)
        if action != "APPROVE":
            milder = [other for other, of in before if SEVERITY[of] < SEVERITY[action]] if mode == FIRST else []
            asked = [when, *map(not_surely, milder)]
            found.rules.append({"name": rule.name, "action": action, "when": {"all": asked} if milder else when})
            if mode == FIRST and lost:
                found.missing[f"{rule.name} (converted)"] = (
                    f"speaks where {', '.join(lost)} would have decided before it"
                )
        before.append((when, action))
    return found


def action_of(outcome: str) -> str | None:
    """By a word in its name; none where no word, or several, tell it."""
    said = {action for action, words in WORDS.items() if any(word in outcome.lower() for word in words)}
    return said.pop() if len(said) == 1 else None
