"""When a payment counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from features.declaration import DAY, MINUTE
from features.moments import CLOCKS_DIFFER, met_by_a_door, met_by_no_door
from features.state import NEVER

NOON = 20_000 * DAY + DAY // 2
STAMPS = st.lists(st.integers(0, 3 * MINUTE) | st.integers(0, 5), max_size=30)


def test_a_payment_counts_when_it_is_stamped():
    assert met_by_a_door(NOON, NOON + 80, NEVER) == NOON
    assert met_by_a_door(NOON, NOON + 80, NOON - 1) == NOON
    assert met_by_a_door(0, None, NEVER) == 0


def test_a_late_payment_counts_right_after_its_customers_last_one():
    assert met_by_a_door(NOON - MINUTE, NOON + 80, NOON) == NOON + 1
    assert met_by_a_door(NOON, NOON + 80, NOON) == NOON + 1


def test_a_clock_that_differs_by_seconds_is_believed():
    assert met_by_a_door(NOON + CLOCKS_DIFFER, NOON, NEVER) == NOON + CLOCKS_DIFFER
    assert met_by_a_door(NOON + CLOCKS_DIFFER + 1, NOON, NEVER) == NOON


def test_a_clock_ahead_counts_on_arrival():
    assert met_by_a_door(NOON + 4 * MINUTE, NOON, NEVER) == NOON
    assert met_by_a_door(NOON + 4 * MINUTE, NOON, NOON) == NOON + 1


def test_a_clock_ahead_counts_in_the_day_that_it_names():
    before_midnight = NOON // DAY * DAY + DAY - MINUTE

    assert met_by_a_door(before_midnight + 2 * MINUTE, before_midnight, NEVER) == before_midnight + MINUTE


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), max_size=40))
def test_payments_that_a_door_meets_never_share_a_moment(steps):
    clock, now, moments = NEVER, NOON, []
    for step, skew in steps:
        now += max(0, step)
        clock = met_by_a_door(now + skew, now, clock)
        moments.append(clock)

    assert moments == sorted(set(moments))
    assert all(at <= now + 5 + len(steps) for at in moments), "nobody is held at a moment that lies ahead"


@given(STAMPS)
def test_payments_that_no_door_met_never_share_a_moment_and_none_counts_before_its_stamp(stamps):
    stamped = sorted(NOON + at for at in stamps)

    moments = met_by_no_door(stamped)

    assert moments == sorted(set(moments))
    for place, (at, counts) in enumerate(zip(stamped, moments, strict=True)):
        before = moments[place - 1] if place else NEVER
        assert counts == max(at, before + 1)


def test_no_payment_leaves_its_day():
    last = NOON // DAY * DAY + DAY - 1

    assert met_by_no_door([last - 1, last - 1, last - 1, last]) == [last - 1, last, last, last]
