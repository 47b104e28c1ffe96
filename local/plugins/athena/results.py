"""Values and types as Athena prints them."""

from __future__ import annotations

import datetime
import decimal
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """What a statement gives: names, Athena's types, and rows of text (None is NULL)."""

    columns: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    scanned: int = 0
    updated: int = 0


def lines(name: str, values: list[str]) -> Result:
    """The one-column answer of SHOW and DESCRIBE."""
    return Result([name], ["string"], [[value] for value in values])


def text(value: Any, kind: str = "") -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _floating(_single(value) if kind == "float" else value)
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        stamp = value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
        return f"{stamp} UTC" if kind == "timestamp with time zone" else stamp
    if isinstance(value, bytes | bytearray | memoryview):
        return " ".join(f"{byte:02x}" for byte in bytes(value))
    if isinstance(value, list):
        return "[" + ", ".join(_inner(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_inner(key)}={_inner(item)}" for key, item in value.items()) + "}"
    return str(value)


def csv(result: Result) -> bytes:
    """Athena's result file: every value quoted, NULL an empty place."""

    def place(value: str | None) -> str:
        return "" if value is None else '"' + value.replace('"', '""') + '"'

    rows: list[Sequence[str | None]] = [result.columns, *result.rows]
    return "".join(",".join(place(value) for value in row) + "\n" for row in rows).encode()


def _inner(value: Any) -> str:
    shown = text(value)
    return "null" if shown is None else shown


def _single(value: float) -> float:
    """The shortest number that is the same REAL: 0.1, not 0.10000000149011612."""
    if math.isnan(value) or math.isinf(value):
        return value
    packed = struct.pack("f", value)
    return next((near for n in range(6, 9) if struct.pack("f", near := float(f"{value:.{n}g}")) == packed), value)


def _floating(value: float) -> str:
    """As Java prints a double: 1.0E10 from ten millions on."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        shown = repr(value)
        return format(decimal.Decimal(shown), "f") if "e" in shown else shown
    mantissa, _, exponent = format(decimal.Decimal(repr(value)), "E").partition("E")
    mantissa = mantissa.rstrip("0") if "." in mantissa else mantissa
    mantissa = mantissa + "0" if mantissa.endswith(".") else mantissa
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"
