"""DETECTORPL, the language of Amazon Fraud Detector's rules, as a tree.

Grammar and operators are those of the service's public rule language reference: comparisons, `in` and `not in`, `and`,
`or`, `!`, arithmetic, `regex_match` and functions of text and time, variables as `$name`, lists as `@name`, `null`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import fmod
from typing import NoReturn

COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")
TOKEN = re.compile(
    r"""\s*(?:
        (?P<comment>\#[^\n]*)
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<variable>\$[A-Za-z_][A-Za-z0-9_]*)
      | (?P<list>@[A-Za-z_][A-Za-z0-9_]*)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign><=|>=|==|!=|[<>!+\-*/%()\[\],])
    )""",
    re.VERBOSE,
)


class Unreadable(ValueError):
    """An expression is not in the language; the text says at which character and what was expected."""


@dataclass(frozen=True)
class Constant:
    """A number, a text, a truth value, or `null`."""

    value: float | str | bool | None


@dataclass(frozen=True)
class Variable:
    name: str


@dataclass(frozen=True)
class List:
    name: str


@dataclass(frozen=True)
class Values:
    of: tuple[Constant, ...]


@dataclass(frozen=True)
class Call:
    """A function, or an operator of arithmetic, of its arguments."""

    name: str
    given: tuple[Tree, ...]


@dataclass(frozen=True)
class Compared:
    operator: str
    left: Tree
    right: Tree


@dataclass(frozen=True)
class Within:
    of: Tree
    values: Values | List


@dataclass(frozen=True)
class Both:
    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Either:
    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Negated:
    part: Tree


Tree = Constant | Variable | List | Values | Call | Compared | Within | Both | Either | Negated


def parse(expression: str) -> Tree:
    """Raises Unreadable."""
    reader = _Reader(expression)
    try:
        found = reader.either()
    except RecursionError:
        raise Unreadable("expected fewer expressions within one another") from None
    if reader.kind != "end":
        reader.refuse("the end, and, or")
    return found


class _Reader:
    def __init__(self, expression: str) -> None:
        self._expression, self._end = expression, 0
        self.kind = self.token = ""
        self.place = 0
        self._next()

    def _next(self) -> None:
        while True:
            match = TOKEN.match(self._expression, self._end)
            if match is None:
                rest = self._expression[self._end :].lstrip()
                self.place = len(self._expression) - len(rest)
                self.kind, self.token = ("unknown", rest[:1]) if rest else ("end", "")
                if rest:
                    self.refuse("a variable, a constant or an operator")
                return
            self._end = match.end()
            self.kind = match.lastgroup or ""
            self.token = match[self.kind]
            self.place = match.start(self.kind)
            if self.kind != "comment":
                return

    def refuse(self, expected: str) -> NoReturn:
        found = f"{self.token!r}" if self.token else "the end"
        raise Unreadable(f"character {self.place + 1}: expected {expected}, found {found}")

    def _takes(self, *tokens: str) -> str:
        """The token, when it is one of these, and goes on; else nothing."""
        if self.kind in ("word", "sign") and self.token.lower() in tokens:
            found = self.token.lower()
            self._next()
            return found
        return ""

    def _needs(self, token: str) -> None:
        if not self._takes(token):
            self.refuse(f"`{token}`")

    def either(self) -> Tree:
        parts = [self._both()]
        while self._takes("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Tree:
        parts = [self._negated()]
        while self._takes("and"):
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _negated(self) -> Tree:
        return Negated(self._negated()) if self._takes("!") else self._comparison()

    def _comparison(self) -> Tree:
        left = self._sum()
        if operator := self._takes(*COMPARISONS):
            return Compared(operator, left, self._sum())
        if self._takes("not"):
            self._needs("in")
            return Negated(Within(left, self._values()))
        if self._takes("in"):
            return Within(left, self._values())
        return left

    def _values(self) -> Values | List:
        if self.kind == "list":
            found = List(self.token[1:])
            self._next()
            return found
        self._needs("[")
        of: list[Constant] = []
        while not of or self._takes(","):
            one = self._sum()
            if not isinstance(one, Constant):
                self.refuse("constants in a list")
            of.append(one)
        self._needs("]")
        return Values(tuple(of))

    def _sum(self) -> Tree:
        found = self._product()
        while sign := self._takes("+", "-"):
            found = _arithmetic(sign, found, self._product())
        return found

    def _product(self) -> Tree:
        found = self._single()
        while sign := self._takes("*", "/", "%"):
            found = _arithmetic(sign, found, self._single())
        return found

    def _single(self) -> Tree:
        if self._takes("-"):
            return _arithmetic("-", Constant(0.0), self._single())
        if self._takes("("):
            found = self.either()
            self._needs(")")
            return found
        kind, token = self.kind, self.token
        if kind not in ("number", "text", "variable", "list", "word"):
            self.refuse("a variable, a constant or `(`")
        self._next()
        if kind == "number":
            return Constant(float(token))
        if kind == "text":
            return Constant(unescaped(token[1:-1]))
        if kind == "variable":
            return Variable(token[1:])
        if kind == "list":
            return List(token[1:])
        if token.lower() in WORDS:
            return Constant(WORDS[token.lower()])
        return self._call(token.lower())

    def _call(self, name: str) -> Call:
        self._needs("(")
        given: list[Tree] = []
        if not self._takes(")"):
            given.append(self.either())
            while self._takes(","):
                given.append(self.either())
            self._needs(")")
        return Call(name, tuple(given))


WORDS = {"true": True, "false": False, "null": None}


def unescaped(text: str) -> str:
    """Only quotes are escaped by the language: the backslashes of a regular expression are its own."""
    return re.sub(r"\\([\"'])", r"\1", text)


def _arithmetic(sign: str, left: Tree, right: Tree) -> Tree:
    """Of two numbers the number, else the operation."""
    if not isinstance(left, Constant) or not isinstance(right, Constant):
        return Call(sign, (left, right))
    a, b = left.value, right.value
    if not isinstance(a, float) or not isinstance(b, float) or (sign in "/%" and b == 0):
        return Call(sign, (left, right))
    return Constant({"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else 0.0, "%": fmod(a, b) if b else 0.0}[sign])
