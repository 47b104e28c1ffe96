"""When a payment counts. Payments of one customer never share a moment: each sees all that count before it.

Sources truncate times to minutes or to days, clocks run ahead, terminals send late. Were such payments to count at one
moment, none of them would see the others, and a limit on how many there are would never be met.
"""

from __future__ import annotations

from collections.abc import Iterable

from features.declaration import DAY

CLOCKS_DIFFER = 10_000  # ms: each payment that counts at another moment than its stamp is told to the lake


def met_by_a_door(at: int, arrived: int | None, clock: int) -> int:
    """Of a payment stamped `at` that arrives at `arrived` when its customer's last one counted at `clock` (ms).

    At its event time, unless one of its customer counts there already or later: then a millisecond after that one. A
    stamp that lies further ahead than clocks differ counts when it arrives, but in the day that it names: the lake
    keeps payments by that day. Without `arrived` no stamp is ahead.
    """
    if arrived is not None and at > arrived + CLOCKS_DIFFER:
        at = min(at, max(arrived, at // DAY * DAY))
    return max(at, clock + 1)


def met_by_no_door(stamped: Iterable[int]) -> list[int]:
    """Of the payments of one customer and one UTC day that no door met, in order of their stamps (ms), those of one
    millisecond by identifier. None leaves its day, however many there are.

    `glue.transforms.events` says the same in Spark.
    """
    counted: list[int] = []
    for at in stamped:
        last = at // DAY * DAY + DAY - 1
        counted.append(min(max(at, counted[-1] + 1) if counted else at, last))
    return counted
