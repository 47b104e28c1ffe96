"""What happens right now at a merchant, with a device, from an address, and to whom else a user declares `live`. For
rules, never for models.

Their payments come through every shard, so whoever counts them lags behind them, by milliseconds or, when something is
down, by an hour. A vector that held such a count could not be computed again from the lake. A rule may look at it: the
decision keeps what the rule saw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

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


def windows(entity: EntityName) -> tuple[Window, ...]:
    """Decisions keep the values by place: a new window comes last."""
    whose = WHOSE[entity]
    notes = (("count", f"Payments {whose}"), ("amount", f"Cents that were paid {whose}"))
    return tuple(
        Window(entity, "payment", measure, length, tile, note=note)
        for length, tile in {10 * MINUTE: MINUTE, HOUR: 5 * MINUTE, DAY: HOUR}.items()
        for measure, note in notes
    )


TRAFFIC: dict[EntityName, tuple[Window, ...]] = {entity: windows(entity) for entity in COUNTED}
TRAFFIC_LAYOUTS: dict[EntityName, Layout] = {entity: Layout(TRAFFIC[entity], REMEMBERED) for entity in COUNTED}
# Of the record: another has other tiles.
TRAFFIC_VERSIONS: dict[EntityName, str] = {
    entity: hashlib.sha256(repr(TRAFFIC[entity]).encode()).hexdigest()[:12] for entity in COUNTED
}
TRAFFIC_NAMES: tuple[str, ...] = tuple(name for entity in COUNTED for name in TRAFFIC_LAYOUTS[entity].names)


def traffic_at(known: Mapping[EntityName, State] | None, at: int) -> list[int] | None:
    """Counts and cents in the order of TRAFFIC_NAMES: what the records hold at `at` (ms), or at their own clocks when
    payments of other customers have moved them further. Of whom the payment does not name there are none. None where
    a record could not be read."""
    if known is None:
        return None
    counts: list[int] = []
    for entity, layout in TRAFFIC_LAYOUTS.items():
        if entity not in known:
            counts += [0] * len(layout.names)
            continue
        values = known[entity].values(max(at, known[entity].clock + 1))
        counts += [values[name] or 0 for name in layout.names]
    return counts
