"""What the lake will make of a cell, in the database's SQL: the same as glue.transforms.cells says in Spark's.

A test asks both about the same cells.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from features.columns import FALSE, TRUE
from features.contract import Column
from features.currency import LARGEST_RATE, UNIT
from features.payment import CONTROL, LONGEST_IDENTIFIER
from features.values import (
    INSTANT,
    LARGEST_AMOUNT,
    LARGEST_COUNT,
    LARGEST_PERCENT,
    LONGEST_INSTANT,
    MISSING,
    NUMBER,
    PERCENT_SIGN,
    ROUNDED,
    SPELT_OTHERWISE,
)

# What no identifier holds, in the spelling of RE2, which looks for all of it at once.
NO_IDENTIFIER = re.sub(r"\\u([0-9a-f]{4})", r"\\x{\1}", CONTROL) + f"|{ROUNDED}"


def name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def filled(column: str) -> str:
    """A cell, null where nothing, or a tool's word for nothing, stands in it; the reader has taken blanks away."""
    words = ", ".join(text(word) for word in sorted(MISSING))
    return f"CASE WHEN {name(column)} NOT IN ('', {words}) THEN {name(column)} END"


def instant(column: str) -> str:
    """UTC, null where the contract's spelling is broken."""
    return _instant(column, as_utc)


def _instant(column: str, value: Callable[[str], str]) -> str:
    """SQL for what `value` makes of a cell that the contract can read as an instant, null of any other."""
    cell = plain = name(column)
    for other, spelling in SPELT_OTHERWISE:
        plain = f"regexp_replace({plain}, {text(other)}, {text(spelling)})"
    return (
        f"CASE WHEN {spelt_plainly(cell)} THEN {value(cell)} "
        f"WHEN length({cell}) <= {LONGEST_INSTANT} AND {spelt_plainly(plain)} THEN {value(plain)} END"
    )


def spelt_plainly(cell: str) -> str:
    return f"{cell} >= '1970' AND regexp_full_match({cell}, {text(INSTANT.pattern)})"


def as_utc(cell: str) -> str:
    return f"{with_zone(cell)} AT TIME ZONE 'UTC'"


def with_zone(cell: str) -> str:
    """Null where there is no such day. To move it to UTC takes the database as long as all the rest."""
    return f"TRY_CAST({cell} AS TIMESTAMPTZ)"


def readable(column: Column) -> str:
    """Whether a cell that is there can be read; null of a missing one."""
    cell = filled(column.name)
    number = f"TRY_CAST(regexp_extract({cell}, {text(NUMBER)}) AS DOUBLE)"  # the database alone would read 1_000
    share = number.replace(cell, f"regexp_replace({cell}, {text(PERCENT_SIGN)}, '')")
    words = ", ".join(map(text, sorted(TRUE | FALSE) if column.lenient else ("true", "false")))
    checks = {
        "instant": f"{_instant(column.name, with_zone)} IS NOT NULL",
        "money": f"coalesce({number} BETWEEN 0 AND {LARGEST_AMOUNT}, false)",
        "degrees": f"coalesce({number} BETWEEN -180 AND 180, false)",
        "rate": f"coalesce({number} BETWEEN {1 / (2 * UNIT):.1e} AND {LARGEST_RATE}, false)",
        "percent": f"coalesce({share} BETWEEN -{LARGEST_PERCENT} AND {LARGEST_PERCENT}, false)",
        "flag": f"(lower({cell}) IN ({words}) OR coalesce({number} IN (0, 1), false))",
        "count": f"coalesce({number} BETWEEN 0 AND {LARGEST_COUNT} AND {number} = floor({number}), false)",
        "text": f"(length({cell}) <= {LONGEST_IDENTIFIER} AND NOT regexp_matches({cell}, {text(NO_IDENTIFIER)}))"
        if column.required
        else "true",
    }
    return f"CASE WHEN {cell} IS NOT NULL THEN {checks[column.type]} END"
