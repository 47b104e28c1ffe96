"""A rule of the policy, and how it is read: one parser, which says where in the rule something else was expected.

docs/rules.md has the language for whoever writes rules.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, get_args

from features.cards import holds_card
from features.payment import FLAGS, as_text, storable
from features.values import InvalidValue, instant
from scoring.cells import (
    NUMBERS,
    PERSONAL,
    SPELT_ANEW,
    InvalidPolicy,
    field_of,
    fields_in_words,
    flag_cell,
    identifies,
    is_number,
    may_list,
    names_in,
    number_of,
    said_as,
    shown,
    spelt_as_said,
    text_of,
)
from scoring.conditions import (
    OWN,
    All,
    Among,
    AnyOf,
    Beside,
    Between,
    Compare,
    Condition,
    Feature,
    How,
    Like,
    Membership,
    Missing,
    Not,
    Number,
    OnList,
    Operator,
    Subject,
    Text,
    Unless,
    leaves,
)
from scoring.operands import Operands, feature_of, kind_of, personal_in
from scoring.patterns import InvalidPattern, Pattern

STRICTER = ("REVIEW", "BLOCK")
ALLOW = "ALLOW"
BY_SCORE = "score"  # what an ALLOW calls the action that the score takes
Doing = Literal["REVIEW", "BLOCK", "ALLOW"]
Kind = Literal["block", "watch", "allow"]
KINDS: tuple[Kind, ...] = get_args(Kind)
OPERATORS: tuple[Operator, ...] = get_args(Operator)
HOW: tuple[How, ...] = get_args(How)
LIST_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
DEEPEST = 10  # conditions within conditions
WIDEST = 200  # comparisons of one rule, and what they compute
MOST_STATES = 5_000  # of all regular expressions of a policy: what a text that is made to be slow costs at most
MOST_SEVERE = 5
OPTIONS = frozenset(("severity", "shadow", "from", "until"))
BARE = (
    frozenset(("feature", "above")),
    frozenset(("field", "among")),
    frozenset(("field", "list")),
    frozenset(("when",)),
)
PARTS = (
    "a rule has name and action, and when (or feature and above, field and among, field and list), may have severity, "
    "shadow, from and until, an ALLOW has overrides, and nothing else"
)


@dataclass(frozen=True)
class Listing:
    """Identifiers that rules look for in a payment's field: a list that the policy itself holds."""

    field: str
    among: frozenset[str]


@dataclass(frozen=True)
class LookedUp:
    """A list of any size, which is looked up for each payment."""

    field: str
    kind: Kind


@dataclass(frozen=True)
class Known:
    """What rules may look at: features by name, the policy's own lists, and those that are looked up."""

    features: Collection[str]
    listings: Mapping[str, Listing] = field(default_factory=dict)
    looked_up: Mapping[str, LookedUp] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """`action` when the condition is true, whatever the model says. Of rules that speak the most severe is told first.

    An ALLOW takes the rules that it overrides out of the decision, or the action that the score took (`score`). A
    `shadow` rule is judged and has no effect. Times are in ms since 1970: a rule speaks from `since`, and not from
    `until` on.
    """

    name: str
    action: Doing
    when: Condition
    severity: int = 0
    shadow: bool = False
    since: int | None = None
    until: int | None = None
    overrides: tuple[str, ...] = ()
    is_final: bool = False  # whether it blocks whom a list of blocks names: neither overridden nor snoozed

    def is_valid(self, at: int | None) -> bool:
        """At a moment; at any when none is asked about."""
        return at is None or ((self.since is None or at >= self.since) and (self.until is None or at < self.until))


def rules_of(documents: object, known: Known) -> tuple[Rule, ...]:
    """Raises InvalidPolicy, which names rule and place."""
    if not isinstance(documents, list):
        raise InvalidPolicy(f"expected rules to be a list, got {type(documents).__name__}")
    found = tuple(rule_of(document, known) for document in documents)
    names = [rule.name for rule in found]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InvalidPolicy(
            f"expected each rule to have a name of its own, as reasons are told by it; got twice: {', '.join(twice)}"
        )
    asked = {leaf for rule in found for leaf, _ in leaves(rule.when) if isinstance(leaf, Like)}
    if (states := sum(Pattern(like.text).states for like in asked if like.how == "matches")) > MOST_STATES:
        raise InvalidPolicy(
            f"expected regular expressions of at most {MOST_STATES} states together, got {states}: starts, ends, "
            "contains and in say many things without them"
        )
    by_name = {rule.name: rule for rule in found}
    if BY_SCORE in by_name and any(rule.action == ALLOW for rule in found):
        raise InvalidPolicy(
            f"rule {BY_SCORE}: expected another name beside an ALLOW, which calls the score's action so"
        )
    for rule in found:
        for number, name in enumerate(rule.overrides):
            other = by_name.get(name)
            if name != BY_SCORE and (other is None or other.action == ALLOW):
                wanted = f"{BY_SCORE} or the name of a rule that reviews or blocks"
                raise InvalidPolicy(f"rule {rule.name}: overrides[{number}]: expected {wanted}, got {shown(name)}")
            if other is not None and other.is_final:
                raise InvalidPolicy(
                    f"rule {rule.name}: overrides[{number}]: expected no rule that blocks whom a list names, got "
                    f"{name}: take the entry off the list"
                )
    return found


