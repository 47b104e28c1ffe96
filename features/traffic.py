"""What happens at a merchant right now. For rules, never for models.

A merchant's payments come through every shard, so whoever counts them lags behind them, by milliseconds or, when
something is down, by an hour. A vector that held such a count could not be computed again from the lake. A rule may
look at it: the decision keeps what the rule saw.
"""

from __future__ import annotations

import hashlib

from features.declaration import DAY, HOUR, MINUTE, Window
from features.state import Layout, State

# Decisions keep the values by place: a new window comes last.
TRAFFIC = tuple(
    Window("traffic", "payment", measure, length, tile, note=note)
    for length, tile in {10 * MINUTE: MINUTE, HOUR: 5 * MINUTE, DAY: HOUR}.items()
    for measure, note in (("count", "Payments at the merchant"), ("amount", "Cents that were paid at the merchant"))
)
# A payment comes again when its batch does, seconds later: 1,024 are twenty seconds of a merchant with fifty a second.
TRAFFIC_LAYOUT = Layout(TRAFFIC, remembered=1_024)
TRAFFIC_VERSION = hashlib.sha256(repr(TRAFFIC).encode()).hexdigest()[:12]  # of the record: another has other tiles


def traffic_at(state: State | None, at: int) -> list[int] | None:
    """Counts and cents in the order of the layout's names: what the record holds at `at` (ms), or at its own clock when
    payments of other customers have moved it further. None without a record."""
    if state is None:
        return None
    values = state.values(max(at, state.clock + 1))
    return [values[name] or 0 for name in TRAFFIC_LAYOUT.names]
