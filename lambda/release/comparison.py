"""Whether a candidate may take traffic, by what it would have said of payments or loans that were decided lately."""

from __future__ import annotations

import math
from collections.abc import Mapping

LEAST = 200  # payments or loans: of fewer, a share says nothing
CHANCE = 3.0  # standard errors of a paired difference of shares, or of a rank correlation of none
MOST = {"approved": 0.05, "blocked": 0.02, "declined": 0.05}  # by which a share may move
ALIKE = 0.2  # rank correlation with the live model's scores: what ranks loans the other way round approves as many


class ShadowDiffers(RuntimeError):
    """The candidate would decide too differently. It takes no traffic."""


def judged(found: Mapping, is_overridden: bool = False) -> dict:
    """The report of the shadow run with a verdict: `passed`, `too few` payments or loans to tell, or `overridden` where
    the approval bears a reason, as for thresholds that are meant to decide otherwise. Raises ShadowDiffers."""
    if unfit := found.get("unfit"):
        if not is_overridden:
            raise ShadowDiffers(f"it could decide nothing: {unfit}; or approve with a reason")
        return {"rows": found["rows"], "verdict": "overridden", "why": unfit}
    if found["rows"] < LEAST:
        return {"rows": found["rows"], "verdict": "too few", **{n: found[n] for n in ("left_out", "why") if n in found}}
    moved = {name: _moved(found[name], found["rows"]) for name in MOST if name in found}
    beyond = [
        f"{name} {found[name]['live']:.1%} -> {found[name]['candidate']:.1%}"
        for name, (share, error) in moved.items()
        if abs(share) - CHANCE * error > MOST[name]
    ]
    expected = " and ".join(f"{MOST[name]:.0%}" for name in moved)
    ranked = found.get("rank_correlation")
    if ranked is not None and ranked + CHANCE / math.sqrt(found["rows"] - 1) < ALIKE:
        beyond.append(f"rank correlation of the scores {ranked:.2f}, expected at least {ALIKE}")
    if beyond and not is_overridden:
        raise ShadowDiffers(
            f"of {found['rows']} {'loans' if 'declined' in found else 'payments'} that were decided lately: "
            f"{', '.join(beyond)}; expected shares to move by at most {expected}; look at its thresholds, or approve "
            "with a reason"
        )
    return {
        "rows": found["rows"],
        "verdict": "overridden" if beyond else "passed",
        "score_psi": found["score_psi"],
        **{name: share for name, (share, _) in moved.items()},
        **{name: found[name] for name in ("rank_correlation", "left_out") if name in found},
    }


def _moved(pair: Mapping, rows: int) -> tuple[float, float]:
    """By how much a share moved, and the standard error of that: both judged the same payments (McNemar, 1947)."""
    lost, gained = pair["only_live"], pair["only_candidate"]
    share = (gained - lost) / rows
    return share, math.sqrt(max(0.0, (gained + lost) / rows - share * share) / rows)