def rule_of(document: object, known: Known) -> Rule:
    """Raises InvalidPolicy."""
    if not isinstance(document, Mapping) or not {"name", "action"} <= document.keys():
        raise InvalidPolicy(PARTS)
    name, action = str(document["name"]), document["action"]
    asked = frozenset(document) - OPTIONS - {"name", "action", "overrides"}
    if asked not in BARE or ("overrides" in document) is not (action == ALLOW):
        if action == ALLOW and asked in BARE:
            raise InvalidPolicy(f"rule {name}: an ALLOW says what it overrides: rules by name, or {BY_SCORE}")
        raise InvalidPolicy(f"rule {shown(name)}: {PARTS}")
    place = f"rule {name}: "
    if action not in (*STRICTER, ALLOW):
        raise InvalidPolicy(
            f"{place}expected an action of {', '.join((*STRICTER, ALLOW))}, got {shown(action)}: a rule makes it "
            "stricter, or names what it overrides"
        )
    when = condition_of(document, place, known)
    made = Rule(
        name,
        action,  # type: ignore[arg-type]
        when,
        severity=severity_of(document, place),
        shadow=flag_of(document, "shadow", place),
        since=moment_of(document, "from", place),
        until=moment_of(document, "until", place),
        overrides=overrides_of(document, place),
        is_final=action == "BLOCK" and is_by_list(when, known),
    )
    if made.since is not None and made.until is not None and made.since >= made.until:
        raise InvalidPolicy(f"{place}expected from to be before until")
    require_fitting_lists(made, known)
    return made


def is_by_list(when: Condition, known: Known) -> bool:
    """Whether a list says of whom a rule speaks: one of the policy's own, or one of blocks."""
    for leaf, holds in leaves(when):
        if holds and isinstance(leaf, Among) and leaf.listing is not None:
            return True
        if holds and isinstance(leaf, OnList) and known.looked_up[leaf.of.list].kind == "block":
            return True
    return False


def require_fitting_lists(rule: Rule, known: Known) -> None:
    """Raises InvalidPolicy for a rule that does to the entries of a list what the list is not for."""
    fitting = ("allow",) if rule.action == ALLOW else ("block", "watch")
    for leaf, holds in leaves(rule.when):
        if isinstance(leaf, OnList) and holds and (kind := known.looked_up[leaf.of.list].kind) not in fitting:
            raise InvalidPolicy(
                f"rule {rule.name}: expected {rule.action} for a list of kind {' or '.join(fitting)}, but "
                f"{leaf.of.list} is of kind {kind}"
            )


def condition_of(document: Mapping, place: str, known: Known) -> Condition:
    """Of a rule in any of its forms."""
    if "when" in document:
        reader = Reader(known)
        return reader.read(document["when"], f"{place}when", 1)
    if "feature" in document:
        return Compare(Feature(document["feature"]), ">", limit_of(document, place, known))
    return listed(document, place, known)


def limit_of(document: Mapping, place: str, known: Known) -> float:
    try:
        above = float(document["above"])
    except OverflowError:
        raise InvalidPolicy(f"{place}expected above to be at most 1.8e308, got a larger number") from None
    except (TypeError, ValueError):
        raise InvalidPolicy(f"{place}expected above to be a number, got {shown(document['above'])}") from None
    feature = document["feature"]
    if not isinstance(feature, str) or feature not in known.features or not isfinite(above):
        raise InvalidPolicy(f"{place}expected a known feature above a number, got {shown(feature)}")
    return above


