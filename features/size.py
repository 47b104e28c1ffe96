"""How large a record may become: what decides whether the online store takes it, and how long the doors read."""

from __future__ import annotations

from features.declaration import MEASURES
from features.places import MICRO
from features.state import Layout, State

# Feature Store takes a record of 350 KB; the values that stand beside the state need some of it.
LARGEST = 300 * 1024  # bytes of the state
ROOM = 32 * 1024  # bytes that the doors read and write within their time, and their bench measures
LARGEST_MOMENT = 9_999_999_999_999  # ms
# Digits of what a tile adds up: 99,999 payments, and as much money as 99,999,999,999.99.
COUNTED, PAID = 10**5 - 1, 10**13 - 1
CELL = 2**32 - 1  # the fingerprint of a text
KNOWN = -(2**52) + 1  # of a payment that no door has decided on


def fullest(layout: Layout) -> int:
    """Bytes of the largest record of an entity: something in every tile that is kept, and as many different values in
    each as are remembered."""
    state = State(layout)
    state.clock, state.previous, state.first = LARGEST_MOMENT, LARGEST_MOMENT - 1, LARGEST_MOMENT - 2
    for key, ring in layout.rings.items():
        kind, tile = key
        held = [-PAID if column.turn else largest(MEASURES[kind][column.measure]) for column in ring.columns]
        newest = state.clock // tile
        state.tiles[key] = {newest - behind: held for behind in range(ring.kept)}
    for seen, (most, kept_tiles) in layout.seen.items():
        newest = state.clock // seen[1]
        state.seen[seen] = {newest - behind: [CELL] * most for behind in range(kept_tiles)}
    state.lasts = {kind: [state.clock, state.previous] for kind in ("payment", *layout.apart)}
    state.places = [[moment, -90 * MICRO, -180 * MICRO] for moment in (state.clock, state.previous)]
    state.pending = {
        kind: [largest(MEASURES[kind][column.measure]) for column in columns]
        for kind, columns in layout.columns.items()
    }
    state.waiting = {of: [CELL] * most for of, most in layout.waiting.items()}
    state.remembered = [KNOWN] * layout.remembered
    return len(state.dump())


def largest(measure: str) -> int:
    return PAID if measure == "amount" else COUNTED
