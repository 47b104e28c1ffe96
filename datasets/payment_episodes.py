"""What may befall payments from a day on: changes that monitoring has to find, within a delay that is stated.

An episode changes payments, or which of them are fraud; rows before its day stay as they are, and no payment leaves its
own day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

CENTS = 100  # in a unit of money
BY_NIGHT = 0.5  # share of the payments that are made in the small hours
SMALL_HOURS = (1, 5)
GONE = 0.7  # share of the payments that do not say their country any more
UNSEEN = 0.04  # share of honest-looking payments that are frauds of a kind that no model has met

Change = Callable[[np.random.Generator, pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Episode:
    """`change` takes payments with `is_fraud`. `shows` is the feature that drifts, or the figure that is broken; `days`
    is after how many days at the latest it is found: of labels since those of its first day have matured."""

    change: Change
    shows: str
    days: int = 1


def in_cents(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(amount=(rows["amount"] * CENTS).round(2))


def by_night(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    moved = rng.random(len(rows)) < BY_NIGHT
    seconds = pd.to_timedelta(np.round(rng.uniform(*SMALL_HOURS, len(rows)) * 3_600_000), unit="ms")
    at = pd.to_datetime(rows["event_time"], utc=True, format="ISO8601")
    then = at.where(~moved, at.dt.normalize() + pd.Series(seconds, index=rows.index))
    text = then.dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3] + "Z"
    return rows.assign(event_time=text).sort_values("event_time", kind="stable")


def country_gone(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(country=rows["country"].mask(rng.random(len(rows)) < GONE))


def unseen_fraud(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(is_fraud=rows["is_fraud"].mask(rng.random(len(rows)) < UNSEEN, 1))


EPISODES: dict[str, Episode] = {
    "amounts_in_cents": Episode(in_cents, "amount"),
    "payments_by_night": Episode(by_night, "is_unusual_quarter_of_day"),
    "country_gone": Episode(country_gone, "customer_days_with_country_30d"),
    "unseen_fraud": Episode(unseen_fraud, "observed_over_expected", days=14),
}


def befallen(name: str, since: pd.Timestamp, seed: int, index: int, payments: pd.DataFrame) -> pd.DataFrame:
    """A slice of payments, the `index`-th, with the episode from `since` on, a day in UTC."""
    rng = np.random.default_rng([seed, 10, index])
    late = (pd.to_datetime(payments["event_time"], utc=True, format="ISO8601") >= since).to_numpy()
    if not late.any():
        return payments
    return pd.concat([payments[~late], EPISODES[name].change(rng, payments[late])], ignore_index=True)
