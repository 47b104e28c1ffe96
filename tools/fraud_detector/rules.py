"""The rules of a detector's version as rules of a policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from scoring.cells import InvalidPolicy

from tools.fraud_detector.conversion import Known, NoCounterpart, condition
from tools.fraud_detector.language import Unreadable, parse

FIRST, ALL = "FIRST_MATCHED", "ALL_MATCHED"
SEVERITY = {"APPROVE": 0, "REVIEW": 1, "BLOCK": 2}
WORDS = {
    "BLOCK": "block blocked deny denied decline declined reject rejected fraud fraudulent",
    "REVIEW": "review reviewed investigate investigation verify verification challenge manual",
    "APPROVE": "approve approved allow allowed accept accepted legit legitimate",
}
TURNS_ROUND = frozenset(["no", "not", "non", "never", "without", "un"])


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


def converted(
    rules: Sequence[Rule],
    mode: str,
    actions: Mapping[str, str],
    known: Known,
    require: Callable[[dict], object] = lambda rule: None,
) -> Converted:
    """`rules` in the order in which the service asks them; `actions` are APPROVE, REVIEW or BLOCK by outcome. `require`
    raises InvalidPolicy for a rule that our parser refuses.

    Where all that match count (ALL_MATCHED) each is a rule of its own, as ours are; one that approves changes nothing
    there. Where the first decides, a rule that would be stricter than one before it is asked only where that one is not
    surely true, and one that approves takes the score's action out. What follows a rule that has no counterpart is
    converted without it, and says so.
    """
    found, lost = Converted(), []
    before: list[tuple[dict, str]] = []
    for rule in rules:
        action = max((actions[outcome] for outcome in rule.outcomes), key=SEVERITY.__getitem__)
        try:
            when = condition(parse(rule.expression), known)
            if action == "APPROVE" and mode == ALL:
                found.missing[rule.name] = "it approves, as happens where no rule and no score objects"
                continue
            milder = [other for other, of in before if SEVERITY[of] < SEVERITY[action]] if mode == FIRST else []
            asked = {"all": [when, *({"unless": other} for other in milder)]} if milder else when
            ours: dict = {"name": rule.name, "action": "REVIEW" if action == "APPROVE" else action, "when": asked}
            require(ours)
        except (NoCounterpart, Unreadable, InvalidPolicy) as wrong:
            found.missing[rule.name] = said(wrong, rule)
            lost.append(rule.name)
            continue
        before.append((when, action))
        if action == "APPROVE":
            ours |= {"action": "ALLOW", "overrides": ["score"]}
            try:
                require(ours)
            except InvalidPolicy as wrong:
                found.missing[rule.name] = f"it holds back rules after it, and not the score: {said(wrong, rule)}"
                continue
        elif mode == FIRST and lost:
            before_it = f"speaks where {', '.join(lost)} would have decided before it"
            found.missing[f"{rule.name} (converted)"] = before_it
        found.rules.append(ours)
    return found


def said(wrong: Exception, rule: Rule) -> str:
    return str(wrong).removeprefix(f"rule {rule.name}: ")


def action_of(outcome: str) -> str | None:
    """By a word in its name; none where no word, or several, tell it."""
    apart = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", outcome).lower())
    found = {action for action, words in WORDS.items() if not set(apart).isdisjoint(words.split())}
    return found.pop() if len(found) == 1 and TURNS_ROUND.isdisjoint(apart) else None
