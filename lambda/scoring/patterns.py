"""Regular expressions that a rule may match a text with, as an automaton: time grows with the text and never with how
the expression is nested. Python's own engine tries all ways, and a policy could hang a door by one.

A text is matched as a whole. The syntax is the part of RE2's that an automaton needs nothing more for: letters, `.`
(all but a line break), classes, `\\d \\w \\s` (of ASCII) and their opposites, groups, `|`, and the quantifiers
`* + ? {m} {m,} {m,n}`. Anchors are refused as nothing but the whole text is matched; words' ends, looking around and
back, flags and classes by name are refused, too.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NoReturn

LONGEST_PATTERN = 512  # characters
LONGEST_TEXT = 256  # characters of a text that is matched; of a longer one it is unknown
MOST_STATES = 200  # of one expression's automaton
MOST_TIMES = 100  # in {m,n}
MOST_KEPT = 20_000  # steps of one automaton that are remembered
LAST = 0x10FFFF
QUANTIFIERS = "*+?{"
SPELT = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
Ranges = tuple[tuple[int, int], ...]
DIGIT: Ranges = ((48, 57),)
WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
BLANK: Ranges = ((9, 10), (12, 13), (32, 32))
CLASSES: dict[str, Ranges] = {"d": DIGIT, "w": WORD, "s": BLANK}


class InvalidPattern(ValueError):
    """No expression of ours; the text says at which character and what was expected."""


def others(ranges: Ranges) -> Ranges:
    """Every letter that is in none of them."""
    ends = sorted(ranges)
    edges = [(-1, -1), *ends, (LAST + 1, LAST + 1)]
    found, reached = [], 0
    for (_, _), (low, high) in pairwise(edges):
        if reached < low:
            found.append((reached, low - 1))
        reached = max(reached, high + 1)
    return tuple(found)


ANY = others(((10, 10),))


@dataclass
class Automaton:
    """States are numbers. `letters` leads from one to another by a letter, `free` by none."""

    letters: list[tuple[Ranges, int] | None] = field(default_factory=list)
    free: list[tuple[int, ...]] = field(default_factory=list)

    def state(self, place: int) -> int:
        if len(self.free) >= MOST_STATES:
            raise InvalidPattern(f"character {place + 1}: expected an expression of at most {MOST_STATES} states")
        self.letters.append(None)
        self.free.append(())
        return len(self.free) - 1


class _Place(dict[str, "_Place"]):
    """Where an automaton is: where each letter leads to, found out when it is first asked for."""

    def __init__(self, of: Pattern, states: frozenset[int], is_last: bool) -> None:
        super().__init__()
        self._of, self.states, self.is_last = of, states, is_last

    def __missing__(self, letter: str) -> _Place:
        self[letter] = place = self._of.step(self.states, letter)
        return place


class Pattern:
    """Raises InvalidPattern."""

    def __init__(self, source: str) -> None:
        if not source or len(source) > LONGEST_PATTERN:
            raise InvalidPattern(f"expected an expression of 1 to {LONGEST_PATTERN} characters, got {len(source)}")
        self._automaton = Automaton()
        reader = _Reader(source)
        tree = reader.either(0)
        if reader.place < len(source):
            reader.refuse("the end, as no ( is open")
        first, self._last = self._built(tree, 0)
        self.states = len(self._automaton.free)
        self._known: dict[frozenset[int], _Place] = {}
        self._kept = 0
        self._start = self._place(self._reached({first}))

    def matches(self, text: str) -> bool | None:
        """Whether the whole text is one; none for a text of more than LONGEST_TEXT characters."""
        if len(text) > LONGEST_TEXT:
            return None
        at = self._start
        for letter in text:
            at = at[letter]
        return at.is_last

    def step(self, states: frozenset[int], letter: str) -> _Place:
        """Where a letter leads to."""
        code = ord(letter)
        leading = (self._automaton.letters[state] for state in states)
        found = {to for ranges, to in filter(None, leading) if any(low <= code <= high for low, high in ranges)}
        self._kept += 1
        if self._kept > MOST_KEPT:
            self._known, self._kept = {}, 0
            self._start = self._place(self._start.states)
        return self._place(self._reached(found))

    def _place(self, states: frozenset[int]) -> _Place:
        if (place := self._known.get(states)) is None:
            place = self._known[states] = _Place(self, states, self._last in states)
        return place

    def _reached(self, states: set[int]) -> frozenset[int]:
        found, waiting = set(states), list(states)
        while waiting:
            for to in self._automaton.free[waiting.pop()]:
                if to not in found:
                    found.add(to)
                    waiting.append(to)
        return frozenset(found)

    def _built(self, tree: Tree, place: int) -> tuple[int, int]:
        """The first and the last state of a part."""
        automaton = self._automaton
        first, last = automaton.state(place), automaton.state(place)
        if isinstance(tree, Letter):
            automaton.letters[first] = (tree.ranges, last)
        elif isinstance(tree, Row):
            at = first
            for part in tree.parts:
                begins, ends = self._built(part, place)
                automaton.free[at] += (begins,)
                at = ends
            automaton.free[at] += (last,)
        elif isinstance(tree, OneOf):
            for part in tree.parts:
                begins, ends = self._built(part, place)
                automaton.free[first] += (begins,)
                automaton.free[ends] += (last,)
        else:
            at = first
            for number in range(tree.most if tree.most is not None else tree.least + 1):
                begins, ends = self._built(tree.part, tree.place)
                automaton.free[at] += (begins,) if number < tree.least else (begins, last)
                if tree.most is None and number == tree.least:
                    automaton.free[ends] += (begins,)
                at = ends
            automaton.free[at] += (last,)
        return first, last


@dataclass(frozen=True)
class Letter:
    """One of these."""

    ranges: Ranges


@dataclass(frozen=True)
class Row:
    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class OneOf:
    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Repeated:
    """`most` is none where there is no end to it; `place` is where it stands."""

    part: Tree
    least: int
    most: int | None
    place: int


Tree = Letter | Row | OneOf | Repeated
DEEPEST = 20  # groups within one another


class _Reader:
    def __init__(self, source: str) -> None:
        self._source, self.place = source, 0

    def refuse(self, expected: str) -> NoReturn:
        found = repr(self._source[self.place]) if self.place < len(self._source) else "the end"
        raise InvalidPattern(f"character {self.place + 1}: expected {expected}, found {found}")

    def _is(self, *letters: str) -> bool:
        return self._source.startswith(letters, self.place)

    def _takes(self, text: str) -> bool:
        if not self._is(text):
            return False
        self.place += len(text)
        return True

    def either(self, depth: int) -> Tree:
        if depth > DEEPEST:
            self.refuse(f"at most {DEEPEST} groups within one another")
        parts = [self._row(depth)]
        while self._takes("|"):
            parts.append(self._row(depth))
        return parts[0] if len(parts) == 1 else OneOf(tuple(parts))

    def _row(self, depth: int) -> Tree:
        parts: list[Tree] = []
        while self.place < len(self._source) and not self._is("|", ")"):
            place = self.place
            part = self._single(depth)
            if (times := self._times()) is not None:
                self._takes("?")  # as few as can be: to match or not it is the same
                part = Repeated(part, *times, place)
                if self._is(*QUANTIFIERS):
                    self.refuse("one quantifier")
            parts.append(part)
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def _times(self) -> tuple[int, int | None] | None:
        for sign, times in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._takes(sign):
                return times
        if not self._takes("{"):
            return None
        least = self._number()
        most: int | None = least
        if self._takes(","):
            most = None if self._is("}") else self._number()
        if most is not None and most < least:
            self.refuse("the smaller number first")
        if not self._takes("}"):
            self.refuse("}")
        return least, most

    def _number(self) -> int:
        begins = self.place
        while self._is(*string.digits):
            self.place += 1
        digits = self._source[begins : self.place]
        if not digits or len(digits) > 3 or int(digits) > MOST_TIMES:
            self.place = begins
            self.refuse(f"a number from 0 to {MOST_TIMES}")
        return int(digits)

    def _single(self, depth: int) -> Tree:
        if self._takes("("):
            if self._is("?") and not self._takes("?:"):
                self.refuse("a group, or (?: ), without flags and without looking around")
            found = self.either(depth + 1)
            if not self._takes(")"):
                self.refuse(")")
            return found
        if self._takes("."):
            return Letter(ANY)
        if self._takes("["):
            return Letter(self._class())
        if self._is("^", "$"):
            self.refuse("no anchor, as the whole text is matched")
        if self._is(*QUANTIFIERS, "]", "}"):
            self.refuse(r"a letter, a class or a group; with \ before it it is itself")
        if self._takes("\\"):
            return Letter(self._escaped())
        code = ord(self._source[self.place])
        self.place += 1
        return Letter(((code, code),))

    def _escaped(self) -> Ranges:
        """What stands behind a backslash."""
        letter = self._source[self.place : self.place + 1]
        if letter.lower() in CLASSES and letter:
            self.place += 1
            ranges = CLASSES[letter.lower()]
            return ranges if letter.islower() else others(ranges)
        if letter not in SPELT and (not letter or letter not in string.punctuation):
            self.refuse(r"one of d, w, s, D, W, S, t, n, r, f or a sign")
        self.place += 1
        code = ord(SPELT.get(letter, letter))
        return ((code, code),)

    def _class(self) -> Ranges:
        is_others = self._takes("^")
        found: list[tuple[int, int]] = []
        while not found or not self._is("]"):
            if self.place >= len(self._source):
                self.refuse("]")
            if self._is("["):
                self.refuse(r"no [ within a class, or \[")
            low = self._in_class()
            if self._is("-") and not self._is("-]"):
                self.place += 1
                if self.place >= len(self._source):
                    self.refuse("]")
                high = self._in_class()
                if any(len(one) > 1 or one[0][0] != one[0][1] for one in (low, high)) or low[0][0] > high[0][0]:
                    self.refuse("a range of two letters, the smaller first, before it")
                low = ((low[0][0], high[0][0]),)
            found += low
        self.place += 1
        return others(tuple(found)) if is_others else tuple(found)

    def _in_class(self) -> Ranges:
        if self._takes("\\"):
            return self._escaped()
        code = ord(self._source[self.place])
        self.place += 1
        return ((code, code),)
