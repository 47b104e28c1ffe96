"""What may befall a book of loans from a day on: changes that monitoring has to find, within a delay that is stated.

An episode changes applications, and outcomes where it says so; rows before its day stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

INCOME = 0.6  # of what applicants used to earn
BROKERED = 0.7  # share of the new channel's applications, which are all for one purpose
GONE = 0.6  # share of rows whose cell goes missing
TIMES = 2.5  # the odds of a default, of applicants who look as before

Change = Callable[[np.random.Generator, pd.DataFrame, np.ndarray], tuple[pd.DataFrame, np.ndarray]]


@dataclass(frozen=True)
class Episode:
    """`change` takes rows and their probabilities of default. `shows` is the column that drifts, or the figure that is
    broken; `runs` is by how many monthly runs it is found: of outcomes those since they have matured."""

    change: Change
    shows: str
    runs: int = 1


def poorer(rng: np.random.Generator, rows: pd.DataFrame, risk: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    return rows.assign(income=(rows["income"] * INCOME).round(-2)), risk


def brokered(rng: np.random.Generator, rows: pd.DataFrame, risk: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    through = rng.random(len(rows)) < BROKERED
    return rows.assign(purpose=rows["purpose"].mask(through, "debt_consolidation")), risk


def gone(rng: np.random.Generator, rows: pd.DataFrame, risk: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    return rows.assign(utilisation=rows["utilisation"].mask(rng.random(len(rows)) < GONE)), risk


def defaulting(rng: np.random.Generator, rows: pd.DataFrame, risk: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    odds = TIMES * risk / (1 - risk)
    return rows, odds / (1 + odds)


EPISODES: dict[str, Episode] = {
    "income_shift": Episode(poorer, "income"),
    "channel_mix": Episode(brokered, "purpose"),
    "column_gone": Episode(gone, "utilisation"),
    "defaulting_vintage": Episode(defaulting, "observed_over_expected"),
}


def befallen(
    name: str, since: pd.Timestamp, seed: int, applications: pd.DataFrame, risk: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    """Applications and their probabilities of default with the episode from `since` on, a day in UTC."""
    rng = np.random.default_rng([seed, 6])
    late = (pd.to_datetime(applications["applied_at"], utc=True, format="ISO8601") >= since).to_numpy()
    rows, later = EPISODES[name].change(rng, applications[late], risk[late])
    found = risk.copy()
    found[late] = later
    return pd.concat([applications[~late], rows]), found
