"""The vocabulary in which features are declared.

Time is integer milliseconds since 1970 (UTC), money is integer cents. A window is tiled: its tail moves in whole tiles,
its head is either exact (`open_head`) or ends at the last tile that closed at least `delay` ago, so that a consumer's
lag cannot change it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cached_property
from typing import Literal

from features.contract import CONTRACTS, TRANSACTIONS

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EntityName = str  # one of IDENTIFIERS, or what an `Entity` declares
Kind = Literal["payment", "decline", "block", "attempt", "label", "loan", "outcome"]
Aggregate = Literal["sum", "max", "min", "tiles", "since"]

# Which column of a payment says to whom it happens; a payment need not name a device, or an address. `Entity` declares
# more: whoever reads payments asks the set that he computes, which has all of them (`FeatureSet.identifiers`).
IDENTIFIERS: dict[EntityName, str] = {
    "customer": "customer_id",
    "merchant": "merchant_id",
    "account": "customer_id",
    "device": "device_id",
    "traffic": "merchant_id",
    "device_traffic": "device_id",
    "address_traffic": "ip",
}
# Counted as payments come, behind the doors by what the counter lags: for rules, never for models. Decisions keep what
# was counted in this order.
COUNTED: tuple[EntityName, ...] = ("traffic", "device_traffic", "address_traffic")

# What one event adds to a tile, by kind. Integers only: sums must not depend on the order of addition.
MEASURES: dict[Kind, tuple[str, ...]] = {
    "payment": ("count", "amount"),
    "decline": ("count", "amount"),
    "block": ("count", "amount"),
    "attempt": ("count", "amount"),
    "label": ("count", "fraud"),
    "loan": ("count", "amount"),
    "outcome": ("count", "default"),
}
# What happens to whom: of anything else a window would be 0 for ever, and say so of everybody.
HAPPENS: dict[EntityName, tuple[Kind, ...]] = {
    "customer": ("payment", "decline", "block", "attempt"),
    "merchant": ("payment", "decline", "block", "attempt", "label"),
    "account": ("label", "loan", "outcome"),
    "device": ("payment", "decline", "block", "attempt", "label"),
    "traffic": ("payment", "label"),
    "device_traffic": ("payment", "label"),
    "address_traffic": ("payment", "label"),
}
# What may happen to an entity that somebody declares: payments name it, and labels are about payments.
NAMED_BY_PAYMENTS: tuple[Kind, ...] = ("payment", "decline", "block", "attempt", "label")
LONGEST_NAME = 30  # of a declared entity: feature groups, alarms and windows have it in their names
MOST_ENTITIES = 12
ELSEWHERE = frozenset({"attributes", "account_id"})  # columns of the lake that name nobody beside whom ours name
# What stands beside a record's identifier and a payment's key, in groups and in the jobs' rows.
BESIDE = frozenset(
    {
        *("blocked", "state", "feature_version", "event_date", "is_fraud", "label", "at", "identifier", "counted_at"),
        *("write_time", "api_invocation_time", "is_deleted", "count", "fraud", "amount_cents", "decided"),
    }
)
# Kinds that rows of payments are, or count in.
OF_PAYMENTS: tuple[Kind, ...] = ("payment", "decline", "block", "attempt")
# What may be a kind of its own, and is a payment to sets that do not say so.
APART: tuple[Kind, ...] = ("decline", "block")
PLURALS = {
    "payment": "payments",
    "decline": "declined attempts",
    "block": "attempts that the doors blocked",
    "attempt": "attempts, paid or declined or blocked",
    "label": "labels, by the time they were reported",
    "loan": "loan applications",
    "outcome": "loan outcomes, by the time they were observed",
}
SINGULARS = {
    "decline": "declined attempt",
    "block": "attempt that the doors blocked",
    "attempt": "attempt, paid or declined or blocked",
}

# Raised when an engine changes what a declaration means: models trained on the old meaning are then refused.
ENGINE_REVISION = 2
# Of payments, by what a set has as a kind of its own.
PAID_ALONE: dict[Kind, str] = {
    "decline": "what was declined is no payment",
    "block": "what the doors blocked is no payment",
}
LABELS_COUNT = "each judgement once, when it was first told"  # the same, of labels alone


def duration_name(milliseconds: int) -> str:
    """`3600000` -> `1h`: the largest unit that divides the duration."""
    for unit, letter in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")):
        if milliseconds % unit == 0:
            return f"{milliseconds // unit}{letter}"
    raise ValueError(f"a duration is whole seconds, got {milliseconds} ms")


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What every feature tells its readers. It is no part of the feature's meaning, so no part of the version."""

    owner: str = field(default="fraud-risk", repr=False)
    note: str = field(default="", repr=False)

    @property
    def default(self) -> int | None:
        """The value for somebody of whom nothing is known."""
        return None


