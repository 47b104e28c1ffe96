"""The row of the cost in the table of how an environment stands. The others are asked of AWS."""

from __future__ import annotations

from tools.cost.estimate import Prices
from tools.operate.status import cost


def holding(kind: str, **attributes: object) -> dict:
    return {"resources": [{"type": kind, "mode": "managed", "instances": [{"attributes": attributes}]}]}


def test_what_all_states_hold_is_told_with_the_month_of_the_prices():
    keys = [holding("aws_kms_key"), holding("aws_kms_key")]

    assert cost(keys, Prices("somewhere", "2026-11", {"key_month": 1.5})) == (
        "cost",
        "idle, a month",
        "about $3.00",
        "prices of 2026-11",
    )


def test_a_price_that_is_missing_is_told_in_its_row_and_the_table_goes_on():
    (_, _, said, _) = cost([holding("aws_kms_key")], Prices("somewhere", "2026-11", {}))

    assert said.startswith("no price of key_month in somewhere")
