"""A rule's tree as a condition of our rules (docs/rules.md), or why there is none.

Both are three-valued: what a payment does not say is unknown, and a rule speaks only when it is surely true. What is
not expressible is named; nothing is left out of a rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scoring.patterns import InvalidPattern, Pattern

from features.payment import FLAGS
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
ARITHMETIC = ("+", "-", "*", "/", "%")
NUMERIC = ("INTEGER", "FLOAT")
IN_ONE_SPELLING = FLAGS | {"currency"}  # payments say these in one spelling, the service as they came
TEXTS = {"lowercase": "lower", "uppercase": "upper"}
BEFORE = {"isbefore": "<", "isafter": ">"}
SPELLINGS = {True: ("true", "True", "TRUE", "1"), False: ("false", "False", "FALSE", "0")}
SPECIAL = re.compile(r"[.^$*+?{}\[\]()|\\]")
AMOUNT = "amount"


class NoCounterpart(ValueError):
    """What our rules cannot say, in words."""


@dataclass(frozen=True)
class Known:
    """By the name of a variable which of our columns it became, of which names of columns only a list may speak, by the
    name of a list the variable's column that its entries are of, and by the name of a variable its data type."""

    columns: Mapping[str, str]
    by_list_alone: frozenset[str]
    lists: Mapping[str, str]
    types: Mapping[str, str] = field(default_factory=dict)


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
    if isinstance(tree, Call) and tree.name in BEFORE:
        one, other = taken(tree, 2)
        operator = BEFORE[tree.name]
        if isinstance(one, Constant):
            one, other, operator = other, one, TURNED[operator]
        return {"value": moment(one, known), operator: moment(other, known)}
    if isinstance(tree, Variable):
        return compared(Compared("==", tree, Constant(True)), known)
    raise NoCounterpart(f"{said(tree)} as a condition")


def compared(tree: Compared, known: Known) -> dict:
    left, right, operator = tree.left, tree.right, tree.operator
    if isinstance(left, Constant) and not isinstance(right, Constant):
        left, right, operator = right, left, TURNED.get(operator, operator)
    if isinstance(left, Call) and left.name in ("regex_match", *BEFORE):
        return asked(left, operator, right, known)
    if isinstance(left, Constant) or not isinstance(right, Constant | Variable | Call):
        raise NoCounterpart(f"a comparison of {said(left)} with {said(right)}")
    if not isinstance(right, Constant):
        return beside(left, operator, right, known)
    if isinstance(left, Variable):
        place = column(left.name, known)
        if right.value is None:
            if operator not in ("==", "!="):
                raise NoCounterpart(f"null beside {operator}")
            if place == AMOUNT:
                raise NoCounterpart("whether the amount is missing: every payment has one")
            return {"field": place, "missing": operator == "=="}
        return leaf(place, OURS[operator], right.value, known)
    made, kind = operand(left, known)
    if not isinstance(right.value, float if kind == "number" else str):
        raise NoCounterpart(f"a comparison of {said(left)} with {said(right)}")
    return {"value": made, OURS[operator]: right.value}


def asked(left: Call, operator: str, right: Tree, known: Known) -> dict:
    """What is true or false itself, beside true or false."""
    if operator not in ("==", "!=") or not isinstance(right, Constant) or not isinstance(right.value, bool):
        raise NoCounterpart(f"a comparison of {said(left)} with {said(right)}")
    found = condition(left, known)
    return found if right.value is (operator == "==") else {"not": found}


def beside(left: Tree, operator: str, right: Tree, known: Known) -> dict:
    """One variable, or what is computed of variables, beside another."""
    (one, kind), (other, other_kind) = operand(left, known), operand(right, known)
    if kind != other_kind:
        raise NoCounterpart(f"a comparison of {said(left)} with {said(right)}: a {kind} with a {other_kind}")
    return {"value": one, OURS[operator]: other}


def operand(tree: Tree, known: Known) -> tuple[dict | float, str]:
    """What our rules compute, and whether it is a number or a text. Raises NoCounterpart."""
    if isinstance(tree, Constant) and isinstance(tree.value, float):
        return tree.value, "number"
    if isinstance(tree, Variable):
        return looked_at(tree, known)
    if isinstance(tree, Call) and tree.name in ARITHMETIC:
        parts = [operand(part, known) for part in tree.given]
        if any(kind != "number" for _, kind in parts):
            raise NoCounterpart(f"{said(tree)} of what is no number")
        return {tree.name: [part for part, _ in parts]}, "number"
    if isinstance(tree, Call) and tree.name in TEXTS:
        of, kind = operand(taken(tree, 1)[0], known)
        if kind != "text":
            raise NoCounterpart(f"{said(tree)} of what is no text")
        return {TEXTS[tree.name]: of}, "text"
    if isinstance(tree, Call) and tree.name == "getepochmilliseconds":
        return moment(taken(tree, 1)[0], known), "number"
    raise NoCounterpart(f"{said(tree)} as a value")


