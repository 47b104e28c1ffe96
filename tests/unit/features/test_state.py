"""The incremental engine against the definition, recomputed from the whole history."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.declaration import DAY, HOUR, MINUTE, SECOND, Window
from features.fraud import FRAUD, SINCE_LAST
from features.state import REMEMBERED, Layout, State, fingerprint, label_event, payment_event
from features.vector import CUSTOMER_LAYOUT, MERCHANT_LAYOUT
from tests.unit.features.definition import in_order_of_arrival, since_last, window_sum

START = 1_522_540_800_000  # 2018-04-01T00:00:00Z
BOUND = 32 * 1024  # bytes

# Steps on and around the edges of tiles and windows; negative steps are late events.
STEPS = st.sampled_from(
    [
        *(0, 1, SECOND, MINUTE - 1, MINUTE, MINUTE + 1, 10 * MINUTE, HOUR, DAY - 1, DAY, 7 * DAY, 30 * DAY, 31 * DAY),
        *(-1, -MINUTE, -HOUR, -DAY, -30 * DAY),
    ]
)
AMOUNTS = st.integers(0, 10**12)
HISTORIES = st.lists(st.tuples(STEPS, AMOUNTS, st.sampled_from(["payment", "payment", "label"])), max_size=30)


def events_of(history):
    at, events = START, []
    for step, amount, kind in history:
        at += step
        events.append(payment_event(at, amount) if kind == "payment" else label_event(at, amount % 2))
    return events, at


def folded(layout, events) -> State:
    state = State(layout)
    for event in events:
        state.apply(event)
    return state


@settings(max_examples=120, deadline=None)
@given(HISTORIES, STEPS)
def test_every_window_is_what_the_definition_says(history, step):
    events, last = events_of(history)
    at = last + step
    for layout in (CUSTOMER_LAYOUT, MERCHANT_LAYOUT):
        known = [e for e in events if e.kind in layout.kinds]
        happened = in_order_of_arrival(known)

        assert folded(layout, known).values(at) == {w.name: window_sum(w, happened, at) for w in layout.windows}


@settings(max_examples=60, deadline=None)
@given(HISTORIES, STEPS)
def test_the_time_since_the_last_payment_is_what_the_definition_says(history, step):
    events, last = events_of([(s, a, "payment") for s, a, _ in history])
    happened = in_order_of_arrival(events)

    found = folded(CUSTOMER_LAYOUT, events).since_last(SINCE_LAST[0], last + step)

    assert found == since_last(SINCE_LAST[0], happened, last + step)


@settings(max_examples=60, deadline=None)
@given(HISTORIES, st.integers(0, 30), STEPS)
def test_a_record_written_and_read_back_anywhere_is_the_same_record(history, cut, step):
    events, last = events_of(history)
    never, once = State(MERCHANT_LAYOUT), State(MERCHANT_LAYOUT)
    for number, event in enumerate(events):
        if number == cut:
            once = State.load(once.dump(), MERCHANT_LAYOUT)
        never.apply(event)
        once.apply(event)

    assert once.dump() == never.dump()
    assert State.load(once.dump(), MERCHANT_LAYOUT).values(last + step) == never.values(last + step)


def count_in(milliseconds: int, tile: int = MINUTE) -> Window:
    return Window("customer", "payment", "count", milliseconds, tile)


def test_an_empty_record_knows_nothing():
    state = State(CUSTOMER_LAYOUT)

    assert set(state.values(START).values()) == {0}
    assert state.since_last(SINCE_LAST[0], START) is None
    assert not state.knows("t1")


def test_a_window_begins_with_its_first_tile_and_ends_before_the_event():
    layout = Layout([count_in(10 * MINUTE)])
    at = START + HOUR + 30 * SECOND
    first = START + HOUR - 10 * MINUTE

    assert folded(layout, [payment_event(first, 5)]).values(at) == {"customer_payment_count_10m": 1}
    assert folded(layout, [payment_event(first - 1, 5)]).values(at) == {"customer_payment_count_10m": 0}
    assert folded(layout, [payment_event(at - 1, 5)]).values(at) == {"customer_payment_count_10m": 1}
    assert folded(layout, [payment_event(at, 5)]).values(at) == {"customer_payment_count_10m": 0}


def test_payments_of_one_millisecond_do_not_see_each_other_and_are_seen_by_the_next():
    layout = Layout([count_in(10 * MINUTE)])
    state = folded(layout, [payment_event(START, 1), payment_event(START, 1)])

    assert state.values(START) == {"customer_payment_count_10m": 0}
    assert state.values(START + 1) == {"customer_payment_count_10m": 2}


def test_a_payment_that_comes_late_happens_at_the_clock():
    layout = Layout([count_in(10 * MINUTE)])
    state = folded(layout, [payment_event(START + HOUR, 1)])

    assert state.effective(START) == START + HOUR
    assert state.values(START) == {"customer_payment_count_10m": 0}, "it shares the millisecond of the clock"
    state.apply(payment_event(START, 1))
    assert state.clock == START + HOUR
    assert state.values(START + HOUR + 1) == {"customer_payment_count_10m": 2}


def test_a_merchants_day_counts_from_midnight_on():
    state = folded(MERCHANT_LAYOUT, [payment_event(START + HOUR, 700), label_event(START + HOUR, 1)])

    assert state.values(START + DAY - 1)["merchant_payment_amount_1d"] == 0
    assert state.values(START + DAY)["merchant_payment_amount_1d"] == 700
    assert state.values(START + DAY)["merchant_label_fraud_1d"] == 1
    assert state.values(START + 2 * DAY)["merchant_payment_amount_1d"] == 0


def test_an_event_that_no_window_asks_for_leaves_the_record_alone():
    state = folded(CUSTOMER_LAYOUT, [payment_event(START, 1)])
    before = state.dump()

    state.apply(label_event(START + HOUR, 1))

    assert state.dump() == before


def traffic(kind: str, size: int):
    rng = random.Random(kind)
    at = START
    for number in range(size):
        match kind:
            case "one a minute":
                at += MINUTE
            case "bursts":
                at += rng.choice([0, 0, 1, 20 * MINUTE, 3 * HOUR])
            case "any":
                at += rng.choice(
                    [rng.randrange(MINUTE), rng.randrange(HOUR), rng.randrange(2 * DAY), -rng.randrange(DAY)]
                )
        yield payment_event(at, rng.randrange(10**12), f"transaction-{number}")
        if number % 7 == 0:
            yield label_event(at, rng.randrange(2))


@pytest.mark.parametrize("layout", [CUSTOMER_LAYOUT, MERCHANT_LAYOUT], ids=["customer", "merchant"])
@pytest.mark.parametrize("kind", ["one a minute", "bursts", "any"])
def test_a_record_stays_below_32_kilobytes_after_50_000_events(layout, kind):
    state, largest = State(layout), 0
    for number, event in enumerate(traffic(kind, 50_000)):
        state.apply(event)
        if number % 2_500 == 0:
            largest = max(largest, len(state.dump().encode()))

    assert all(len(ring) <= state.layout.rings[key] + 1 for key, ring in state.tiles.items())
    assert largest < BOUND
    assert len(state.dump().encode()) < BOUND


def test_a_record_knows_the_payments_applied_last():
    state = folded(CUSTOMER_LAYOUT, (payment_event(START + i, 1, f"t{i}") for i in range(REMEMBERED + 1)))

    assert not state.knows("t0")
    assert all(state.knows(f"t{i}") for i in range(1, REMEMBERED + 1))
    assert State.load(state.dump(), CUSTOMER_LAYOUT).knows("t1")


def test_two_payments_are_not_taken_for_one():
    identifiers = [f"t{i:08d}" for i in range(100_000)]

    assert len({fingerprint(i) for i in identifiers}) == len(identifiers)
    assert max(fingerprint(i) for i in identifiers) < 2**53, "JSON numbers are doubles to some readers"


def test_a_ring_that_is_no_longer_declared_is_dropped_and_a_new_one_starts_empty():
    old, new = Layout([count_in(10 * MINUTE)]), Layout([count_in(HOUR, 5 * MINUTE)])
    state = State.load(folded(old, [payment_event(START, 1), payment_event(START + 1, 1)]).dump(), new)

    assert state.values(START + 2) == {"customer_payment_count_1h": 1}, "only what waits for its tile"


def test_the_layout_keeps_a_ring_per_kind_and_tile_as_long_as_its_longest_window():
    layout = Layout([count_in(10 * MINUTE), count_in(20 * MINUTE), count_in(HOUR, 5 * MINUTE)])

    assert layout.rings == {("payment", MINUTE): 21, ("payment", 5 * MINUTE): 13}
    assert {w.name for w in CUSTOMER_LAYOUT.windows} | {w.name for w in MERCHANT_LAYOUT.windows} == {
        w.name for w in FRAUD.windows
    }
