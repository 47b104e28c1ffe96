"""The incremental engine against the definition, recomputed from the whole history."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.clocks import apart, turns, usual
from features.declaration import (
    COUNTED,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Distinct,
    FromUsual,
    SinceFirst,
    SinceLast,
    Travel,
    Window,
)
from features.fraud import FRAUD, HIGH, SETTLED, SINCE_LAST
from features.places import LATITUDE, LONGITUDE, metres
from features.size import fullest
from features.state import (
    AUTHORISED,
    SLACK,
    Event,
    Layout,
    State,
    fingerprint,
    label_event,
    payment_event,
    text_fingerprint,
)
from features.vector import CUSTOMER_LAYOUT, LAYOUTS, MERCHANT_LAYOUT, OF_CUSTOMER, PAYMENTS_KNOWN
from tests.unit.features.definition import (
    Happened,
    Paid,
    different,
    first_seen,
    in_order_of_arrival,
    of_payments,
    remembered,
    since_last,
    window_value,
)

START = 1_522_540_800_000  # 2018-04-01T00:00:00Z
BOUND = 32 * 1024  # bytes
FURTHER = [of for of in CUSTOMER_LAYOUT.cells if of != "merchant_id"]

# Steps on and around the edges of tiles and windows; negative steps are late events.
STEPS = st.sampled_from(
    [
        *(0, 1, SECOND, MINUTE - 1, MINUTE, MINUTE + 1, 10 * MINUTE, HOUR, DAY - 1, DAY, 7 * DAY, 30 * DAY, 31 * DAY),
        *(-1, -MINUTE, -HOUR, -DAY, -30 * DAY),
    ]
)
AMOUNTS = st.one_of(st.sampled_from([0, 1, 100, 301]), st.integers(0, 10**12))
MERCHANTS = st.sampled_from([f"m{i}" for i in range(20)])
CELLS = st.fixed_dictionaries({}, optional={of: st.integers(0, 5) for of in FURTHER})
PAYMENTS = st.lists(st.tuples(STEPS, AMOUNTS, MERCHANTS, CELLS), max_size=40)
HISTORIES = st.lists(
    st.tuples(STEPS, AMOUNTS, st.sampled_from(["payment", "payment", "label", "flagged"])), max_size=30
)


def payments_of(history) -> list[Paid]:
    at, payments = START, []
    for step, amount, merchant, *cells in history:
        at += step
        payments.append(Paid(at, amount, merchant, *cells))
    return payments


def events_of(history):
    at, events = START, []
    for step, amount, kind in history:
        at = max(START, at + step)
        flags = (HIGH.name,) if kind == "flagged" else ()
        events.append(payment_event(at, amount) if kind == "payment" else label_event(at, amount % 2, flags))
    return events, at


def folded(layout, events) -> State:
    state = State(layout)
    for event in events:
        state.apply(event)
    return state


def paid(payments: list[Paid], layout: Layout = CUSTOMER_LAYOUT) -> State:
    state = State(layout)
    for number, payment in enumerate(payments):
        state.pay(payment.at, payment.amount, payment.merchant, f"t{number}", payment.further)
    return state


@settings(max_examples=150, deadline=None)
@given(PAYMENTS, STEPS)
def test_everything_known_of_a_customer_is_what_the_definition_says(history, step):
    payments = payments_of(history)
    state, happened = paid(payments), of_payments(payments)
    at = max(START if not payments else payments[-1].at + step, state.clock)

    assert state.values(at) == {
        **{w.name: window_value(w, happened, at) for w in CUSTOMER_LAYOUT.windows},
        **{d.name: different(d, happened, at) for d in CUSTOMER_LAYOUT.distinct},
    }
    assert state.since_last(SINCE_LAST[0], at) == since_last(SINCE_LAST[0], happened, at)
    shops = [text_fingerprint(shop) for shop in ("m0", "m1", "m2")]
    for distinct in CUSTOMER_LAYOUT.distinct:
        for value in shops if distinct.of == "merchant_id" else range(3):
            tiles = sum(value in tile for tile in remembered(distinct, happened, at))
            assert state.tiles_with(value, distinct, at) == tiles
            first = first_seen(distinct, value, happened, at)
            assert state.tiles_since_first(value, distinct, at) == first
        assert state.tiles_with(None, distinct, at) is None, "a payment that says nothing there"
        assert state.tiles_since_first(None, distinct, at) is None


AGE = SinceFirst("customer", "customer_hours_since_first_payment", unit=HOUR)
WITH_AGE = Layout((*OF_CUSTOMER, AGE), CUSTOMER_LAYOUT.remembered, FRAUD)


@settings(max_examples=60, deadline=None)
@given(PAYMENTS, STEPS, st.integers(0, 40))
def test_a_record_knows_a_customers_first_payment_for_good(history, step, cut):
    payments = payments_of(history)
    state = paid(payments[:cut], WITH_AGE)
    state = State.load(state.dump(), WITH_AGE)
    for payment in payments[cut:]:
        state.pay(payment.at, payment.amount, payment.merchant)
    at = max(START if not payments else payments[-1].at + step, state.clock)
    earlier = [h.at for h in of_payments(payments) if h.at < at]

    assert state.since_first(AGE, at) == ((at - min(earlier)) // HOUR if earlier else None)
    assert not state.young


def test_a_record_that_did_not_keep_the_first_payment_never_guesses_it():
    before = paid([Paid(START, 100, "m1")])

    state = State.load(before.dump(), WITH_AGE)
    state.pay(START + DAY, 100, "m1")
    state = State.load(state.dump(), WITH_AGE)
    state.pay(START + 900 * DAY, 100, "m1")

    assert state.since_first(AGE, START + 901 * DAY) is None
    assert AGE.name in State.load(state.dump(), WITH_AGE).young
    assert State.load(state.dump(), CUSTOMER_LAYOUT).dump() == paid_again(before).dump(), "a door of before reads it"


TRAVELS = (Travel("customer", "metres", 30 * DAY), Travel("customer", "speed", 30 * DAY, speed=True))
WITH_PLACES = Layout((*OF_CUSTOMER, *TRAVELS), CUSTOMER_LAYOUT.remembered, FRAUD)
PLACES = st.sampled_from([None, (0, 0), (53_349_800, -6_260_300), (48_856_600, 2_352_200), (-89_000_000, 179_000_000)])


def at_place(place) -> dict[str, int]:
    return {LATITUDE: place[0], LONGITUDE: place[1]} if place else {}


@settings(max_examples=100, deadline=None)
@given(PAYMENTS, st.lists(PLACES, min_size=40, max_size=40), PLACES, STEPS, st.integers(0, 40))
def test_a_customer_has_travelled_from_the_last_place_that_a_payment_said(history, places, here, step, cut):
    payments = payments_of(history)
    state, stays = State(WITH_PLACES), []
    for number, (payment, place) in enumerate(zip(payments, places, strict=False)):
        if number == cut:
            state = State.load(state.dump(), WITH_PLACES)
        counted = state.pay(payment.at, payment.amount, payment.merchant, "", payment.further | at_place(place))
        stays += [(counted, place)] if place else []
    at = max(START if not payments else payments[-1].at + step, state.clock)
    then, last = max((stay for stay in stays if stay[0] < at), default=(0, None))

    known = here is not None and last is not None and at - then <= 30 * DAY
    far = metres(last, here) if known else None
    found = [state.travelled(travel, at, at_place(here)) for travel in TRAVELS]
    assert found == [far, None if far is None else far * 3_600_000 // max(at - then, 1_000)]


def test_where_a_record_of_before_was_paid_last_is_unknown_until_the_horizon_has_passed():
    state = State.load(paid([Paid(START, 100, "m1")]).dump(), WITH_PLACES)
    here = at_place((0, 0))

    state.pay(START + DAY, 100, "m1", "", here)
    state = State.load(state.dump(), WITH_PLACES)
    assert state.travelled(TRAVELS[0], START + 2 * DAY, here) is None
    state.pay(START + 29 * DAY, 100, "m1", "", here)
    assert state.travelled(TRAVELS[0], START + 31 * DAY, here) == 0


FAR = FromUsual("far", "hour_of_day", 24, 7 * DAY, DAY)
WITH_USUAL = Layout((*OF_CUSTOMER, FAR), CUSTOMER_LAYOUT.remembered, FRAUD)
HOURS = st.one_of(st.none(), st.integers(0, 23))


@settings(max_examples=100, deadline=None)
@given(PAYMENTS, st.lists(HOURS, min_size=40, max_size=40), HOURS, STEPS, st.integers(0, 40))
def test_a_time_is_as_far_from_the_usual_one_of_the_window_as_the_definition_says(history, hours, here, step, cut):
    payments = payments_of(history)
    state, happened = State(WITH_USUAL), []
    for number, (payment, hour) in enumerate(zip(payments, hours, strict=False)):
        if number == cut:
            state = State.load(state.dump(), WITH_USUAL)
        said = {} if hour is None else {FAR.of: hour}
        counted = state.pay(payment.at, payment.amount, payment.merchant, "", payment.further | said)
        happened += [(counted, hour)] if said else []
    at = max(START if not payments else payments[-1].at + step, state.clock)
    seen = [hour for moment, hour in happened if (at // DAY - 7) * DAY <= moment < at]

    north, east = (sum(side[hour] for hour in seen) for side in turns(24))
    own = usual(north, east, 24)
    expected = None if own is None or here is None else apart(here, own, 24)
    assert state.from_usual(FAR, here, state.values(at)) == expected
    assert State.load(state.dump(), CUSTOMER_LAYOUT).values(at) == {
        name: value for name, value in state.values(at).items() if name in CUSTOMER_LAYOUT.names
    }


def test_what_is_usual_is_unknown_in_a_record_of_before():
    state = State.load(paid([Paid(START, 100, "m1")]).dump(), WITH_USUAL)
    state.pay(START + DAY, 100, "m1", "", {FAR.of: 3})

    assert state.from_usual(FAR, 3, state.values(START + 2 * DAY)) is None
    assert state.from_usual(FAR, 3, state.values(START + 9 * DAY)) is None, "nobody paid in this week"
    state.pay(START + 9 * DAY, 100, "m1", "", {FAR.of: 3})
    assert state.from_usual(FAR, 5, state.values(START + 10 * DAY)) == 2


DECLINES = (
    Window("customer", "decline", "count", HOUR, 5 * MINUTE),
    Window("customer", "decline", "amount", 30 * DAY, DAY, aggregate="max"),
    Window("customer", "attempt", "amount", DAY, HOUR),
)
LAST = tuple(SinceLast("customer", f"since_{kind}", 30 * DAY, kind) for kind in ("payment", "decline", "attempt"))
DECLINES_APART = replace(FRAUD, features=(*FRAUD.features, *DECLINES))
WITH_DECLINES = Layout((*OF_CUSTOMER, *DECLINES, *LAST), CUSTOMER_LAYOUT.remembered, DECLINES_APART)


@settings(max_examples=100, deadline=None)
@given(PAYMENTS, st.lists(st.booleans(), min_size=40, max_size=40), STEPS, st.integers(0, 40))
def test_what_was_declined_counts_for_itself_and_in_nothing_that_tells_of_payments(history, declined, step, cut):
    payments = payments_of(history)
    state, paid_alone, happened = State(WITH_DECLINES), State(CUSTOMER_LAYOUT), []
    for number, (payment, no) in enumerate(zip(payments, declined, strict=False)):
        if number == cut:
            state = State.load(state.dump(), WITH_DECLINES)
        said = payment.further | ({AUTHORISED: 0} if no else {})
        counted = state.pay(payment.at, payment.amount, payment.merchant, f"t{number}", said)
        happened.append(Happened(counted, Event(counted, "decline" if no else "payment", (1, payment.amount))))
        if not no:
            paid_alone.pay(counted, payment.amount, payment.merchant, f"t{number}", payment.further)
    at = max(START if not payments else payments[-1].at + step, state.clock)
    attempts = [Happened(h.at, replace(h.event, kind="attempt")) for h in happened]

    found = state.values(at)
    assert {name: found[name] for name in CUSTOMER_LAYOUT.names} == paid_alone.values(at)
    assert {w.name: found[w.name] for w in DECLINES} == {
        w.name: window_value(w, [*happened, *attempts], at) for w in DECLINES
    }
    for last in LAST:
        of_kind = [h for h in [*happened, *attempts] if h.event.kind == last.kind]
        assert state.since_last(last, at) == since_last(last, of_kind, at)
    assert all(state.knows(f"t{number}") for number in range(len(payments))), "a declined one counts once, too"
    assert not state.young


def test_of_a_record_that_took_declines_for_payments_no_payment_is_known():
    """And of a record that has them apart a door that does not knows none, either."""
    before = paid([Paid(START, 100, "m1")])
    state = State.load(before.dump(), WITH_DECLINES)

    counting_payments = {f.name for f in (*CUSTOMER_LAYOUT.windows, *CUSTOMER_LAYOUT.distinct, *DECLINES)}
    assert state.young.keys() == counting_payments | {last.name for last in (*SINCE_LAST, *LAST[:2])}
    assert [state.since_last(last, START + 1) for last in LAST] == [None, None, 1]
    assert State.load(state.dump(), CUSTOMER_LAYOUT).young.keys() == {*CUSTOMER_LAYOUT.names}
    assert state.knows("t0")


def paid_again(state: State) -> State:
    state = State.load(state.dump(), CUSTOMER_LAYOUT)
    state.pay(START + DAY, 100, "m1")
    state.pay(START + 900 * DAY, 100, "m1")
    return state


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 1, HOUR]), st.integers(0, 39)), min_size=17, max_size=60), STEPS)
def test_a_day_with_more_merchants_than_are_kept_remembers_the_first(history, step):
    payments = payments_of([(s, 100, f"m{m}") for s, m in history])
    state, happened = paid(payments), of_payments(payments)
    at = max(payments[-1].at + step, state.clock)

    for distinct in CUSTOMER_LAYOUT.distinct:
        assert state.values(at)[distinct.name] == different(distinct, happened, at)


@settings(max_examples=80, deadline=None)
@given(HISTORIES, STEPS)
def test_everything_known_of_a_merchant_is_what_the_definition_says(history, step):
    events, last = events_of(history)
    happened = in_order_of_arrival(events)
    at = max(last + step, max((h.at for h in happened), default=START) - SLACK)

    found = folded(MERCHANT_LAYOUT, events).values(at)

    assert found == {w.name: window_value(w, happened, at) for w in MERCHANT_LAYOUT.windows}


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


FEATURES = (*CUSTOMER_LAYOUT.windows, *CUSTOMER_LAYOUT.distinct)
COMPARED = {name for flag in CUSTOMER_LAYOUT.flags for name in (*flag.left, *flag.right)}


@settings(max_examples=80, deadline=None)
@given(PAYMENTS, st.integers(0, 30), STEPS, st.sets(st.sampled_from([f.name for f in FEATURES])))
def test_a_record_keeps_what_it_knows_when_features_are_added_or_removed(history, cut, step, left_out):
    """And what it cannot know of an added one is unknown, not small."""
    payments = payments_of(history)
    had = [f for f in FEATURES if f.name not in left_out - COMPARED]
    fewer = Layout((*had, *CUSTOMER_LAYOUT.flags), CUSTOMER_LAYOUT.remembered, FRAUD)
    always, carried, shrunk = State(CUSTOMER_LAYOUT), State(fewer), State(CUSTOMER_LAYOUT)
    for number, p in enumerate(payments):
        if number == cut:
            carried = State.load(carried.dump(), CUSTOMER_LAYOUT)
            shrunk = State.load(shrunk.dump(), fewer)
        for state in (always, carried, shrunk):
            state.pay(p.at, p.amount, p.merchant, f"t{number}")
    carried = State.load(carried.dump(), CUSTOMER_LAYOUT)
    shrunk = State.load(shrunk.dump(), fewer)
    at = always.clock + abs(step)  # a customer's record is never asked behind its clock
    everything = always.values(at)

    assert (carried.clock, carried.remembered) == (always.clock, always.remembered)
    assert not carried.young.keys() & {f.name for f in had}
    assert carried.values(at) == everything | dict.fromkeys(carried.unknown(at))
    assert shrunk.values(at) == {f.name: everything[f.name] for f in had}
    assert not shrunk.young


def test_a_feature_that_comes_with_a_new_ring_or_column_or_a_longer_past_is_unknown_until_the_lake_tells_it():
    before = Layout([count_in(10 * MINUTE)])
    amount = replace(count_in(10 * MINUTE), measure="amount")
    added = Layout([count_in(10 * MINUTE), amount, count_in(20 * MINUTE), count_in(HOUR, 5 * MINUTE)])
    state = folded(before, [payment_event(START, 5)])

    young = State.load(state.dump(), added)
    again = State.load(young.dump(), added)

    assert again.young.keys() == {amount.name, "customer_payment_count_20m", "customer_payment_count_1h"}
    assert again.values(START + 1) == dict.fromkeys(again.young) | {"customer_payment_count_10m": 1}


def test_an_added_feature_is_known_again_once_its_window_has_passed_the_moment_at_which_it_was_added():
    """Records that no night publishes would never tell it otherwise."""
    before, added = Layout([count_in(20 * MINUTE)]), Layout([count_in(20 * MINUTE), count_in(HOUR, 5 * MINUTE)])
    state = State.load(folded(before, [payment_event(START, 5)]).dump(), added)
    hour = "customer_payment_count_1h"
    seen = []
    for minute in range(1, 80):
        seen.append(state.values(START + minute * MINUTE)[hour])
        state.apply(payment_event(START + minute * MINUTE, 1))
        state = State.load(state.dump(), added)

    known = next(n for n, value in enumerate(seen) if value is not None)
    assert HOUR <= (known + 1) * MINUTE <= HOUR + 6 * MINUTE
    assert None not in seen[known:]
    assert seen[-1] in range(60, 66)
    state.apply(payment_event(START + 4 * DAY, 1))
    assert not State.load(state.dump(), added).young


def test_a_window_that_counts_by_a_flag_waits_until_the_flag_could_be_told():
    """Payments of that time were taken for usual, whatever they were."""
    older = json.loads(State(CUSTOMER_LAYOUT).dump()) | {"layout": "", "clock": START}
    state = State.load(json.dumps(older), CUSTOMER_LAYOUT)
    high = next(w for w in CUSTOMER_LAYOUT.windows if w.where and w.where.flag == HIGH.name and w.length == 3 * DAY)

    assert high.name in state.unknown(START + 10 * DAY)
    assert high.name not in state.unknown(START + 40 * DAY)


def test_of_a_record_whose_writer_did_not_say_what_it_holds_nothing_but_its_payments_is_known():
    stored = json.loads(folded(CUSTOMER_LAYOUT, [payment_event(START, 5, "t1")]).dump())
    for layout in (None, "1|payment=count||"):
        told = {**stored, "layout": layout} if layout else {k: v for k, v in stored.items() if k != "layout"}
        state = State.load(json.dumps(told), CUSTOMER_LAYOUT)
        assert state.knows("t1")
        assert state.young.keys() == {*CUSTOMER_LAYOUT.names}


def count_in(milliseconds: int, tile: int = MINUTE) -> Window:
    return Window("customer", "payment", "count", milliseconds, tile)


def test_an_empty_record_knows_nothing():
    state = State(CUSTOMER_LAYOUT)

    assert state.values(START) == {f.name: f.default for f in (*CUSTOMER_LAYOUT.windows, *CUSTOMER_LAYOUT.distinct)}
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


def test_a_payment_that_comes_late_counts_at_the_clock():
    state = State(Layout([count_in(10 * MINUTE)]))

    assert state.pay(START + HOUR, 1, "m1") == START + HOUR
    assert state.pay(START, 1, "m1") == START + HOUR
    assert state.values(START + HOUR) == {"customer_payment_count_10m": 0}, "both count in that millisecond"
    assert state.values(START + HOUR + 1) == {"customer_payment_count_10m": 2}


def test_a_payment_is_high_by_what_its_customer_paid_before():
    """100, then 300 is not above three times the mean of 100; then 601 is above three times the mean of 200."""
    state = paid([Paid(START, 100, "m1"), Paid(START + 1, 300, "m1"), Paid(START + 2, 601, "m1")])

    assert state.values(START + 3)["customer_payment_count_high_3d"] == 1
    assert state.values(START + 2)["customer_payment_count_high_3d"] == 0


def test_a_merchants_day_counts_when_it_has_settled():
    state = folded(MERCHANT_LAYOUT, [payment_event(START + HOUR, 700), label_event(START + HOUR, 1)])
    settled = START + DAY + SETTLED

    assert state.values(settled - 1)["merchant_payment_amount_1d"] == 0
    assert state.values(settled)["merchant_payment_amount_1d"] == 700
    assert state.values(settled)["merchant_label_fraud_1d"] == 1
    assert state.values(settled + DAY)["merchant_payment_amount_1d"] == 0


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
        yield at, rng.randrange(10**12), f"merchant-{rng.randrange(400)}", f"transaction-{number}"


@pytest.mark.parametrize("layout", [CUSTOMER_LAYOUT, MERCHANT_LAYOUT], ids=["customer", "merchant"])
@pytest.mark.parametrize("kind", ["one a minute", "bursts", "any"])
def test_a_record_stays_below_32_kilobytes_after_50_000_events(layout, kind):
    state, largest = State(layout), 0
    for number, (at, amount, merchant, identifier) in enumerate(traffic(kind, 50_000)):
        if layout is CUSTOMER_LAYOUT:
            state.pay(at, amount, merchant, identifier, {of: crc32(f"{of}{number % 97}".encode()) for of in FURTHER})
        else:
            state.apply(payment_event(at, amount, identifier))
            state.apply(label_event(at, amount % 2))
        if number % 2_500 == 0:
            largest = max(largest, len(state.dump().encode()))

    assert all(len(tiles) <= state.layout.rings[key].kept + 1 for key, tiles in state.tiles.items())
    assert largest < BOUND
    assert len(state.dump().encode()) < BOUND
    assert largest < fullest(layout)


MOST = 10**12  # cents of the largest payment that doors take
WITH_MORE = Layout(
    (
        *OF_CUSTOMER,
        Window("customer", "decline", "count", 7 * DAY, HOUR),
        Window("customer", "attempt", "amount", 7 * DAY, HOUR),
        Distinct("customer", 30 * DAY, DAY, kept=16, of="card_id", called="cards"),
        Travel("customer", "metres_from_last", 30 * DAY),
    ),
    PAYMENTS_KNOWN,
)


def hostile(kind: str, size: int) -> Iterator[tuple[int, str, dict[str, int]]]:
    """Moments, identifiers as long as they may be, and cells. Everything is new in each payment: merchant, device,
    address, beneficiary, card, place. Each tenth is declined."""
    rng = random.Random(kind)
    at = START
    for number in range(size):
        match kind:
            case "one millisecond":
                at += DAY * (number % 500 == 0)
            case "something in every tile":
                at += 30 * SECOND
            case "clock tricks":
                at += rng.choice([0, 0, 1, MINUTE, -MINUTE, HOUR, -HOUR, DAY, -DAY, 40 * DAY, -40 * DAY])
                at = max(at, START)
            case "bursts on the edges of tiles":
                at += rng.choice([0, 1, MINUTE - 1, 1, HOUR - 1, 1, 6 * HOUR - 1, 1])
        cells = {of: rng.getrandbits(32) for of in (*FURTHER, "card_id")}
        cells |= {LATITUDE: rng.randrange(-90_000_000, 90_000_001), LONGITUDE: rng.randrange(-180_000_000, 180_000_001)}
        if number % 10 == 9:
            cells[AUTHORISED] = 0
        yield at, f"{number:x<128}", cells


KINDS = ("one millisecond", "something in every tile", "clock tricks", "bursts on the edges of tiles")


@pytest.mark.parametrize("layout", [CUSTOMER_LAYOUT, WITH_MORE], ids=["ours", "with more features"])
@pytest.mark.parametrize("kind", KINDS)
def test_100_000_hostile_payments_of_one_customer_make_no_record_that_is_too_large_or_grows(layout, kind):
    state, sizes = State(layout), []
    for number, (at, identifier, cells) in enumerate(hostile(kind, 100_000)):
        state.pay(at, MOST, f"{cells[FURTHER[0]]:y<128}", identifier, cells)
        if number % 500 in (0, 499):
            sizes.append(len(state.dump()))

    assert max(sizes) <= (BOUND if layout is CUSTOMER_LAYOUT else fullest(layout))
    full, after = sizes[: len(sizes) * 9 // 10], sizes[len(sizes) * 9 // 10 :]
    assert max(after) <= 1.02 * max(full), "a digit more here and there, once windows are full"
    assert State.load(state.dump(), layout).dump() == state.dump()


def test_of_many_values_in_one_millisecond_the_tile_remembers_those_that_it_would_of_all():
    """What waits for the millisecond to end is bounded: nothing that comes into the tile is left out of it."""
    rng = random.Random(4)
    for _ in range(50):
        first, then = ([rng.randrange(60) for _ in range(rng.randrange(60))] for _ in range(2))
        state = State(CUSTOMER_LAYOUT)
        for at, values in ((START, first), (START + 1, then)):
            for number, value in enumerate(values):
                state.pay(at, 1, "m1", f"{at} {number}", {"device_id": value})
        state.pay(START + 2, 1, "m1", "last")

        key = ("device_id", DAY)
        most, _ = CUSTOMER_LAYOUT.seen[key]
        day = sorted(set(first))[:most]
        day = [*day, *sorted(set(then) - set(day))][:most]
        assert state.seen[key].get(START // DAY, []) == day


def test_the_largest_record_that_is_told_is_one_that_may_come():
    state = State(CUSTOMER_LAYOUT)
    for number, (at, amount, merchant, identifier) in enumerate(traffic("one a minute", 50_000)):
        state.pay(at, amount, merchant, identifier, {of: crc32(f"{of}{number % 97}".encode()) for of in FURTHER})

    assert 0.85 * fullest(CUSTOMER_LAYOUT) < len(state.dump()) < fullest(CUSTOMER_LAYOUT) < BOUND


def test_a_record_knows_the_payments_applied_last():
    state = folded(CUSTOMER_LAYOUT, (payment_event(START + i, 1, f"t{i}") for i in range(PAYMENTS_KNOWN + 1)))

    assert not state.knows("t0")
    assert all(state.knows(f"t{i}") for i in range(1, PAYMENTS_KNOWN + 1))
    assert State.load(state.dump(), CUSTOMER_LAYOUT).knows("t1")


def test_two_payments_are_not_taken_for_one():
    identifiers = [f"t{i:08d}" for i in range(100_000)]

    assert len({fingerprint(i) for i in identifiers}) == len(identifiers)
    assert max(fingerprint(i) for i in identifiers) < 2**53, "JSON numbers are doubles to some readers"


def test_the_layout_keeps_a_ring_per_kind_and_tile_as_long_as_its_longest_window():
    layout = Layout([count_in(10 * MINUTE), count_in(20 * MINUTE), count_in(HOUR, 5 * MINUTE)])

    kept = {key: ring.kept for key, ring in layout.rings.items()}
    assert kept == {("payment", MINUTE): 21, ("payment", 5 * MINUTE): 13}
    counted = {w.name for entity, layout in LAYOUTS.items() if entity not in COUNTED for w in layout.windows}
    assert counted == {w.name for w in FRAUD.windows}