def looked_at(tree: Variable, known: Known) -> tuple[dict | float, str]:
    place, kind = column(tree.name, known), known.types.get(tree.name, "")
    if place == AMOUNT:
        return {"/": [{"feature": AMOUNT}, 100]}, "number"
    if place in IN_ONE_SPELLING:
        raise NoCounterpart(f"${tree.name} beside anything but a constant: payments say {place} in one spelling")
    if kind in NUMERIC:
        if place in known.by_list_alone:
            raise NoCounterpart(f"${tree.name} as a number: {place} names somebody")
        return {"number": {"field": place}}, "number"
    if kind == "STRING":
        return {"field": place}, "text"
    wanted = "STRING, INTEGER or FLOAT"
    raise NoCounterpart(f"${tree.name} of type {kind or 'unknown'}: expected get_variables to say {wanted}")


def moment(tree: Tree, known: Known) -> dict:
    if isinstance(tree, Call) and tree.name == "getcurrentdatetime":
        taken(tree, 0)
        return {"time": "decided"}
    if isinstance(tree, Constant) and isinstance(tree.value, str):
        return {"time": tree.value}
    if isinstance(tree, Variable):
        place = column(tree.name, known)
        if place != AMOUNT and known.types.get(tree.name) in ("STRING", "DATETIME"):
            return {"time": {"field": place}}
    raise NoCounterpart(f"{said(tree)} as a time")


def taken(tree: Call, number: int) -> tuple[Tree, ...]:
    if len(tree.given) != number:
        raise NoCounterpart(f"{said(tree)} of {len(tree.given)} arguments: expected {number}")
    return tree.given


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
        made, kind = operand(tree.of, known)
        values = [one.value for one in tree.values.of] if isinstance(tree.values, Values) else [None]
        if not all(isinstance(value, float if kind == "number" else str) for value in values):
            raise NoCounterpart(f"{said(tree.of)} in {said(tree.values)}")
        return {"value": made, "in": values}
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
    """The service matches whole texts (Java's `matches()`, by RE2J). Its reference says of `^a` that it matches what
    starts with `a`, and of `a` that it matches `a` alone: an anchor is taken where both readings are one."""
    pattern, of = taken(tree, 2)
    if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
        raise NoCounterpart(f"regex_match with {said(pattern)} as its pattern")
    if isinstance(of, Variable) and (place := column(of.name, known)) != AMOUNT:
        made: dict | float = {"field": place}
    else:
        made, kind = operand(of, known)
        if kind != "text":
            raise NoCounterpart(f"regex_match of {said(of)}, which is no text")
    whole = bare(pattern.value)
    texts = whole.split("|")
    if not any(SPECIAL.search(re.sub(r"\\[^A-Za-z0-9]", "", text)) for text in texts):
        texts = [re.sub(r"\\([^A-Za-z0-9])", r"\1", text) for text in texts]
        return one_of(texts, place, known) if isinstance(of, Variable) else {"value": made, "in": texts}
    try:
        Pattern(whole)
    except InvalidPattern as wrong:
        raise NoCounterpart(f"the regular expression {pattern.value!r}: {wrong}") from None
    if isinstance(of, Variable) and place in IN_ONE_SPELLING:
        raise NoCounterpart(f"regex_match of ${of.name}: payments say {place} in one spelling")
    return {"value": made, "matches": whole}


def bare(pattern: str) -> str:
    """Without the anchors around it, as the whole text is matched anyway. Raises NoCounterpart."""
    begins, ends = pattern.startswith("^"), pattern.endswith("$") and not re.search(r"(?<!\\)(\\\\)*\\\$$", pattern)
    whole = pattern[begins : len(pattern) - ends]
    if (begins or ends) and has_choice(whole):
        raise NoCounterpart(f"the regular expression {pattern!r}, whose anchors are of its first and last part alone")
    open_ends = re.search(r"(?<!\\)\.\*$", whole) if begins else whole.startswith(".*")
    if begins is not ends and not open_ends:
        raise NoCounterpart(
            f"the regular expression {pattern!r}: by the service's reference it may match a part or the whole; say "
            "^...$ or .*"
        )
    if whole.startswith("(") and whole.endswith(")") and not SPECIAL.search(whole[1:-1].replace("|", "")):
        return whole[1:-1]
    return whole


def has_choice(pattern: str) -> bool:
    """Whether a `|` stands in no group and no class."""
    depth, in_class = 0, False
    for sign in re.sub(r"\\.", "", pattern):
        if in_class:
            in_class = sign != "]"
        elif sign == "[":
            in_class = True
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == "|" and depth == 0:
            return True
    return False


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
