"""What a customer's payments say at the moment of a loan application.

The application's own columns are open (any further column a user brings is a candidate), so they travel beside these.
"""

from __future__ import annotations

from collections.abc import Mapping

from features.declaration import Feature, FeatureSet, Ratio
from features.fraud import CUSTOMER, EXTREMES, FRAUD, MERCHANTS_PAID, SINCE_LAST
from features.state import State, Value
from features.vector import ratios

FEATURES: tuple[Feature, ...] = (
    *(w for w in CUSTOMER if w.name.endswith(("_7d", "_30d"))),
    *(w for w in EXTREMES if w.name.endswith("_30d")),
    *MERCHANTS_PAID,
    *SINCE_LAST,
    Ratio("customer_mean_amount_30d", ("customer_payment_amount_30d",), ("customer_payment_count_30d",)),
    Ratio("customer_share_of_last_week", ("customer_payment_amount_7d",), ("customer_payment_amount_30d",)),
)

PAYMENT_BEHAVIOUR = FeatureSet(
    "payment_behaviour",
    FEATURES,
    tuple(f.name for f in FEATURES),
    declines="decline" in FRAUD.apart,
    blocks="block" in FRAUD.apart,
)


def behaviour(state: State, at: int) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """What the customer's record says at `at` (ms since 1970), by feature, and the features that it cannot tell yet."""
    unknown = set(state.unknown(at))
    known: dict[str, Value] = dict(state.values(at))
    for feature in PAYMENT_BEHAVIOUR.since_last:
        known[feature.name] = state.since_last(feature, at)
    made = ratios(PAYMENT_BEHAVIOUR, known)
    for ratio in PAYMENT_BEHAVIOUR.ratios:
        if unknown & {*ratio.numerator, *ratio.denominator}:
            unknown.add(ratio.name)
    every: dict[str, float | int | None] = {**known, **made}
    values = {name: None if (value := every[name]) is None else float(value) for name in PAYMENT_BEHAVIOUR.columns}
    return values, tuple(name for name in PAYMENT_BEHAVIOUR.columns if name in unknown)


def otherwise(fingerprints: Mapping[str, str]) -> list[str]:
    """Features that a model was trained on, and that this code does not compute, or computes otherwise."""
    now = PAYMENT_BEHAVIOUR.fingerprints
    return sorted(name for name, meant in fingerprints.items() if now.get(name) != meant)
