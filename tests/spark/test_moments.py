"""The lake's moments are those that the doors' rules give."""

from __future__ import annotations

import random
from itertools import groupby

from features.declaration import DAY
from features.moments import met_by_no_door
from glue.transforms.events import payments
from tests.spark.rows import START, silver_transactions


def log(seed: int, size: int = 400) -> list[tuple[str, str, str, int, int]]:
    rng = random.Random(seed)
    ends = START + 2 * DAY - 1
    stamps = [START, START + DAY, ends, ends - 1, *(START + rng.randrange(3 * DAY) for _ in range(20))]
    return [
        (f"t{rng.randrange(10**9):09d}", f"c{rng.randrange(4)}", "m1", rng.choice(stamps) + rng.randrange(2), 100)
        for _ in range(size)
    ]


def moments(spark, paid: list, told: list | None = None) -> dict[str, int]:
    late = None if told is None else spark.createDataFrame(told, "transaction_id string, counted_at bigint")
    rows = payments(silver_transactions(spark, paid), late).select("transaction_id", "counted_at").collect()
    return {row[0]: row[1] for row in rows}


def test_payments_that_no_door_met_count_one_after_another(spark):
    paid = log(1)
    expected = {}
    in_order = sorted(paid, key=lambda p: (p[1], p[3], p[0]))
    for _, of_day in groupby(in_order, key=lambda p: (p[1], p[3] // DAY)):
        found = [*of_day]
        expected |= zip((p[0] for p in found), met_by_no_door(p[3] for p in found), strict=True)

    assert moments(spark, paid) == expected


def test_what_a_door_has_told_stands_though_it_is_earlier_than_the_stamp(spark):
    paid = [("t1", "c1", "m1", START + 5, 100), ("t2", "c1", "m1", START + 5, 100), ("t3", "c1", "m1", START + 5, 100)]

    assert moments(spark, paid, [("t1", START + 2), ("t2", START + DAY), ("t2", START + 9)]) == {
        "t1": START + 2,
        "t2": START + DAY,
        "t3": START + 5,
    }


def test_some_days_alone_count_as_all_days_together(spark):
    paid = log(2)
    alone = [p for p in paid if p[3] // DAY == START // DAY + 1]

    together = moments(spark, paid)
    assert moments(spark, alone) == {p[0]: together[p[0]] for p in alone}