@dataclass(frozen=True)
class Entity(Declared):
    """Somebody or something that payments name in a text column, or by what such a column begins with (a `Prefix`):
    closed windows and distinct counts of it are known by night, as of a device. It is no value of the vector.

    `happens` are the kinds of events that may be counted of it. With `live` its payments are counted as they come, too,
    for rules: `<name>_traffic_...`. Neither is part of what its features mean.
    """

    name: str
    column: str
    happens: tuple[Kind, ...] = field(default=NAMED_BY_PAYMENTS, repr=False)
    live: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        if type(self.name) is not str or not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", self.name):
            raise ValueError(f"expected small letters, digits and single _ as an entity's name, got {self.name!r}")
        if len(self.name) > LONGEST_NAME:
            raise ValueError(f"{self.name}: expected an entity's name of at most {LONGEST_NAME} characters")
        if self.name in (*IDENTIFIERS, "loan_applicant") or f"_{self.name}".endswith("_traffic"):
            raise ValueError(f"{self.name}: the name is taken, or kept for what is counted live; expected another one")
        if type(self.column) is not str or not re.fullmatch("[a-z][a-z0-9_]{0,62}", self.column):
            told = "expected the column of a payment that names it, in small letters, digits and _"
            raise ValueError(f"{self.name}: {told}, or a Prefix of one, got column={self.column!r}")
        if type(self.happens) is not tuple or not self.happens or set(self.happens) - set(NAMED_BY_PAYMENTS):
            raise ValueError(f"{self.name}: expected happens among {NAMED_BY_PAYMENTS}, got {self.happens!r}")
        if type(self.live) is not bool:
            raise ValueError(f"{self.name}: expected live=True or False, got {self.live!r}")

    @property
    def traffic(self) -> EntityName:
        """What its live counts are called."""
        return f"{self.name}_traffic"

    @property
    def description(self) -> str:
        return self.note or f"Whom or what payments name in `{self.column}`"


@dataclass(frozen=True)
class Flag(Declared):
    """1 when the product of `left` is above `factor` times the product of `right`, which is 1 of nothing, else 0.

    It is a feature of the payment, and the payment carries it: windows may count only what it holds for.
    """

    name: str
    left: tuple[str, ...]
    factor: int
    right: tuple[str, ...]

    @property
    def default(self) -> int | None:
        return 0

    @property
    def description(self) -> str:
        return self.note or f"1 when {' x '.join(self.left)} > {' x '.join([str(self.factor), *self.right])}, else 0"


@dataclass(frozen=True)
class Filter:
    """Only events whose payment has the flag (`holds`), or has it not."""

    name: str
    flag: str
    holds: bool = True


@dataclass(frozen=True)
class Window(Declared):
    """Sum, largest or smallest of one measure over the trailing window of one entity, in events or cents.

    Or, as `tiles`, in how many of its tiles an event lies: a distinct count that is exact, since a window has few.
    Or, as `since`, how many tiles ago the newest one lies that holds any: 1 is the last of a closed window.

    With an open head the window of an event at `t` is `[floor((t - length) / tile) * tile, t)`; it never contains the
    event itself nor another event of the same millisecond. With a closed head it is the `length / tile` whole tiles
    before the tile of `t - delay`.
    """

    entity: EntityName
    kind: Kind
    measure: str
    length: int
    tile: int
    open_head: bool = True
    delay: int = 0
    aggregate: Aggregate = "sum"
    where: Filter | None = None

    def __post_init__(self) -> None:
        if self.measure not in MEASURES[self.kind]:
            raise ValueError(f"a {self.kind} has the measures {MEASURES[self.kind]}, got {self.measure!r}")
        if self.length <= 0 or self.length % self.tile:
            raise ValueError(f"{self.name}: the length must be a whole number of tiles")
        if self.delay and self.open_head:
            raise ValueError(f"{self.name}: only a closed head can be delayed")
        if self.aggregate == "tiles" and self.measure != "count":
            raise ValueError(f"{self.name}: tiles are counted whatever their events measure")
        if self.aggregate == "since" and self.measure == "amount":
            raise ValueError(f"{self.name}: time passes since events, not since amounts")
        if self.where and self.aggregate not in ("sum", "since"):
            raise ValueError(f"{self.name}: only sums and times since can be filtered")

    @cached_property
    def name(self) -> str:
        parts = [self.entity, self.kind, self.measure]
        parts += [self.where.name] if self.where else []
        parts += [self.aggregate] if self.aggregate != "sum" else []
        return "_".join([*parts, duration_name(self.length)])

    @cached_property
    def tiles(self) -> int:
        """Whole tiles behind the tile of the event."""
        return self.length // self.tile

    @property
    def default(self) -> int | None:
        return 0 if self.aggregate in ("sum", "tiles") else None

    @property
    def description(self) -> str:
        if self.note:
            return self.note
        if self.aggregate == "tiles":
            tiles = f"Tiles of {duration_name(self.tile)} that hold any"
            return f"{tiles} of the {self.entity}'s {PLURALS[self.kind]}, exact"
        what = PLURALS[self.kind]
        filtered = f" with{'' if self.where.holds else 'out'} {self.where.flag}" if self.where else ""
        if self.aggregate == "since":
            any_ = "any of" if self.measure == "count" else f"any {self.measure} of"
            tiles = f"How many tiles of {duration_name(self.tile)} ago the newest lies that holds"
            return f"{tiles} {any_} the {self.entity}'s {what}{filtered}"
        of = "" if self.measure == "count" else f"{self.measure} of "
        verb = {"sum": "Number of" if self.measure == "count" else "Sum of", "max": "Largest", "min": "Smallest"}
        return f"{verb[self.aggregate]} {of}the {self.entity}'s {what}{filtered}"


