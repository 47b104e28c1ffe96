"""Times on a circle: what is usual, how far another one is, and which time it is where a payment is made."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.clocks import apart, minutes_east, turns, usual
from features.declaration import DAY, HOUR, MINUTE, FromUsual, LocalPart
from features.zones import ONE_ZONE
from glue.transforms.trailing import Asked, Events, Timeline, from_usual

DAYS = 1_440  # minutes of one
MINUTES = st.integers(0, DAYS - 1)


def added(values) -> tuple[int, int]:
    north, east = turns(DAYS)
    return sum(north[v] for v in values), sum(east[v] for v in values)


@given(st.lists(MINUTES, min_size=1, max_size=50))
def test_the_usual_time_points_most_along_the_sum_of_all(values):
    north, east = added(values)
    norths, easts = turns(DAYS)
    along = [north * norths[v] + east * easts[v] for v in range(DAYS)]

    assert usual(north, east, DAYS) == (along.index(max(along)) if north or east else None)


@pytest.mark.parametrize(
    ("values", "found"),
    [([600], 600), ([1_430, 10], 0), ([540, 600, 660], 600), ([0, 0, 0, 360], 74), ([0, 720], None), ([], None)],
)
def test_a_usual_time_by_hand(values, found):
    assert usual(*added(values), DAYS) == found


@given(MINUTES, MINUTES)
def test_the_shorter_way_round_is_at_most_half_of_it(one, other):
    assert apart(one, other, DAYS) == apart(other, one, DAYS) <= DAYS // 2
    assert apart(one, (one + 90) % DAYS, DAYS) == 90


@given(st.lists(st.tuples(st.integers(0, 40 * DAY), st.one_of(st.none(), MINUTES)), min_size=1, max_size=40))
def test_arrays_find_the_same_usual_time(rows):
    rows.sort(key=lambda row: row[0])
    feature = FromUsual("far", "minute", DAYS, 30 * DAY, DAY)
    at = np.array([row[0] for row in rows], np.int64)
    timeline = Timeline(np.zeros(len(rows), np.int64), at)
    asked = Asked(timeline, timeline.rank, at)
    cells = np.array([0 if said is None else said + 1 for _, said in rows], np.int64)

    found = from_usual(Events(asked, {}), asked, feature, cells)

    expected = []
    for moment, said in rows:
        first = (moment // DAY - 30) * DAY
        own = usual(*added([value for then, value in rows if first <= then < moment and value is not None]), DAYS)
        expected.append(None if said is None or own is None else apart(said, own, DAYS))
    assert [int(n) if known else None for n, known in zip(found.numbers, found.known, strict=True)] == expected


@pytest.mark.parametrize(
    ("cell", "minutes"),
    [
        ("+02:00", 120),
        ("-0530", -330),
        ("Z", 0),
        ("z", 0),
        ("2018-04-01T09:30:00+02:00", 120),
        ("2018-04-01 09:30:00.250 -03:30", -210),
        ("2018-04-01T09:30Z", 0),
        ("+18:59", 1_139),
        ("2018-04-01", None),
        ("2018-0401", None),
        ("+19:00", None),
        ("+2", None),
        ("02:00", None),
        ("+02:00\n", None),
        ("1" * 70 + "+02:00", None),
        (None, None),
    ],
)
def test_an_offset_is_read_alone_or_behind_a_time(cell, minutes):
    assert minutes_east(cell, {}) == minutes


def test_a_country_with_one_time_has_its_standard_time():
    offsets = dict(ONE_ZONE)

    assert [minutes_east(country, offsets) for country in ("DE", "GB", "IN", "NP", "US", "de")] == [
        *(60, 0, 330, 345),
        *(None, None),
    ]
    assert len(offsets) == len(ONE_ZONE)


def test_a_local_part_moves_with_the_offset_and_round_the_clock():
    minute = LocalPart("minute", "utc_offset", MINUTE, DAYS)

    assert minute.of(23 * HOUR + 30 * MINUTE, 60) == 30
    assert minute.of(0, -90) == DAYS - 90
