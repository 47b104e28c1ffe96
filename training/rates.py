"""How often it is decided so: approvals and overrides, against what was usual before, with a test against chance.

Pure. A share has moved when it differs from the one before by more than is borne, and chance does not bring such counts
about (Pearson's test of homogeneity, as for drift). With fewer than LEAST on either side nothing is said.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from scipy.stats import norm

from training.drift import by_chance
from training.performance import wilson

LEVEL = 0.0005  # of a false alarm in one comparison
BORNE = 0.1  # by which a share may differ from before
LEAST = 100
MOST_OVERRIDDEN = 0.1  # share of decisions of the policy that people decide otherwise, that is borne


@dataclass(frozen=True)
class Share:
    """`n` independent ones, of which `share` were decided so; before it `before` of `n_before`, none if too few."""

    share: float
    n: int
    before: float | None
    n_before: int
    by_chance: float | None
    moved: bool

    def document(self) -> dict:
        return asdict(self)


def against_before(share: float, n: int, before: float, n_before: int) -> Share:
    """A share of n now, and of as many before. With too few on either side it has not moved."""
    if min(n, n_before) < LEAST:
        return Share(share, n, before if n_before else None, n_before, None, False)
    chance = by_chance([before, 1 - before], [share, 1 - share], n_before, n)
    return Share(share, n, before, n_before, chance, abs(share - before) > BORNE and chance < LEVEL)


def too_many(share: float, n: int) -> bool:
    """Whether more are overridden than is borne, by more than chance."""
    return n >= LEAST and wilson(share, n, float(norm.isf(LEVEL)))[0] > MOST_OVERRIDDEN
