"""Features of a user's own, of every kind that ours have none of: what a folder of theirs may hold."""

from features.declaration import (
    DAY,
    HOUR,
    MINUTE,
    Acquaintance,
    CalendarFlag,
    Distinct,
    Entity,
    Flag,
    FromUsual,
    LocalPart,
    Prefix,
    Ratio,
    Recurrence,
    SinceFirst,
    SinceLast,
    Travel,
    Window,
)
from features.fraud import DEVICES, MERCHANTS_PAID, NOT_BY_AMOUNT, SETTLED, closed
from features.zones import ONE_ZONE

DAYS_KNOWN = SinceFirst("customer", "customer_days_since_first_payment")
AGES = (
    DAYS_KNOWN,
    SinceFirst("customer", "customer_hours_since_first_payment", unit=HOUR),
    Acquaintance("days_since_first_at_merchant_30d", among=MERCHANTS_PAID[-1]),
    Acquaintance("days_since_first_on_device_30d", among=DEVICES),
    Ratio("payments_of_month_per_day_known", ("customer_payment_count_30d",), (DAYS_KNOWN.name,)),
)
NOT_PAID = (
    *(
        Window("customer", kind, "count", length, tile)
        for kind in ("decline", "block", "attempt")
        for length, tile in ((10 * MINUTE, MINUTE), (HOUR, 5 * MINUTE), (DAY, HOUR), (30 * DAY, DAY))
    ),
    Window("customer", "decline", "amount", 30 * DAY, DAY, aggregate="max"),
    Window("customer", "decline", "count", 30 * DAY, DAY, aggregate="tiles"),
    SinceLast("customer", "customer_ms_since_last_decline", 30 * DAY, kind="decline"),
    SinceLast("customer", "customer_ms_since_last_attempt", 30 * DAY, kind="attempt"),
    Ratio("customer_share_of_declines_30d", ("customer_decline_count_30d",), ("customer_attempt_count_30d",)),
    closed("merchant", "decline", "count", 7),
    closed("merchant", "attempt", "amount", 7),
    closed("device", "attempt", "count", 7),
    Window("customer", "block", "amount", 30 * DAY, DAY),
    SinceLast("customer", "customer_ms_since_last_block", 30 * DAY, kind="block"),
    closed("merchant", "block", "count", 7),
    closed("device", "block", "amount", 7),
)
TRAVELS = (
    Travel("customer", "customer_metres_from_last_place", 30 * DAY),
    Travel("customer", "customer_metres_an_hour_from_last_place", 7 * DAY, speed=True),
)
LOCAL_MINUTE = LocalPart("local_minute", "utc_offset", MINUTE, 1_440)
LOCAL_QUARTER = LocalPart("local_quarter", "country", 6 * HOUR, 4, offsets=ONE_ZONE)
QUARTERS = Distinct("customer", 30 * DAY, DAY, kept=4, of="local_quarter", called="local_quarters")
FAR = FromUsual("customer_minutes_from_usual_time_30d", "local_minute", 1_440, 30 * DAY, DAY)
TIMES = (
    LOCAL_MINUTE,
    LOCAL_QUARTER,
    QUARTERS,
    CalendarFlag("is_local_night", "local_quarter", (0,)),
    Recurrence("customer_days_with_local_quarter_30d", among=QUARTERS),
    FAR,
    FromUsual("customer_days_from_usual_day_7d", "day_of_week", 7, 7 * DAY, 6 * HOUR),
    Flag("is_unusual_local_time", left=(FAR.name,), factor=360, right=()),
)
CARD_FRAUD, CARD_LABELS = (closed("card", "label", measure, 30) for measure in ("fraud", "count"))
NAMED = (
    Entity("card", "card_id", live=True),
    Entity("network", "ip_begins", live=True),
    Prefix("ip_begins", "ip", parts=2, separator=" "),
    Entity("till", "till_number"),
    Prefix("street", "address_line", parts=4),
    Entity("street_of_payment", "street"),
    closed("card", "payment", "amount", 7),
    closed("card", "decline", "count", 7),
    closed("card", "block", "count", 7),
    closed("card", "attempt", "count", 30),
    CARD_FRAUD,
    CARD_LABELS,
    closed("card", "label", "fraud", 14, where=NOT_BY_AMOUNT),
    closed("card", "label", "fraud", 30, aggregate="since"),
    Distinct("card", 7 * DAY, DAY, 16, "customer_id", "customers", open_head=False, delay=SETTLED),
    Ratio("card_fraud_share_of_labels_30d", (CARD_FRAUD.name,), (CARD_LABELS.name,)),
    closed("network", "payment", "count", 7),
    closed("network", "label", "fraud", 7),
    # What some of a network's payments do not say.
    Distinct("network", 30 * DAY, DAY, 2, "beneficiary_id", "beneficiaries", open_head=False, delay=SETTLED),
    closed("till", "payment", "count", 3),
    closed("street_of_payment", "payment", "count", 7),
    closed("street_of_payment", "label", "count", 7),
)
FEATURES = (*AGES, *NOT_PAID, *TRAVELS, *TIMES, *NAMED)
