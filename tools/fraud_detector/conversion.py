"""A rule's tree as a condition of our rules (docs/rules.md), or why there is none.

Both are three-valued: what a payment does not say is unknown, and a rule speaks only when it is surely true. What is
not expressible is named; nothing is left out of a rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tools.fraud_detector.language import (
    Both,
    Call,
    Compared,
    Constant,
    Either,
    List,
    Negated,
    Tree,
    Values,
    Variable,
    Within,
)

OURS = {"==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
SPELLINGS = {True: ("true", "True", "TRUE", "1"), False: ("false", "False", "FALSE", "0")}
SPECIAL = re.compile(r"[.^$*+?{}\[\]()|\\]")
AMOUNT = "amount"


class NoCounterpart(ValueError):
    """What our rules cannot say, in words."""


@dataclass(frozen=True)
class Known:
    """By the name of a variable which of our columns it became, of which names of columns only a list may speak, and
    by the name of a list the variable's column that its entries are of."""

    columns: Mapping[str, str]
    by_list_alone: frozenset[str]
    lists: Mapping[str, str]


def condition(tree: Tree, known: Known) -> dict:
    """Raises NoCounterpart."""
    if isinstance(tree, Both | Either):
        word = "all" if isinstance(tree, Both) else "any"
        return {word: [condition(part, known) for part in tree.parts]}
    if isinstance(tree, Negated):
        return {"not": condition(tree.part, known)}
    if isinstance(tree, Within):
        return within(tree, known)
    if isinstance(tree, Compared):
        return compared(tree, known)
    if isinstance(tree, Call) and tree.name == "regex_match":
        return matched(tree, known)
    if isinstance(tree, Variable):
        return compared(Compared("==", tree, Constant(True)), known)
    raise NoCounterpart(f"{said(tree)} as a condition")


def compared(tree: Compared, known: Known) -> dict:
    left, right, operator = tree.left, tree.right, tree.operator
    if isinstance(left, Constant) and isinstance(right, Variable):
        left, right, operator = right, left, TURNED.get(operator, operator)
    if not isinstance(left, Variable) or not isinstance(right, Constant):
        raise NoCounterpart(f"a comparison of {said(left)} with {said(right)}")
    place = column(left.name, known)
    if right.value is None:
        if operator not in ("==", "!="):
            raise NoCounterpart(f"null beside {operator}")
        if place == AMOUNT:
            raise NoCounterpart("whether the amount is missing: every payment has one")
        return {"field": place, "missing": operator == "=="}
    return leaf(place, OURS[operator], right.value, known)


def leaf(place: str, operator: str, value: float | str | bool, known: Known) -> dict:
    if place == AMOUNT:
        if not isinstance(value, float):
            raise NoCounterpart(f"the amount beside {value!r}")
        return {"feature": AMOUNT, operator: cents(value)}
    if place in known.by_list_alone:
        raise NoCounterpart(f"{place} beside a constant: whom it names stands on lists alone; make a list of it")
    if isinstance(value, bool):
        if operator not in ("=", "!="):
            raise NoCounterpart(f"{operator} beside true and false")
        among = {"field": place, "in": list(SPELLINGS[value])}
        return among if operator == "=" else {"not": among}
    return {"field": place, operator: value}


def within(tree: Within, known: Known) -> dict:
    if not isinstance(tree.of, Variable):
        raise NoCounterpart(f"{said(tree.of)} beside in")
    place = column(tree.of.name, known)
    if isinstance(tree.values, List):
        name = tree.values.name
        if name not in known.lists:
            raise NoCounterpart(f"the list {name}, which is not among those that were brought")
        if known.lists[name] != place:
            raise NoCounterpart(f"the list {name} of {known.lists[name]} for {place}: a list is of one column")
        return {"field": place, "list": name}
    return one_of([one.value for one in tree.values.of], place, known)


def one_of(values: Sequence[float | str | bool | None], place: str, known: Known) -> dict:
    if any(value is None for value in values):
        raise NoCounterpart("null in a list")
    of = {type(value) for value in values}
    if place == AMOUNT or len(of) > 1 or of == {bool} or place in known.by_list_alone:
        parts = [leaf(place, "=", value, known) for value in values if value is not None]
        return {"any": parts}
    return {"field": place, "in": list(values)}


def matched(tree: Call, known: Known) -> dict:
    """Of regular expressions those that name whole texts: `a`, `a|b`, `(a|b)`, `^a$`, `^(a|b)$`."""
    if len(tree.given) != 2 or not isinstance(tree.given[0], Constant) or not isinstance(tree.given[1], Variable):
        raise NoCounterpart("regex_match of anything but a pattern and a variable")
    pattern, name = str(tree.given[0].value), tree.given[1].name
    anchored = pattern.startswith("^") and pattern.endswith("$")
    whole = pattern[1:-1] if anchored else pattern
    if whole.startswith("(") and whole.endswith(")"):
        whole = whole[1:-1]
    elif anchored and "|" in whole:
        raise NoCounterpart(f"the regular expression {pattern!r}, whose anchors are of its first and last part alone")
    texts = [re.sub(r"\\([^A-Za-z0-9])", r"\1", text) for text in whole.split("|")]
    if any(SPECIAL.search(re.sub(r"\\[^A-Za-z0-9]", "", text)) for text in whole.split("|")):
        raise NoCounterpart(f"the regular expression {pattern!r}, which names more than whole texts")
    return one_of(texts, column(name, known), known)


def column(variable: str, known: Known) -> str:
    if variable not in known.columns:
        raise NoCounterpart(
            f"${variable}: a model's score or an unknown variable; thresholds of the score come with our own model"
        )
    return known.columns[variable]


def cents(units: float) -> float:
    """The language compares units of the currency, our rules cents of it."""
    whole = round(units * 100, 6)
    return int(whole) if whole == int(whole) else whole


def said(tree: Tree) -> str:
    if isinstance(tree, Variable):
        return f"${tree.name}"
    if isinstance(tree, Constant):
        return repr(tree.value)
    if isinstance(tree, Call):
        return f"{tree.name}(...)" if tree.name.isidentifier() else f"arithmetic ({tree.name})"
    if isinstance(tree, List):
        return f"@{tree.name}"
    return {Both: "and", Either: "or", Negated: "!", Values: "a list"}.get(type(tree), type(tree).__name__.lower())
