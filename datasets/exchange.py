"""Exchange rates of the generated population: a random walk, told on weekdays as central banks do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from datasets.places import CURRENCIES, HOME_CURRENCY

BEFORE = 7  # days before the first payment: a payment is counted with the rate of an earlier day
DAILY = 0.004  # standard deviation of a day's change, in logarithms
HOME_FOR_ONE = {"EUR": 1.0, "GBP": 1.17, "USD": 0.92, "CHF": 1.04, "PLN": 0.233}  # about, in 2025


@dataclass(frozen=True)
class Exchange:
    """`start` is the first day of payments, of `days`."""

    seed: int
    start: pd.Timestamp
    days: int

    @cached_property
    def rates(self) -> np.ndarray:
        """Units of the home currency for one unit, currencies by days from BEFORE the start, to six digits."""
        rng = np.random.default_rng([self.seed, 10])
        walk = np.cumsum(rng.normal(0, DAILY, (len(CURRENCIES), self.days + BEFORE)), axis=1)
        level = np.array([HOME_FOR_ONE[currency] for currency in CURRENCIES])[:, None]
        walk[CURRENCIES.index(HOME_CURRENCY)] = 0
        return np.round(level * np.exp(walk), 6)

    def abroad(self, amount: np.ndarray, currency: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Home money in units of a currency (its place in CURRENCIES) on a day counted from the start."""
        return amount / self.rates[currency, day + BEFORE]

    def table(self) -> pd.DataFrame:
        """The file `exchange_rates`."""
        days = pd.date_range(self.start - pd.Timedelta(days=BEFORE), periods=self.days + BEFORE)
        told = np.flatnonzero(days.dayofweek < 5)
        return pd.DataFrame(
            {
                "currency": np.repeat(CURRENCIES, len(told)),
                "day": np.tile(days[told].strftime("%Y-%m-%d"), len(CURRENCIES)),
                "rate": np.char.mod("%.6f", self.rates[:, told].ravel()),
            }
        )
