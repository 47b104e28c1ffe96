"""Features of a user's own, of every kind that ours have none of: what a folder of theirs may hold."""

from features.declaration import (
    DAY,
    HOUR,
    MINUTE,
    Acquaintance,
    CalendarFlag,
    Distinct,
    Flag,
    FromUsual,
    LocalPart,
    Ratio,
    Recurrence,
    SinceFirst,
    SinceLast,
    Travel,
    Window,
)
from features.fraud import DEVICES, MERCHANTS_PAID, closed
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
FEATURES = (*AGES, *NOT_PAID, *TRAVELS, *TIMES)
