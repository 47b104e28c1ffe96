"""DynamoDB's condition and update expressions, as far as documents of one level need them.

Conditions: comparisons, `attribute_exists`, `attribute_not_exists`, `size`, AND, OR, NOT and parentheses. Updates: SET
with `if_not_exists`, `list_append`, + and -, REMOVE, ADD of numbers."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

Item = dict[str, Any]
Told = Callable[[Item, Mapping, Mapping], Any]  # item, names, values -> a typed value, or none, or true or false

TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),+-]|[#:]?[A-Za-z0-9_.]+)")
COMPARED = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Unread(ValueError):
    """The expression is outside of what this model reads."""


@lru_cache(maxsize=256)
def condition(text: str) -> Told:
    """Whether an item (an empty one where none is) fulfils it."""
    parser = Parser(text)
    read = parser.either()
    parser.end()
    return read


@lru_cache(maxsize=256)
def update(text: str) -> Callable[[Item, Mapping, Mapping], Item]:
    """The item after it."""
    parser = Parser(text)
    changes = parser.clauses()
    parser.end()

    def after(item: Item, names: Mapping, values: Mapping) -> Item:
        changed = dict(item)
        for path, told in changes:
            name = named(path, names)
            value = told(item, names, values) if told is not None else None
            if value is None:
                changed.pop(name, None)
            else:
                changed[name] = value
        return changed

    return after


def named(path: str, names: Mapping) -> str:
    return names[path] if path.startswith("#") else path


def plain(value: Any) -> Any:
    """A typed value as Python compares it; what is not there compares with nothing."""
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    return int(inner) if kind == "N" else inner


def number(value: int) -> dict:
    return {"N": str(value)}


class Parser:
    def __init__(self, text: str) -> None:
        self.text, self.tokens, at = text, [], 0
        while at < len(text.rstrip()):
            found = TOKEN.match(text, at)
            if not found:
                raise Unread(f"expected an expression that the model reads, got {text!r}")
            self.tokens.append(found[1])
            at = found.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str | None = None) -> str:
        token = self.peek()
        if not token or (wanted is not None and token.upper() != wanted):
            raise Unread(f"expected {wanted or 'more'} in {self.text!r}, got {token!r}")
        self.at += 1
        return token

    def end(self) -> None:
        if self.peek():
            raise Unread(f"expected the end of {self.text!r}, got {self.peek()!r}")

    def either(self) -> Told:
        parts = [self.both()]
        while self.peek().upper() == "OR":
            self.take()
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda *of: any(part(*of) for part in parts)

    def both(self) -> Told:
        parts = [self.one()]
        while self.peek().upper() == "AND":
            self.take()
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else lambda *of: all(part(*of) for part in parts)

    def one(self) -> Told:
        if self.peek().upper() == "NOT":
            self.take()
            refused = self.one()
            return lambda *of: not refused(*of)
        if self.peek() == "(":
            self.take()
            within = self.either()
            self.take(")")
            return within
        if self.peek() in ("attribute_exists", "attribute_not_exists"):
            wanted = self.take() == "attribute_exists"
            self.take("(")
            path = self.take()
            self.take(")")
            return lambda item, names, values: (named(path, names) in item) is wanted
        left = self.operand()
        compare = COMPARED[self.take()]
        right = self.operand()

        def compared(item: Item, names: Mapping, values: Mapping) -> bool:
            a, b = plain(left(item, names, values)), plain(right(item, names, values))
            if a is None or b is None:
                return compare is operator.ne
            return type(a) is type(b) and compare(a, b)

        return compared

    def operand(self) -> Told:
        token = self.take()
        if token.startswith(":"):
            return lambda item, names, values: values[token]
        if token in ("if_not_exists", "list_append", "size") and self.peek() == "(":
            self.take("(")
            first = self.operand()
            if token == "size":
                self.take(")")
                return lambda *of: len(plain(first(*of)) or "")
            self.take(",")
            second = self.operand()
            self.take(")")
            if token == "if_not_exists":
                return lambda *of: second(*of) if first(*of) is None else first(*of)
            return lambda *of: {"L": [*first(*of)["L"], *second(*of)["L"]]}
        return lambda item, names, values: item.get(named(token, names))

    def clauses(self) -> list[tuple[str, Told | None]]:
        changes: list[tuple[str, Told | None]] = []
        while self.peek():
            clause = self.take().upper()
            while True:
                path = self.take()
                if clause == "SET":
                    self.take("=")
                    changes.append((path, self.value()))
                elif clause == "REMOVE":
                    changes.append((path, None))
                elif clause == "ADD":
                    changes.append((path, added(path, self.operand())))
                else:
                    raise Unread(f"expected SET, REMOVE or ADD in {self.text!r}, got {clause!r}")
                if self.peek() != ",":
                    break
                self.take(",")
        return changes

    def value(self) -> Told:
        left = self.operand()
        if self.peek() not in ("+", "-"):
            return left
        sign = 1 if self.take() == "+" else -1
        right = self.operand()
        return lambda *of: number(plain(left(*of)) + sign * plain(right(*of)))


def added(path: str, by: Told) -> Told:
    return lambda item, names, values: number(
        plain(item.get(named(path, names), number(0))) + plain(by(item, names, values))
    )
