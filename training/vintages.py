"""Whether a score holds in each stretch of time, not in their sum alone: AUC and level by vintage.

A vintage is a month, a week or a day of when rows were decided on, whichever is the longest of which at least three
have enough rows. Of several vintages one lies low by chance: intervals are as much wider.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.calibration import WIDTH, reliability
from training.dossier import FALLS, INTERCEPT, SEGMENT, SEGMENT_OF_A_CLASS, Answer, ranked

SPANS = ("M", "W-SUN", "D")  # months, weeks from Monday on, days
FEWEST = 3
RANKS, LEVEL = "AUC of the weakest vintage, below that of all", "level of the vintage that is farthest off"


@dataclass(frozen=True)
class Vintage:
    """The AUC of its rows and by how many log-odds they came out riskier than was said, with standard errors."""

    name: str
    rows: int
    auc: float
    auc_error: float
    level: float
    level_error: float

    def told(self) -> str:
        return f"{self.name}: AUC {self.auc:.3f}, level {self.level:+.2f}, {self.rows} rows"


def asked(at: pd.Series, y: np.ndarray, p: np.ndarray) -> list[Answer]:
    """Two questions of rows that the model did not know: when they were decided on, outcomes, probabilities."""
    found = vintages(at, y, p)
    if not found:
        few = f"no span of time has {FEWEST} vintages of {SEGMENT} rows with {SEGMENT_OF_A_CLASS} of either outcome"
        return [Answer(name, None, "told", "told", detail=few) for name in (RANKS, LEVEL)]
    width = 2 + np.log(len(found)) ** 0.5
    whole, _ = ranked(y, p)
    weakest = min(found, key=lambda one: one.auc)
    lost, by_chance = whole - weakest.auc, width * weakest.auc_error
    off = max(found, key=lambda one: abs(one.level) - width * one.level_error)
    beyond = abs(off.level) - width * off.level_error > INTERCEPT
    detail = "; ".join(one.told() for one in found)
    return [
        Answer(
            RANKS,
            lost,
            f"at most {FALLS} beyond chance",
            "pass" if lost - by_chance <= FALLS else "warn",
            lost - by_chance,
            lost + by_chance,
            f"{weakest.name}; {detail}",
        ),
        Answer(
            LEVEL,
            off.level,
            f"interval meets -{INTERCEPT} to {INTERCEPT} log-odds",
            "warn" if beyond else "pass",
            off.level - width * off.level_error,
            off.level + width * off.level_error,
            off.name,
        ),
    ]


def vintages(at: pd.Series, y: np.ndarray, p: np.ndarray) -> list[Vintage]:
    """In order of time; those with too few rows are left out, and all where too few are left."""
    days = pd.to_datetime(at, utc=True).dt.tz_localize(None)
    for span in SPANS:
        names = days.dt.to_period(span).map(lambda period: str(period.start_time.date())).to_numpy()
        found = [one for name in sorted(set(names)) if (one := vintage(name, y[names == name], p[names == name]))]
        if len(found) >= FEWEST:
            return found
    return []


def vintage(name: str, y: np.ndarray, p: np.ndarray) -> Vintage | None:
    if len(y) < SEGMENT or min(y.sum(), len(y) - y.sum()) < SEGMENT_OF_A_CLASS:
        return None
    auc, error = ranked(y, p)
    held = reliability(y, p)
    return Vintage(name, len(y), auc, error, held.intercept, (held.intercept_high - held.intercept) / WIDTH)
