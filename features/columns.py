"""What a cell says and what a column is: one reading for training, for scoring and for whoever looks at data before.

A column that a user brings has no declared type. Its type comes from the share of cells that can be read, so that one
bad cell is one missing value and never another column. docs/columns.md has the rules in full. No reason that is given
here holds a cell's content: it may be personal.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from features.declared import NOTHING as UNDECLARED
from features.declared import Column as Declared
from features.values import MISSING as IN_EVERY_COLUMN

# number; indicator: a number of which only 0 and 1 were seen, so that a word for true or false means one of them;
# flag: true or false in words; category: one of the texts that were seen.
Kind = Literal["number", "indicator", "flag", "category"]

READABLE = 0.98  # of the cells that are not missing: from this share on, the others are faults and not another type
ENOUGH = 10  # readable cells from which on a single other one is a fault whatever its share
MOST_CATEGORIES = 64
MANY = 20  # cells from which on it can be told whether they are different by nature

MISSING = IN_EVERY_COLUMN | {"", ".", "-", "?", "NA"}
# What may well be a category, and says nothing among numbers. In any case.
NO_NUMBER = frozenset({"unknown", "none", "na", "n/a", "nan", "null", "missing"})
TRUE = frozenset({"true", "yes", "y", "t", "1", "1.0"})
FALSE = frozenset({"false", "no", "n", "f", "0", "0.0"})
SPELT_OUT = frozenset({"true", "false", "yes", "no"})  # one spelling among categories, too

# A request is a line per row: no text of ours holds anything that somebody may take for the end of one, or that UTF-8
# cannot write.
APART = re.compile("[\\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
PUNCTUATED = re.compile(r"\s*([+-]?(?:\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d+\.?\d*|\.\d+))\s*%?\s*", re.ASCII)
DECIMAL_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+", re.ASCII)
MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2}([T ].*)?)?"
    r"|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}( .*)?"
    rf"|(\d{{1,2}}[- ])?({MONTHS})[a-z]*[-, ]+(\d{{1,2}},? )?\d{{2,4}}",
    re.ASCII | re.IGNORECASE,
)
ROW_NUMBER = re.compile(
    r"(unnamed.*|_?c(olumn)?[_ ]?\d+|level_\d+|index|idx|row|row[_ ]?(id|index|name|names|nr|no|num|number)|x)", re.I
)
IDENTIFIER = re.compile(r"(.*[^a-zA-Z])?(?i:ids?|uuid|guid)|.*[a-z](Id|ID)")
WORDY = 3  # words of a text, on average, from which on it is prose


def text(cell: object) -> str:
    """The cell on one line and without the blanks around it; empty when it is missing."""
    if cell is None:
        return ""
    found = APART.sub(" ", str(cell)).strip()
    return "" if found in MISSING else found


def number(cell: object) -> float | None:
    """A finite number, as `12.5`, `1e3`, `1,234.50` or `10.65%`, which is 10.65; none when the cell holds none."""
    try:
        found = float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        otherwise = PUNCTUATED.fullmatch(cell) if isinstance(cell, str) else None
        if otherwise is None:
            return None
        found = float(otherwise[1].replace(",", ""))
    return found if math.isfinite(found) else None  # learners take no infinite numbers


def infinite(cell: object) -> bool:
    """Whether a cell says a number beyond all, in a word (`inf`) or in digits (`1e999`): `number` reads neither.

    It says something, so it is not missing; and it speaks for numbers, however many there are."""
    try:
        return math.isinf(float(cell))  # type: ignore[arg-type]
    except OverflowError:
        return True
    except (TypeError, ValueError):
        return False


def flag(cell: object) -> float | None:
    """1.0 or 0.0 for true or false in one of their spellings; none for anything else."""
    word = text(cell).casefold()
    return 1.0 if word in TRUE else 0.0 if word in FALSE else None


def category(cell: object) -> str:
    """The one spelling of a category; empty when the cell is missing. A whole number is one, whatever its type."""
    found = text(int(cell) if isinstance(cell, float) and cell.is_integer() else cell)
    return found.lower() if found.lower() in SPELT_OUT else found


def is_special(said: str, missing: Iterable[str]) -> bool:
    """Whether a text is one of the cells that were declared to say that nothing is known: `-999` is `-999.0` too."""
    value = None
    for special in missing:
        if said == special:
            return True
        if (as_number := number(special)) is not None:
            value = number(said) if value is None else value
            if value == as_number:
                return True
    return False


def is_missing(cell: object, kind: Kind) -> bool:
    """Whether a cell of a column of this kind says that nothing is known."""
    found = text(cell)
    return not found or (kind in ("number", "indicator") and found.casefold() in NO_NUMBER)


def mostly(readable: int, unreadable: int) -> bool:
    """Whether so many unreadable cells are faults in a column of the readable ones' type."""
    if not unreadable:
        return readable > 0
    return readable >= ENOUGH and unreadable <= max(1, (1 - READABLE) * (readable + unreadable))


@dataclass(frozen=True)
class Found:
    """What a column is. `kind` is none when a model can learn nothing from it, and `reason` says why."""

    name: str
    kind: Kind | None
    reason: str
    cells: int  # all of them
    missing: int
    unreadable: int  # neither missing nor of the column's kind
    different: int  # values among those that can be read
    categories: tuple[str, ...] | None = None


