"""Whether a candidate may take traffic, by what it would have said of payments that were decided lately."""

from __future__ import annotations

import math
from collections.abc import Mapping

LEAST = 200  # payments: of fewer, a share says nothing
CHANCE = 3.0  # standard errors of a paired difference of shares
MOST = {"approved": 0.05, "blocked": 0.02}  # by which a share may move


class ShadowDiffers(RuntimeError):
    """The candidate would decide too differently. It takes no traffic."""


def judged(found: Mapping, is_overridden: bool = False) -> dict:
    """The report of the shadow run with a verdict: `passed`, `too few` payments to tell, or `overridden` where the
    approval bears a reason, as for thresholds that are meant to decide otherwise. Raises ShadowDiffers."""
    if found["rows"] < LEAST:
        return {"rows": found["rows"], "verdict": "too few"}
    moved = {name: _moved(found[name], found["rows"]) for name in MOST}
    beyond = [
        f"{name} {found[name]['live']:.1%} -> {found[name]['candidate']:.1%}"
        for name, (share, error) in moved.items()
        if abs(share) - CHANCE * error > MOST[name]
    ]
    if beyond and not is_overridden:
        raise ShadowDiffers(
            f"of {found['rows']} payments that were decided lately: {', '.join(beyond)}; expected shares to move by at "
            f"most {MOST['approved']:.0%} and {MOST['blocked']:.0%}; look at its thresholds, or approve with a reason"
        )
    return {
        "rows": found["rows"],
        "verdict": "overridden" if beyond else "passed",
        "score_psi": found["score_psi"],
        **{name: share for name, (share, _) in moved.items()},
    }


def _moved(pair: Mapping, rows: int) -> tuple[float, float]:
    """By how much a share moved, and the standard error of that: both judged the same payments (McNemar, 1947)."""
    lost, gained = pair["only_live"], pair["only_candidate"]
    share = (gained - lost) / rows
    return share, math.sqrt(max(0.0, (gained + lost) / rows - share * share) / rows)
