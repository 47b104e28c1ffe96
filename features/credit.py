"""What a customer's payments say at the moment of a loan application.

The application's own columns are open (any further column a user brings is a candidate), so they travel beside these.
"""

from __future__ import annotations

from features.declaration import FeatureSet, Ratio
from features.fraud import CUSTOMER, SINCE_LAST

PAYMENT_BEHAVIOUR = FeatureSet(
    name="payment_behaviour",
    windows=tuple(w for w in CUSTOMER if w.name.endswith(("_7d", "_30d"))),
    since_last=SINCE_LAST,
    calendar=(),
    ratios=(
        Ratio("customer_mean_amount_30d", ("customer_payment_amount_30d",), ("customer_payment_count_30d",)),
        Ratio("customer_share_of_last_week", ("customer_payment_amount_7d",), ("customer_payment_amount_30d",)),
    ),
    columns=(
        *(w.name for w in CUSTOMER if w.name.endswith(("_7d", "_30d"))),
        *(f.name for f in SINCE_LAST),
        "customer_mean_amount_30d",
        "customer_share_of_last_week",
    ),
)
