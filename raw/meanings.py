"""What a column's cells mean where a spelling alone does not tell: epochs, days with slashes, decimal commas.

Decided for the whole column from the file's beginning, never cell by cell: 03/04/2024 is read only where other rows
show which part is the day. What does not fit the column's meaning stays as it came, and is unreadable further on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from features.contract import Type
from features.values import plainly

SHARE = 0.9  # of the cells must fit: the quality gate stops a batch of which more than a tenth cannot be read
_DAY, _MONTH = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])"
_TIME = r"(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"


@dataclass(frozen=True)
class Meaning:
    """`pattern` is what every cell looks like; `reading` names it for people."""

    name: str
    pattern: str
    reading: str


EPOCHS = {
    # Lengths that no two units share for any instant from 1973 to 2286.
    "epoch_s": (Meaning("epoch_s", r"[1-9]\d{8,9}", "seconds since 1970"), 1_000_000),
    "epoch_ms": (Meaning("epoch_ms", r"[1-9]\d{11,12}", "milliseconds since 1970"), 1_000),
    "epoch_us": (Meaning("epoch_us", r"[1-9]\d{14,15}", "microseconds since 1970"), 1),
}
PLAIN_DATE = Meaning("yyyymmdd", r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", "year, month, day")
DAY_FIRST = Meaning("dmy", rf"{_DAY}[/.-]{_MONTH}[/.-]\d{{4}}{_TIME}", "day, month, year")
MONTH_FIRST = Meaning("mdy", rf"{_MONTH}[/.-]{_DAY}[/.-]\d{{4}}{_TIME}", "month, day, year")
ONE_ORDER_ONLY = r"^(?:\d{1,2}[/.-])?(?:1[3-9]|2\d|3[01])[/.-]"  # a day that can be no month
DECIMAL_COMMA = Meaning("decimal_comma", r"(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d{1,2})?", "a comma before the cents")
THOUSANDS = Meaning("thousands", r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?", "commas between thousands")
OF_INSTANTS = (*(meaning for meaning, _ in EPOCHS.values()), PLAIN_DATE, DAY_FIRST, MONTH_FIRST)
BY_NAME = {m.name: m for m in (*OF_INSTANTS, DECIMAL_COMMA, THOUSANDS)}
_PARTS = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")


class Ambiguous(ValueError):
    """Every row fits two meanings. The text names both."""


def meaning_of(type_: Type, cells: Iterable[str | None]) -> Meaning | None:
    """What the cells of a column of the contract mean, None where each tells for itself. Raises Ambiguous."""
    texts = [t for cell in cells if cell is not None and (t := cell.strip())]
    if type_ == "instant":
        return _of_instants(texts)
    if type_ == "money":
        return _of_money(texts)
    return None


def _of_instants(texts: Sequence[str]) -> Meaning | None:
    if any(plainly(text) for text in texts):
        return None
    fit = [m for m in OF_INSTANTS if texts and _share(m.pattern, texts) >= SHARE]
    if len(fit) > 1:  # day first and month first: a row that fits one alone tells
        fit = [m for m in fit if _share(m.pattern, texts) == max(_share(o.pattern, texts) for o in fit)]
    if len(fit) > 1:
        day, month, year = _PARTS.match(texts[0]).groups()  # type: ignore[union-attr]
        raise Ambiguous(
            f"{texts[0]!r} may be {year}-{month:>02}-{day:>02} or {year}-{day:>02}-{month:>02}, and no row tells "
            f"which; write {year}-{month:>02}-{day:>02}, as ISO 8601 does"
        )
    return fit[0] if fit else None


def _of_money(texts: Sequence[str]) -> Meaning | None:
    """Only where a comma stands in some cell, and every cell reads one way alone."""
    if not any("," in text for text in texts):
        return None
    comma = _share(DECIMAL_COMMA.pattern, texts) >= SHARE
    thousands = _share(THOUSANDS.pattern, texts) >= SHARE
    return None if comma == thousands else DECIMAL_COMMA if comma else THOUSANDS


def _share(pattern: str, texts: Sequence[str]) -> float:
    return sum(re.fullmatch(pattern, text) is not None for text in texts) / len(texts) if texts else 0.0


def meant(cells: pa.Array, meaning: Meaning) -> pa.Array:
    """The cells that fit as ISO 8601 or a plain number; the others as they came."""
    trimmed = pc.utf8_trim_whitespace(cells)
    fits = pc.fill_null(pc.match_substring_regex(trimmed, f"^(?:{meaning.pattern})$"), False)
    chosen = pc.if_else(fits, trimmed, pa.scalar(None, pa.string()))
    return pc.if_else(fits, _read(chosen, meaning), cells)


def _read(cells: pa.Array, meaning: Meaning) -> pa.Array:
    if meaning.name in EPOCHS:
        moments = pc.cast(pc.multiply(pc.cast(cells, pa.int64()), EPOCHS[meaning.name][1]), pa.timestamp("us"))
        return pc.strftime(moments, format="%Y-%m-%dT%H:%M:%SZ")
    if meaning is PLAIN_DATE:
        return pc.replace_substring_regex(cells, r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3")
    if meaning is DECIMAL_COMMA:
        return pc.replace_substring(pc.replace_substring(cells, ".", ""), ",", ".")
    if meaning is THOUSANDS:
        return pc.replace_substring(cells, ",", "")
    first, second = (r"\3-\2-\1", r"\3-\1-\2")
    padded = pc.replace_substring_regex(cells, r"\b(\d)\b", r"0\1")
    order = first if meaning is DAY_FIRST else second
    return pc.replace_substring_regex(padded, r"^(\d\d)[/.-](\d\d)[/.-](\d{4})", order)
