"""Features of a user's own, of every kind that ours have none of: what a folder of theirs may hold."""

from features.declaration import HOUR, Acquaintance, Ratio, SinceFirst
from features.fraud import DEVICES, MERCHANTS_PAID

DAYS_KNOWN = SinceFirst("customer", "customer_days_since_first_payment")
FEATURES = (
    DAYS_KNOWN,
    SinceFirst("customer", "customer_hours_since_first_payment", unit=HOUR),
    Acquaintance("days_since_first_at_merchant_30d", among=MERCHANTS_PAID[-1]),
    Acquaintance("days_since_first_on_device_30d", among=DEVICES),
    Ratio("payments_of_month_per_day_known", ("customer_payment_count_30d",), (DAYS_KNOWN.name,)),
)
