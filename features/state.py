"""The incremental engine: everything the platform remembers of one customer, merchant or account, event by event.

A record is bounded whatever the traffic: one ring of tiles per kind and tile size, the first few values that each day
has of a column, and the identifiers of the last payments, so that a payment delivered twice counts once. An update
touches one tile per ring.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from zlib import crc32

from features.clocks import apart, turns, usual
from features.declaration import (
    APART,
    DAY,
    ENGINE_REVISION,
    MEASURES,
    OF_PAYMENTS,
    Aggregate,
    Distinct,
    Feature,
    FeatureSet,
    Filter,
    Flag,
    FromUsual,
    Kind,
    Recurrence,
    SinceFirst,
    SinceLast,
    Travel,
    Window,
    duration_name,
)
from features.places import LATITUDE, LONGITUDE, Place, metres, metres_an_hour

REMEMBERED = 128  # identifiers: more than a batch of the stream holds, since a whole batch may come again
NEVER = -1
AUTHORISED = "authorised"  # a payment's cell that is there, and 0, where the issuer declined it
PLACES = "places"  # the same of where the last payments were made
LASTS = "lasts"  # in what a layout says of a record: that it knows the last event of each kind
FIRST = "first"  # in what a layout says of a record: that it knows the first payment ever
LABELLED = "labelled"  # where a record has of which payments it has counted a label
FOREVER = 2**53  # ms
SLACK = 2 * DAY  # how far behind a lake-published record's clock an event may ask: its ring keeps that much more

Value = int | None
Cells = Mapping[str, int]  # what a payment says, by column: fingerprints of texts, and parts of the calendar
NO_CELLS: Cells = {}


@dataclass(frozen=True)
class Event:
    """One thing that happened to an entity: `values` in the order of `MEASURES[kind]`, integers.

    `flags` are those that hold for the payment that the event is, or is about.
    """

    at: int
    kind: Kind
    values: tuple[int, ...]
    flags: frozenset[str] = frozenset()
    cells: Cells = field(default_factory=dict)
    identifier: str = ""


def payment_event(at: int, amount: int, identifier: str = "", cells: Cells = NO_CELLS, kind: Kind = "payment") -> Event:
    """A payment of `amount` cents at `at` milliseconds, or what was declined, as others than its customer see it."""
    return Event(at, kind, (1, amount), cells=cells if kind == "payment" else NO_CELLS, identifier=identifier)


def kind_of(said: Mapping[str, str], features: FeatureSet, blocked: bool = False) -> Kind:
    """What a payment is to a set that says this besides, see `Payment.further`, and that the doors may have blocked."""
    if "decline" in features.apart and said.get(AUTHORISED) == "0":
        return "decline"
    return "block" if blocked and "block" in features.apart else "payment"


def label_event(reported_at: int, is_fraud: int, flags: Iterable[str] = (), identifier: str = "") -> Event:
    """A label at the moment the bank learnt it; `flags` are its payment's, which `identifier` names."""
    return Event(reported_at, "label", (1, is_fraud), frozenset(flags), identifier=identifier)


@dataclass(frozen=True)
class Turn:
    """One side, 0 for north and 1 for east, of where the values of a part of the time point: see `features.clocks`."""

    of: str
    modulo: int
    side: int

    def points(self, value: int | None) -> int:
        return 0 if value is None else turns(self.modulo)[self.side][value]


@dataclass(frozen=True)
class TurnWindow(Window):
    """What a record adds up for a `FromUsual`, which is read from it: no feature by itself."""

    turn: Turn = Turn("", 1, 0)

    @cached_property
    def name(self) -> str:
        return turn_name(self.turn.of, self.length, self.tile, self.turn.side)


def turn_name(of: str, length: int, tile: int, side: int) -> str:
    return f"{of} {length} {tile} {side}"


def turn_windows(feature: FromUsual) -> tuple[TurnWindow, TurnWindow]:
    north, east = (
        TurnWindow(
            "customer", "payment", "count", feature.length, feature.tile, turn=Turn(feature.of, feature.modulo, side)
        )
        for side in (0, 1)
    )
    return north, east


@dataclass(frozen=True)
class TileColumn:
    """One number that a tile holds: a measure, of the events that pass the filter, folded by the aggregate."""

    measure: int
    where: Filter | None
    aggregate: Aggregate
    turn: Turn | None = None

    def of(self, event: Event) -> int:
        if self.where and (self.where.flag in event.flags) != self.where.holds:
            return 0
        if self.turn is not None:
            return self.turn.points(event.cells.get(self.turn.of))
        if self.aggregate == "tiles":
            return 1
        return event.values[self.measure]


