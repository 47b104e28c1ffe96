"""What a rule asks of a payment: comparisons, joined by all, any and not.

A condition is true, false, or unknown (Kleene's strong logic, as SQL's): a comparison with what a payment does not say,
or what could not be read, is unknown; `not` of unknown is unknown; `any` is true when one part is, `all` false when one
part is. A rule speaks only when its condition is true: it is silent about what nobody knows. So `not` is
carried inwards, to comparisons that are surely true or surely false, and unknown is neither. `unless` alone turns what
is unknown into true.

A policy's conditions look at few things many times: each is read once for a payment (`Sight`), and has a place. What
is computed from them (`Computed`, scoring.computed) is computed once for a payment, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from features.payment import Payment
from features.values import NUMBER

OWN = "attributes."  # a bank's own columns are named with it
Operator = Literal["<", "<=", ">", ">=", "=", "!="]


@dataclass(frozen=True)
class Feature:
    """A feature of the vector, or a count of the traffic (features.traffic), by name."""

    name: str


@dataclass(frozen=True)
class Score:
    """The model's probability of fraud."""


@dataclass(frozen=True)
class Text:
    """What the payment says in a column."""

    field: str


@dataclass(frozen=True)
class Number:
    """The same as a number; unknown where it is none."""

    field: str


@dataclass(frozen=True)
class Membership:
    """Whether what the payment says in a column is on a list that is looked up for each payment."""

    field: str
    list: str

    @property
    def mark(self) -> str:
        """How a decision says that it was on it."""
        return f"list/{self.list}/{self.field}"


@dataclass(frozen=True)
class Moment:
    """When the payment happened (`event_time`), or when it is decided on (`decided`; the former where nobody says):
    milliseconds since 1970."""

    of: Literal["event_time", "decided"]


@dataclass(frozen=True)
class Computed:
    """A function (scoring.computed) of things that rules look at, and of constants; unknown where one of them is."""

    function: str
    given: tuple[Operand, ...]


Subject = Feature | Score | Text | Number | Membership | Moment | Computed
Operand = Subject | float | str
How = Literal["starts", "ends", "contains", "matches"]


@dataclass(frozen=True)
class Compare:
    of: Subject
    operator: Operator
    with_: float | str


@dataclass(frozen=True)
class Beside:
    """The same of two things that rules look at, both numbers or both texts."""

    of: Subject
    operator: Operator
    other: Subject


@dataclass(frozen=True)
class Like:
    """How a text starts, ends, what it contains, or the expression (scoring.patterns) that it matches as a whole."""

    of: Subject
    how: How
    text: str


@dataclass(frozen=True)
class Between:
    """Both ends included."""

    of: Subject
    least: float | str
    most: float | str


@dataclass(frozen=True)
class Among:
    """`listing` names the list of the policy that the values are, if any."""

    of: Subject
    values: frozenset[float | str]
    listing: str | None = None


@dataclass(frozen=True)
class Missing:
    """True where the payment does not say it, or it could not be read. Never unknown."""

    of: Subject


@dataclass(frozen=True)
class OnList:
    of: Membership


@dataclass(frozen=True)
class All:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    part: Condition


@dataclass(frozen=True)
class Unless:
    """True where the part is false or unknown. Never unknown itself."""

    part: Condition


Condition = Compare | Beside | Like | Between | Among | Missing | OnList | All | AnyOf | Not | Unless
Values = Mapping[str, float | None]


def leaves(condition: Condition, holds: bool = True) -> Iterator[tuple[Condition, bool]]:
    """Comparisons, and whether the rule asks that they hold, or that they do not."""
    if isinstance(condition, Not | Unless):
        yield from leaves(condition.part, not holds)
    elif isinstance(condition, All | AnyOf):
        for part in condition.parts:
            yield from leaves(part, holds)
    else:
        yield condition, holds


def subjects(conditions: Iterable[Condition]) -> list[Subject]:
    """What conditions look at, each once; what is computed stands behind what it is computed from."""
    found: dict[Subject, None] = {}
    for condition in conditions:
        for leaf, _ in leaves(condition):
            for of in asked_of(leaf):
                found.update(dict.fromkeys(within(of)))
    return list(found)


def asked_of(leaf: Condition) -> tuple[Subject, ...]:
    """What a comparison is of."""
    return (leaf.of, leaf.other) if isinstance(leaf, Beside) else (leaf.of,)  # type: ignore[union-attr]


def within(of: Operand) -> Iterator[Subject]:
    """What something is computed from, and then itself; constants are not looked at."""
    if isinstance(of, Computed):
        for each in of.given:
            yield from within(each)
    if not isinstance(of, float | str):
        yield of


class Sight:
    """Reads what conditions look at, each thing once; `places` says where a test finds it. What is computed comes last
    in them: a test computes it itself."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        found = subjects(conditions)
        kinds: dict[type, list] = {kind: [] for kind in (Feature, Score, Text, Number, Membership, Moment, Computed)}
        for subject in found:
            kinds[type(subject)].append(subject)
        self.places: dict[Subject, int] = {s: n for n, s in enumerate(s for of in kinds.values() for s in of)}
        self._features = [f.name for f in kinds[Feature]]
        self._scores = len(kinds[Score])
        self._texts = [t.field.removeprefix(OWN) for t in kinds[Text]]
        self._numbers = [n.field.removeprefix(OWN) for n in kinds[Number]]
        self._lists = [(m.field.removeprefix(OWN), m.mark) for m in kinds[Membership]]
        self._moments = [m.of for m in kinds[Moment]]

    def of(
        self,
        score: float | None,
        values: Values,
        payment: Payment,
        marks: frozenset[str] | None,
        at: int | None = None,
    ) -> list[Any]:
        """`marks` are of the lists that the payment is on; none where they could not be read. `at` is when it is
        decided on (ms); none where that is when it happened."""
        said = payment.said
        seen: list[Any] = [values.get(name) for name in self._features]
        seen += [score] * self._scores
        seen += [said(column) for column in self._texts]
        seen += [as_number(said(column)) for column in self._numbers]
        for column, mark in self._lists:
            seen.append(None if marks is None or said(column) is None else mark in marks)
        for of in self._moments:
            seen.append(float(payment.at if at is None or of == "event_time" else at))
        return seen


def as_number(text: str | None) -> float | None:
    if text is None or re.match(NUMBER, text) is None:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None
