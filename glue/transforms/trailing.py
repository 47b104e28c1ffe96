"""Trailing windows over sorted arrays: the lake's engine for what has an open head.

Every function is linear, or linear times a logarithm, in the number of events whatever the length of a window or the
traffic of a key: a sliding RANGE frame costs rows times frame. Integers throughout, so nothing depends on order.

`Timeline` holds events of many keys, ordered by key and time. A window of a question is a half-open range of positions
`[first, last)` in it: `last` is the first event of the question's own millisecond, which it does not see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.clocks import turns
from features.declaration import (
    OF_PAYMENTS,
    Distinct,
    FeatureSet,
    Flag,
    FromUsual,
    Kind,
    SinceFirst,
    SinceLast,
    Travel,
    Window,
)
from features.places import BITS, COSINES, LEAST_ELAPSED, METRES_A_DEGREE, MICRO, STEP

Integers = NDArray[np.int64]
FINGERPRINTS = 2**32 + 1  # and nothing
LAST_MOMENT = 2**62  # ms: later than anything
NONE_APART: Mapping[Kind, NDArray[np.bool_]] = {}


@dataclass(frozen=True)
class Values:
    """Integers, and which of them are known (all when `known` is none)."""

    numbers: Integers
    known: NDArray[np.bool_] | None = None


class Timeline:
    """Events of many keys: `rank` (an ascending integer per key), `at` (ms, ascending within a key)."""

    def __init__(self, rank: Integers, at: Integers) -> None:
        self.rank, self.at = rank, at
        self.origin = int(at.min()) if len(at) else 0
        self.span = int(at.max()) - self.origin + 1 if len(at) else 1
        if len(at) and (int(rank[-1]) + 2) * self.span >= 2**63:
            raise OverflowError(f"{rank[-1]} keys over {self.span} ms do not fit one timeline: use smaller batches")
        # One ascending number per event, so that one binary search answers for every key.
        self.order = rank * self.span + (at - self.origin)

    def opens(self, tile: int) -> Integers:
        """1 for the first event of its key in its tile, else 0."""
        first = np.ones(len(self.at), np.int64)
        first[1:] = (np.diff(self.rank) != 0) | (np.diff(self.at // tile) != 0)
        return first

    def position(self, rank: Integers, at: Integers) -> Integers:
        """The first event of the key at or after a time."""
        return np.searchsorted(self.order, rank * self.span + np.clip(at - self.origin, 0, self.span))


class Asked:
    """Questions to a timeline: `rank` of the key in it and `at`, when the question counts."""

    def __init__(self, timeline: Timeline, rank: Integers, at: Integers) -> None:
        self.timeline, self.rank, self.at = timeline, rank, at
        self.last = timeline.position(rank, at)
        self.firsts: dict[tuple[int, int], Integers] = {}

    def first(self, length: int, tile: int) -> Integers:
        """Where the window of a whole number of tiles begins."""
        if (length, tile) not in self.firsts:
            tail = (self.at // tile - length // tile) * tile
            self.firsts[length, tile] = self.timeline.position(self.rank, tail)
        return self.firsts[length, tile]

    def among(self, some: NDArray[np.bool_]) -> Asked:
        """The same questions to some of the events."""
        return Asked(Timeline(self.timeline.rank[some], self.timeline.at[some]), self.rank, self.at)


def trailing(
    asked: Asked,
    measures: Mapping[str, Integers],
    cells: Mapping[str, Integers],
    features: FeatureSet,
    firsts: Integers | None = None,
    apart: Mapping[Kind, NDArray[np.bool_]] = NONE_APART,
    places: tuple[Values, Values] | None = None,
) -> dict[str, Values]:
    """Every open-headed window, flag, distinct count, novelty, recurrence, acquaintance and time since the last and the
    first event of the set, by name.

    `measures` are the events' `count` and `amount`, `cells` what they say in each column that is counted: a number
    above 0, or 0 for nothing. Flags, novelties, recurrences and acquaintances are of the questions: they need the
    questions to be the events themselves. `firsts` are of the questions, too: when the first event ever of their key
    counted that is not in the timeline, LAST_MOMENT where there is none. `apart` says by kind which events are no
    payments, each of one kind; `places` where they were made: latitude and longitude, millionths of degrees, known of
    the same events.
    """
    attempts = Events(asked, measures)
    kinds: dict[Kind, Events] = dict.fromkeys(OF_PAYMENTS, attempts)
    left_out = None
    if apart:
        left_out = np.logical_or.reduce([*apart.values()])
        kinds |= {"payment": attempts.among(~left_out), **{kind: attempts.among(of) for kind, of in apart.items()}}
    windows = [w for w in features.windows if w.open_head]
    found = {w.name: window_value(kinds[w.kind].asked, w, kinds[w.kind].of(w)) for w in windows if w.where is None}
    remembered: dict[tuple[str, int, int], Remembered] = {}
    for distinct in (d for d in features.distinct if d.open_head):
        bound = (distinct.of, distinct.tile, distinct.kept)
        if bound not in remembered:
            remembered[bound] = Remembered(asked.timeline, cells[distinct.of], distinct, left_out)
        seen = remembered[bound]
        first = asked.first(distinct.length, distinct.tile)
        found[distinct.name] = Values(seen.different(first, asked.last))
        for novelty in features.novelties:
            if novelty.among == distinct:
                found[novelty.name] = Values(1 - seen.seen_before(first), seen.told)
        for recurrence in features.recurrences:
            if recurrence.among == distinct:
                found[recurrence.name] = Values(seen.tiles_with(first), seen.told)
        for acquaintance in features.acquaintances:
            if acquaintance.among == distinct:
                found[acquaintance.name] = seen.tiles_since_first(first, asked.timeline.at, distinct.tile)
    for own in features.from_usual:
        found[own.name] = from_usual(kinds["payment"], asked, own, cells[own.of])
    for flag in features.flags:
        flagged = holds(flag, {"amount": Values(measures["amount"]), **found})
        found[flag.name] = Values(flagged)
        for window in windows:
            if window.where and window.where.flag == flag.name:
                passing = flagged if window.where.holds else 1 - flagged
                found[window.name] = window_value(kinds["payment"].asked, window, kinds["payment"].of(window, passing))
    for travel in features.travels:
        found[travel.name] = travelled(asked, travel, places, left_out)
    for since in features.since_last:
        found[since.name] = since_last(kinds[since.kind].asked, since)
    for age in features.since_first:
        found[age.name] = since_first(kinds["payment"].asked, age, firsts)
    return found


@dataclass(frozen=True)
class Events:
    """The events of one kind: questions to them, and the measures of all events of which they are `some`."""

    asked: Asked
    measures: Mapping[str, Integers]
    some: NDArray[np.bool_] | None = None

    def among(self, some: NDArray[np.bool_]) -> Events:
        return Events(self.asked.among(some), self.measures, some)

    def of(self, window: Window, passing: Integers | int = 1) -> Integers:
        """What each of them measures; `passing` is of all events."""
        measured = self.measures[window.measure] * passing
        return measured if self.some is None else measured[self.some]


def window_value(asked: Asked, window: Window, measure: Integers) -> Values:
    first, last = asked.first(window.length, window.tile), asked.last
    if window.aggregate == "sum":
        return Values(trailing_sum(measure, first, last))
    if window.aggregate == "tiles":  # a window begins with a tile: the first event of each of its tiles is in it
        return Values(trailing_sum(asked.timeline.opens(window.tile), first, last))
    largest = trailing_max(measure if window.aggregate == "max" else -measure, first, last)
    return Values(largest if window.aggregate == "max" else -largest, known=first < last)


def trailing_sum(measure: Integers, first: Integers, last: Integers) -> Integers:
    """The difference of two running sums."""
    running = np.concatenate(([0], np.cumsum(measure)))
    return running[last] - running[first]


def trailing_max(measure: Integers, first: Integers, last: Integers) -> Integers:
    """Range maxima from a sparse table (Bender and Farach-Colton, 2000): two overlapping powers of two cover a range.

    0 where the range is empty.
    """
    length = last - first
    result = np.zeros(len(length), np.int64)
    if not len(measure):
        return result
    level = np.frexp(np.maximum(length, 1))[1] - 1  # exact floor of the binary logarithm
    table = measure
    for power in range(int(level.max()) + 1):
        chosen = np.flatnonzero((level == power) & (length > 0))
        result[chosen] = np.maximum(table[first[chosen]], table[last[chosen] - (1 << power)])
        step = 1 << power
        table = np.maximum(table[:-step], table[step:]) if len(table) > step else table
    return result


def holds(flag: Flag, known: Mapping[str, Values]) -> Integers:
    """1 where the comparison of the flag is true. What is unknown makes it false."""
    left, right = product(flag.left, known), product(flag.right, known)
    true = left.numbers > flag.factor * right.numbers
    for side in (left, right):
        if side.known is not None:
            true &= side.known
    return true.astype(np.int64)


def product(names: tuple[str, ...], known: Mapping[str, Values]) -> Values:
    numbers, mask = np.ones(1, np.int64), None
    for name in names:
        numbers = numbers * known[name].numbers
        also = known[name].known
        if also is not None:
            mask = also if mask is None else mask & also
    return Values(numbers, mask)


def since_last(asked: Asked, feature: SinceLast) -> Values:
    timeline = asked.timeline
    if not len(timeline.at):
        return Values(np.zeros_like(asked.at), known=np.zeros(len(asked.at), bool))
    some = asked.last > timeline.position(asked.rank, np.full_like(asked.at, timeline.origin))
    elapsed = asked.at - timeline.at[np.maximum(asked.last - 1, 0)]
    return Values(np.where(some, elapsed, 0), known=some & (elapsed <= feature.horizon))


def from_usual(paid: Events, asked: Asked, feature: FromUsual, cells: Integers) -> Values:
    """`cells` has one more than the value of each question, which are the events themselves, or 0 for none."""
    circle = turns(feature.modulo)
    told = cells > 0
    values = np.where(told, cells - 1, 0)
    first, last = paid.asked.first(feature.length, feature.tile), paid.asked.last
    sums = []
    for axis in circle:
        added = np.where(told, np.array(axis)[values], 0)
        sums.append(trailing_sum(added if paid.some is None else added[paid.some], first, last))
    north, east = sums
    about = np.rint(np.arctan2(east, north) * (feature.modulo / (2 * np.pi))).astype(np.int64)
    usual = best = None
    for near in (-1, 0, 1):  # what a double says, or the value next to it
        value = (about + near) % feature.modulo
        how = north * np.array(circle[0])[value] + east * np.array(circle[1])[value]
        if usual is None:
            usual, best = value, how
        else:
            better = (how > best) | ((how == best) & (value < usual))
            usual, best = np.where(better, value, usual), np.where(better, how, best)
    apart = (values - usual) % feature.modulo
    known = told & ((north != 0) | (east != 0))
    return Values(np.where(known, np.minimum(apart, feature.modulo - apart), 0), known)


def travelled(
    asked: Asked, feature: Travel, places: tuple[Values, Values] | None, left_out: NDArray[np.bool_] | None
) -> Values:
    """From where the last event was before that says its place; the questions are the events themselves."""
    if places is None:
        raise ValueError(f"{feature.name}: how far it is cannot be told of rows without places")
    latitude, longitude = places
    told = np.ones(len(asked.at), bool) if latitude.known is None else latitude.known
    stays = told if left_out is None else told & ~left_out
    placed = asked.among(stays)
    if not len(placed.timeline.at):
        return Values(np.zeros_like(asked.at), known=np.zeros(len(asked.at), bool))
    order = np.lexsort((longitude.numbers[stays], latitude.numbers[stays], placed.timeline.order))
    last = np.maximum(placed.last - 1, 0)
    north, east = (side.numbers[stays][order][last] for side in (latitude, longitude))
    far = metres((north, east), (latitude.numbers, longitude.numbers))
    elapsed = asked.at - placed.timeline.at[last]
    some = placed.last > placed.timeline.position(asked.rank, np.full_like(asked.at, placed.timeline.origin))
    known = told & some & (elapsed <= feature.horizon)
    found = far * 3_600_000 // np.maximum(elapsed, LEAST_ELAPSED) if feature.speed else far
    return Values(np.where(known, found, 0), known=known)


def metres(one: tuple[Integers, Integers], other: tuple[Integers, Integers]) -> Integers:
    """As `features.places.metres`."""
    north = other[0] - one[0]
    east = np.abs((other[1] - one[1] + 180 * MICRO) % (360 * MICRO) - 180 * MICRO)
    middle = np.abs(one[0] + other[0]) // 2
    east = east * np.array(COSINES)[middle // STEP] >> BITS
    return root(north * north + east * east) * METRES_A_DEGREE // MICRO


def root(square: Integers) -> Integers:
    """The whole part of a square root, exact: as a double a number next to a square may have become one."""
    found = np.sqrt(square.astype(np.float64)).astype(np.int64)
    return found - (found * found > square)


def since_first(asked: Asked, feature: SinceFirst, firsts: Integers | None) -> Values:
    timeline = asked.timeline
    first = np.full_like(asked.at, LAST_MOMENT) if firsts is None else firsts
    if len(timeline.at):
        opening = timeline.position(asked.rank, np.full_like(asked.at, timeline.origin))
        here = np.where(asked.last > opening, timeline.at[np.minimum(opening, len(timeline.at) - 1)], LAST_MOMENT)
        first = np.minimum(first, here)
    known = first < asked.at
    return Values(np.where(known, (asked.at - first) // feature.unit, 0), known=known)


class Remembered:
    """The values that a tile remembers: each counts once per tile, when first seen, and only the first `kept`.

    `cells` has a value of each event, above 0, or 0 where it says nothing. `told` says of which events it is known.
    Events that are `left_out` ask, and nothing is remembered of them.
    """

    def __init__(
        self, timeline: Timeline, cells: Integers, feature: Distinct, left_out: NDArray[np.bool_] | None = None
    ) -> None:
        size = len(timeline.at)
        slot = np.arange(size)
        self.told = cells > 0
        self.remembered, self.before = np.zeros(size, bool), np.full(size, -1, np.int64)
        self.chain, self.ticked, self.own = slot, slot, slot
        if not self.told.any():
            return
        # Events of one millisecond have no order but that of their values: they change places among themselves.
        placed = slot
        if not np.all(np.diff(timeline.order)):
            placed = np.lexsort((cells, timeline.order))
            cells = cells[placed]
        self.own = np.argsort(placed)
        begins = timeline.opens(feature.tile).astype(bool)
        group = np.cumsum(begins)
        # First event of each value in each tile of each key, and its place among those of the tile.
        counted = cells if left_out is None else np.where(left_out[placed], 0, cells)
        paired = group * FINGERPRINTS + counted
        order = np.argsort(paired, kind="stable")
        repeated = np.zeros(size, bool)
        repeated[1:] = np.diff(paired[order]) == 0
        newcomer = counted > 0
        newcomer[order[repeated]] = False
        so_far = np.cumsum(newcomer)
        before_tile = np.maximum.accumulate(np.where(begins, so_far - newcomer, 0))
        self.remembered = newcomer & (so_far - before_tile <= feature.kept)
        # For every event, the last remembered event of the same key with the same value at an earlier time.
        linked = timeline.rank * FINGERPRINTS + cells
        self.chain = np.argsort(linked, kind="stable")
        opens = np.ones(size, bool)
        opens[1:] = np.diff(linked[self.chain]) != 0
        ticks = opens.copy()
        ticks[1:] |= np.diff(timeline.at[self.chain]) != 0
        opened = np.maximum.accumulate(np.where(opens, slot, 0))
        self.ticked = np.maximum.accumulate(np.where(ticks, slot, 0))
        latest = np.maximum.accumulate(np.where(self.remembered[self.chain], slot, -1))
        earlier = np.where(self.ticked > 0, latest[np.maximum(self.ticked - 1, 0)], -1)
        found = earlier >= opened
        self.before[self.chain[found]] = self.chain[earlier[found]]
        self.links = np.cumsum(opens) * size + self.chain  # ascending: by value, and within it by place

    def seen_before(self, first: Integers) -> Integers:
        """1 where the event's value is remembered from within its own window."""
        return (self.before >= first).astype(np.int64)[self.own]

    def tiles_with(self, first: Integers) -> Integers:
        """In how many tiles of the event's own window its value is remembered: each remembers a value once."""
        tiles = np.zeros(len(self.chain), np.int64)
        if self.told.any():
            upto = np.concatenate(([0], np.cumsum(self.remembered[self.chain])))
            tiles[self.chain] = upto[self.ticked] - upto[self._begins(first)]
        return tiles[self.own]

    def tiles_since_first(self, first: Integers, at: Integers, tile: int) -> Values:
        """How many tiles before its own the first tile of the event's own window lies that remembers its value."""
        ago, known = np.zeros(len(self.chain), np.int64), np.zeros(len(self.chain), bool)
        places = np.flatnonzero(self.remembered[self.chain])
        if len(places):
            upto = np.concatenate(([0], np.cumsum(self.remembered[self.chain])))
            begin = upto[self._begins(first)]
            oldest = self.chain[places[np.minimum(begin, len(places) - 1)]]
            known[self.chain] = begin < upto[self.ticked]
            ago[self.chain] = at[self.chain] // tile - at[oldest] // tile
        return Values(np.where(known, ago, 0)[self.own], known[self.own] & self.told)

    def _begins(self, first: Integers) -> Integers:
        """Where in the chain each event's own window begins."""
        own_first = self.links - self.chain + first[self.chain]
        return np.searchsorted(self.links, own_first)

    def different(self, first: Integers, last: Integers) -> Integers:
        """How many different values are remembered in each range.

        A remembered event is the first of its value in `[first, last)` when the one before it lies before `first`:
        counting those is a dominance query, answered by a wavelet matrix (Claude, Navarro and Ordonez, 2015).
        """
        places = np.flatnonzero(self.remembered)
        upto = np.concatenate(([0], np.cumsum(self.remembered)))
        return count_below(self.before[places] + 1, upto[first], upto[last], first + 1)


def count_below(numbers: Integers, low: Integers, high: Integers, bound: Integers) -> Integers:
    """For each query, how many of `numbers[low:high]` (not negative) are below `bound`."""
    result = np.zeros(len(low), np.int64)
    if not len(numbers):
        return result
    bits = max(int(numbers.max()), int(bound.max())).bit_length()
    low, high = low.copy(), high.copy()
    for bit in range(bits - 1, -1, -1):
        ones = (numbers >> bit) & 1
        zeros_before = np.concatenate(([0], np.cumsum(1 - ones)))
        zeros = zeros_before[-1]
        low_zeros, high_zeros = zeros_before[low], zeros_before[high]
        up = ((bound >> bit) & 1).astype(bool)
        result += np.where(up, high_zeros - low_zeros, 0)  # these have a 0 where the bound has a 1
        low = np.where(up, zeros + low - low_zeros, low_zeros)
        high = np.where(up, zeros + high - high_zeros, high_zeros)
        numbers = np.concatenate((numbers[ones == 0], numbers[ones == 1]))
    return result
