"""From remembered sums to the vector that a model sees. The same steps, in the same order, as the Spark engine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from features.clocks import minutes_east
from features.declaration import IDENTIFIERS, CalendarPart, Distinct, EntityName, Feature, FeatureSet, Ratio, Window
from features.entities import FURTHER_COLUMNS
from features.fraud import FRAUD
from features.moments import met_by_a_door
from features.places import LATITUDE, LONGITUDE, place_of
from features.state import (
    AUTHORISED,
    NO_CELLS,
    SLACK,
    Cells,
    Layout,
    State,
    Value,
    holds,
    kind_of,
    product,
    text_fingerprint,
)
from features.traffic import TRAFFIC_LAYOUTS, TRAFFIC_NAMES, TRAFFIC_VERSIONS


def features_of(entity: EntityName) -> tuple[Feature, ...]:
    return tuple(f for f in FRAUD.features if isinstance(f, Window | Distinct) and f.entity == entity)


# More than a customer may have under way (`scoring.tails`) with a batch of the stream besides: what a record does not
# know is taken for a payment that is still to come.
PAYMENTS_KNOWN = 384
OF_CUSTOMER = (
    *features_of("customer"),
    *FRAUD.recurrences,
    *FRAUD.carried,
    *FRAUD.since_last,
    *FRAUD.since_first,
    *FRAUD.travels,
    *FRAUD.from_usual,
)
CUSTOMER_LAYOUT = Layout(OF_CUSTOMER, PAYMENTS_KNOWN, FRAUD)
MERCHANT_LAYOUT = Layout(features_of("merchant"), of=FRAUD)
ACCOUNT_LAYOUT = Layout(features_of("account"), of=FRAUD)
DEVICE_LAYOUT = Layout(features_of("device"), of=FRAUD)
LAYOUTS: dict[EntityName, Layout] = {
    "customer": CUSTOMER_LAYOUT,
    "merchant": MERCHANT_LAYOUT,
    "account": ACCOUNT_LAYOUT,
    "device": DEVICE_LAYOUT,
    **{entity: Layout(features_of(entity), of=FRAUD) for entity in FRAUD.nightly if entity not in IDENTIFIERS},
    **TRAFFIC_LAYOUTS,
}
VERSIONS: dict[EntityName, str] = {entity: FRAUD.version for entity in LAYOUTS} | TRAFFIC_VERSIONS
# What nothing is ever folded into: of those that a user has declared, by night, when a payment names none.
NOBODY_FURTHER: Mapping[EntityName, State] = {
    entity: State(LAYOUTS[entity]) for entity in FRAUD.nightly if entity not in IDENTIFIERS
}
# Of vectors that lack the values of features which the records do not know yet: the lake computes these otherwise.
PARTIAL = f"{FRAUD.version}-partial"

# What is looked at of a payment besides what every one has: columns, and parts of the calendar.
PARTS = tuple(f for f in FRAUD.calendar if isinstance(f, CalendarPart) and f.name in FRAUD.cells())
PREFIXES = tuple(p for p in FRAUD.prefixes if p.name in FRAUD.cells())
OFFSETS = {local.name: dict(local.offsets) for local in FRAUD.local}
MADE = {*(part.name for part in PARTS), *(prefix.name for prefix in PREFIXES), *OFFSETS}
WHOLE = tuple(c for c in FRAUD.cells() if c != "merchant_id" and c not in MADE)
LOOKED_AT = (
    *((AUTHORISED,) if "decline" in FRAUD.apart else ()),
    *((LATITUDE, LONGITUDE) if FRAUD.travels else ()),
    *(local.column for local in FRAUD.local),
)
COLUMNS = tuple(dict.fromkeys((*WHOLE, *(prefix.column for prefix in PREFIXES), *LOOKED_AT, *FURTHER_COLUMNS)))
# Names what `cells_of` makes of a payment: another version may look at other columns, or make other parts of them.
_LOOKED = (WHOLE, LOOKED_AT, PREFIXES, PARTS, FRAUD.local, *(("block",) if "block" in FRAUD.apart else ()))
LOOKED = hashlib.sha256(repr(_LOOKED).encode()).hexdigest()[:8]

RULED = (*FRAUD.columns, *TRAFFIC_NAMES)  # what a rule of the policy may look at
Vector = list[float | None]
NOTHING_LOCAL: Mapping[str, Value] = {}


@dataclass(frozen=True)
class Knowledge:
    """The records that speak about one payment. The vector is made of all but `traffic`, which is for rules, and none
    when it could not be read. A payment that names no device has that of none;
    `further` are entities that a user declares."""

    customer: State
    merchant: State
    account: State
    traffic: Mapping[EntityName, State] | None = None
    device: State = State(DEVICE_LAYOUT)  # noqa: RUF009 - nothing is ever folded into it
    whole: bool = True  # whether all that the vector is made of could be read
    further: Mapping[EntityName, State] = field(default_factory=lambda: NOBODY_FURTHER)

    @property
    def nightly(self) -> tuple[State, ...]:
        """All that the night publishes but the customer's."""
        return (self.merchant, self.account, self.device, *self.further.values())

    @classmethod
    def nothing(cls) -> Knowledge:
        """Of somebody never seen."""
        return cls(State(CUSTOMER_LAYOUT), State(MERCHANT_LAYOUT), State(ACCOUNT_LAYOUT))

    @property
    def feature_version(self) -> str:
        """The version of a vector that is made of these records: PARTIAL while one is younger than a feature."""
        young = self.customer.young or any(state.young for state in self.nightly)
        return PARTIAL if young else FRAUD.version

    def counts_at(self, at: int, arrived: int | None = None) -> int:
        """When a payment stamped `at` counts that a door meets now (`arrived`, ms), see `features.moments`.

        Records that the lake publishes keep two days more than their windows: a payment later than that counts at the
        oldest moment they can still be asked about.
        """
        oldest = max(state.clock for state in self.nightly) - SLACK
        return max(met_by_a_door(at, arrived, self.customer.clock), oldest)


