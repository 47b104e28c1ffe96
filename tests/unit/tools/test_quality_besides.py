"""What payments need not say, and rings, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.fraud import FRAUD
from tools.quality.besides import Scored, resting_on_more, rings


@pytest.mark.parametrize(
    ("name", "rests"),
    [
        ("amount", False),
        ("hour_of_day", False),
        ("customer_payment_count_10m", False),
        ("is_new_merchant", False),
        ("merchant_label_fraud_7d", False),
        ("account_label_count_3d", False),
        ("customer_days_with_quarter_of_day_30d", False),
        ("is_unusual_quarter_of_day", False),
        ("is_new_device", True),
        ("customer_distinct_addresses_30d", True),
        ("customer_days_with_channel_30d", True),
        ("is_unusual_country", True),
        ("device_payment_count_7d", True),
        ("device_label_fraud_7d", True),
    ],
)
def test_features_of_devices_addresses_and_channels_rest_on_what_payments_need_not_say(name, rests):
    assert name in FRAUD.columns
    assert (name in resting_on_more(FRAUD)) is rests


def scored(p: list[float], y: list[int]) -> Scored:
    return Scored(
        np.array([f"t{n}" for n in range(len(p))]), np.array([f"c{n}" for n in range(len(p))]), *map(np.array, (y, p))
    )


def test_alerts_are_the_most_payments_of_which_half_are_frauds():
    tested = scored([9, 8, 7, 6, 5, 4], [1, 0, 0, 1, 0, 0])

    assert tested.alerts().tolist() == [True, True, True, True, False, False]


def test_payments_of_one_score_are_alerts_together_or_not_at_all():
    tested = scored([9, 8, 8, 8], [1, 1, 0, 0])

    assert tested.alerts().tolist() == [True] * 4
    assert scored([9, 8, 8, 8, 8], [1, 0, 0, 0, 0]).alerts().tolist() == [True, False, False, False, False]


def test_without_a_score_that_half_frauds_reach_nothing_is_an_alert():
    assert not scored([9, 8, 7], [0, 0, 1]).alerts().any()


def test_a_ring_of_five_customers_is_found_by_one_alert_and_a_smaller_one_is_not_counted():
    tested = scored([9.0, *range(8, 0, -1)], [1, 0, 0, 0, 0, 0, 0, 0, 0])
    kinds = pd.DataFrame({"kind": ["ring"] * 9, "episode": ["1"] * 5 + ["2"] * 4}, index=[f"t{n}" for n in range(9)])

    assert rings([tested], kinds) == {"precision": 0.5, "rings": 1, "found": 1, "payments": 5, "payments_found": 2}
    assert rings([tested, tested], kinds)["rings"] == 2, "each fold by its own alerts"
    assert rings([tested], kinds.assign(kind="mule"))["rings"] == 0
