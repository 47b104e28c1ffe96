"""The features of a payment, for the question: is it fraud?"""

from __future__ import annotations

from features.declaration import (
    DAY,
    HOUR,
    MINUTE,
    CalendarFlag,
    CalendarPart,
    FeatureSet,
    Kind,
    Ratio,
    SinceLast,
    Window,
)

# Short windows have fine tiles, long ones coarse tiles: the record of a customer stays small whatever the traffic.
CUSTOMER_TILES = {10 * MINUTE: MINUTE, HOUR: 5 * MINUTE, DAY: HOUR, 7 * DAY: 6 * HOUR, 30 * DAY: DAY}

CUSTOMER = tuple(
    Window("customer", "payment", measure, length, tile)
    for length, tile in CUSTOMER_TILES.items()
    for measure in ("count", "amount")
)

# A merchant's payments come through every shard, so only closed days count: no consumer's lag can change them.
# Labels are events at the moment the bank learnt them; a fraud that is not reported yet cannot be seen.
MERCHANT_MEASURES: tuple[tuple[Kind, str], ...] = (
    ("payment", "count"),
    ("payment", "amount"),
    ("label", "count"),
    ("label", "fraud"),
)
MERCHANT = tuple(
    Window("merchant", kind, measure, days * DAY, DAY, open_head=False)
    for kind, measure in MERCHANT_MEASURES
    for days in (1, 7, 30)
)

CALENDAR = (
    CalendarPart("hour_of_day", unit=HOUR, modulo=24),
    CalendarPart("day_of_week", unit=DAY, modulo=7, shift=3),  # 1970-01-01 was a Thursday; Monday is 0
    CalendarFlag("is_night", part="hour_of_day", values=(0, 1, 2, 3, 4, 5)),
    CalendarFlag("is_weekend", part="day_of_week", values=(5, 6)),
)

RATIOS = (
    *(
        Ratio(
            f"amount_over_customer_mean_{span}",
            numerator=("amount", f"customer_payment_count_{span}"),
            denominator=(f"customer_payment_amount_{span}",),
        )
        for span in ("1d", "7d", "30d")
    ),
    *(
        Ratio(
            f"customer_mean_amount_{span}",
            numerator=(f"customer_payment_amount_{span}",),
            denominator=(f"customer_payment_count_{span}",),
        )
        for span in ("1d", "7d", "30d")
    ),
    Ratio(
        "amount_over_merchant_mean_30d",
        numerator=("amount", "merchant_payment_count_30d"),
        denominator=("merchant_payment_amount_30d",),
    ),
    *(
        Ratio(
            f"merchant_fraud_rate_{span}",
            numerator=(f"merchant_label_fraud_{span}",),
            denominator=(f"merchant_label_count_{span}",),
        )
        for span in ("1d", "7d", "30d")
    ),
)

SINCE_LAST = (SinceLast("customer", "customer_ms_since_last_payment", horizon=30 * DAY),)

FRAUD = FeatureSet(
    name="fraud",
    windows=CUSTOMER + MERCHANT,
    since_last=SINCE_LAST,
    calendar=CALENDAR,
    ratios=RATIOS,
    columns=(
        "amount",
        *(f.name for f in CALENDAR),
        *(f.name for f in CUSTOMER),
        *(f.name for f in SINCE_LAST),
        *(f.name for f in MERCHANT),
        *(f.name for f in RATIOS),
    ),
)
