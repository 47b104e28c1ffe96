"""CloudWatch's metric math: the part that alarms on rates need.

``evaluate("100 * errors / calls", {"errors": {...}, "calls": {...}})``. A series is ``{period start: value}``;
operators join series on the period; functions are FILL, IF, SUM, AVG, MIN, MAX, ABS, CEIL, FLOOR and METRICS.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

Series = dict[float, float]
Value = Series | float


class BadExpression(ValueError):
    """What cannot be evaluated, and why."""


_OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.BitXor: operator.pow,
    ast.Gt: lambda a, b: float(a > b),
    ast.GtE: lambda a, b: float(a >= b),
    ast.Lt: lambda a, b: float(a < b),
    ast.LtE: lambda a, b: float(a <= b),
    ast.Eq: lambda a, b: float(a == b),
    ast.NotEq: lambda a, b: float(a != b),
    ast.And: lambda a, b: float(bool(a) and bool(b)),
    ast.Or: lambda a, b: float(bool(a) or bool(b)),
}
_ONE: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
_MANY: dict[str, Callable[[list[float]], float]] = {
    "SUM": sum,
    "AVG": lambda values: sum(values) / len(values),
    "MIN": min,
    "MAX": max,
}


def evaluate(expression: str, series: Mapping[str, Series], periods: list[float]) -> Series:
    """The value in every period. ``periods`` is what FILL fills."""
    text = expression.replace("&&", " and ").replace("||", " or ").replace("^", "**")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as failure:
        raise BadExpression(f"{expression!r} is not metric math") from failure
    value = _value(tree, series, periods)
    return value if isinstance(value, dict) else dict.fromkeys(periods, value)


def _value(node: ast.AST, series: Mapping[str, Series], periods: list[float]) -> Value:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name):
        if node.id not in series:
            raise BadExpression(f"there is no metric {node.id}")
        return dict(series[node.id])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _joined(ast.Sub, 0.0, _value(node.operand, series, periods))
    if isinstance(node, ast.BinOp):
        return _joined(type(node.op), _value(node.left, series, periods), _value(node.right, series, periods))
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _joined(
            type(node.ops[0]), _value(node.left, series, periods), _value(node.comparators[0], series, periods)
        )
    if isinstance(node, ast.BoolOp):
        values = [_value(value, series, periods) for value in node.values]
        found = values[0]
        for value in values[1:]:
            found = _joined(type(node.op), found, value)
        return found
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node.func.id.upper(), node.args, series, periods)
    raise BadExpression(f"{ast.unparse(node)!r} is not supported")


def _call(name: str, arguments: list[ast.expr], series: Mapping[str, Series], periods: list[float]) -> Value:
    if name == "FILL" and len(arguments) == 2:
        given = _value(arguments[0], series, periods)
        if isinstance(given, float):
            return given
        if isinstance(arguments[1], ast.Name) and arguments[1].id.upper() == "REPEAT":
            return _repeated(given, periods)
        filling = _value(arguments[1], series, periods)
        return {period: given.get(period, _number(filling, period)) for period in periods}
    if name == "IF" and len(arguments) in (2, 3):
        condition, then = (_value(argument, series, periods) for argument in arguments[:2])
        otherwise = _value(arguments[2], series, periods) if len(arguments) == 3 else {}
        if isinstance(condition, float):
            return then if condition else otherwise
        chosen = {period: _at(then if held else otherwise, period) for period, held in condition.items()}
        return {period: value for period, value in chosen.items() if value is not None}
    if name in _ONE and len(arguments) == 1:
        given = _value(arguments[0], series, periods)
        return _ONE[name](given) if isinstance(given, float) else {at: _ONE[name](value) for at, value in given.items()}
    if name in _MANY and len(arguments) == 1:
        return _many(name, arguments[0], series, periods)
    raise BadExpression(f"the function {name} is not supported")


def _many(name: str, argument: ast.expr, series: Mapping[str, Series], periods: list[float]) -> Value:
    if isinstance(argument, ast.List):
        rows = [_value(item, series, periods) for item in argument.elts]
    elif isinstance(argument, ast.Call) and getattr(argument.func, "id", "").upper() == "METRICS":
        rows = [dict(row) for row in series.values()]
    else:
        # Of one series it is a number: its sum over the whole range.
        given = _value(argument, series, periods)
        if isinstance(given, float):
            return given
        return float(_MANY[name](list(given.values()))) if given else {}
    found = {}
    for period in periods:
        values = [value for value in (_at(row, period) for row in rows) if value is not None]
        if values:
            found[period] = float(_MANY[name](values))
    return found


def _joined(kind: type, left: Value, right: Value) -> Value:
    if kind not in _OPERATORS:
        raise BadExpression(f"the operator {kind.__name__} is not supported")
    if isinstance(left, float) and isinstance(right, float):
        return _applied(kind, left, right) or 0.0
    periods = set(left if isinstance(left, dict) else right)  # type: ignore[arg-type]
    if isinstance(left, dict) and isinstance(right, dict):
        periods &= set(right)
    found = {period: _applied(kind, _number(left, period), _number(right, period)) for period in sorted(periods)}
    return {period: value for period, value in found.items() if value is not None}


def _applied(kind: type, left: float, right: float) -> float | None:
    """None where CloudWatch gives no data point: a division by zero."""
    try:
        return float(_OPERATORS[kind](left, right))
    except ZeroDivisionError:
        return None


def _at(value: Value, period: float) -> float | None:
    return value.get(period) if isinstance(value, dict) else value


def _number(value: Value, period: float) -> float:
    return value.get(period, 0.0) if isinstance(value, dict) else value


def _repeated(given: Series, periods: list[float]) -> Series:
    found, last = {}, None
    for period in periods:
        last = given.get(period, last)
        if last is not None:
            found[period] = last
    return found
