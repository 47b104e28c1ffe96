"""The nightly comparison finds one wrong bit and takes two unknowns as equal."""

from __future__ import annotations

import math

from glue.transforms.parity import compared

COLUMNS = ("a", "b", "c")


def found(spark, served: list, gold: list) -> dict:
    left = spark.createDataFrame(served, "transaction_id string, vector array<double>")
    right = spark.createDataFrame(gold, "transaction_id string, a double, b double, c double")
    rows = compared(left, right, COLUMNS).collect()
    return {r.transaction_id: r.differing if r.in_lake else "not in lake" for r in rows}


def test_equal_vectors_do_not_differ_and_unknown_equals_unknown(spark):
    assert found(spark, [("t", [1.5, None, 0.1 + 0.2])], [("t", 1.5, None, 0.1 + 0.2)]) == {"t": []}


def test_one_bit_is_a_difference(spark):
    assert found(spark, [("t", [1.0, 2.0, math.nextafter(0.3, 1)])], [("t", 1.0, 2.0, 0.3)]) == {"t": ["c"]}


def test_unknown_differs_from_zero_on_either_side(spark):
    assert found(spark, [("t", [None, 0.0, 1.0])], [("t", 0.0, None, 1.0)]) == {"t": ["a", "b"]}


def test_a_vector_of_another_length_differs(spark):
    gold = [("short", 1.0, 2.0, None), ("long", 1.0, 2.0, 3.0)]

    assert found(spark, [("short", [1.0, 2.0]), ("long", [1.0, 2.0, 3.0, 4.0])], gold) == {
        "short": ["length"],
        "long": ["length"],
    }


def test_a_payment_that_the_lake_does_not_have_is_said_to_be_missing_and_not_wrong(spark):
    assert found(spark, [("t", [1.0, 2.0, 3.0])], [("u", 1.0, 2.0, 3.0)]) == {"t": "not in lake"}


def test_decisions_without_a_vector_and_repeated_decisions_are_not_compared_again(spark):
    served = [("t", [1.0, 2.0, 3.0]), ("t", [1.0, 2.0, 3.0]), ("n", None)]

    assert found(spark, served, [("t", 1.0, 2.0, 3.0), ("n", 1.0, 2.0, 3.0)]) == {"t": []}
