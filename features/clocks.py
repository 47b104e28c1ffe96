"""Times of day on their circle, in integers: what is usual, and how far another time is from it.

The usual time is the mean direction (Fisher, Statistical Analysis of Circular Data, 1993, p. 31): each time points from
the middle of a clock's face, and they are added up. Directions are integers from a table, so sums have no order; of all
values the one that points most along the sum is the usual one, the smaller of two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from math import atan2, cos, pi, sin

BITS = 20
# An offset from UTC, alone or behind a time: `+02:00`, `-0530`, `Z`, `2018-04-01T09:30:00+02:00`.
OFFSET = r"(?:[-0-9T /:]{0,20}:[0-9]{2}(?:[.,][0-9]{0,9})? ?)?(?:([+-])(0[0-9]|1[0-8]):?([0-5][0-9])|[Zz])"
LONGEST = 64


@cache
def turns(modulo: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where each value of a circle points: north, and east."""
    angles = [2 * pi * value / modulo for value in range(modulo)]
    return tuple(round(cos(a) * 2**BITS) for a in angles), tuple(round(sin(a) * 2**BITS) for a in angles)


def usual(north: int, east: int, modulo: int) -> int | None:
    """The value that points most along a sum; none of sums that cancel each other out."""
    if not north and not east:
        return None
    norths, easts = turns(modulo)
    about = round(atan2(east, north) * modulo / (2 * pi))
    near = sorted((about + step) % modulo for step in (-1, 0, 1))  # what a double says, or the value next to it
    return max(near, key=lambda value: north * norths[value] + east * easts[value])


def apart(one: int, other: int, modulo: int) -> int:
    """How far two values are from each other, the shorter way round."""
    found = (one - other) % modulo
    return min(found, modulo - found)


def minutes_east(cell: str | None, offsets: Mapping[str, int]) -> int | None:
    """Minutes ahead of UTC that a cell tells: by the table, or without one as an offset; none of another cell."""
    if cell is None:
        return None
    if offsets:
        return offsets.get(cell)
    found = re.fullmatch(OFFSET, cell) if len(cell) <= LONGEST else None
    if found is None:
        return None
    sign, hours, minutes = found.groups()
    told = int(hours) * 60 + int(minutes) if sign else 0
    return -told if sign == "-" else told
