"""Cut-offs solved from what a loan earns and loses, or from the bad rate that a lender will bear.

From profit: approving a loan is worth (1 - PD) x margin x EAD - PD x LGD x EAD, and nothing at PD = margin / (margin +
LGD) (Thomas, Edelman and Crook, 2002). That takes the probabilities at their word. So the cut-off with the highest
profit on loans that have ended is told beside it, with its interval: where the two are far apart, the probabilities are
not calibrated for these loans, or there are too few.

From appetite: the highest probability up to which the upper end of the bad rate's interval is not above what is borne.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from lending.deciding import Decided, WrongRun
from lending.policy import InvalidPolicy, Policy
from tools.lending.whatif import wilson

DRAWS, SEED = 400, 7  # of the loans, for the interval
LEAST = 100  # loans with an outcome that a cut-off may rest on


@dataclass(frozen=True)
class Wanted:
    """`margin`: what a good loan earns, as a share of its exposure, over the horizon of the definition of default.
    `appetite`: the bad rate that is borne. One of them is none. `refer`: the share of loans that people can look at.
    """

    margin: float | None
    appetite: float | None
    refer: float = 0.0

    @classmethod
    def parse(cls, margin: str, appetite: str, refer: str) -> Wanted | None:
        """None where neither is asked for. Raises InvalidPolicy."""
        if not (margin or appetite or refer):
            return None
        if bool(margin) is bool(appetite):
            raise InvalidPolicy("expected MARGIN=<share> or APPETITE=<bad rate>, one of them, to solve cut-offs from")
        return cls(
            share("MARGIN", margin) if margin else None,
            share("APPETITE", appetite) if appetite else None,
            share("REFER", refer) if refer else 0.0,
        )


@dataclass(frozen=True)
class Solved:
    """What the policy's two probabilities would be, and what that rests on. `profit` and its interval are of loans with
    an outcome, in units of the currency; none where the appetite was asked for. `referred`: the share of loans that
    people would look at."""

    refer_from: float
    decline_from: float
    loans: int
    referred: float = 0.0
    best_on_outcomes: float | None = None
    best_low: float | None = None
    best_high: float | None = None
    profit: float | None = None
    profit_at_best: float | None = None
    bad_rate: float | None = None
    bad_rate_high: float | None = None

    @property
    def disagrees(self) -> bool:
        """The solved cut-off lies outside the interval of the best one in hindsight."""
        if self.best_low is None or self.best_high is None:
            return False
        return not self.best_low <= self.decline_from <= self.best_high

    def document(self) -> dict:
        return asdict(self)


def share(name: str, told: str) -> float:
    try:
        found = float(told)
    except ValueError:
        found = math.nan
    if not 0 < found < 1:
        raise InvalidPolicy(f"expected {name} to be a share above 0 and below 1, such as 0.08, got {told[:40]!r}")
    return found


def solve(policy: Policy, decided: Sequence[Decided], outcomes: Mapping[str, int], wanted: Wanted) -> Solved:
    """Of loans that no rule declines or refers: a cut-off of the score moves no other. Raises WrongRun where too few
    have an outcome, and where none can be approved within the appetite."""
    scored = [one for one in decided if one.default_prob is not None and not one.rules]
    known = [one for one in scored if one.loan_id in outcomes]
    if len(known) < LEAST:
        raise WrongRun(
            f"cut-offs are solved from at least {LEAST} loans with a probability and an outcome, got {len(known)}"
        )
    p = np.array([one.default_prob for one in known], float)
    bad = np.array([outcomes[one.loan_id] for one in known], float)
    order = np.argsort(p, kind="stable")
    p, bad = p[order], bad[order]
    if wanted.margin is not None:
        told_of = [known[n].exposure for n in order]
        if missing := sum(one is None for one in told_of):
            raise WrongRun(
                f"{missing} of {len(known)} loans with an outcome have no exposure, and so no profit: give the policy "
                "an ead that every loan has"
            )
        found = from_profit(p, bad, np.array(told_of, float), wanted.margin, policy.lgd)
    else:
        assert wanted.appetite is not None
        found = from_appetite(p, bad, wanted.appetite)
    every = np.sort([one.default_prob for one in scored])
    refer_from = referred(every, found["decline_from"], wanted.refer)
    looked_at = float(((every >= refer_from) & (every < found["decline_from"])).mean())
    return Solved(refer_from, loans=len(known), referred=looked_at, **found)


def from_profit(p: np.ndarray, bad: np.ndarray, exposure: np.ndarray, margin: float, lgd: float) -> dict:
    """`p` rises. Loans are approved below the cut-off."""
    gain = np.where(bad > 0, -lgd, margin) * exposure
    cut = margin / (margin + lgd)
    best = highest(p, gain)
    draw = np.random.default_rng(SEED)
    again = []
    for _ in range(DRAWS):
        rows = np.sort(draw.integers(0, len(p), len(p)))
        again.append(highest(p[rows], gain[rows]))
    low, high = np.quantile(again, [0.025, 0.975])
    return {
        "decline_from": cut,
        "best_on_outcomes": best,
        "best_low": float(low),
        "best_high": float(high),
        "profit": float(gain[p < cut].sum()),
        "profit_at_best": float(gain[p < best].sum()),
    }


def highest(p: np.ndarray, gain: np.ndarray) -> float:
    """The cut-off below which the sum of gains is largest: between two probabilities that differ."""
    ends = np.flatnonzero(np.append(p[1:] > p[:-1], True))
    sums = np.append(0.0, np.cumsum(gain)[ends])
    place = int(np.argmax(sums))
    if place == 0:
        return float(p[0])  # nothing is worth approving
    last = ends[place - 1]
    return float((p[last] + p[last + 1]) / 2) if last + 1 < len(p) else 1.0


def from_appetite(p: np.ndarray, bad: np.ndarray, appetite: float) -> dict:
    ends = np.flatnonzero(np.append(p[1:] > p[:-1], True))
    counts = np.cumsum(bad)
    fits = [
        int(end)
        for end in ends
        if end + 1 >= LEAST and (high := wilson(int(counts[end]), int(end) + 1)[1]) is not None and high <= appetite
    ]
    if not fits:
        raise WrongRun(
            f"no cut-off keeps the bad rate surely at or below {appetite:.1%} on at least {LEAST} loans with an outcome"
        )
    last = fits[-1]
    _, high = wilson(int(counts[last]), last + 1)
    return {
        "decline_from": float((p[last] + p[last + 1]) / 2) if last + 1 < len(p) else 1.0,
        "bad_rate": float(counts[last] / (last + 1)),
        "bad_rate_high": high,
    }


def referred(every: np.ndarray, cut: float, refer: float) -> float:
    """From which probability people look, so that it is at most `refer` of all loans, those just below the cut-off:
    loans of one probability go to them together, or not at all."""
    below = int(np.searchsorted(every, cut))
    many = min(below, round(refer * len(every)))
    if many == 0:
        return cut
    first = every[below - many]
    if below - int(np.searchsorted(every, first)) > many:
        later = every[np.searchsorted(every, first, side="right") : below]
        return float(later[0]) if len(later) else cut
    return float(first)


def told(found: Solved, wanted: Wanted) -> list[str]:
    lines = [
        f"solved on {found.loans} loans: refer_from {found.refer_from:.4f}, decline_from {found.decline_from:.4f}; "
        f"people look at {found.referred:.1%}"
    ]
    if found.profit is not None:
        lines.append(
            f"profit at a margin of {wanted.margin:.1%}: {found.profit:,.0f}; the best cut-off of these loans is "
            f"{found.best_on_outcomes:.4f} [{found.best_low:.4f}, {found.best_high:.4f}], {found.profit_at_best:,.0f}"
        )
        if found.disagrees:
            lines.append(
                "the two disagree beyond chance: the probabilities are not calibrated for these loans, or margin and "
                "LGD are not theirs"
            )
    else:
        lines.append(f"bad rate up to there {found.bad_rate:.1%}, surely at most {found.bad_rate_high:.1%}")
    return lines
