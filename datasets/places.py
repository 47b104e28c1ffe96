"""Where the generated population lives, shops and travels, and what money is used there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Place:
    """A town. `living` is the share of customers at home there; coordinates in degrees, of its centre."""

    country: str
    currency: str
    latitude: float
    longitude: float
    living: float


HOME_CURRENCY = "EUR"
PLACES = (
    Place("IE", "EUR", 53.35, -6.26, 0.50),
    Place("IE", "EUR", 51.90, -8.47, 0.22),
    Place("IE", "EUR", 53.27, -9.05, 0.18),
    Place("GB", "GBP", 51.51, -0.13, 0.03),
    Place("GB", "GBP", 54.60, -5.93, 0.03),
    Place("DE", "EUR", 52.52, 13.40, 0.01),
    Place("FR", "EUR", 48.86, 2.35, 0.01),
    Place("US", "USD", 40.71, -74.01, 0.01),
    Place("CH", "CHF", 47.37, 8.54, 0.005),
    Place("PL", "PLN", 52.23, 21.01, 0.005),
    Place("ES", "EUR", 41.39, 2.17, 0.0),
)
LIVING = np.array([place.living for place in PLACES])
LATITUDE = np.array([place.latitude for place in PLACES])
LONGITUDE = np.array([place.longitude for place in PLACES])
CURRENCIES = tuple(dict.fromkeys(place.currency for place in PLACES))
CURRENCY_OF = np.array([CURRENCIES.index(place.currency) for place in PLACES])
COUNTRY_OF = np.array([place.country for place in PLACES])
COUNTRY_NUMBER = np.unique(COUNTRY_OF, return_inverse=True)[1]