def find(name: str, cells: Iterable[object], declared: Declared = UNDECLARED) -> Found:
    """The type of a column, from its cells: texts, numbers, None or NaN in any order; and from what is declared."""
    counts = Counter(map(text, cells))
    total = counts.total()
    missing = counts.pop("", 0)
    for said in [said for said in counts if is_special(said, declared.missing)]:
        missing += counts.pop(said)
    if not counts:
        return Found(name, None, "every cell is missing", total, missing, 0, 0)
    if declared.type:
        return as_declared(name, counts, declared.type, total, missing)
    values = {said: value for said in counts if (value := number(said)) is not None}
    vague = sum(n for said, n in counts.items() if said.casefold() in NO_NUMBER)
    beyond = sum(n for said, n in counts.items() if infinite(said))
    readable = sum(counts[said] for said in values)
    if mostly(readable, total - missing - vague - beyond - readable):
        return of_numbers(name, counts, values, total, missing + vague)
    flags = {said: value for said in counts if (value := flag(said)) is not None}
    readable = sum(counts[said] for said in flags)
    if mostly(readable, total - missing - readable):
        different = len(set(flags.values()))
        kind: Kind | None = "flag" if different > 1 else None
        return Found(name, kind, "" if kind else CONSTANT, total, missing, total - missing - readable, different)
    return of_texts(name, counts, sum(counts[said] for said in values), total, missing)


CONSTANT = "all its cells are the same"


def as_declared(name: str, counts: Counter[str], type_: str, total: int, missing: int) -> Found:
    """What is declared needs no share of readable cells."""
    if type_ == "text":
        return Found(name, None, "text, as declared", total, missing, 0, len(counts))
    if type_ == "category":
        categories = tuple(sorted({category(said) for said in counts}))
        different = len(categories)
        reason = CONSTANT if different < 2 else ""
        if different > MOST_CATEGORIES:
            reason = f"{different} different texts, declared as a category, which has at most {MOST_CATEGORIES}"
        kind: Kind | None = None if reason else "category"
        return Found(name, kind, reason, total, missing, 0, different, None if reason else categories)
    if type_ == "flag":
        seen = {said: value for said in counts if (value := flag(said)) is not None}
        kind = "flag"
    else:
        seen = {said: value for said in counts if (value := number(said)) is not None}
        missing += sum(n for said, n in counts.items() if said not in seen and said.casefold() in NO_NUMBER)
        kind = "number"
    readable = sum(counts[said] for said in seen)
    different = len(set(seen.values()))
    reason = CONSTANT if different == 1 else f"declared as a {type_}, and no cell is one" if not different else ""
    return Found(name, None if reason else kind, reason, total, missing, total - missing - readable, different)


def of_numbers(name: str, counts: Counter[str], values: dict[str, float], total: int, missing: int) -> Found:
    different = set(values.values())
    kind: Kind | None = "indicator" if different <= {0.0, 1.0} else "number"
    readable = sum(
        n for said, n in counts.items() if said in values or (kind == "indicator" and flag(said) is not None)
    )
    reason = CONSTANT if len(different) < 2 else "" if kind == "indicator" else counted_out(name, counts, values)
    return Found(name, None if reason else kind, reason, total, missing, total - missing - readable, len(different))


def counted_out(name: str, counts: Counter[str], values: dict[str, float]) -> str:
    """Why numbers that only name their row, or a day, are none to learn from; empty when they are."""
    different = set(values.values())
    readable = sum(counts[said] for said in values)
    if not all(value.is_integer() for value in different):
        return ""
    if readable >= MANY and all(len(said) == 8 and said.isdecimal() and is_day(said) for said in values):
        return "dates as text (yyyymmdd)"
    if len(different) == readable:
        span = max(different) - min(different) + 1
        if readable >= MANY and ROW_NUMBER.fullmatch(name.strip()):
            return "row numbers: whole numbers, no two alike, under a name that tools give to a column without one"
        # Of so many numbers drawn from so narrow a span two would be alike (birthday bound: one chance in 10^8).
        if readable * readable > 40 * span:
            return f"row numbers: {readable} whole numbers, no two alike, within a span of {span:.0f}"
    if readable >= MANY and len(different) >= 0.9 * readable and IDENTIFIER.fullmatch(name.strip()):
        return f"an identifier by its name, {len(different)} of {readable} differ"
    return ""


def is_day(said: str) -> bool:
    try:
        return 1900 <= date(int(said[:4]), int(said[4:6]), int(said[6:])).year <= 2100
    except ValueError:
        return False


def of_texts(name: str, counts: Counter[str], numbers: int, total: int, missing: int) -> Found:
    present = total - missing
    categories = tuple(sorted({category(said) for said in counts}))
    different = len(categories)

    def share(pattern: re.Pattern[str]) -> float:
        return sum(n for said, n in counts.items() if pattern.fullmatch(said)) / present

    words = sum(len(said.split()) * n for said, n in counts.items()) / present
    many = different > MOST_CATEGORIES
    if different < 2:
        reason = CONSTANT
    elif share(DATE) >= READABLE:
        reason = "dates as text"
    elif many and share(DECIMAL_COMMA) >= READABLE:
        reason = "numbers with a decimal comma, which are read as text: write 1234.5"
    elif words >= WORDY and (many or (present >= MANY and different >= 0.9 * present)):
        reason = f"free text, {words:.0f} words a cell"
    elif present >= MANY and different >= 0.9 * present:
        reason = f"identifiers: {different} of {present} texts differ"
    elif many:
        reason = f"{different} different texts, more than {MOST_CATEGORIES}"
    else:
        reason = ""
    if reason and numbers > present / 2:
        reason += (
            f"; {numbers / present:.1%} of its cells are numbers, {READABLE:.0%} would make it a column of numbers"
        )
    kind: Kind | None = None if reason else "category"
    return Found(name, kind, reason, total, missing, 0, different, None if reason else categories)