def listed(document: Mapping, place: str, known: Known) -> Condition:
    """`field` with `among`, or with a `list`."""
    field_ = document["field"]
    if not may_list(field_):
        raise InvalidPolicy(f"{place}expected field to be one of {fields_in_words()}, got {shown(field_)}")
    if "among" in document:
        among = document["among"]
        if isinstance(among, list) and among and field_ in SPELT_ANEW:
            return Among(Text(field_), spelt_as_said(field_, among, f"{place}among"), listing="")
        if not isinstance(among, list) or not among or not all(map(identifies, among)):
            raise InvalidPolicy(f"{place}expected among to be a list of identifiers, not empty")
        return Among(Text(field_), frozenset(among), listing="")
    name = document["list"]
    listing = known.listings.get(name) if isinstance(name, str) else None
    if listing is not None and listing.field == field_:
        among = listing.among
        if field_ in SPELT_ANEW:  # lists of before hold values as they were typed
            among = frozenset(as_text(field_, value) for value in among)
        return Among(Text(field_), among, listing=name)  # type: ignore[arg-type]
    looked_up = known.looked_up.get(name) if isinstance(name, str) else None
    if looked_up is not None and looked_up.field == field_:
        return OnList(Membership(field_, name))
    raise InvalidPolicy(f"{place}expected a list of {field_} that is there, got {shown(name)}")


@dataclass
class Reader:
    """Reads one rule's condition. `place` is where in the rule, as in `when.all[1].not`."""

    known: Known
    count: int = 0

    def read(self, document: object, place: str, depth: int) -> Condition:
        if depth > DEEPEST:
            raise InvalidPolicy(f"{place}: expected at most {DEEPEST} conditions within one another")
        if not isinstance(document, Mapping) or not document:
            raise InvalidPolicy(f"{place}: expected {CONDITIONS}, got {shown(document)}")
        joined = document.keys() & {"all", "any", "not", "unless"}
        if not joined:
            self._counted(place)
            return self._comparison(document, place)
        if len(document) > 1:
            raise InvalidPolicy(f"{place}: expected {' or '.join(sorted(joined))} alone, got {names_in(document)}")
        (word,) = joined
        if word == "not":
            return Not(self.read(document["not"], f"{place}.not", depth + 1))
        if word == "unless":
            return Unless(self.read(document["unless"], f"{place}.unless", depth + 1))
        parts = document[word]
        if not isinstance(parts, list) or not parts:
            raise InvalidPolicy(f"{place}.{word}: expected a list of conditions, not empty, got {shown(parts)}")
        read = tuple(self.read(part, f"{place}.{word}[{n}]", depth + 1) for n, part in enumerate(parts))
        return All(read) if word == "all" else AnyOf(read)

    def _counted(self, place: str) -> None:
        self.count += 1
        if self.count > WIDEST:
            raise InvalidPolicy(f"{place}: expected at most {WIDEST} comparisons in one rule")

    def _comparison(self, document: Mapping, place: str) -> Condition:
        about = document.keys() & {"feature", "field", "value"}
        asked = [name for name in document if name not in about]
        if len(about) != 1 or len(asked) != 1 or asked[0] not in COMPARISONS:
            raise InvalidPolicy(f"{place}: expected {CONDITIONS}, got {names_in(document)}")
        (word,) = asked
        if word == "list":
            if "field" not in document:
                raise InvalidPolicy(f"{place}: expected field beside list, got feature")
            return listed(document, f"{place}: ", self.known)
        if word in OPERATORS and isinstance(document[word], Mapping):
            return self._beside(document, word, place)
        if "value" in document:
            of = document["value"]
            if isinstance(of, Mapping) and len(of) == 1 and of.keys() & {"feature", "field"}:
                return self._comparison({**of, word: document[word]}, f"{place}.value")
            return self._of_value(of, word, document[word], place)
        if "feature" in document:
            return self._of_feature(document["feature"], word, document[word], place)
        return self._of_field(document["field"], word, document[word], place)

    def _beside(self, document: Mapping, word: str, place: str) -> Condition:
        """Of two things that a payment says, or that are computed."""
        operands = Operands(self.known.features, self._counted)
        first = next({about: document[about]} for about in ("feature", "field", "value") if about in document)
        at = f"{place}.value" if "value" in first else place
        left, right = first.get("value", first), document[word]
        one, other = operands.subject(left, at), operands.operand(right, f"{place}.{word}")
        if kind_of(one) != kind_of(other):
            if kind_of(one) == "text":
                one = operands.subject(left, at, "number")
            else:
                other = operands.operand(right, f"{place}.{word}", "number")
        if isinstance(other, float | str):
            return Compare(one, word, other)  # type: ignore[arg-type]
        flags = [of for of in (one, other) if isinstance(of, Text) and of.field in FLAGS]
        if len(flags) == 1 or (flags and word not in ("=", "!=")):
            raise InvalidPolicy(f"{place}.{word}: expected = or != of two flags, which are 1 or 0")
        return Beside(one, word, other)  # type: ignore[arg-type]

    def _of_value(self, of: object, word: str, value: object, place: str) -> Condition:
        """Of what is computed."""
        made = Operands(self.known.features, self._counted).subject(of, f"{place}.value")
        if word == "missing" or kind_of(made) == "number":
            return compared(made, word, value, number_of, place)
        if (named := personal_in(made)) is not None:
            raise InvalidPolicy(
                f"{place}.{word}: expected another field or missing beside {named}: whom it names stands on lists, "
                "which forget"
            )
        return compared(made, word, value, text_of, place)

    def _of_feature(self, name: object, word: str, value: object, place: str) -> Condition:
        of = feature_of(name, self.known.features, f"{place}.feature")
        return compared(of, word, value, lambda cell, at: number_of(cell, at), place)

    def _of_field(self, name: object, word: str, value: object, place: str) -> Condition:
        field_ = field_of(name, f"{place}.field")
        if word == "missing":
            return compared(Text(field_), word, value, text_of, place)
        if field_ in PERSONAL:
            raise InvalidPolicy(
                f"{place}.{word}: expected list or missing for {field_}: whom it names stands on lists, which forget"
            )
        if field_ in FLAGS:
            if word not in ("=", "!=", "in"):
                raise InvalidPolicy(f"{place}.{word}: expected =, !=, in or missing for {field_}, which is 1 or 0")
            return compared(Text(field_), word, value, flag_cell, place)
        if field_ in SPELT_ANEW:
            return compared(Text(field_), word, value, lambda cell, at: said_as(field_, cell, at), place)
        first = value[0] if isinstance(value, list) and value else value
        if field_ in NUMBERS or (field_.startswith(OWN) and is_number(first)):
            return compared(Number(field_), word, value, number_of, place)
        return compared(Text(field_), word, value, text_of, place)


