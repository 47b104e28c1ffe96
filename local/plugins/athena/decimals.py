"""Exact numbers: Trino divides a decimal by a decimal into a decimal, and ``1.5`` is one.

``sum(cents) * 1.0 / count(*)`` has one place behind the point in Athena and many in DuckDB, which takes doubles.
"""

from __future__ import annotations

from sqlglot import exp

_WHOLE = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19}
_LONGEST = 38

Digits = tuple[int, int]  # precision and scale


def of(node: exp.Expr) -> str | None:
    """``DECIMAL(12, 2)`` when the value is a decimal in Trino; None when it is not, or cannot be told."""
    found = _digits(node)
    if found is None or not _has_decimal(node):
        return None
    return f"DECIMAL({min(found[0], _LONGEST)}, {found[1]})"


def _digits(node: exp.Expr) -> Digits | None:
    if isinstance(node, exp.Paren | exp.Neg | exp.Sum | exp.Min | exp.Max | exp.Avg | exp.Abs):
        inner = _digits(node.this)
        return (_LONGEST, inner[1]) if inner and isinstance(node, exp.Sum) and _has_decimal(node.this) else inner
    if isinstance(node, exp.Literal) and not node.is_string:
        return _literal(node.name)
    if isinstance(node, exp.Count):
        return (19, 0)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
        return _operated(node)
    kind = node.to if isinstance(node, exp.Cast) else node.meta.get("kind")
    if kind is None:
        return None
    if kind.is_type("decimal"):
        given = [int(part.name) for part in kind.expressions]
        return (given[0], given[1] if len(given) > 1 else 0) if given else None
    return (_WHOLE[kind.this.name], 0) if kind.this.name in _WHOLE else None


def _operated(node: exp.Binary) -> Digits | None:
    left, right = _digits(node.left), _digits(node.right)
    if left is None or right is None:
        return None
    (p1, s1), (p2, s2) = left, right
    if isinstance(node, exp.Mul):
        return (p1 + p2, s1 + s2)
    if isinstance(node, exp.Div):
        return (p1 + s2 + max(0, s2 - s1), max(s1, s2))
    return (max(p1 - s1, p2 - s2) + max(s1, s2) + 1, max(s1, s2))


def _has_decimal(node: exp.Expr) -> bool:
    """Whether a decimal is among the operands: whole numbers alone stay whole."""
    if isinstance(node, exp.Paren | exp.Neg | exp.Sum | exp.Min | exp.Max | exp.Avg | exp.Abs):
        return _has_decimal(node.this)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
        return _has_decimal(node.left) or _has_decimal(node.right)
    if isinstance(node, exp.Literal):
        return "." in node.name
    kind = node.to if isinstance(node, exp.Cast) else node.meta.get("kind")
    return kind is not None and kind.is_type("decimal")


def _literal(text: str) -> Digits | None:
    if "e" in text.lower():
        return None  # a double
    whole, _, behind = text.partition(".")
    return (len(whole.lstrip("0")) + len(behind), len(behind)) if behind else (10, 0)