def cells_of(at: int, said: Mapping[str, str]) -> Cells:
    """What features look at of a payment stamped `at` (ms) that says this besides, see `Payment.further`."""
    cells = {column: text_fingerprint(said[column]) for column in WHOLE if column in said}
    for prefix in PREFIXES:
        if begins := prefix.cut(said.get(prefix.column, "")):
            cells[prefix.name] = text_fingerprint(begins)
    for part in PARTS:
        cells[part.name] = part_of(part, at)
    if kind_of(said, FRAUD) == "decline":
        cells[AUTHORISED] = 0
    for local in FRAUD.local:
        minutes = minutes_east(said.get(local.column), OFFSETS[local.name])
        if minutes is not None:
            cells[local.name] = local.of(at, minutes)
    if FRAUD.travels and (place := place_of(said)):
        cells[LATITUDE], cells[LONGITUDE] = place
    return cells


def not_looked_at(cells: Cells) -> set[str]:
    """What features look at of a payment and cells of another version do not tell. They may have no value because the
    payment says none, or because nobody looked; and what is made of columns may be made otherwise."""
    places = {LATITUDE} if FRAUD.travels else set()
    return {column for column in (*WHOLE, *places) if column not in cells} | MADE


def fraud_vector(
    at: int, counted_at: int, amount: int, merchant_id: str, known: Knowledge, cells: Cells = NO_CELLS
) -> Vector:
    """The vector of a payment of `amount` cents, in the order of `FRAUD.columns`.

    `at` is its event time, which the calendar goes by; `counted_at` is when it counts, which the windows go by; `cells`
    is what `cells_of` gives of it.
    """
    cells = {"merchant_id": text_fingerprint(merchant_id), **cells}
    values: dict[str, int | float | None] = {"amount": amount}
    for state in (known.customer, *known.nightly):
        values.update(state.values(counted_at))
    for feature in FRAUD.since_last:
        values[feature.name] = known.customer.since_last(feature, counted_at)
    for age in FRAUD.since_first:
        values[age.name] = known.customer.since_first(age, counted_at)
    for novelty in FRAUD.novelties:
        tiles = known.customer.tiles_with(cells.get(novelty.among.of), novelty.among, counted_at)
        values[novelty.name] = None if tiles is None else int(not tiles)
    for recurrence in FRAUD.recurrences:
        among = recurrence.among
        values[recurrence.name] = known.customer.tiles_with(cells.get(among.of), among, counted_at)
    for travel in FRAUD.travels:
        values[travel.name] = known.customer.travelled(travel, counted_at, cells)
    for known_for in FRAUD.acquaintances:
        among = known_for.among
        values[known_for.name] = known.customer.tiles_since_first(cells.get(among.of), among, counted_at)
    values.update(calendar(FRAUD, at, {local.name: cells.get(local.name) for local in FRAUD.local}))
    for far in FRAUD.from_usual:
        own = values[far.of] if far.of in values else cells.get(far.of)
        values[far.name] = known.customer.from_usual(far, own, values)  # type: ignore[arg-type]
    for flag in FRAUD.flags:
        values[flag.name] = int(holds(flag, values))  # type: ignore[arg-type]
    values.update(ratios(FRAUD, values))  # type: ignore[arg-type]
    return [None if (value := values[name]) is None else float(value) for name in FRAUD.columns]


def calendar(features: FeatureSet, at: int, local: Mapping[str, Value] = NOTHING_LOCAL) -> dict[str, Value]:
    """Calendar parts and flags of an instant, in UTC, and of the parts of its local time, which it gives as well."""
    known: dict[str, Value] = dict(local)
    for feature in features.calendar:
        if isinstance(feature, CalendarPart):
            known[feature.name] = part_of(feature, at)
        else:
            part = known[feature.part]
            known[feature.name] = None if part is None else int(part in feature.values)
    return known


def part_of(part: CalendarPart, at: int) -> int:
    return (at // part.unit + part.shift) % part.modulo


def ratios(features: FeatureSet, known: Mapping[str, Value]) -> dict[str, float | None]:
    """Every ratio of the set from the integers below it."""
    return {ratio.name: divide(ratio, known) for ratio in features.ratios}


def divide(ratio: Ratio, known: Mapping[str, Value]) -> float | None:
    top, bottom = product(ratio.numerator, known), product(ratio.denominator, known)
    if top is None or not bottom:
        return None
    return float(top) / float(bottom)  # float() first, as the lake casts: equal bits even beyond 2**53
