"""What happens right now at a merchant, with a device, from an address, and to whom else a user declares `live`:
payments, and frauds that are told of. For rules, never for models.

Their payments come through every shard, so whoever counts them lags behind them, by milliseconds or, when something is
down, by an hour. A vector that held such a count could not be computed again from the lake. A rule may look at it: the
decision keeps what the rule saw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from features.declaration import COUNTED as OURS
from features.declaration import DAY, HOUR, MINUTE, EntityName, Window
from features.fraud import FRAUD
from features.state import Layout, State

# Of whom, in words.
WHOSE: dict[EntityName, str] = {
    "traffic": "at the merchant",
    "device_traffic": "with the device",
    "address_traffic": "from the address",
    **{entity.traffic: f"of the same `{entity.column}`" for entity in FRAUD.entities if entity.live},
}
COUNTED = FRAUD.counted
# A payment comes again when its batch does, seconds later: 1,024 are twenty seconds of a merchant, of a device
# that tests cards, or of an address that a whole network shares, with fifty a second.
REMEMBERED = 1_024
# A label comes again hours later, from another reviewer or with a request that is sent again: frauds are remembered
# apart from payments, or a busy merchant's would be forgotten within seconds.
FRAUDS_REMEMBERED = 256


def windows(entity: EntityName) -> tuple[Window, ...]:
    whose = WHOSE[entity]
    notes = (("count", f"Payments {whose}"), ("amount", f"Cents that were paid {whose}"))
    payments = tuple(
        Window(entity, "payment", measure, length, tile, note=note)
        for length, tile in {10 * MINUTE: MINUTE, HOUR: 5 * MINUTE, DAY: HOUR}.items()
        for measure, note in notes
    )
    told = f"Payments {whose} that were called fraud, by when their labels were taken in"
    return (*payments, Window(entity, "label", "fraud", DAY, HOUR, note=told))


TRAFFIC: dict[EntityName, tuple[Window, ...]] = {entity: windows(entity) for entity in COUNTED}
TRAFFIC_LAYOUTS: dict[EntityName, Layout] = {
    entity: Layout(TRAFFIC[entity], REMEMBERED, labels_remembered=FRAUDS_REMEMBERED) for entity in COUNTED
}
# Of the record: another has other tiles.
TRAFFIC_VERSIONS: dict[EntityName, str] = {
    entity: hashlib.sha256(repr(TRAFFIC[entity]).encode()).hexdigest()[:12] for entity in COUNTED
}
# Decisions keep the values by place. Frauds came later than payments, so a decision of before has none of them; whom a
# user declares comes last.
FURTHER = tuple(entity for entity in COUNTED if entity not in OURS)
PLACED: tuple[Window, ...] = (
    *(w for entity in OURS for w in TRAFFIC[entity] if w.kind == "payment"),
    *(w for entity in OURS for w in TRAFFIC[entity] if w.kind == "label"),
    *(w for entity in FURTHER for w in TRAFFIC[entity]),
)
TRAFFIC_NAMES: tuple[str, ...] = tuple(window.name for window in PLACED)


def traffic_at(known: Mapping[EntityName, State] | None, at: int) -> list[int] | None:
    """Counts and cents in the order of TRAFFIC_NAMES: what the records hold at `at` (ms), or at their own clocks when
    payments of other customers have moved them further. Of whom the payment does not name there are none, and of a
    window that a record did not have yet there is what came since. None where a record could not be read."""
    if known is None:
        return None
    counts: dict[str, int | None] = {}
    for state in known.values():
        counts |= state.counted(max(at, state.clock + 1))
    return [counts.get(name) or 0 for name in TRAFFIC_NAMES]