@dataclass(frozen=True)
class Reading:
    """Windows of one ring that cover the same tiles: `[head - tiles, head]`, without the head when it is closed."""

    tiles: int
    open_head: bool
    delay: int
    windows: tuple[tuple[str, int, Aggregate], ...]  # name, position in the tile, aggregate
    since: tuple[tuple[str, int], ...]  # and those that tell how long ago: name, position in the tile

    def span(self, at: int, tile: int) -> tuple[int, int]:
        """First and last tile that an event at `at` sees."""
        head = (at - self.delay) // tile
        return head - self.tiles, head if self.open_head else head - 1


@dataclass(frozen=True)
class Ring:
    """Tiles of one size: how many are kept, what each holds, who reads them.

    `sources` are the columns' places among all columns of the kind.
    """

    kept: int
    columns: tuple[TileColumn, ...]
    sources: tuple[int, ...]
    readings: tuple[Reading, ...]


class Layout:
    """What a record of one entity holds so that every feature of that entity can be read from it."""

    def __init__(
        self,
        features: Iterable[Feature],
        remembered: int = REMEMBERED,
        of: FeatureSet | None = None,
        labels_remembered: int = 0,
    ) -> None:
        """`remembered` is how many payments back a repetition is known, `labels_remembered` how many labels back one
        is; the features are some `of` a set."""
        features = tuple(features)
        self.remembered = remembered
        self.labels_remembered = labels_remembered
        self.windows = tuple(f for f in features if isinstance(f, Window))
        self.distinct = tuple(f for f in features if isinstance(f, Distinct))
        self.flags = tuple(f for f in features if isinstance(f, Flag))
        self.recurrences = tuple(f for f in features if isinstance(f, Recurrence))
        self.since_last = tuple(f for f in features if isinstance(f, SinceLast))
        self.from_usual = tuple(f for f in features if isinstance(f, FromUsual))
        self.travels = tuple(f for f in features if isinstance(f, Travel))
        self.apart = of.apart if of else tuple(kind for kind in APART if any(w.kind == kind for w in self.windows))
        self.since_first = tuple(f for f in features if isinstance(f, SinceFirst))
        self.names = (*(w.name for w in self.windows), *(d.name for d in self.distinct))
        summed = tuple(dict.fromkeys((*self.windows, *(w for f in self.from_usual for w in turn_windows(f)))))
        self.summed: tuple[Window, ...] = summed
        # What an event of a kind adds, once for all rings of the kind.
        self.columns = {
            kind: tuple(dict.fromkeys(column_of(w) for w in summed if w.kind == kind))
            for kind in dict.fromkeys(w.kind for w in summed)
        }
        # In which kinds an event counts; what was declined or blocked has happened, though nothing may count it.
        self.counts_in: dict[Kind, tuple[Kind, ...]] = {kind: (kind,) for kind in self.columns if kind != "attempt"}
        for kind in self.apart:
            self.counts_in.setdefault(kind, ())
        if "attempt" in self.columns:
            for kind in ("payment", *self.apart):
                self.counts_in[kind] = (*self.counts_in.get(kind, ()), "attempt")
        self.rings = {
            (kind, tile): ring([w for w in summed if (w.kind, w.tile) == (kind, tile)], self.columns[kind])
            for kind, tile in dict.fromkeys((w.kind, w.tile) for w in summed)
        }
        # Column and tile size of remembered values -> how many a tile remembers, how many tiles are kept.
        self.seen: dict[tuple[str, int], tuple[int, int]] = {}
        for d in self.distinct:
            most, kept_tiles = self.seen.get((d.of, d.tile), (d.kept, 0))
            if d.kept != most:
                raise ValueError(f"{d.name}: distinct counts of one column and tile size remember equally many")
            self.seen[d.of, d.tile] = most, max(kept_tiles, kept(d))
        self.cells = tuple(dict.fromkeys(d.of for d in self.distinct))
        # Values of one millisecond that may come into a tile, the first ones in the order of their fingerprints: those
        # that the tile holds already leave no more room for others.
        self.waiting = {of: max(most for (o, _), (most, _) in self.seen.items() if o == of) for of in self.cells}
        # A flag is known before its event is folded in: from what it compares.
        compared = {name for flag in self.flags for name in (*flag.left, *flag.right)}
        self.compared_distinct = tuple(d for d in self.distinct if d.name in compared)
        self.compared_recurrences = tuple(r for r in self.recurrences if r.name in compared)
        self.compared = tuple(
            (key, replace(reading, windows=tuple(w for w in reading.windows if w[0] in compared), since=()))
            for key, kept in self.rings.items()
            for reading in kept.readings
            if compared & {name for name, _, _ in reading.windows}
        )
        # How far behind an event its window begins, at the most; where it counts what has a flag, so does the flag's.
        reaching: tuple[Window | Distinct, ...] = (*summed, *self.distinct)
        self.reach = {f.name: f.length + f.tile + f.delay for f in reaching}
        told = {r.name: r.among.name for r in self.recurrences}
        self.behind = {
            flag.name: {told.get(name, name) for name in (*flag.left, *flag.right)} & self.reach.keys()
            for flag in self.flags
        }
        for w in self.windows:
            if w.where and self.behind.get(w.where.flag):
                self.reach[w.name] += max(self.reach[name] for name in self.behind[w.where.flag])
        # A moment that was not kept then is never known by itself: the lake has to tell it.
        self.reach |= {f.name: FOREVER for f in self.since_first}
        self.reach |= {f.name: f.horizon for f in self.travels}
        if self.apart:
            self.reach |= {f.name: f.horizon for f in self.since_last}
        self.holds = Holds.of(self, of)
        self.text = self.holds.text()

    def unsure(self, young: set[str]) -> set[str]:
        """Windows that count by a flag which cannot be told where these are unknown."""
        flags = {flag for flag, names in self.behind.items() if names & young}
        return {w.name for w in self.windows if w.where and w.where.flag in flags}


