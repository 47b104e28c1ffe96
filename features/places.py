"""Where payments were made, and how far apart: integers alone, so that both engines find the same.

Degrees are millionths of one. On a sphere of the Earth's mean radius (6,371,009 m, IUGG) a degree is 111,195 m; the
distance is equirectangular (Snyder, Map Projections, 1987, p. 90): east and west shrink by the cosine of the middle
latitude, from a table in steps of a hundredth of a degree. Below 70 degrees of latitude it is within 0.3 % of the great
circle up to 500 km and within 3 % up to 2,000 km; over an ocean it is longer (Berlin to New York by 7 %).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from math import cos, isqrt, radians

from features.values import NUMBER

LATITUDE, LONGITUDE = "latitude", "longitude"
MICRO = 1_000_000
METRES_A_DEGREE = 111_195
STEP = MICRO // 100
BITS = 20
COSINES = tuple(round(cos(radians(step / 100)) * 2**BITS) for step in range(90 * 100 + 1))
LEAST_ELAPSED = 1_000  # ms: what counts within a second of the last payment was that far away a second ago
DECIMALS = Decimal(1).scaleb(-25)  # the lake reads so many, see glue.transforms.cells.EXACT

Place = tuple[int, int]  # latitude and longitude


def place_of(said: Mapping[str, str]) -> Place | None:
    """Where a payment that says this was made; none where it says not both, or no latitude that there is."""
    latitude, longitude = microdegrees(said.get(LATITUDE)), microdegrees(said.get(LONGITUDE))
    if latitude is None or longitude is None or abs(latitude) > 90 * MICRO:
        return None
    return latitude, longitude


def microdegrees(cell: str | None) -> int | None:
    """Degrees as the lake reads them: rounded half to even to a millionth, none of what is beyond 180 or no number."""
    if cell is None or not re.match(NUMBER, cell):
        return None
    with localcontext() as context:
        context.prec = 400
        try:
            exact = Decimal(cell).quantize(DECIMALS, ROUND_HALF_UP)  # so many the lake reads of it
            if not abs(exact) <= 180:
                return None
            return int(exact.quantize(Decimal(1).scaleb(-6), ROUND_HALF_EVEN).scaleb(6))
        except InvalidOperation:
            return None


def metres(one: Place, other: Place) -> int:
    """`glue.transforms.trailing` says the same of arrays."""
    north = other[0] - one[0]
    east = abs((other[1] - one[1] + 180 * MICRO) % (360 * MICRO) - 180 * MICRO)
    middle = abs(one[0] + other[0]) // 2
    east = east * COSINES[middle // STEP] >> BITS
    return isqrt(north * north + east * east) * METRES_A_DEGREE // MICRO


def metres_an_hour(far: int, elapsed: int) -> int:
    """Of metres within so many ms."""
    return far * 3_600_000 // max(elapsed, LEAST_ELAPSED)