@dataclass(frozen=True)
class Distinct(Declared):
    """How many different values of one column an entity's payments had in a window; its head is open, or closed as that
    of a `Window`.

    `of` is a text column of a payment, one that a bank brings besides, or a declared part of the calendar; `called`
    names its values. A payment that says nothing in the column adds nothing. Bounded: each tile remembers the first
    `kept` different values in it (those of one millisecond in the order of their fingerprints). The count is exact for
    whoever has no more than that in a tile.
    """

    entity: EntityName
    length: int
    tile: int
    kept: int
    of: str = "merchant_id"
    called: str = "merchants"
    open_head: bool = True
    delay: int = 0

    @cached_property
    def name(self) -> str:
        return f"{self.entity}_distinct_{self.called}_{duration_name(self.length)}"

    @cached_property
    def tiles(self) -> int:
        return self.length // self.tile

    @property
    def default(self) -> int | None:
        return 0

    @property
    def description(self) -> str:
        return self.note or f"Different {self.called}, at most {self.kept} a {duration_name(self.tile)} tile"


@dataclass(frozen=True)
class Novelty(Declared):
    """1 when what the payment says in a column is not among the values that `among` counts, else 0; unknown when the
    payment says nothing there."""

    name: str
    among: Distinct

    @property
    def default(self) -> int | None:
        return 1

    @property
    def description(self) -> str:
        return self.note or f"1 when the payment's `{self.among.of}` is not among {self.among.name}, else 0"


@dataclass(frozen=True)
class Recurrence(Declared):
    """In how many tiles of the window that `among` counts over the payment's own value was seen before; unknown when
    the payment says nothing in the column."""

    name: str
    among: Distinct

    @property
    def default(self) -> int | None:
        return 0

    @property
    def description(self) -> str:
        tiles = f"tiles of {duration_name(self.among.tile)} within {duration_name(self.among.length)}"
        return self.note or f"{tiles.capitalize()} that hold a payment with the same `{self.among.of}`"


@dataclass(frozen=True, repr=False)
class SinceLast(Declared):
    """Milliseconds since the entity's last earlier event of the kind; none when there is none within the horizon.

    The horizon lets the lake compute a day from a bounded stretch of history.
    """

    entity: EntityName
    name: str
    horizon: int
    kind: Kind = "payment"

    def __repr__(self) -> str:
        return meaning(self)  # that there are other kinds changes no set's version that has none

    @property
    def description(self) -> str:
        what = SINGULARS.get(self.kind, self.kind)
        within = duration_name(self.horizon)
        return self.note or f"Milliseconds since the {self.entity}'s last {what}, unknown beyond {within}"


@dataclass(frozen=True)
class SinceFirst(Declared):
    """Whole units of time since the entity's first payment ever; none for that payment itself.

    No window bounds it: a record keeps the one moment for good, and the lake looks for it in all of its history.
    """

    entity: EntityName
    name: str
    unit: int = DAY

    def __post_init__(self) -> None:
        if type(self.unit) is not int or self.unit < 1:  # not isinstance: True is an int, too
            raise ValueError(f"{self.name}: expected a unit of whole milliseconds, such as DAY, got unit={self.unit!r}")

    @property
    def description(self) -> str:
        whole = f"Whole times {duration_name(self.unit)}" if self.unit % SECOND == 0 else f"Times {self.unit} ms"
        return self.note or f"{whole} since the {self.entity}'s first payment ever, unknown for that one"