@dataclass(frozen=True)
class Holds:
    """What a record has numbers of, in words that a record can carry.

    `kinds` has by kind what an event adds, FIRST where the first payment ever is known and LASTS where the last of each
    kind is; `rings` by ring how many tiles are kept, and of what they are, as places among the kind's; `seen` by column
    and tile size how many values are remembered a tile, how many tiles, and what the column means where it is a part of
    the calendar.
    """

    kinds: dict[str, tuple[str, ...]]
    rings: dict[str, tuple[int, ...]]
    seen: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, layout: Layout, features: FeatureSet | None) -> Holds:
        kinds: dict[str, tuple[str, ...]] = {
            kind: tuple(spelt(kind, c, features) for c in columns) for kind, columns in layout.columns.items()
        }
        if layout.since_first:
            kinds[FIRST] = (paid_alone(layout.apart) or "payment",)
        if layout.travels:
            kinds[PLACES] = (paid_alone(layout.apart) or "payment",)
        if layout.apart:
            kinds[LASTS] = ("payment", *layout.apart)
        return cls(
            kinds,
            {ring_name(key): (kept_ring.kept, *kept_ring.sources) for key, kept_ring in layout.rings.items()},
            {ring_name(key): (*sizes, meaning_of_cell(key[0], features)) for key, sizes in layout.seen.items()},
        )

    def text(self) -> str:
        parts = [
            ";".join(f"{name}={','.join(map(str, values))}" for name, values in part.items())
            for part in (self.kinds, self.rings, self.seen)
        ]
        return "|".join([str(ENGINE_REVISION), *parts])

    @classmethod
    def parse(cls, text: str) -> Holds:
        """The inverse of `text`; nothing where another engine wrote it. Raises ValueError for what none has written."""
        revision, *parts = text.split("|")
        if revision != str(ENGINE_REVISION):
            return cls({}, {}, {})
        kinds, rings, seen = ({n: v.split(",") for n, _, v in map(split, p.split(";")) if n} for p in parts)
        return cls(
            {name: tuple(values) for name, values in kinds.items()},
            {name: tuple(map(int, values)) for name, values in rings.items()},
            {name: tuple(map(int, values)) for name, values in seen.items()},
        )


def meaning_of_cell(of: str, features: FeatureSet | None) -> int:
    """The fingerprint of a part of the calendar whose values are told apart, and 0 for a column, which is what it is;
    others where only what was paid is remembered."""
    part = int(features.fingerprints[of], 16) if features and of in features.fingerprints else 0
    return part + sum(2 ** (32 + APART.index(kind)) for kind in features.apart) if features else part


def paid_alone(apart: Sequence[Kind]) -> str:
    """What a record says of numbers of payments alone; nothing where whatever was tried is one."""
    return " ".join({"decline": "paid", "block": "unblocked"}[kind] for kind in apart)


def split(text: str) -> tuple[str, str, str]:
    return text.partition("=")


def spelt(kind: Kind, column: TileColumn, features: FeatureSet | None) -> str:
    """A column with all that decides which events it counts."""
    parts = [MEASURES[kind][column.measure], *([column.aggregate] if column.aggregate != "sum" else [])]
    if column.where:
        flag = column.where.flag
        meaning = [features.fingerprints[flag]] if features else []
        parts += [f"{'' if column.where.holds else 'not '}{flag}", *meaning]
    if column.turn:
        part = [features.fingerprints[column.turn.of]] if features else []
        parts += [f"{column.turn.side} of {column.turn.of} by {column.turn.modulo}", *part]
    if kind == "payment" and features and features.apart:
        parts.append(paid_alone(features.apart))
    if kind == "label" and features:
        parts.append(f"once within {duration_name(features.label_patience)}")
    return " ".join(parts)


