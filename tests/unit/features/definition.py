"""What every feature means, computed anew from the whole history of one entity: slow, and straight from the words.

An event that comes late is taken to happen at the latest time seen before it. An event never sees itself, another one
of its own millisecond, or anything that arrives after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from features.declaration import SinceLast, Window
from features.state import Event


@dataclass(frozen=True)
class Happened:
    """One event at the time at which it is taken to happen."""

    at: int
    event: Event


def in_order_of_arrival(events: list[Event]) -> list[Happened]:
    clock, history = -1, []
    for event in events:
        clock = max(clock, event.at)
        history.append(Happened(clock, event))
    return history


def asked_at(history: list[Happened], at: int) -> int:
    return max([at, *(h.at for h in history)])


def window_sum(window: Window, history: list[Happened], at: int) -> int:
    """`[floor((t - length) / tile) * tile, t)`, or the `length / tile` whole tiles before the tile of `t`."""
    t = asked_at(history, at)
    start = (t - window.length) // window.tile * window.tile
    end = t if window.open_head else t // window.tile * window.tile
    return sum(h.event.values[window.column] for h in history if h.event.kind == window.kind and start <= h.at < end)


def since_last(feature: SinceLast, history: list[Happened], at: int) -> int | None:
    t = asked_at(history, at)
    earlier = [h.at for h in history if h.at < t]
    if not earlier or t - max(earlier) > feature.horizon:
        return None
    return t - max(earlier)
