"""The vocabulary in which features are declared.

Time is integer milliseconds since 1970 (UTC), money is integer cents. A window is tiled: its tail moves in whole tiles,
its head is either exact (`open_head`) or ends at the last closed tile, so that a late consumer cannot change it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Entity = Literal["customer", "merchant"]
Kind = Literal["payment", "label"]

# What one event adds to a tile, by kind. Integers only: sums must not depend on the order of addition.
MEASURES: dict[Kind, tuple[str, ...]] = {
    "payment": ("count", "amount"),
    "label": ("count", "fraud"),
}

# Raised when an engine changes what a declaration means: models trained on the old meaning are then refused.
ENGINE_REVISION = 1


def duration_name(milliseconds: int) -> str:
    """`3600000` -> `1h`: the largest unit that divides the duration."""
    for unit, letter in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")):
        if milliseconds % unit == 0:
            return f"{milliseconds // unit}{letter}"
    raise ValueError(f"a duration is whole seconds, got {milliseconds} ms")


@dataclass(frozen=True)
class Window:
    """Sum of one measure over the trailing window of one entity, in events (`count`, `fraud`) or cents (`amount`).

    With an open head the window of an event at `t` is `[floor((t - length) / tile) * tile, t)`; it never contains the
    event itself nor another event of the same millisecond. With a closed head it is the `length / tile` whole tiles
    before the tile of `t`.
    """

    entity: Entity
    kind: Kind
    measure: str
    length: int
    tile: int
    open_head: bool = True

    def __post_init__(self) -> None:
        if self.measure not in MEASURES[self.kind]:
            raise ValueError(f"a {self.kind} has the measures {MEASURES[self.kind]}, got {self.measure!r}")
        if self.length <= 0 or self.length % self.tile:
            raise ValueError(f"{self.name}: the length must be a whole number of tiles")

    @cached_property
    def name(self) -> str:
        return f"{self.entity}_{self.kind}_{self.measure}_{duration_name(self.length)}"

    @cached_property
    def column(self) -> int:
        """Position of the measure in a tile."""
        return MEASURES[self.kind].index(self.measure)

    @cached_property
    def tiles(self) -> int:
        """Whole tiles behind the tile of the event."""
        return self.length // self.tile


@dataclass(frozen=True)
class SinceLast:
    """Milliseconds since the entity's last earlier event; none when there is none within the horizon.

    The horizon lets the lake compute a day from a bounded stretch of history.
    """

    entity: Entity
    name: str
    horizon: int


@dataclass(frozen=True)
class CalendarPart:
    """`(floor(t / unit) + shift) mod modulo` of the event time, in UTC."""

    name: str
    unit: int
    modulo: int
    shift: int = 0


@dataclass(frozen=True)
class CalendarFlag:
    """1 when the part has one of the values, else 0."""

    name: str
    part: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class Ratio:
    """Product of integers over product of integers, in double precision; none when the denominator is 0 or unknown.

    The only place where a feature leaves the integers, and the last step of both engines: hence equal bits.
    """

    name: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]


@dataclass(frozen=True)
class FeatureSet:
    """The agreement between training and serving: which values, in which order, with which meaning."""

    name: str
    windows: tuple[Window, ...]
    since_last: tuple[SinceLast, ...]
    calendar: tuple[CalendarPart | CalendarFlag, ...]
    ratios: tuple[Ratio, ...]
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        declared = [f.name for group in (self.windows, self.since_last, self.calendar, self.ratios) for f in group]
        doubled = {name for name in declared if declared.count(name) > 1}
        unknown = set(self.columns) - set(declared) - {"amount"}
        if doubled or unknown:
            raise ValueError(f"{self.name}: declared twice {sorted(doubled)}, never declared {sorted(unknown)}")

    @cached_property
    def version(self) -> str:
        """Changes whenever a declaration, their order or the meaning that the engines give them changes."""
        text = "\n".join(
            [str(ENGINE_REVISION), self.name, *self.columns]
            + [repr(f) for group in (self.windows, self.since_last, self.calendar, self.ratios) for f in group]
        )
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def lookback(self) -> int:
        """Milliseconds of history that every value of the set fits into."""
        return max(
            *(w.length + w.tile for w in self.windows),
            *(s.horizon for s in self.since_last),
        )

    def windows_of(self, entity: Entity) -> tuple[Window, ...]:
        return tuple(w for w in self.windows if w.entity == entity)
