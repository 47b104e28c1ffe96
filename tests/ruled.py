"""Rules for tests: a feature above a limit, a column among some identifiers."""

from __future__ import annotations

from scoring.conditions import Among, Compare, Feature, Text
from scoring.rules import Doing, Rule


def limit(name: str, feature: str, above: float, action: Doing) -> Rule:
    return Rule(name, action, Compare(Feature(feature), ">", float(above)))


def listed(name: str, field: str, among: frozenset[str], action: Doing) -> Rule:
    return Rule(name, action, Among(Text(field), frozenset(among), listing=""), is_final=action == "BLOCK")