@dataclass(frozen=True)
class Travel(Declared):
    """Metres between the payment's place and the last one where the entity paid (`latitude`, `longitude`), or with
    `speed` metres an hour on the way. Unknown where either says no place, or the last one lies beyond the horizon.

    Integers, see `features.places`. Time passes between the moments at which both count, and is a second at least.
    """

    entity: EntityName
    name: str
    horizon: int
    speed: bool = False

    @property
    def description(self) -> str:
        what = "Metres an hour from" if self.speed else "Metres from"
        within = duration_name(self.horizon)
        return self.note or f"{what} where the {self.entity} paid last, unknown without both places or beyond {within}"


@dataclass(frozen=True)
class Acquaintance(Declared):
    """How many tiles ago the payment's own value was first seen within the window that `among` counts over: how long
    customer and merchant, or device, know each other. Unknown when it is new there, or the payment says nothing."""

    name: str
    among: Distinct

    @property
    def description(self) -> str:
        tiles = f"tiles of {duration_name(self.among.tile)} ago"
        return (
            self.note
            or f"How many {tiles} the `{self.among.of}` was first seen within {duration_name(self.among.length)}"
        )


@dataclass(frozen=True)
class CalendarPart(Declared):
    """`(floor(t / unit) + shift) mod modulo` of the event time, in UTC."""

    name: str
    unit: int
    modulo: int
    shift: int = 0

    @property
    def description(self) -> str:
        return self.note or f"Part of the event time in UTC, 0 to {self.modulo - 1}"


@dataclass(frozen=True)
class LocalPart(Declared):
    """As `CalendarPart`, of the time where the payment was made: by what it says in a column, an offset from UTC
    (`+02:00`, alone or behind a time) or one of the texts of `offsets`, each with its minutes ahead of UTC. Unknown
    where it says nothing, or another one. A `Distinct` of a customer counts over it by its name.

    `features.zones.ONE_ZONE` are the offsets of countries with one zone: standard time, also in summer.
    """

    name: str
    column: str
    unit: int
    modulo: int
    shift: int = 0
    offsets: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if any(type(number) is not int or number < 1 for number in (self.unit, self.modulo)):
            raise ValueError(f"{self.name}: expected unit and modulo in whole numbers from 1 on")
        if any(type(minutes) is not int or abs(minutes) > 18 * 60 for _, minutes in self.offsets):
            raise ValueError(f"{self.name}: expected whole minutes ahead of UTC, at most 18 hours, as offsets")

    def of(self, at: int, minutes_east: int) -> int:
        return ((at + minutes_east * MINUTE) // self.unit + self.shift) % self.modulo

    @property
    def description(self) -> str:
        where = f"by `{self.column}`"
        return self.note or f"Part of the time where the payment was made, {where}, 0 to {self.modulo - 1}"


@dataclass(frozen=True)
class FromUsual(Declared):
    """How far the payment's own value of a part of the calendar, or of the local time, is from the customer's usual
    one, the shorter way round: the mean direction over the window. Unknown without an own value, or a usual one.

    In units of the part, see `features.clocks`; `modulo` is the part's.
    """

    name: str
    of: str
    modulo: int
    length: int
    tile: int

    def __post_init__(self) -> None:
        if self.length <= 0 or self.length % self.tile:
            raise ValueError(f"{self.name}: the length must be a whole number of tiles")

    @property
    def description(self) -> str:
        within = duration_name(self.length)
        return self.note or f"How far {self.of} is from the customer's usual one of {within}, the shorter way round"


@dataclass(frozen=True)
class Prefix(Declared):
    """What a text column of a payment begins with: its first `parts` parts between a separator, or without one as many
    characters. A text with fewer is what it is.

    It is no value of the vector: a `Distinct` of a customer counts over it by its name, like a part of the calendar.
    """

    name: str
    column: str
    parts: int
    separator: str = ""

    def __post_init__(self) -> None:
        # Not isinstance: True is an int, too.
        if type(self.parts) is not int or self.parts < 1:
            raise ValueError(f"{self.name}: expected at least one part, in whole numbers, got parts={self.parts!r}")
        if type(self.separator) is not str or len(self.separator) > 1:
            raise ValueError(f"{self.name}: expected one character as separator, or none, got {self.separator!r}")
        if type(self.column) is not str or not self.column:
            raise ValueError(f"{self.name}: expected the name of a text column of a payment, got {self.column!r}")

    def cut(self, text: str) -> str:
        """Empty where the text begins with a separator and one part is asked for: it says nothing then."""
        if not self.separator:
            return text[: self.parts]
        return self.separator.join(text.split(self.separator)[: self.parts])

    @property
    def description(self) -> str:
        parts = f"parts between `{self.separator}`" if self.separator else "characters"
        return self.note or f"The first {self.parts} {parts} of `{self.column}`, to count over"


@dataclass(frozen=True)
class CalendarFlag(Declared):
    """1 when the part has one of the values, else 0."""

    name: str
    part: str
    values: tuple[int, ...]

    @property
    def description(self) -> str:
        return self.note or f"1 when {self.part} is in {', '.join(map(str, self.values))}, else 0"


@dataclass(frozen=True)
class Ratio(Declared):
    """Product of integers over product of integers, in double precision; none when the denominator is 0 or unknown.

    The only place where a feature leaves the integers, and the last step of both engines: hence equal bits.
    """

    name: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]

    @property
    def description(self) -> str:
        return self.note or f"{' x '.join(self.numerator)} / {' x '.join(self.denominator)}"


