"""Which conditions are surely true, as one function of Python.

As one for each comparison, hundreds of rules take twice as long. Its text is made of numbers alone; what a rule
compares with is handed to it by number and never read as code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scoring.computed import FUNCTIONS
from scoring.conditions import (
    All,
    Among,
    AnyOf,
    Beside,
    Between,
    Computed,
    Condition,
    Like,
    Missing,
    Not,
    OnList,
    Operand,
    Operator,
    Subject,
    Unless,
    asked_of,
    leaves,
)
from scoring.patterns import Pattern

Judge = Callable[[Sequence[Any]], list[bool]]  # of what `Sight` reads, for each condition
OPPOSITE: dict[Operator, Operator] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "!=", "!=": "="}
SPELT = {"=": "=="}
METHODS = {"starts": "startswith", "ends": "endswith"}


def judge_of(conditions: Sequence[Condition], places: Mapping[Subject, int]) -> Judge:
    """`places` say where `Sight` puts what conditions look at."""
    writer = _Writer(places, shared_by(conditions, places))
    computed = "".join(f"v{places[of]} = {writer.call(of)}\n    " for of in places if of in writer.shared)
    lines = ",\n".join(writer.text(condition, holds=True) for condition in conditions)
    names = "".join(f"v{n}," for of, n in places.items() if not isinstance(of, Computed))
    unpacked = f"{names} = seen\n    " if names else ""
    exec(compile(f"def judge(seen):\n    {unpacked}{computed}return [\n{lines}]", "rules", "exec"), writer.given)
    return writer.given["judge"]


def shared_by(conditions: Sequence[Condition], places: Mapping[Subject, int]) -> frozenset[Subject]:
    """What is computed and asked for more than once: it is computed first, and once. What is asked for once is computed
    where the rule gets so far."""
    asked = Counter(of for condition in conditions for leaf, _ in leaves(condition) for of in asked_of(leaf))
    for of in places:
        if isinstance(of, Computed):
            asked.update(each for each in of.given if not isinstance(each, float | str))
    return frozenset(of for of, times in asked.items() if times > 1 and isinstance(of, Computed))


@dataclass
class _Writer:
    """Writes expressions; `given` are the constants that they name."""

    places: Mapping[Subject, int]
    shared: frozenset[Subject]
    given: dict[str, Any] = field(default_factory=dict)

    def handed(self, constant: Any) -> str:
        name = f"c{len(self.given)}"
        self.given[name] = constant
        return name

    def call(self, of: Subject) -> str:
        assert isinstance(of, Computed)
        parts = ", ".join(self._operand(each) for each in of.given)
        return f"{self.handed(FUNCTIONS[of.function].work)}({parts})"

    def _operand(self, of: Operand) -> str:
        if isinstance(of, float | str):
            return self.handed(of)
        return self.call(of) if self._is_made_here(of) else f"v{self.places[of]}"

    def _is_made_here(self, of: Subject) -> bool:
        return isinstance(of, Computed) and of not in self.shared

    def _first(self, of: Subject) -> str:
        """Its value where an expression first asks for it; then it has a name."""
        return f"(v{self.places[of]} := {self.call(of)})" if self._is_made_here(of) else f"v{self.places[of]}"

    def text(self, condition: Condition, holds: bool) -> str:
        """An expression that is true when the condition surely is, or surely is not where `holds` is not asked for."""
        if isinstance(condition, Not):
            return self.text(condition.part, not holds)
        if isinstance(condition, Unless):
            surely = self.text(condition.part, holds=True)
            return f"(not {surely})" if holds else surely
        if isinstance(condition, All | AnyOf):
            word = " and " if isinstance(condition, All) is holds else " or "
            return f"({word.join(self.text(part, holds) for part in condition.parts)})"
        first, value = self._first(condition.of), f"v{self.places[condition.of]}"
        if isinstance(condition, Missing):
            return f"({first} is None)" if holds else f"({first} is not None)"
        if isinstance(condition, OnList):
            return f"({first} is {holds})"
        known, wrong = f"{first} is not None and ", "" if holds else "not "
        if isinstance(condition, Like):
            return f"({known}{self._like(condition, value, holds)})"
        if isinstance(condition, Among):
            values = self.handed(condition.values)
            # None is among no values.
            return f"({first} in {values})" if holds else f"({known}{value} not in {values})"
        if isinstance(condition, Between):
            return f"({known}{wrong}{self.handed(condition.least)} <= {value} <= {self.handed(condition.most)})"
        operator = condition.operator if holds else OPPOSITE[condition.operator]
        sign = SPELT.get(operator, operator)
        if isinstance(condition, Beside):
            other = f"v{self.places[condition.other]}"
            return f"({known}{self._first(condition.other)} is not None and {value} {sign} {other})"
        return f"({known}{value} {sign} {self.handed(condition.with_)})"

    def _like(self, condition: Like, value: str, holds: bool) -> str:
        wrong = "" if holds else "not "
        if condition.how == "matches":
            return f"{self.handed(Pattern(condition.text).matches)}({value}) is {holds}"
        if condition.how == "contains":
            return f"{self.handed(condition.text)} {wrong}in {value}"
        return f"{wrong}{value}.{METHODS[condition.how]}({self.handed(condition.text)})"
