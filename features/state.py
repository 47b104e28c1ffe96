"""The incremental engine: everything the platform remembers of one customer or merchant, folded event by event.

A record is bounded whatever the traffic: one ring of tiles per kind and tile size, and the identifiers of the last
payments, so that a payment delivered twice counts once. An update touches one tile per ring.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

from features.declaration import Kind, SinceLast, Window

REMEMBERED = 128  # identifiers: more than a batch of the stream holds, since a whole batch may come again
NEVER = -1


@dataclass(frozen=True)
class Event:
    """One thing that happened to an entity: `values` in the order of `MEASURES[kind]`, integers."""

    at: int
    kind: Kind
    values: tuple[int, ...]
    identifier: str = ""


def payment_event(at: int, amount: int, identifier: str = "") -> Event:
    """A payment of `amount` cents at `at` milliseconds."""
    return Event(at, "payment", (1, amount), identifier)


def label_event(reported_at: int, is_fraud: int) -> Event:
    """A label at the moment the bank learnt it."""
    return Event(reported_at, "label", (1, is_fraud))


class Layout:
    """Which rings an entity's windows need, and how many tiles each keeps."""

    def __init__(self, windows: Iterable[Window]) -> None:
        self.windows = tuple(windows)
        rings: dict[tuple[Kind, int], int] = {}
        for window in self.windows:
            ring = (window.kind, window.tile)
            rings[ring] = max(rings.get(ring, 0), window.tiles + 1)
        self.rings = rings
        self.kinds = tuple(dict.fromkeys(kind for kind, _ in rings))
        self.rings_of = {kind: tuple(tile for k, tile in rings if k == kind) for kind in self.kinds}


class State:
    """What is remembered of one entity.

    `clock` is the latest event time seen; an event that comes late is taken to happen at `clock`. The lake orders by
    event time alone: the engines agree on what comes in order per customer, as a stream keyed by customer brings it.
    Events of the millisecond `clock` wait in `pending`: an event never sees another one of its own millisecond.
    """

    __slots__ = ("clock", "layout", "pending", "previous", "remembered", "tiles")

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.clock = NEVER
        self.previous = NEVER
        self.pending: dict[Kind, list[int]] = {}
        self.tiles: dict[tuple[Kind, int], dict[int, list[int]]] = {ring: {} for ring in layout.rings}
        self.remembered: list[int] = []

    def knows(self, identifier: str) -> bool:
        """Whether a payment with this identifier was applied recently."""
        return fingerprint(identifier) in self.remembered

    def apply(self, event: Event) -> None:
        """Fold one event in. The caller asks `knows` first where delivery may repeat."""
        if event.kind not in self.layout.rings_of:
            return
        if event.at > self.clock:
            self._settle()
            self.previous, self.clock = self.clock, event.at
        waiting = self.pending.setdefault(event.kind, [0] * len(event.values))
        for position, value in enumerate(event.values):
            waiting[position] += value
        if event.identifier:
            self.remembered.append(fingerprint(event.identifier))
            del self.remembered[:-REMEMBERED]

    def _settle(self) -> None:
        for kind, values in self.pending.items():
            for tile in self.layout.rings_of[kind]:
                ring = self.tiles[kind, tile]
                index = self.clock // tile
                slot = ring.get(index)
                if slot is None:
                    ring[index] = list(values)
                    kept = self.layout.rings[kind, tile]
                    if len(ring) > kept:
                        for old in [i for i in ring if i < index - kept]:
                            del ring[old]
                else:
                    for position, value in enumerate(values):
                        slot[position] += value
        self.pending = {}

    def effective(self, at: int) -> int:
        """The time at which an event stamped `at` is taken to happen when it arrives now."""
        return max(at, self.clock)

    def values(self, at: int) -> dict[str, int]:
        """Every window of the layout for an event at `at`, by name: events or cents."""
        at = self.effective(at)
        return {window.name: self._sum(window, at) for window in self.layout.windows}

    def since_last(self, feature: SinceLast, at: int) -> int | None:
        """Milliseconds since the last earlier event, none when there is none within the horizon."""
        at = self.effective(at)
        last = self.clock if at > self.clock else self.previous
        return None if last == NEVER or at - last > feature.horizon else at - last

    def _sum(self, window: Window, at: int) -> int:
        head = at // window.tile
        first = head - window.tiles
        last = head if window.open_head else head - 1
        column = window.column
        total = 0
        for index, values in self.tiles[window.kind, window.tile].items():
            if first <= index <= last:
                total += values[column]
        waiting = self.pending.get(window.kind)
        if waiting and self.clock < at and first <= self.clock // window.tile <= last:
            total += waiting[column]
        return total

    def dump(self) -> str:
        """The record's text: JSON, at most 32 KB for any traffic."""
        return json.dumps(
            {
                "clock": self.clock,
                "previous": self.previous,
                "pending": self.pending,
                "tiles": {
                    f"{kind}:{tile}": [[index, *values] for index, values in ring.items()]
                    for (kind, tile), ring in self.tiles.items()
                },
                "remembered": self.remembered,
            },
            separators=(",", ":"),
        )

    @classmethod
    def load(cls, text: str, layout: Layout) -> State:
        """The inverse of `dump`. A ring that the layout no longer has is dropped, a new one starts empty."""
        stored = json.loads(text)
        state = cls(layout)
        state.clock, state.previous = stored["clock"], stored["previous"]
        state.pending = {kind: values for kind, values in stored["pending"].items() if kind in layout.rings_of}
        state.remembered = stored["remembered"]
        for ring in layout.rings:
            kind, tile = ring
            state.tiles[ring] = {index: values for index, *values in stored["tiles"].get(f"{kind}:{tile}", ())}
        return state


def fingerprint(identifier: str) -> int:
    """A short stand-in for an identifier: 64 bits would be JSON-unsafe in some readers, so 2 x crc32 in 52 bits."""
    text = identifier.encode()
    return (crc32(text) << 20) | (crc32(text[::-1]) & 0xFFFFF)