Feature = (
    Window
    | Distinct
    | Novelty
    | Recurrence
    | Acquaintance
    | Flag
    | SinceLast
    | SinceFirst
    | Travel
    | CalendarPart
    | CalendarFlag
    | LocalPart
    | FromUsual
    | Prefix
    | Entity
    | Ratio
)


@dataclass(frozen=True)
class FeatureSet:
    """The agreement between training and serving: which values, in which order, with which meaning.

    `label_patience` is how long after its payment a label may come (ms) and still be an event; 0 where there are none.
    `declines` says that declined attempts are a kind of their own and no payments, which is so, too, where a feature
    counts them; `blocks` says the same of what the doors blocked.
    """

    name: str
    features: tuple[Feature, ...]
    columns: tuple[str, ...]
    label_patience: int = 0
    declines: bool = False
    blocks: bool = False

    def __post_init__(self) -> None:
        declared = [f.name for f in self.features]
        doubled = {name for name in declared if declared.count(name) > 1}
        known = {"amount", *declared}
        unknown = {name for f in self.features for name in needs(f)} | set(self.columns)
        for names, what in ((doubled, "declared twice"), (unknown - known, "never declared")):
            if names:
                raise ValueError(f"{self.name}: {what} {', '.join(sorted(names))}")
        self.require_one_meaning()

    @cached_property
    def version(self) -> str:
        """Changes whenever a declaration, their order or the meaning that the engines give them changes."""
        patience = [f"label_patience={self.label_patience}", LABELS_COUNT] if self.label_patience else []
        patience += [PAID_ALONE["block"]] if self.blocks else []  # what a feature counts says so itself
        # Whom nothing of the vector is counted of says nothing about it.
        said = (f for f in self.features if not isinstance(f, Entity) or f.name in self.nightly)
        text = "\n".join([str(ENGINE_REVISION), self.name, *patience, *self.columns, *map(repr, said)])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """By name of each feature, eight letters that change when its meaning does, or that of one it is computed from.

        A model is served as long as the features that it was trained on have these, whatever else is declared.
        """
        by_name = {f.name: f for f in self.features}
        found: dict[str, str] = {}

        def of(name: str) -> str:
            if name not in found:
                whose = [e.name for e in self.entities if e.name == getattr(by_name[name], "entity", None)]
                below = [of(needed) for needed in (*made_of(by_name[name]), *whose) if needed in by_name]
                patience = [f"label_patience={self.label_patience}", LABELS_COUNT] if of_labels(by_name[name]) else []
                paid = [PAID_ALONE[kind] for kind in self.apart] if of_payments(by_name[name]) else []
                text = "\n".join([str(ENGINE_REVISION), self.name, meaning(by_name[name]), *patience, *paid, *below])
                found[name] = hashlib.sha256(text.encode()).hexdigest()[:8]
            return found[name]

        return {name: of(name) for name in by_name}

    @cached_property
    def meanings(self) -> str:
        """What the values of a row mean, in the order of `columns`: fingerprints, and names of what is no feature."""
        return " ".join(self.fingerprints.get(name, name) for name in self.columns)

    @cached_property
    def apart(self) -> tuple[Kind, ...]:
        """What is a kind of its own, so that it is in no baseline of what was paid: what the issuer declined, what the
        doors blocked. What is both was declined."""
        counted = {f.kind for f in self.features if isinstance(f, Window | SinceLast)}
        said = {"decline": self.declines, "block": self.blocks}
        return tuple(kind for kind in APART if said[kind] or kind in counted)

    @cached_property
    def entities(self) -> tuple[Entity, ...]:
        """Those that are declared beside ours."""
        return tuple(f for f in self.features if isinstance(f, Entity))

    @cached_property
    def identifiers(self) -> dict[EntityName, str]:
        """Which column of a payment, or prefix of one, says to whom it happens: of ours, and of all others of whom
        anything is counted."""
        by_night = {e.name: e.column for e in self.entities if e.name in self.nightly}
        return {**IDENTIFIERS, **by_night, **{e.traffic: e.column for e in self.entities if e.live}}

    @cached_property
    def counted(self) -> tuple[EntityName, ...]:
        """Who is counted as payments come, in the order in which decisions keep it."""
        return (*COUNTED, *(e.traffic for e in self.entities if e.live))

    @cached_property
    def further(self) -> tuple[EntityName, ...]:
        """Declared entities whose records doors read, in the order of `identifiers`."""
        return tuple(name for name in self.identifiers if name not in IDENTIFIERS)

    def happens(self, entity: EntityName) -> tuple[Kind, ...]:
        """What is known of an entity. Raises ValueError for one that nobody has declared."""
        declared = {e.name: e.happens for e in self.entities}
        if entity in COUNTED or entity not in {**HAPPENS, **declared}:
            known = ", ".join(name for name in {**HAPPENS, **declared} if name not in COUNTED)
            raise ValueError(f"expected an entity among {known}, got {entity!r}: declare it with Entity, or before")
        return {**HAPPENS, **declared}[entity]

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        return tuple(f for f in self.features if isinstance(f, Window))

    @cached_property
    def distinct(self) -> tuple[Distinct, ...]:
        return tuple(f for f in self.features if isinstance(f, Distinct))

    @cached_property
    def novelties(self) -> tuple[Novelty, ...]:
        return tuple(f for f in self.features if isinstance(f, Novelty))

    @cached_property
    def recurrences(self) -> tuple[Recurrence, ...]:
        return tuple(f for f in self.features if isinstance(f, Recurrence))

    @cached_property
    def acquaintances(self) -> tuple[Acquaintance, ...]:
        return tuple(f for f in self.features if isinstance(f, Acquaintance))

    @cached_property
    def flags(self) -> tuple[Flag, ...]:
        return tuple(f for f in self.features if isinstance(f, Flag))

    @cached_property
    def carried(self) -> tuple[Flag, ...]:
        """Flags that windows filter by: a payment carries them, and so does its label."""
        asked = {w.where.flag for w in self.windows if w.where}
        return tuple(flag for flag in self.flags if flag.name in asked)

    def cells(self, entity: EntityName = "customer") -> tuple[str, ...]:
        """What an entity's record keeps of a payment besides its time and amount: columns, and parts of the calendar.

        Others than customers have columns only."""
        counted = [d.of for d in self.distinct if d.entity == entity]
        if entity == "customer":
            counted += [*(f.of for f in self.from_usual), *(part.name for part in self.local)]
        return tuple(dict.fromkeys(counted))

    @cached_property
    def nightly(self) -> tuple[EntityName, ...]:
        """Entities whose windows are closed: the lake knows all of them."""
        over: list[Window | Distinct] = [*self.windows, *self.distinct]
        return tuple(dict.fromkeys(f.entity for f in over if not f.open_head))

    @cached_property
    def since_last(self) -> tuple[SinceLast, ...]:
        return tuple(f for f in self.features if isinstance(f, SinceLast))

    @cached_property
    def since_first(self) -> tuple[SinceFirst, ...]:
        return tuple(f for f in self.features if isinstance(f, SinceFirst))

    @cached_property
    def local(self) -> tuple[LocalPart, ...]:
        return tuple(f for f in self.features if isinstance(f, LocalPart))

    @cached_property
    def from_usual(self) -> tuple[FromUsual, ...]:
        return tuple(f for f in self.features if isinstance(f, FromUsual))

    @cached_property
    def travels(self) -> tuple[Travel, ...]:
        return tuple(f for f in self.features if isinstance(f, Travel))

    @cached_property
    def calendar(self) -> tuple[CalendarPart | CalendarFlag, ...]:
        return tuple(f for f in self.features if isinstance(f, CalendarPart | CalendarFlag))

    @cached_property
    def prefixes(self) -> tuple[Prefix, ...]:
        return tuple(f for f in self.features if isinstance(f, Prefix))

    @cached_property
    def ratios(self) -> tuple[Ratio, ...]:
        return tuple(f for f in self.features if isinstance(f, Ratio))

    def require_one_meaning(self) -> None:
        """Raises ValueError for a declaration that the two engines would compute differently."""
        self.refuse_odd_entities()
        closed: dict[EntityName, set[tuple[int, int]]] = {}
        for window in self.windows:
            kinds = self.happens(window.entity)
            known_of = f"of the entity {window.entity} only events of the kinds {', '.join(kinds)} are known"
            refuse(window.kind not in kinds, window.name, known_of)
            if window.open_head:
                refuse(window.entity != "customer", window.name, "only a customer's window has an open head")
                refuse(window.kind not in OF_PAYMENTS, window.name, "an open head sees payments only")
                filtered = window.where is not None and window.kind != "payment"
                refuse(filtered, window.name, "only payments are counted by a flag there")
                refuse(window.aggregate == "since", window.name, "only whole tiles can be counted since")
            else:
                refuse(window.entity == "customer", window.name, "a customer's window has an open head")
                read = window.aggregate in ("sum", "since")
                refuse(not read, window.name, "a closed head takes sums and times since only")
                refuse(
                    window.where is not None and window.kind != "label", window.name, "only labels carry flags there"
                )
                closed.setdefault(window.entity, set()).add((window.tile, window.delay))
        for distinct in self.distinct:
            if not distinct.open_head:
                closed.setdefault(distinct.entity, set()).add((distinct.tile, distinct.delay))
        for entity, shapes in closed.items():
            refuse(len(shapes) > 1, entity, "its closed windows share one tile and one delay")
        times: list[SinceLast | SinceFirst | Travel] = [*self.since_last, *self.since_first, *self.travels]
        for since in times:
            refuse(since.entity != "customer", since.name, "it is known of customers only")
        for last in self.since_last:
            refuse(last.kind not in OF_PAYMENTS, last.name, f"the kinds {', '.join(OF_PAYMENTS)} are known")
        known: list[Novelty | Recurrence | Acquaintance] = [*self.novelties, *self.recurrences, *self.acquaintances]
        for feature in known:
            refuse(not feature.among.open_head, feature.name, "it is known of customers only")
        for distinct in self.distinct:
            knows = "payment" in self.happens(distinct.entity)
            refuse(not knows, distinct.name, f"no {distinct.entity} knows of payments")
            refuse(distinct.of == "transaction_id", distinct.name, "no two payments share one: count payments instead")
            closed_of = distinct.entity != "customer"
            refuse(distinct.open_head == closed_of, distinct.name, "a customer's window has an open head, no other's")
            is_part = any(part.name == distinct.of for part in (*self.calendar, *self.local))
            refuse(closed_of and is_part, distinct.name, "parts of the calendar are counted of customers only")
            is_prefix = any(prefix.name == distinct.of for prefix in self.prefixes)
            refuse(closed_of and is_prefix, distinct.name, "prefixes are counted of customers only")
            self.refuse_what_is_made(distinct)
            column = next((c for c in TRANSACTIONS.columns if c.name == distinct.of), None)
            refuse(column is not None and column.type != "text", distinct.name, "only values of texts are told apart")
        made = {feature.name for feature in self.features}
        for prefix in self.prefixes:
            column = next((c for c in TRANSACTIONS.columns if c.name == prefix.column), None)
            # A door reads the column as it came: what is computed it would never find, and count nothing for ever.
            is_text = prefix.column not in made and (column is None or (column.type == "text" and not column.required))
            besides = f"expected a text that a payment may say besides as its column, got `{prefix.column}`"
            refuse(not is_text, prefix.name, f"{besides}: features, parts of the calendar and other prefixes are none")
            refuse(prefix.name in self.columns, prefix.name, "a prefix is counted over and no value of a vector")
        self.refuse_odd_clocks()
        comparable = {f.name for f in self.from_usual}
        for flag in self.carried:
            refuse(bool(set(needs(flag)) & comparable), flag.name, "windows count by no flag that compares these")
        comparable |= {"amount", *(d.name for d in self.distinct if d.open_head), *(r.name for r in self.recurrences)}
        comparable |= {w.name for w in self.windows if w.open_head and w.where is None}
        for flag in self.flags:
            unlike = bool(set(needs(flag)) - comparable)
            refuse(unlike, flag.name, "a flag compares the amount and what is known of the customer as of the payment")

    def refuse_odd_entities(self) -> None:
        """Raises ValueError for entities that payments cannot name, or that are counted live already."""
        prefixes = {prefix.name for prefix in self.prefixes}
        made = {feature.name for feature in self.features} - prefixes
        texts = {c.name for c in TRANSACTIONS.columns if c.type == "text"}
        others = {c.name for told in CONTRACTS.values() for c in told.columns} - {c.name for c in TRANSACTIONS.columns}
        most = f"expected at most {MOST_ENTITIES} declared entities: each may have two feature groups, which doors name"
        refuse(len(self.entities) > MOST_ENTITIES, self.name, most)
        live = {IDENTIFIERS[name]: name for name in COUNTED}
        for entity in self.entities:
            column = next((c for c in TRANSACTIONS.columns if c.name == entity.column), None)
            besides = f"expected a text that a payment may say besides, or a Prefix of one, got `{entity.column}`"
            wrong = column is not None and (column.name not in texts or column.required)
            refuse(wrong or entity.column in made | BESIDE | others | ELSEWHERE, entity.name, besides)
            refuse(entity.name in self.columns, entity.name, "an entity is no value of a vector")
            if entity.live:
                already = live.setdefault(entity.column, entity.traffic)
                again = already != entity.traffic
                refuse(
                    again,
                    entity.name,
                    f"what `{entity.column}` names is counted live as {already}: expected live=False",
                )

    def refuse_odd_clocks(self) -> None:
        """Raises ValueError for local times that no payment says, and usual values of what is no part of the time."""
        made = {feature.name for feature in self.features}
        for part in self.local:
            column = next((c for c in TRANSACTIONS.columns if c.name == part.column), None)
            is_text = part.column not in made and (column is None or (column.type == "text" and not column.required))
            besides = f"expected a text that a payment may say besides as its column, got `{part.column}`"
            refuse(not is_text, part.name, f"{besides}: send the local time, or its offset, in a column of its own")
        for flag in (f for f in self.calendar if isinstance(f, CalendarFlag)):
            known = any(p.name == flag.part for p in (*self.calendar, *self.local) if not isinstance(p, CalendarFlag))
            refuse(not known, flag.name, f"expected a part of the calendar or of the local time, got `{flag.part}`")
        moduli = {p.name: p.modulo for p in (*self.calendar, *self.local) if not isinstance(p, CalendarFlag)}
        for far in self.from_usual:
            of = f"a part of the calendar or of the local time, and its modulo, got `{far.of}` and {far.modulo}"
            refuse(moduli.get(far.of) != far.modulo, far.name, f"expected {of}")

    def refuse_what_is_made(self, distinct: Distinct) -> None:
        """Raises ValueError for a count over a feature: the engines read what payments say and would find nothing."""
        made = next((f for f in self.features if f.name == distinct.of), None)
        if made is None or isinstance(made, CalendarPart | LocalPart | Prefix):
            return
        instead = (
            f"count over the part `{made.part}`"
            if isinstance(made, CalendarFlag)
            else "name the column that it is made of"
        )
        raise ValueError(
            f"{distinct.name}: `{made.name}` is a feature, which no payment says; values of a text column, of a "
            f"CalendarPart or of a Prefix are counted: {instead}"
        )

    def lookback(self, *kinds: Kind) -> int:
        """Milliseconds of events of these kinds that every value of the set fits into."""
        asked = (*kinds, *(OF_PAYMENTS if "payment" in kinds else ()))
        reaches = [w.length + w.tile + w.delay + self._behind(w) for w in self.windows if w.kind in asked]
        if "payment" in kinds:
            reaches += [*(s.horizon for s in self.since_last), *(t.horizon for t in self.travels)]
            reaches += [d.length + d.tile + d.delay for d in self.distinct]
            reaches += [f.length + f.tile for f in self.from_usual]
        return max(reaches, default=0)

    def _behind(self, window: Window) -> int:
        """A payment that a window counts by a flag brings the flag's own windows with it."""
        if window.where is None or window.kind != "payment":
            return 0
        compared = {name for flag in self.flags if flag.name == window.where.flag for name in needs(flag)}
        compared |= {f.among.name for f in self.recurrences if f.name in compared}
        reaches = [w.length + w.tile for w in self.windows if w.name in compared]
        return max(reaches + [d.length + d.tile for d in self.distinct if d.name in compared], default=0)


