"""The features of a payment, for the question: is it fraud?"""

from __future__ import annotations

from typing import Any

from features.declaration import (
    DAY,
    HOUR,
    MINUTE,
    CalendarFlag,
    CalendarPart,
    Distinct,
    EntityName,
    Feature,
    FeatureSet,
    Filter,
    Flag,
    Kind,
    Novelty,
    Ratio,
    Recurrence,
    SinceLast,
    Window,
)
from features.own import with_own

# Short windows have fine tiles, long ones coarse tiles: the record of a customer stays small whatever the traffic.
CUSTOMER_TILES = {10 * MINUTE: MINUTE, HOUR: 5 * MINUTE, DAY: HOUR, 7 * DAY: 6 * HOUR, 30 * DAY: DAY}

CUSTOMER = tuple(
    Window("customer", "payment", measure, length, tile)
    for length, tile in CUSTOMER_TILES.items()
    for measure in ("count", "amount")
)
DAYS_ACTIVE = Window("customer", "payment", "count", 30 * DAY, DAY, aggregate="tiles")
EXTREMES = (
    Window("customer", "payment", "amount", 7 * DAY, 6 * HOUR, aggregate="max"),
    Window("customer", "payment", "amount", 30 * DAY, DAY, aggregate="max"),
    Window("customer", "payment", "amount", 30 * DAY, DAY, aggregate="min"),
)

HIGH = Flag(
    "high_for_customer",
    left=("amount", "customer_payment_count_30d"),
    factor=3,
    right=("customer_payment_amount_30d",),
    note="1 when the amount is above three times the customer's own mean of 30 days, else 0",
)
HIGH_PAYMENTS = tuple(
    Window("customer", "payment", "count", days * DAY, tile, where=Filter("high", HIGH.name))
    for days, tile in ((3, 6 * HOUR), (14, DAY))
)

# Sixteen merchants a day and customer are remembered: few pay more, and the record must not grow with those who do.
MERCHANTS_PAID = tuple(Distinct("customer", days * DAY, DAY, kept=16) for days in (7, 30))
NEW_MERCHANT = Novelty("is_new_merchant", among=MERCHANTS_PAID[-1])


# What a customer pays with, from where, whom and how. A payment need not say any of it.
def of_month(of: str, called: str, kept: int) -> Distinct:
    return Distinct("customer", 30 * DAY, DAY, kept, of, called)


QUARTER_OF_DAY = CalendarPart("quarter_of_day", unit=6 * HOUR, modulo=4, note="Night, morning, afternoon or evening")
DEVICES_OF_WEEK = Distinct("customer", 7 * DAY, DAY, kept=4, of="device_id", called="devices")
DEVICES = of_month("device_id", "devices", 4)
ADDRESSES = of_month("ip", "addresses", 4)
COUNTRIES = of_month("country", "countries", 4)
BENEFICIARIES = of_month("beneficiary_id", "beneficiaries", 8)
CHANNELS = of_month("channel", "channels", 3)
ENTRY_MODES = of_month("entry_mode", "entry_modes", 3)
QUARTERS = of_month(QUARTER_OF_DAY.name, "quarters_of_day", 4)

COUNTED = (DEVICES_OF_WEEK, DEVICES, ADDRESSES, COUNTRIES, BENEFICIARIES)
NEW = (
    Novelty("is_new_device", among=DEVICES),
    Novelty("is_new_address", among=ADDRESSES),
    Novelty("is_new_country", among=COUNTRIES),
    Novelty("is_new_beneficiary", among=BENEFICIARIES),
)
# Their own numbers tell a model nothing that habits and novelties do not.
COUNTED_FOR_OTHERS = (CHANNELS, ENTRY_MODES, QUARTER_OF_DAY, QUARTERS)
HABITS = {
    what: Recurrence(f"customer_days_with_{what}_30d", among=among)
    for what, among in {
        "device": DEVICES,
        "country": COUNTRIES,
        "channel": CHANNELS,
        "entry_mode": ENTRY_MODES,
        "quarter_of_day": QUARTERS,
    }.items()
}
UNUSUAL_FOR_CUSTOMER = tuple(
    Flag(
        f"is_unusual_{what}",
        left=(DAYS_ACTIVE.name,),
        factor=3,
        right=(habit.name,),
        note=f"1 when the customer paid so (`{habit.among.of}`) on less than a third of the days with payments, else 0",
    )
    for what, habit in HABITS.items()
    if what != "device"
)

