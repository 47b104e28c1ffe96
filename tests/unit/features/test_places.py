"""How far apart payments were made: integers, and near enough to the sphere."""

from __future__ import annotations

from math import asin, cos, isqrt, radians, sin, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.places import COSINES, MICRO, metres, metres_an_hour, microdegrees, place_of
from glue.transforms.trailing import metres as of_arrays
from glue.transforms.trailing import root

LATITUDES = st.one_of(st.sampled_from([0, 1, -1, 90 * MICRO, -90 * MICRO]), st.integers(-90 * MICRO, 90 * MICRO))
LONGITUDES = st.one_of(st.sampled_from([0, 180 * MICRO, -180 * MICRO]), st.integers(-180 * MICRO, 180 * MICRO))
PLACES = st.tuples(LATITUDES, LONGITUDES)
DUBLIN, PARIS, NEW_YORK, BERLIN = (
    (53_349_800, -6_260_300),
    (48_856_600, 2_352_200),
    (40_712_800, -74_006_000),
    (52_520_000, 13_405_000),
)


@given(st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=30))
def test_arrays_and_numbers_are_as_far_apart(pairs):
    ones, others = (np.array(side, np.int64).T for side in zip(*pairs, strict=True))

    assert of_arrays(tuple(ones), tuple(others)).tolist() == [metres(one, other) for one, other in pairs]


@given(PLACES, PLACES)
def test_it_is_as_far_back_and_from_a_place_to_itself_is_nothing(one, other):
    assert metres(one, other) == metres(other, one)
    assert metres(one, one) == 0


@given(st.integers(0, 7 * 10**16), st.integers(0, 260_000_000))
def test_the_root_of_an_array_is_exact_next_to_squares_too(number, whole):
    numbers = [number, whole * whole, whole * whole + 1, max(0, whole * whole - 1)]

    assert root(np.array(numbers, np.int64)).tolist() == [isqrt(n) for n in numbers]


def sphere(one, other) -> float:
    """The haversine formula."""
    north, east, there, across = (radians(x / MICRO) for x in (*one, *other))
    half = sin((there - north) / 2) ** 2 + cos(north) * cos(there) * sin((across - east) / 2) ** 2
    return 2 * 6_371_009 * asin(sqrt(half))


@pytest.mark.parametrize(
    ("one", "other", "within"), [(DUBLIN, PARIS, 0.002), (PARIS, BERLIN, 0.004), (BERLIN, NEW_YORK, 0.07)]
)
def test_a_distance_is_near_that_on_the_sphere(one, other, within):
    assert abs(metres(one, other) / sphere(one, other) - 1) < within


def test_the_shorter_way_round_is_taken_over_the_date_line():
    assert metres((0, 179_900_000), (0, -179_900_000)) == metres((0, 0), (0, 200_000)) == 22_239


def test_the_table_of_cosines_is_the_same_everywhere():
    assert [COSINES[step] for step in (0, 3_000, 6_000, 9_000)] == [2**20, 908_093, 2**19, 0]
    assert sum(COSINES) == 6_008_422_163


def test_no_time_is_taken_for_a_second():
    assert metres_an_hour(1_000, 0) == metres_an_hour(1_000, 1_000) == 3_600_000
    assert metres_an_hour(900_000, 3_600_000) == 900_000


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("53.3498054", 53_349_805),
        ("-6.2603097", -6_260_310),
        ("0.0000005", 0),
        ("0.0000015", 2),
        ("0.00000050000000000000000000000000001", 0),
        ("180.0000001", None),
        ("180.00000000000000000000000001", 180_000_000),  # what the lake keeps of it is within
        ("1e400", None),
        ("1e2", 100_000_000),
        (".5", 500_000),
        ("53,35", None),
        ("53.35 N", None),
        ("1e", None),
        ("NaN", None),
        (None, None),
    ],
)
def test_degrees_are_millionths(cell, found):
    assert microdegrees(cell) == found


def test_a_place_has_two_sides_and_a_latitude_that_there_is():
    assert place_of({"latitude": "53.35", "longitude": "-6.26"}) == (53_350_000, -6_260_000)
    assert place_of({"latitude": "53.35"}) is None
    assert place_of({"latitude": "91", "longitude": "1"}) is None