def meaning(declared: object) -> str:
    """What a declaration says beyond its defaults: that one can say more changes nothing for those that do not."""
    said = []
    for f in fields(declared):  # type: ignore[arg-type]
        value = getattr(declared, f.name)
        if f.repr and (f.default is MISSING or value != f.default):
            said.append(f"{f.name}={meaning(value) if is_dataclass(value) else repr(value)}")
    return f"{type(declared).__name__}({', '.join(said)})"


def made_of(feature: Feature) -> tuple[str, ...]:
    """What `needs` says, the part of the calendar whose values are told apart, and what names an entity."""
    if isinstance(feature, Entity):
        return (feature.column,)
    return (feature.of,) if isinstance(feature, Distinct) else needs(feature)


def of_labels(feature: Feature) -> bool:
    return isinstance(feature, Window) and feature.kind == "label"


def of_payments(feature: Feature) -> bool:
    """Whether it is read from payments themselves."""
    counted = isinstance(feature, Window | SinceLast) and feature.kind == "payment"
    return counted or isinstance(feature, Distinct | SinceFirst | Travel | FromUsual)


def refuse(wrong: bool, name: str, rule: str) -> None:
    if wrong:
        raise ValueError(f"{name}: {rule}; both engines must be taught before it can be declared")


def needs(feature: Feature) -> tuple[str, ...]:
    """Names of the other values that a feature is computed from."""
    if isinstance(feature, Ratio):
        return (*feature.numerator, *feature.denominator)
    if isinstance(feature, Flag):
        return (*feature.left, *feature.right)
    if isinstance(feature, CalendarFlag):
        return (feature.part,)
    if isinstance(feature, FromUsual):
        return (feature.of,)
    if isinstance(feature, Novelty | Recurrence | Acquaintance):
        return (feature.among.name,)
    if isinstance(feature, Window) and feature.where:
        return (feature.where.flag,)
    return ()