# A merchant's payments come through every shard, so only closed days count: no consumer's lag can change them. A day
# counts six hours after its end, when the night's jobs have published it.
# Labels are events at the moment the bank learnt them; a fraud that is not reported yet cannot be seen.
SETTLED = 6 * HOUR
LABEL_PATIENCE = 90 * DAY  # a label later than that is no feature any more: the lake must know how far to look back
MERCHANT_MEASURES: tuple[tuple[Kind, str], ...] = (
    ("payment", "count"),
    ("payment", "amount"),
    ("label", "count"),
    ("label", "fraud"),
)
# A merchant that is being robbed stays so for weeks: windows of several lengths tell when its frauds began and ended.
LABEL_DAYS = (1, 3, 7, 14, 21, 30)


def closed(entity: EntityName, kind: Kind, measure: str, days: int, **told: Any) -> Window:
    """A window over whole days that have settled; `told` is what else its declaration says."""
    return Window(entity, kind, measure, days * DAY, DAY, open_head=False, delay=SETTLED, **told)


MERCHANT = tuple(
    closed("merchant", kind, measure, days)
    for kind, measure in MERCHANT_MEASURES
    for days in (LABEL_DAYS if kind == "label" else (1, 7, 30))
)


def known_frauds(entity: EntityName, of: Filter, days: tuple[int, ...], note: str) -> tuple[Window, ...]:
    """Reported frauds of an entity that pass a filter, over closed days."""
    return tuple(closed(entity, "label", "fraud", n, where=of, note=note) for n in days)


NOT_BY_AMOUNT = Filter("unexplained", HIGH.name, holds=False)
UNEXPLAINED = known_frauds(
    "merchant",
    NOT_BY_AMOUNT,
    (3, 7, 14, 21, 30),
    "Known frauds at the merchant whose amount was usual for the customer",
)

# How long ago the merchant's newest label came, and its newest unexplained fraud: the same while it is being robbed.
SINCE_LABEL = closed(
    "merchant",
    "label",
    "count",
    30,
    aggregate="since",
    note="How many closed days ago the merchant's newest known label was told: 1 is the last closed day",
)
SINCE_UNEXPLAINED = closed(
    "merchant",
    "label",
    "fraud",
    30,
    aggregate="since",
    where=NOT_BY_AMOUNT,
    note="How many closed days ago the merchant's newest known fraud was told, of frauds with a usual amount",
)

# What the bank learns of a customer by night, as a lender and from reported frauds: closed days, like a merchant's. It
# is a record apart from the customer's own, which only the stream door writes.
RISK_DAYS = (3, 7, 14, 30)
ACCOUNT_WINDOWS: tuple[tuple[Kind, str, int], ...] = (
    *(("label", measure, days) for days in RISK_DAYS for measure in ("count", "fraud")),
    ("loan", "count", 90),
    ("loan", "amount", 90),
    ("outcome", "count", 365),
    ("outcome", "default", 365),
)
ACCOUNT = tuple(closed("account", kind, measure, days) for kind, measure, days in ACCOUNT_WINDOWS)
# A stolen card is used again and again until it is blocked: its known frauds, and those that its owner would not pay.
UNUSUAL = known_frauds(
    "account",
    Filter("unusual", HIGH.name),
    (3, 7, 14),
    "Known frauds of the customer whose amount was high for the customer",
)

