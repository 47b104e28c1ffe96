"""How well a score has done, once outcomes are known: by vintage, with intervals, against what the dossier said.

Pure. Whoever calls brings rows whose outcome had its whole time to become known: loans that may teach by
`training.default`, payments that are older than a label takes. Rows of one customer are no news of each other: standard
errors are those of as many rows as there are customers.

AUC with the standard error of Hanley and McNeil (1982), calibration by Cox (1958), observed over expected defaults with
the interval of Wilson (1927). A figure is broken when its interval, at a level that all figures asked share
(Bonferroni), lies wholly beyond what is borne: then n was large enough to say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import norm
from sklearn.metrics import average_precision_score

from training.calibration import WIDTH, reliability
from training.dossier import ranked
from training.metrics import ks

LEVEL = 0.001  # of a false alarm in a report, over all figures that may ring
FALLS = 0.05  # of AUC below the dossier's, that is borne
RATIO = (0.8, 1.25)  # of observed over expected, and of the calibration's slope, as the dossier asks for
LEAST = 10  # rows of either outcome: of fewer that were met no figure is made, of fewer met and expected no ratio
RECENT = 6  # vintages that are judged together, beside the newest alone
RING = ("auc", "slope", "observed_over_expected")


@dataclass(frozen=True)
class Rows:
    """Outcomes 0 or 1, probabilities, whose, and vintages, each of shape (rows,)."""

    y: np.ndarray
    p: np.ndarray
    customers: np.ndarray
    vintage: np.ndarray

    def of(self, vintages: Sequence[str]) -> Rows:
        these = np.isin(self.vintage, list(vintages))
        return Rows(self.y[these], self.p[these], self.customers[these], self.vintage[these])


@dataclass(frozen=True)
class Figure:
    """What was measured, with the interval of 95 %; `broken` where it lies beyond what is borne by more than chance."""

    value: float
    low: float
    high: float
    borne_from: float | None
    borne_to: float | None
    broken: bool


def report(rows: Rows, dossier: Mapping[str, float] | None = None, populations: int = 1) -> dict:
    """Figures of each vintage, and of the newest RECENT together. `broken` names what rings: `newest` or `recent`,
    and the figure. `dossier` has the `auc` that was promised of the model that scored; without it none is asked for.
    The level is shared with the other `populations` that are judged beside this one."""
    vintages = sorted(set(rows.vintage.tolist()))
    asked = 2 * len(RING) * populations
    recent = of_rows(rows.of(vintages[-RECENT:]), dossier, asked)
    found = {vintage: of_rows(rows.of([vintage]), dossier, asked) for vintage in vintages}
    parts = {"newest": found[vintages[-1]], "recent": recent} if vintages else {}
    broken = [
        f"{part}: {name}"
        for part, told in parts.items()
        for name in RING
        if told["figures"].get(name, {}).get("broken")
    ]
    return {"vintages": found, "recent": recent, "broken": broken}


def of_rows(rows: Rows, dossier: Mapping[str, float] | None, asked: int) -> dict:
    """Counts, and the figures that so many rows bear. `asked` is over how many figures the level is shared."""
    y, p = rows.y, rows.p
    customers = len(np.unique(rows.customers))
    told: dict = {"rows": len(y), "customers": customers, "bad": int(y.sum()), "expected": float(p.sum())}
    wide = float(norm.isf(LEVEL / asked / 2))
    level_of: dict = {}
    honest, hoped = len(y) - told["bad"], len(y) - told["expected"]
    # None where many were expected says much, and so do many where hardly one was.
    if min(max(told["bad"], told["expected"]), max(honest, hoped)) >= LEAST and told["expected"] > 0:
        found = ratio(told["bad"], len(y), float(p.mean()), customers, wide)
        level_of = {"observed_over_expected": asdict(found)}
    if min(told["bad"], len(y) - told["bad"]) < LEAST or len(np.unique(p)) < 2:  # one score for all ranks nothing
        return {**told, "figures": level_of}
    design = (len(y) / customers) ** 0.5
    auc, error = ranked(y, p)
    level = reliability(y, p)
    slope_error = (level.slope_high - level.slope) / WIDTH
    borne = None if dossier is None or "auc" not in dossier else dossier["auc"] - FALLS
    figures = {
        "auc": normal(auc, design * error, wide, (borne, None)),
        "slope": normal(level.slope, design * slope_error, wide, RATIO),
    }
    error_of_level = design * (level.intercept_high - level.intercept) / WIDTH
    return {
        **told,
        "figures": {
            **{name: asdict(figure) for name, figure in figures.items()},
            **level_of,
            "gini": {"value": 2 * auc - 1},
            "ks": {"value": ks(y, p)},
            "average_precision": {"value": float(average_precision_score(y, p))},
            "intercept": asdict(normal(level.intercept, error_of_level, wide, (None, None))),
        },
    }


def normal(value: float, error: float, wide: float, borne: tuple[float | None, float | None]) -> Figure:
    """A figure that is spread as a normal variable, `error` its standard error; `wide` of these have to lie beyond."""
    low, high = borne
    broken = (low is not None and value + wide * error < low) or (high is not None and value - wide * error > high)
    return Figure(float(value), float(value - WIDTH * error), float(value + WIDTH * error), low, high, bool(broken))


def ratio(bad: int, rows: int, expected: float, customers: int, wide: float) -> Figure:
    """Of the rate of `bad` among `rows` over the mean probability, with intervals of as many rows as customers."""
    share = bad / rows
    low, high = (bound / expected for bound in wilson(share, customers, WIDTH))
    surely_low, surely_high = (bound / expected for bound in wilson(share, customers, wide))
    return Figure(share / expected, low, high, *RATIO, bool(surely_high < RATIO[0] or surely_low > RATIO[1]))


def wilson(share: float, n: int, z: float) -> tuple[float, float]:
    """The interval of a share of n, z standard errors wide to each side."""
    middle, spread = share + z * z / (2 * n), z * (share * (1 - share) / n + (z / (2 * n)) ** 2) ** 0.5
    return (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)