def ring(windows: Sequence[Window], of_kind: Sequence[TileColumn]) -> Ring:
    columns = tuple(dict.fromkeys(column_of(w) for w in windows))
    spans = dict.fromkeys((w.tiles, w.open_head, w.delay) for w in windows)
    readings = []
    for span in spans:
        covering = [(w, columns.index(column_of(w))) for w in windows if (w.tiles, w.open_head, w.delay) == span]
        folded = tuple((w.name, place, w.aggregate) for w, place in covering if w.aggregate != "since")
        dated = tuple((w.name, place) for w, place in covering if w.aggregate == "since")
        readings.append(Reading(*span, folded, dated))
    sources = tuple(of_kind.index(column) for column in columns)
    return Ring(max(kept(w) for w in windows), columns, sources, tuple(readings))


def column_of(window: Window) -> TileColumn:
    held: Aggregate = "sum" if window.aggregate == "since" else window.aggregate  # a sum that is not 0 tells of some
    turn = window.turn if isinstance(window, TurnWindow) else None
    return TileColumn(MEASURES[window.kind].index(window.measure), window.where, held, turn)


def kept(window: Window | Distinct) -> int:
    """Tiles to keep, counted from the newest. A closed head may be asked behind the newest tile."""
    behind = 0 if window.open_head else -(-(window.delay + SLACK) // window.tile) + 1
    return window.tiles + 1 + behind


class State:
    """What is remembered of one entity.

    `clock` is the latest event time seen, `first` when the first payment ever counted, and `lasts` by kind the last
    moment and the one before, as far as features ask for them. Events of the millisecond `clock` wait in `pending`: an
    event never sees another one of its own millisecond. `remembered` holds fingerprints of the last payments, inverted
    while no door has decided on them; `labelled` those of payments whose labels were counted. `recorded_at` is the
    event time of the stored record that it was read from, in ms: no part of the record's text, but the next record must
    be later. `young` are windows and distinct counts that are declared since the record was begun, with its clock then:
    unknown, until they have passed that moment by their length, or the lake publishes the record with their past.
    """

    __slots__ = (
        "clock",
        "first",
        "labelled",
        "lasts",
        "layout",
        "pending",
        "places",
        "previous",
        "recorded_at",
        "remembered",
        "seen",
        "tiles",
        "waiting",
        "young",
    )

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.clock = NEVER
        self.first = NEVER
        self.lasts: dict[Kind, list[int]] = {}
        self.places: list[list[int]] = []  # moment, latitude, longitude: the last and the one before
        self.recorded_at = NEVER
        self.previous = NEVER
        self.pending: dict[Kind, list[int]] = {}
        self.tiles: dict[tuple[Kind, int], dict[int, list[int]]] = {key: {} for key in layout.rings}
        self.waiting: dict[str, list[int]] = {}  # values of the millisecond `clock`, by column
        self.seen: dict[tuple[str, int], dict[int, list[int]]] = {key: {} for key in layout.seen}
        self.remembered: list[int] = []
        self.labelled: list[int] = []
        self.young: dict[str, int] = {}

    def copy(self) -> State:
        """The same, for whoever goes on in two ways. Slots of tiles are never changed, only replaced."""
        other = State(self.layout)
        for name in ("clock", "first", "recorded_at", "previous"):
            setattr(other, name, getattr(self, name))
        other.lasts, other.pending, other.young = dict(self.lasts), dict(self.pending), dict(self.young)
        other.places, other.remembered = list(self.places), list(self.remembered)
        other.labelled = list(self.labelled)
        other.tiles = {key: dict(slots) for key, slots in self.tiles.items()}
        other.waiting = {of: list(cells) for of, cells in self.waiting.items()}
        other.seen = {key: dict(days) for key, days in self.seen.items()}
        return other

    def knows(self, identifier: str) -> bool:
        """Whether a payment with this identifier was applied recently."""
        return fingerprint(identifier) in self.remembered or self.awaits(identifier)

    def knows_label(self, identifier: str) -> bool:
        """Whether a label of the payment with this identifier was counted recently."""
        return fingerprint(identifier) in self.labelled

    def awaits(self, identifier: str) -> bool:
        """Whether the payment is counted and no door has decided on it: the lake knew of it first."""
        return ~fingerprint(identifier) in self.remembered

    def await_decision(self, identifier: str) -> None:
        """Notes of a payment that was folded in that no door has decided on it."""
        self._mark(fingerprint(identifier), ~fingerprint(identifier))

    def end_waiting(self, identifier: str) -> None:
        """A door decides on the payment; it is counted already."""
        self._mark(~fingerprint(identifier), fingerprint(identifier))

    def _mark(self, before: int, after: int) -> None:
        self.remembered = [after if mark == before else mark for mark in self.remembered]

    def miss(self, columns: set[str]) -> None:
        """A payment was folded in of which nobody knows what it says in these columns: what looks at them is unknown
        until it has passed the payment."""
        layout = self.layout
        names = {d.name for d in layout.distinct if d.of in columns}
        names |= {w.name for w in layout.summed if isinstance(w, TurnWindow) and w.turn.of in columns}
        if LATITUDE in columns:
            names |= {f.name for f in layout.travels}
        self.young |= dict.fromkeys(sorted(names | layout.unsure(names)), self.clock)

    def pay(
        self,
        at: int,
        amount: int,
        merchant_id: str,
        identifier: str = "",
        cells: Cells = NO_CELLS,
        blocked: bool = False,
    ) -> int:
        """Fold in a payment of this customer. `cells` is what it says besides; `blocked`, that the doors blocked it.

        Returns when it counts: at `at`, or at the clock when it comes late."""
        at = max(at, self.clock)
        declined = cells.get(AUTHORISED) == 0
        for kind, is_one in (("decline", declined), ("block", blocked)):
            if is_one and kind in self.layout.apart:
                self.apply(Event(at, kind, (1, amount), identifier=identifier))
                return at
        said = {"merchant_id": text_fingerprint(merchant_id), **cells}
        self.apply(Event(at, "payment", (1, amount), self.flags(at, amount, said), said, identifier))
        return at

    def apply(self, event: Event) -> None:
        """Fold one event in. The caller asks `knows` first where delivery may repeat."""
        kinds = self.layout.counts_in.get(event.kind)
        if kinds is None:
            return
        if event.at > self.clock:
            self._settle()
            self.previous, self.clock = self.clock, event.at
        if self.first == NEVER and event.kind == "payment":
            self.first = event.at
        if self.layout.apart and event.kind in OF_PAYMENTS:
            last, _ = self.lasts.get(event.kind, (NEVER, NEVER))
            if event.at > last:
                self.lasts[event.kind] = [event.at, last]
        if self.layout.travels and event.kind == "payment" and LATITUDE in event.cells:
            self._stay([event.at, event.cells[LATITUDE], event.cells[LONGITUDE]])
        for kind in kinds:
            columns = self.layout.columns[kind]
            added = [column.of(event) for column in columns]
            waiting = self.pending.get(kind)
            self.pending[kind] = added if waiting is None else merged(columns, waiting, added)
        for of in self.layout.cells:
            cell = event.cells.get(of)
            if cell is not None:
                same_moment = self.waiting.setdefault(of, [])
                if cell not in same_moment:
                    same_moment.append(cell)
                    if len(same_moment) > self.layout.waiting[of]:
                        same_moment.remove(max(same_moment))
        self._remember(event.identifier)

    def apply_where_it_happened(self, event: Event) -> None:
        """As `apply`, but an event behind the clock goes into the tiles of its own time, or nowhere when these are kept
        no more. That time may have been read before: only for what nobody computes again.
        """
        kinds = self.layout.counts_in.get(event.kind)
        if kinds is None or event.at >= self.clock:
            return self.apply(event)
        for key, kept_ring in self.layout.rings.items():
            index = event.at // key[1]
            added = [column.of(event) for column in self.layout.columns[key[0]]]
            if key[0] in kinds and index > self.clock // key[1] - kept_ring.kept:
                values = [added[source] for source in kept_ring.sources]
                slot = self.tiles[key].get(index)
                self.tiles[key][index] = values if slot is None else merged(kept_ring.columns, slot, values)
        self._remember(event.identifier)

    def apply_label(self, event: Event) -> None:
        """Fold a label in where it was told, or nowhere when that tile is kept no more. It moves no clock: payments may
        come behind it, and are read where they are. The caller asks `knows_label` first.

        That time may have been read before: only for what nobody computes again.
        """
        for (kind, tile), kept_ring in self.layout.rings.items():
            if kind != event.kind:
                continue
            tiles, index = self.tiles[kind, tile], event.at // tile
            added = [column.of(event) for column in kept_ring.columns]
            slot = tiles.get(index)
            tiles[index] = added if slot is None else merged(kept_ring.columns, slot, added)
            drop_old(tiles, max(tiles), kept_ring.kept)
        self.labelled.append(fingerprint(event.identifier))
        del self.labelled[: -self.layout.labels_remembered]

    def _stay(self, place: list[int]) -> None:
        """Of places of one millisecond the northernmost stands, and of those the easternmost."""
        if self.places and self.places[0][0] == place[0]:
            self.places[0] = max(self.places[0], place)
        else:
            self.places = [place, *self.places[:1]]

    def _remember(self, identifier: str) -> None:
        if identifier:
            self.remembered.append(fingerprint(identifier))
            del self.remembered[: -self.layout.remembered]

    def _settle(self) -> None:
        if self.pending:
            for key, kept_ring in self.layout.rings.items():
                kind, tile = key
                waiting = self.pending.get(kind)
                if waiting is None:
                    continue
                values = [waiting[source] for source in kept_ring.sources]
                tiles = self.tiles[key]
                index = self.clock // tile
                slot = tiles.get(index)
                if slot is None:
                    tiles[index] = values
                    if len(tiles) > kept_ring.kept:
                        drop_old(tiles, index, kept_ring.kept)
                else:
                    tiles[index] = merged(kept_ring.columns, slot, values)
            self.pending = {}
        if self.waiting:
            for seen, (most, kept_tiles) in self.layout.seen.items():
                of, tile = seen
                waiting_cells = self.waiting.get(of)
                if waiting_cells is None:
                    continue
                index = self.clock // tile
                days = self.seen[seen]
                day = days.get(index)
                if day is None:
                    days[index] = sorted(waiting_cells)[:most]
                    if len(days) > kept_tiles:
                        drop_old(days, index, kept_tiles)
                elif len(day) < most:
                    days[index] = joined(day, waiting_cells, most)
            self.waiting = {}

    def values(self, at: int) -> dict[str, Value]:
        """Every window and distinct count for an event that counts at `at`, by name: events, cents or tiles."""
        found = self.counted(at)
        for name in self.unknown(at):
            found[name] = None
        return found

    def counted(self, at: int) -> dict[str, Value]:
        """As `values`, but of what the record does not reach back for what it has counted since it was declared."""
        found: dict[str, Value] = {}
        for key, kept_ring in self.layout.rings.items():
            for reading in kept_ring.readings:
                self._read(key, reading, at, found)
        for feature in self.layout.distinct:
            found[feature.name] = len(set().union(*self._days(feature, at)))
        return found

    def unknown(self, at: int) -> list[str]:
        """What the record cannot tell of an event that counts at `at`: it does not reach back that far."""
        if not self.young:
            return []
        return [name for name, since in self.young.items() if at - self.layout.reach[name] <= since]

    def tiles_with(self, cell: int | None, among: Distinct, at: int) -> int | None:
        """In how many tiles of the distinct count's window the value is remembered; none of no value."""
        if cell is None or (self.young and among.name in self.unknown(at)):
            return None
        return sum(cell in day for day in self._days(among, at))

    def tiles_since_first(self, cell: int | None, among: Distinct, at: int) -> int | None:
        """How many tiles ago the oldest of them lies; none when there is none."""
        if cell is None or (self.young and among.name in self.unknown(at)):
            return None
        newest = at // among.tile
        days = self.seen[among.of, among.tile].items()
        holding = [index for index, day in days if newest - among.tiles <= index <= newest and cell in day]
        if not holding and cell in (found for day in self._days(among, at) for found in day):
            holding = [self.clock // among.tile]  # of the moment before, which is in no tile yet
        return newest - min(holding) if holding else None

    def since_last(self, feature: SinceLast, at: int) -> int | None:
        """Milliseconds since the last earlier event, none when there is none within the horizon."""
        if self.young and feature.name in self.unknown(at):
            return None
        last, before = self.clock, self.previous
        if self.layout.apart and feature.kind != "attempt":
            last, before = self.lasts.get(feature.kind, (NEVER, NEVER))
        last = last if at > last else before
        return None if last == NEVER or at - last > feature.horizon else at - last

    def since_first(self, feature: SinceFirst, at: int) -> int | None:
        """Whole units since the first payment ever, none when there is none before `at`."""
        if feature.name in self.young or not NEVER < self.first < at:
            return None
        return (at - self.first) // feature.unit

    def from_usual(self, feature: FromUsual, value: int | None, known: Mapping[str, Value]) -> int | None:
        """How far a value is from the usual one, which `known` tells of: what `values` gives."""
        north, east = (known[w.name] for w in turn_windows(feature))
        if value is None or north is None or east is None:
            return None
        own = usual(north, east, feature.modulo)
        return None if own is None else apart(value, own, feature.modulo)

    def travelled(self, feature: Travel, at: int, cells: Cells) -> int | None:
        """Metres, or metres an hour, from where the last payment was made that says its place."""
        if LATITUDE not in cells or (self.young and feature.name in self.unknown(at)):
            return None
        for then, latitude, longitude in self.places:
            if then < at:
                place: Place = (cells[LATITUDE], cells[LONGITUDE])
                far = metres((latitude, longitude), place)
                found = metres_an_hour(far, at - then) if feature.speed else far
                return found if at - then <= feature.horizon else None
        return None

    def _read(self, key: tuple[Kind, int], reading: Reading, at: int, found: dict[str, Value]) -> None:
        tile = key[1]
        first, last = reading.span(at, tile)
        slots = self.tiles[key]
        settling = self.clock // tile
        waiting = self.pending.get(key[0])
        if waiting is not None and self.clock < at and first <= settling <= last:
            kept_ring = self.layout.rings[key]
            values = [waiting[source] for source in kept_ring.sources]
            covered = {index: slot for index, slot in slots.items() if first <= index <= last}
            slot = covered.get(settling)
            covered[settling] = values if slot is None else merged(kept_ring.columns, slot, values)
        else:
            covered = {index: slot for index, slot in slots.items() if first <= index <= last}
        if covered:
            columns = tuple(zip(*covered.values(), strict=True))
            for name, position, aggregate in reading.windows:
                found[name] = FOLD[aggregate](columns[position])
        else:
            for name, _, aggregate in reading.windows:
                found[name] = 0 if aggregate in ("sum", "tiles") else None
        for name, position in reading.since:
            holding = [index for index, slot in covered.items() if slot[position]]
            found[name] = last + 1 - max(holding) if holding else None

    def _days(self, feature: Distinct, at: int) -> list[list[int]]:
        """The values that each tile of the window remembers."""
        days = self.seen[feature.of, feature.tile]
        waiting = self.waiting.get(feature.of)
        if not days and waiting is None:
            return []
        head = (at - feature.delay) // feature.tile
        first = head - feature.tiles
        head -= not feature.open_head
        if waiting is None or self.clock >= at:
            return [day for index, day in days.items() if first <= index <= head]
        settling = self.clock // feature.tile
        found = [day for index, day in days.items() if first <= index <= head and index != settling]
        if first <= settling <= head:
            found.append(joined(days.get(settling, []), waiting, feature.kept))
        return found

    def flags(self, at: int, amount: int, cells: Cells = NO_CELLS) -> frozenset[str]:
        """Names of the flags that hold for a payment of this customer that counts at `at`."""
        known: dict[str, Value] = {"amount": amount}
        for key, reading in self.layout.compared:
            self._read(key, reading, at, known)
        for distinct in self.layout.compared_distinct:
            known[distinct.name] = len(set().union(*self._days(distinct, at)))
        for recurrence in self.layout.compared_recurrences:
            known[recurrence.name] = self.tiles_with(cells.get(recurrence.among.of), recurrence.among, at)
        known |= {name: None for name in self.unknown(at) if name in known}
        return frozenset(flag.name for flag in self.layout.flags if holds(flag, known))

    def dump(self) -> str:
        """The record's text: JSON, at most 32 KB for any traffic."""
        # Whoever asks behind the clock asks no further than that.
        left = {name: self.young[name] for name in sorted(self.unknown(self.clock - SLACK))}
        young = {"young": left} if left else {}
        return json.dumps(
            {
                "layout": self.layout.text,
                **young,
                "clock": self.clock,
                "previous": self.previous,
                **({FIRST: self.first} if self.layout.since_first else {}),
                **({LASTS: self.lasts} if self.layout.apart else {}),
                **({PLACES: self.places} if self.layout.travels else {}),
                "pending": self.pending,
                "tiles": {
                    ring_name(key): [[index, *values] for index, values in tiles.items()]
                    for key, tiles in self.tiles.items()
                },
                "waiting": self.waiting,
                "seen": {ring_name(key): list(days.items()) for key, days in self.seen.items()},
                "remembered": self.remembered,
                **({LABELLED: self.labelled} if self.layout.labels_remembered else {}),
            },
            separators=(",", ":"),
        )

    @classmethod
    def load(cls, text: str, layout: Layout) -> State:
        """The inverse of `dump`. Of a record that was written with other features: what both have, and the rest young.

        Raises KeyError, TypeError, ValueError for what no `dump` has written.
        """
        try:
            return cls._loaded(json.loads(text), layout)
        except (AttributeError, IndexError) as damaged:
            raise ValueError(f"no record of ours: {type(damaged).__name__}") from None

    @classmethod
    def _loaded(cls, stored: Any, layout: Layout) -> State:
        state = cls(layout)
        state.clock, state.previous = stored["clock"], stored["previous"]
        written = stored.get("layout", "")
        if written != layout.text:
            stored = carried(stored, Holds.parse(written), layout)
        state.remembered, state.waiting = stored["remembered"], stored["waiting"]
        state.pending = stored["pending"]
        if layout.labels_remembered:
            state.labelled = stored.get(LABELLED, [])  # a record of before has none
        if layout.since_first:
            state.first = stored[FIRST]
        if layout.apart:
            state.lasts = stored[LASTS]
        if layout.travels:
            state.places = stored[PLACES]
        for key in layout.rings:
            state.tiles[key] = {index: values for index, *values in stored["tiles"][ring_name(key)]}
        for seen in layout.seen:
            state.seen[seen] = dict(stored["seen"][ring_name(seen)])
        if "young" in stored:
            state.young = dict(stored["young"])
        return state


def carried(stored: Mapping[str, Any], old: Holds, layout: Layout) -> dict[str, Any]:
    """A record that was written with other features, as `layout` writes it: numbers of columns that both have stay, new
    ones are 0 and young. What happened to the entity at all, and which payments are known, stays."""
    new = layout.holds
    places = {
        kind: [old.kinds[kind].index(c) if c in old.kinds.get(kind, ()) else None for c in columns]
        for kind, columns in new.kinds.items()
        if kind not in (FIRST, LASTS, PLACES)
    }
    tiles = {}
    young = set()
    for key, kept_ring in layout.rings.items():
        kind, name = key[0], ring_name(key)
        had, *sources = old.rings.get(name, (0,))
        sought = [places[kind][source] for source in kept_ring.sources]
        within = [None if place is None or place not in sources else 1 + sources.index(place) for place in sought]
        tiles[name] = [
            [slot[0], *(0 if place is None else slot[place] for place in within)]
            for slot in (stored["tiles"][name] if had else [])
        ]
        absent = {column for column, place in zip(kept_ring.columns, within, strict=True) if place is None}
        of_ring = [w for w in layout.summed if (w.kind, w.tile) == key]
        young |= {w.name for w in of_ring if column_of(w) in absent or kept(w) > had}
    for feature in layout.distinct:
        name = ring_name((feature.of, feature.tile))
        most, had, meant = old.seen.get(name, (0, 0, 0))
        if (most, meant) != (feature.kept, new.seen[name][2]) or had < kept(feature):
            young.add(feature.name)
    if old.kinds.get(FIRST) != new.kinds.get(FIRST):
        young |= {f.name for f in layout.since_first}
    if old.kinds.get(PLACES) != new.kinds.get(PLACES):
        young |= {f.name for f in layout.travels}
    if layout.apart and old.kinds.get(LASTS) != new.kinds[LASTS]:
        young |= {f.name for f in layout.since_last if f.kind != "attempt"}
    young |= layout.unsure(young)
    counted = {name for name, sizes in new.seen.items() if name in old.seen and old.seen[name][2] == sizes[2]}
    waiting = {of: cells for of, cells in stored["waiting"].items() if of in layout.cells} if counted else {}
    return {
        **stored,
        "pending": {
            kind: [0 if place is None else stored["pending"][kind][place] for place in found]
            for kind, found in places.items()
            if kind in stored["pending"]
        },
        "tiles": tiles,
        "seen": {name: stored["seen"][name] if name in counted else [] for name in new.seen},
        "waiting": waiting,
        FIRST: stored.get(FIRST, NEVER),
        LASTS: stored.get(LASTS, {}),
        PLACES: stored.get(PLACES, []),
        "young": {
            **{name: since for name, since in stored.get("young", {}).items() if name in layout.reach},
            **dict.fromkeys(sorted(young), stored["clock"]),
        },
    }


# What a window makes of its tiles; and what a tile, or a millisecond, makes of two numbers where it does not add them.
FOLD: dict[Aggregate, Callable[[Iterable[int]], int]] = {"sum": sum, "max": max, "min": min, "tiles": sum}
JOIN: dict[Aggregate, Callable[[int, int], int]] = {"max": max, "min": min, "tiles": max}


def merged(columns: Sequence[TileColumn], left: list[int], right: list[int]) -> list[int]:
    return [
        a + b if column.aggregate == "sum" else JOIN[column.aggregate](a, b)
        for column, a, b in zip(columns, left, right, strict=True)
    ]


def drop_old(tiles: dict[int, list[int]], newest: int, kept_tiles: int) -> None:
    for old in [index for index in tiles if index <= newest - kept_tiles]:
        del tiles[old]


def joined(day: list[int], waiting: list[int], most: int) -> list[int]:
    """The values of a tile with those of one millisecond, which have no order but that of their fingerprints."""
    return [*day, *(m for m in sorted(waiting) if m not in day)][:most]


def holds(flag: Flag, known: Mapping[str, Value]) -> bool:
    """Whether the comparison of the flag is true. What is unknown makes it false."""
    left, right = product(flag.left, known), product(flag.right, known)
    return left is not None and right is not None and left > flag.factor * right


def product(names: Sequence[str], known: Mapping[str, Value]) -> Value:
    result = 1
    for name in names:
        value = known[name]
        if value is None:
            return None
        result *= value
    return result


def ring_name(key: tuple[str, int]) -> str:
    return f"{key[0]}:{key[1]}"


def text_fingerprint(text: str) -> int:
    """32 bits that stand for a text among those of one customer: two share one once in four billion."""
    return crc32(text.encode(errors="replace"))  # JSON can spell half a surrogate pair, which no file holds


def fingerprint(identifier: str) -> int:
    """A short stand-in for an identifier: 64 bits would be JSON-unsafe in some readers, so 2 x crc32 in 52 bits."""
    text = identifier.encode()
    return (crc32(text) << 20) | (crc32(text[::-1]) & 0xFFFFF)