# A device pays for one customer, as a rule, or for a household: one that pays for many may be anybody's.
DEVICE = tuple(closed("device", kind, measure, days) for kind, measure in MERCHANT_MEASURES for days in (7, 30))
CUSTOMERS_OF_DEVICE = tuple(
    Distinct("device", n * DAY, DAY, 16, "customer_id", "customers", open_head=False, delay=SETTLED) for n in (7, 30)
)

CALENDAR = (
    CalendarPart("hour_of_day", unit=HOUR, modulo=24),
    CalendarPart("day_of_week", unit=DAY, modulo=7, shift=3, note="Monday is 0"),  # 1970-01-01 was a Thursday
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
    Ratio("amount_over_customer_max_30d", ("amount",), ("customer_payment_amount_max_30d",)),
    *(
        Ratio(
            f"customer_mean_amount_{span}",
            numerator=(f"customer_payment_amount_{span}",),
            denominator=(f"customer_payment_count_{span}",),
        )
        for span in ("1d", "7d", "30d")
    ),
    Ratio("customer_share_of_day_in_month", ("customer_payment_count_1d",), ("customer_payment_count_30d",)),
    Ratio(
        "amount_over_merchant_mean_30d",
        numerator=("amount", "merchant_payment_count_30d"),
        denominator=("merchant_payment_amount_30d",),
    ),
    *(
        Ratio(
            f"merchant_fraud_rate_{days}d",
            numerator=(f"merchant_label_fraud_{days}d",),
            denominator=(f"merchant_label_count_{days}d",),
        )
        for days in LABEL_DAYS
    ),
    *(
        Ratio(
            f"account_fraud_rate_{days}d",
            numerator=(f"account_label_fraud_{days}d",),
            denominator=(f"account_label_count_{days}d",),
        )
        for days in RISK_DAYS
    ),
    Ratio("device_fraud_rate_30d", ("device_label_fraud_30d",), ("device_label_count_30d",)),
    *(
        Ratio(
            f"{entity}_fraud_share_of_payments_30d",
            numerator=(f"{entity}_label_fraud_30d",),
            denominator=(f"{entity}_payment_count_30d",),
            note=f"Frauds that were told of the {entity} per payment: labels may be told of frauds alone",
        )
        for entity in ("merchant", "device")
    ),
    # Below 1 the merchant's trouble began long ago, and may be over.
    *(
        Ratio(f"{window}_share_21d_of_30d", numerator=(f"{window}_21d",), denominator=(f"{window}_30d",))
        for window in ("merchant_label_fraud", "merchant_label_fraud_unexplained")
    ),
    Ratio(
        "merchant_unexplained_freshness",
        numerator=(SINCE_LABEL.name,),
        denominator=(SINCE_UNEXPLAINED.name,),
        note="1 when the merchant's newest known labels hold an unexplained fraud, less the longer none was among them",
    ),
)

SINCE_LAST = (SinceLast("customer", "customer_ms_since_last_payment", horizon=30 * DAY),)

FEATURES: tuple[Feature, ...] = (
    *CALENDAR,
    *CUSTOMER,
    DAYS_ACTIVE,
    *EXTREMES,
    HIGH,
    *HIGH_PAYMENTS,
    *MERCHANTS_PAID,
    NEW_MERCHANT,
    *COUNTED,
    *COUNTED_FOR_OTHERS,
    *NEW,
    *HABITS.values(),
    *UNUSUAL_FOR_CUSTOMER,
    *SINCE_LAST,
    *MERCHANT,
    *UNEXPLAINED,
    SINCE_LABEL,
    SINCE_UNEXPLAINED,
    *ACCOUNT,
    *UNUSUAL,
    *DEVICE,
    *CUSTOMERS_OF_DEVICE,
    *RATIOS,
)

COLUMNS = ("amount", *(f.name for f in FEATURES if f not in COUNTED_FOR_OTHERS))
OURS = FeatureSet("fraud", FEATURES, COLUMNS, LABEL_PATIENCE)
FRAUD = with_own(OURS)