def compared(of: Subject, word: str, value: object, cell: Any, place: str) -> Condition:
    """`cell` reads one value to compare with."""
    place = f"{place}.{word}"
    if word == "missing":
        if not isinstance(value, bool):
            raise InvalidPolicy(f"{place}: expected true or false, got {shown(value)}")
        return Missing(of) if value else Not(Missing(of))
    if word in OPERATORS:
        return Compare(of, word, cell(value, place))  # type: ignore[arg-type]
    if word in HOW:
        if kind_of(of) != "text":
            raise InvalidPolicy(f"{place}: expected a text before it, got a number")
        return Like(of, word, pattern_of(value, place) if word == "matches" else text_of(value, place))  # type: ignore[arg-type]
    if not isinstance(value, list) or not value:
        raise InvalidPolicy(f"{place}: expected a list of values, not empty, got {shown(value)}")
    cells = [cell(each, f"{place}[{n}]") for n, each in enumerate(value)]
    if word == "in":
        return Among(of, frozenset(cells))
    if len(cells) != 2 or cells[0] > cells[1]:
        raise InvalidPolicy(f"{place}: expected two values, the smaller first")
    return Between(of, *cells)


def pattern_of(value: object, place: str) -> str:
    if not isinstance(value, str) or not storable(value) or holds_card(value):
        raise InvalidPolicy(f"{place}: expected a regular expression, got {shown(value)}")
    try:
        Pattern(value)
    except InvalidPattern as wrong:
        raise InvalidPolicy(f"{place}: {wrong}") from None
    return value


COMPARISONS = (*OPERATORS, "in", "between", *HOW, "missing", "list")
CONDITIONS = f"all, any, not or unless, or feature, field or value with one of {', '.join(COMPARISONS)}"


def severity_of(document: Mapping, place: str) -> int:
    found = document.get("severity", 0)
    if type(found) is not int or not ("severity" not in document or 1 <= found <= MOST_SEVERE):
        raise InvalidPolicy(f"{place}severity: expected a whole number from 1 to {MOST_SEVERE}, got {shown(found)}")
    return found


def flag_of(document: Mapping, name: str, place: str) -> bool:
    found = document.get(name, False)
    if not isinstance(found, bool):
        raise InvalidPolicy(f"{place}{name}: expected true or false, got {shown(found)}")
    return found


def moment_of(document: Mapping, name: str, place: str) -> int | None:
    if name not in document:
        return None
    try:
        return instant(document[name])
    except InvalidValue:
        raise InvalidPolicy(
            f"{place}{name}: expected an instant such as 2026-12-01T00:00:00Z, got {shown(document[name])}"
        ) from None


def overrides_of(document: Mapping, place: str) -> tuple[str, ...]:
    if "overrides" not in document:
        return ()
    found = document["overrides"]
    if not isinstance(found, list) or not found or not all(isinstance(name, str) for name in found):
        raise InvalidPolicy(f"{place}overrides: expected a list of rules' names or {BY_SCORE}, got {shown(found)}")
    return tuple(found)


def may_name_list(name: object) -> bool:
    """Decisions say the names of lists: none may look like a card number."""
    return isinstance(name, str) and LIST_NAME.fullmatch(name) is not None and not holds_card(name)
