"""What a customer's payments say at the moment of a loan application.

The application's own columns are open (any further column a user brings is a candidate), so they travel beside these.
"""

from __future__ import annotations

from features.declaration import Feature, FeatureSet, Ratio
from features.fraud import CUSTOMER, EXTREMES, FRAUD, MERCHANTS_PAID, SINCE_LAST

FEATURES: tuple[Feature, ...] = (
    *(w for w in CUSTOMER if w.name.endswith(("_7d", "_30d"))),
    *(w for w in EXTREMES if w.name.endswith("_30d")),
    *MERCHANTS_PAID,
    *SINCE_LAST,
    Ratio("customer_mean_amount_30d", ("customer_payment_amount_30d",), ("customer_payment_count_30d",)),
    Ratio("customer_share_of_last_week", ("customer_payment_amount_7d",), ("customer_payment_amount_30d",)),
)

PAYMENT_BEHAVIOUR = FeatureSet(
    "payment_behaviour", FEATURES, tuple(f.name for f in FEATURES), declines=FRAUD.declines_apart
)
