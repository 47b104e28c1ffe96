"""From remembered sums to the vector that a model sees. The same steps, in the same order, as the Spark engine."""

from __future__ import annotations

from collections.abc import Mapping

from features.declaration import CalendarPart, FeatureSet, Ratio
from features.fraud import FRAUD
from features.state import Layout, State

CUSTOMER_LAYOUT = Layout(FRAUD.windows_of("customer"))
MERCHANT_LAYOUT = Layout(FRAUD.windows_of("merchant"))

Vector = list[float | None]


def fraud_vector(at: int, amount: int, customer: State, merchant: State) -> Vector:
    """The vector of a payment of `amount` cents at `at` milliseconds, in the order of `FRAUD.columns`."""
    known: dict[str, int | float | None] = {"amount": amount}
    known.update(customer.values(at))
    known.update(merchant.values(at))
    for feature in FRAUD.since_last:
        known[feature.name] = customer.since_last(feature, at)
    known.update(calendar(FRAUD, at))
    known.update(ratios(FRAUD, known))
    return [None if (value := known[name]) is None else float(value) for name in FRAUD.columns]


def calendar(features: FeatureSet, at: int) -> dict[str, int]:
    """Calendar parts and flags of an instant, in UTC."""
    known: dict[str, int] = {}
    for feature in features.calendar:
        if isinstance(feature, CalendarPart):
            known[feature.name] = (at // feature.unit + feature.shift) % feature.modulo
        else:
            known[feature.name] = int(known[feature.part] in feature.values)
    return known


def ratios(features: FeatureSet, known: Mapping[str, int | float | None]) -> dict[str, float | None]:
    """Every ratio of the set from the integers below it."""
    return {ratio.name: divide(ratio, known) for ratio in features.ratios}


def divide(ratio: Ratio, known: Mapping[str, int | float | None]) -> float | None:
    top = product(known[name] for name in ratio.numerator)
    bottom = product(known[name] for name in ratio.denominator)
    if top is None or not bottom:
        return None
    return float(top) / float(bottom)  # float() first, as Spark casts: equal bits even beyond 2**53


def product(factors) -> int | float | None:
    result: int | float = 1
    for factor in factors:
        if factor is None:
            return None
        result *= factor
    return result
