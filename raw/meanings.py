"""What a column's cells mean where a spelling alone does not tell: epochs, days with slashes, decimal commas.

Decided for the whole column, never cell by cell: 03/04/2024 is read only where other rows show which part is the day.
What does not fit the column's meaning stays as it came, and is unreadable further on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from features.contract import Type
from features.values import MISSING, plainly

SHARE = 0.9  # of the cells must fit: the quality gate stops a batch of which more than a tenth cannot be read
STRAY = 0.01  # of the telling cells may tell otherwise: they are faults, and more of them are another meaning
_DAY, _MONTH = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])"
_TIME = r"(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"


@dataclass(frozen=True)
class Meaning:
    """`pattern` is what every cell looks like; `reading` names it for people."""

    name: str
    pattern: str
    reading: str


EPOCHS = {
    # From 1985 to 2033: of these lengths and first digits there is no calendar stamp such as 202403011230.
    "epoch_s": (Meaning("epoch_s", r"1\d{9}|[5-9]\d{8}", "seconds since 1970"), 1_000_000),
    "epoch_ms": (Meaning("epoch_ms", r"1\d{12}|[5-9]\d{11}", "milliseconds since 1970"), 1_000),
    "epoch_us": (Meaning("epoch_us", r"1\d{15}|[5-9]\d{14}", "microseconds since 1970"), 1),
}
PLAIN_DATE = Meaning("yyyymmdd", r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", "year, month, day")
DAY_FIRST = Meaning("dmy", rf"{_DAY}[/.-]{_MONTH}[/.-]\d{{4}}{_TIME}", "day, month, year")
MONTH_FIRST = Meaning("mdy", rf"{_MONTH}[/.-]{_DAY}[/.-]\d{{4}}{_TIME}", "month, day, year")
ONE_ORDER_ONLY = r"^(?:\d{1,2}[/.-])?(?:1[3-9]|2\d|3[01])[/.-]"  # a day that can be no month
DECIMAL_COMMA = Meaning(
    "decimal_comma", r"\d{1,3}(?:\.\d{3})+(?:,\d{1,2})?|\d+(?:,\d{1,2})?", "a comma before the cents"
)
THOUSANDS = Meaning("thousands", r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?", "commas between thousands")
_OF_EPOCHS = [meaning for meaning, _ in EPOCHS.values()]
# Where a column's spelling is declared, a number needs no other one beside it to be told: any decimals will do.
DECLARED = {
    "decimal_comma": Meaning(
        "declared_comma", r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?", "a comma before the decimals, as declared"
    ),
    "thousands": Meaning(
        "declared_thousands", r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?", "commas between thousands, as declared"
    ),
    **{m.name: m for m in (*_OF_EPOCHS, PLAIN_DATE, DAY_FIRST, MONTH_FIRST)},
}
WITH_COMMA = {DECIMAL_COMMA.name, DECLARED["decimal_comma"].name}
_FOUND = (*_OF_EPOCHS, PLAIN_DATE, DAY_FIRST, MONTH_FIRST, DECIMAL_COMMA, THOUSANDS)
BY_NAME = {m.name: m for m in (*_FOUND, *DECLARED.values())}
SINGLE_DIGITS = (  # of day, month and hour, each given its zero
    (r"^(\d)([/.-])", r"0\1\2"),
    (r"^(\d\d[/.-])(\d)([/.-])", r"\1" "0" r"\2\3"),
    (r"([T ])(\d):", r"\1" "0" r"\2:"),
)
_PARTS = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")


class Ambiguous(ValueError):
    """The rows fit two meanings, or tell both. The text names both."""

    def __init__(self, text: str, told: bool) -> None:
        super().__init__(text)
        self.told = told  # rows tell both: no further row can tell one


def meaning_of(type_: Type, cells: Iterable[str | None]) -> Meaning | None:
    """What the cells of a column of the contract mean, None where each tells for itself. Raises Ambiguous."""
    texts = [t for cell in cells if cell is not None and (t := cell.strip()) and t not in MISSING]
    if type_ == "instant":
        return _of_instants(texts)
    if type_ == "money":
        return _of_money(texts)
    return None


def _of_instants(texts: Sequence[str]) -> Meaning | None:
    if not texts or any(plainly(text) for text in texts):
        return None
    for meaning in (*_OF_EPOCHS, PLAIN_DATE):
        if _share(meaning.pattern, texts) >= SHARE:
            return meaning
    fits = [(text, _fits(DAY_FIRST, text), _fits(MONTH_FIRST, text)) for text in texts]
    if sum(day or month for _, day, month in fits) < SHARE * len(texts):
        return None
    only_day = sum(day and not month for _, day, month in fits)
    only_month = sum(month and not day for _, day, month in fits)
    if not only_day and not only_month:
        found = next(_PARTS.match(text) for text, day, _ in fits if day)
        assert found is not None
        day, month, year = found.groups()
        raise Ambiguous(
            f"{found[0]!r} may be {year}-{month:>02}-{day:>02} or {year}-{day:>02}-{month:>02}, and no row tells "
            f"which; write {year}-{month:>02}-{day:>02}, as ISO 8601 does",
            told=False,
        )
    if min(only_day, only_month) > STRAY * (only_day + only_month):
        raise Ambiguous(
            f"{only_day} rows tell that the day comes first and {only_month} that the month does; write days as "
            "2024-03-04, as ISO 8601 does",
            told=True,
        )
    return DAY_FIRST if only_day > only_month else MONTH_FIRST


def _of_money(texts: Sequence[str]) -> Meaning | None:
    """By the cells with a comma or a point: 12,50 and 1.234,50 tell one meaning, 1,234 and 12.50 the other."""
    marked = [text for text in texts if "," in text or "." in text]
    commas = sum("," in text and _fits(DECIMAL_COMMA, text) for text in marked)
    thousands = sum("," in text and _fits(THOUSANDS, text) for text in marked)
    decimals = sum(re.fullmatch(r"\d+\.\d{1,2}|0\.\d+|\d{4,}\.\d+|\d+\.\d{4,}", text) is not None for text in marked)
    threes = sum(re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+", text) is not None for text in marked)
    below_one = sum(re.fullmatch(r"0,\d{3,}", text) is not None for text in marked)
    if (commas and thousands) or (below_one and thousands):
        raise Ambiguous(
            f"{commas + below_one} cells have a comma before decimals and {thousands} one between thousands; write "
            "amounts as 1234.50",
            told=True,
        )
    if threes and threes == len(marked) and not commas:
        raise Ambiguous(
            "a point before three digits may stand between thousands or before decimals; write 1234.50", told=False
        )
    found = None
    if commas and decimals <= STRAY * (commas + decimals):
        found = DECIMAL_COMMA
    elif thousands:
        found = THOUSANDS
    return found if found is not None and _share(found.pattern, texts) >= SHARE else None


def _fits(meaning: Meaning, text: str) -> bool:
    return re.fullmatch(meaning.pattern, text) is not None


def _share(pattern: str, texts: Sequence[str]) -> float:
    return sum(re.fullmatch(pattern, text) is not None for text in texts) / len(texts) if texts else 0.0


def meant(cells: pa.Array, meaning: Meaning) -> pa.Array:
    """The cells that fit as ISO 8601 or a plain number; the others as they came."""
    fits = pc.fill_null(pc.match_substring_regex(cells, f"^(?:{meaning.pattern})$"), False)
    chosen = pc.if_else(fits, cells, pa.scalar(None, pa.string()))
    return pc.if_else(fits, _read(chosen, meaning), cells)


def _read(cells: pa.Array, meaning: Meaning) -> pa.Array:
    if meaning.name in EPOCHS:
        moments = pc.cast(pc.multiply(pc.cast(cells, pa.int64()), EPOCHS[meaning.name][1]), pa.timestamp("us"))
        return pc.strftime(moments, format="%Y-%m-%dT%H:%M:%SZ")
    if meaning is PLAIN_DATE:
        return pc.replace_substring_regex(cells, r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3")
    if meaning in (DECIMAL_COMMA, DECLARED["decimal_comma"]):
        return pc.replace_substring(pc.replace_substring(cells, ".", ""), ",", ".")
    if meaning in (THOUSANDS, DECLARED["thousands"]):
        return pc.replace_substring(cells, ",", "")
    for single, double in SINGLE_DIGITS:
        cells = pc.replace_substring_regex(cells, single, double)
    order = r"\3-\2-\1" if meaning is DAY_FIRST else r"\3-\1-\2"
    return pc.replace_substring_regex(cells, r"^(\d\d)[/.-](\d\d)[/.-](\d{4})", order)
