"""What every feature means, computed anew from the whole history of one entity: slow, and straight from the words.

An event counts when it happens, or when it comes late at the latest time counted before it. It never sees itself,
another one that counts in its own millisecond, or anything that arrives after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from features.declaration import Distinct, SinceLast, Window
from features.fraud import HIGH
from features.state import Event, text_fingerprint


@dataclass(frozen=True)
class Paid:
    """One payment of a customer as it arrived: event time in ms, cents, merchant, and fingerprints of what it says
    besides."""

    at: int
    amount: int
    merchant: str
    further: Mapping[str, int] = field(default_factory=dict)

    @property
    def cells(self) -> dict[str, int]:
        return {"merchant_id": text_fingerprint(self.merchant), **self.further}


@dataclass(frozen=True)
class Happened:
    """One event at the time at which it counts."""

    at: int
    event: Event


def in_order_of_arrival(events: list[Event]) -> list[Happened]:
    clock, history = -1, []
    for event in events:
        clock = max(clock, event.at)
        history.append(Happened(clock, event))
    return history


def of_payments(payments: list[Paid]) -> list[Happened]:
    """A customer's history, each payment with the flags that its own past gives it."""
    clock, history = -1, []
    for paid in payments:
        clock = max(clock, paid.at)
        flags = frozenset({HIGH.name} if is_high(history, clock, paid.amount) else ())
        history.append(Happened(clock, Event(clock, "payment", (1, paid.amount), flags, paid.cells)))
    return history


def is_high(history: list[Happened], at: int, amount: int) -> bool:
    """Above three times the mean of the customer's last 30 days, in whole days."""
    day = 86_400_000
    amounts = [h.event.values[1] for h in history if (at // day - 30) * day <= h.at < at]
    return amount * len(amounts) > 3 * sum(amounts)


def window_value(window: Window, history: list[Happened], at: int) -> int | None:
    """`[floor((t - length) / tile) * tile, t)`, or the `length / tile` whole tiles before the tile of `t - delay`."""
    seen = at - window.delay
    start = (seen - window.length) // window.tile * window.tile
    end = at if window.open_head else seen // window.tile * window.tile
    within = [h for h in history if h.event.kind == window.kind and start <= h.at < end]
    counted = [h for h in within if window.where is None or (window.where.flag in h.event.flags) == window.where.holds]
    position = {"count": 0}.get(window.measure, 1)
    values = [h.event.values[position] for h in counted]
    if window.aggregate == "sum":
        return sum(values)
    if window.aggregate == "tiles":
        return len({h.at // window.tile for h in within})
    if window.aggregate == "since":
        held = [h.at // window.tile for h in counted if h.event.values[position]]
        return end // window.tile - max(held) if held else None
    return {"max": max, "min": min}[window.aggregate](values) if values else None


def remembered(distinct: Distinct, history: list[Happened], at: int) -> list[list[int]]:
    """Of every tile the first `kept` different values; those of one millisecond in order of their fingerprints."""
    first = at // distinct.tile - distinct.length // distinct.tile
    said = sorted((h.at, h.event.cells[distinct.of]) for h in history if h.at < at and distinct.of in h.event.cells)
    tiles: dict[int, list[int]] = {}
    for moment, value in said:
        tile = tiles.setdefault(moment // distinct.tile, [])
        if value not in tile and len(tile) < distinct.kept:
            tile.append(value)
    return [values for tile, values in tiles.items() if tile >= first]


def different(distinct: Distinct, history: list[Happened], at: int) -> int:
    return len({value for values in remembered(distinct, history, at) for value in values})


def since_last(feature: SinceLast, history: list[Happened], at: int) -> int | None:
    earlier = [h.at for h in history if h.at < at]
    if not earlier or at - max(earlier) > feature.horizon:
        return None
    return at - max(earlier)


def first_seen(distinct: Distinct, value: int, history: list[Happened], at: int) -> int | None:
    """How many tiles before that of `at` the first tile of the window lies that remembers the value."""
    first = at // distinct.tile - distinct.length // distinct.tile
    tiles = [tile for tile in range(first, at // distinct.tile + 1) if value in in_tile(distinct, history, at, tile)]
    return at // distinct.tile - tiles[0] if tiles else None


def in_tile(distinct: Distinct, history: list[Happened], at: int, tile: int) -> list[int]:
    """What one tile remembers: its own events alone decide."""
    own = [h for h in history if h.at // distinct.tile == tile]
    return [value for values in remembered(distinct, own, at) for value in values]
