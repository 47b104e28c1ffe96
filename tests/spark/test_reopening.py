"""Late rows make old exactly the days of GOLD whose vectors would have seen them."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from features.declaration import DAY, HOUR
from glue.reopening import reopened
from glue.transforms.events import reach
from tests.spark.rows import START, silver_labels, silver_loans, silver_outcomes, silver_transactions

D = [f"2018-04-{n:02d}" for n in range(2, 31)]  # D[0] is START's day


class Held:
    """A lake in memory: what `reopened` asks of one, answered from frames."""

    def __init__(self, tables: dict) -> None:
        self.tables = tables

    def divisions(self, table) -> list[str]:
        return self._distinct(self.tables[table.name], table)

    def divisions_with(self, table, batch: str) -> list[str]:
        return self._distinct(self.tables[table.name].where(F.col("batch") == batch), table)

    def read(self, spark, table, divisions=None):
        rows = self.tables[table.name]
        rows = rows if divisions is None else rows.where(F.col(table.division).isin(list(divisions)))
        return rows if rows.head(1) else None

    @staticmethod
    def _distinct(rows, table) -> list[str]:
        return sorted(row[0] for row in rows.select(table.division).distinct().collect())


def lake(spark, payments=(), labels=(), loans=(), outcomes=()) -> Held:
    """Rows are (batch, ...), as `tests.spark.rows` builds them."""

    def with_batch(make, key: str, rows):
        frame = make(spark, [row[1:] for row in rows])
        batches = spark.createDataFrame([(row[1], row[0]) for row in rows], f"{key} string, batch string")
        return frame.join(batches, key)

    def month(frame, dated: str):
        return frame.withColumn("event_month", F.date_format(dated, "yyyy-MM"))

    return Held(
        {
            "transactions": with_batch(silver_transactions, "transaction_id", payments),
            "fraud_labels": month(with_batch(silver_labels, "transaction_id", labels), "reported_at"),
            "loan_applications": with_batch(silver_loans, "loan_id", loans),
            "loan_outcomes": month(with_batch(silver_outcomes, "loan_id", outcomes), "observed_at"),
        }
    )


def day(number: int) -> int:
    return START + number * DAY + HOUR


OLD = [
    ("b1", "t0", "c1", "m1", day(0), 100),
    ("b1", "t1", "c2", "m2", day(1), 100),
    ("b1", "t2", "c1", "m3", day(2), 100),
    ("b1", "t3", "c3", "m1", day(4), 100),
    ("b1", "t4", "c9", "m9", day(6), 100),
]


def test_a_batch_of_new_days_reopens_its_own_days_alone(spark):
    held = lake(spark, [*OLD, ("b2", "t9", "c1", "m1", day(8), 100)])

    assert reopened(spark, held, "b2") == {
        "happened": [D[8]],
        "transaction_features": [D[8]],
        "loan_features": [],
    }


def test_a_late_payment_reopens_the_later_days_of_its_customer_and_its_merchant(spark):
    held = lake(spark, [*OLD, ("b2", "late", "c1", "m1", day(1), 100)])

    assert reopened(spark, held, "b2")["transaction_features"] == [D[1], D[2], D[4]], "not those of others"


def test_a_day_beyond_the_windows_is_not_reopened(spark):
    beyond = day(0) + (reach("payment") + 1) * DAY
    payments = [("b1", "far", "c1", "m1", beyond, 100), ("b2", "late", "c1", "m1", day(0), 100)]

    assert reopened(spark, lake(spark, payments), "b2")["transaction_features"] == [D[0]]


def test_a_late_label_reopens_the_days_after_it_was_reported_of_its_customer_and_its_merchant(spark):
    held = lake(spark, OLD, labels=[("b2", "t0", 1, day(1))])

    found = reopened(spark, held, "b2")
    assert found["transaction_features"] == [D[2], D[4]]
    assert found["happened"] == [D[1]]


def test_a_late_payment_reopens_the_merchants_of_frauds_whose_flag_it_changes(spark):
    """t2 was a fraud at m3, reported on day 3; c8 pays m3 on day 6."""
    payments = [*OLD, ("b1", "t5", "c8", "m3", day(6), 100), ("b2", "late", "c1", "m7", day(1), 1)]
    held = lake(spark, payments, labels=[("b1", "t2", 1, day(3))])

    assert reopened(spark, held, "b2")["transaction_features"] == [D[1], D[2], D[6]]


@pytest.mark.parametrize("what", ["loan", "outcome"])
def test_a_late_loan_or_outcome_reopens_the_days_on_which_its_borrower_paid(spark, what):
    loans = [("b2" if what == "loan" else "b1", "l1", "c1", day(1), 500)]
    outcomes = [("b2", "l1", 1, day(1))] if what == "outcome" else []
    found = reopened(spark, lake(spark, OLD, loans=loans, outcomes=outcomes), "b2")

    assert found["transaction_features"] == [D[2]]
    assert found["loan_features"] == (["2018-04-01"] if what == "loan" else [])


def test_a_late_payment_reopens_the_months_of_its_customers_later_loans(spark):
    loans = [("b1", "l1", "c1", day(40), 500), ("b1", "l2", "c2", day(40), 500), ("b1", "l3", "c1", day(70), 500)]
    held = lake(spark, [*OLD, ("b2", "late", "c1", "m1", day(20), 100)], loans=loans)

    assert reopened(spark, held, "b2")["loan_features"] == ["2018-05-01"]


def test_a_payment_that_its_label_waited_for_reopens_the_days_on_which_both_sides_know_it(spark):
    """The label of day 20 was there first. c8 pays m5, and c7 pays m6, later than payments' windows reach."""
    far = [("b1", "t5", "c8", "m5", day(48), 100), ("b1", "t6", "c7", "m6", day(49), 100)]
    assert reach("payment") < 48
    held = lake(spark, [*far, ("b2", "waited", "c7", "m5", day(0), 100)], labels=[("b1", "waited", 1, day(20))])

    assert reopened(spark, held, "b2")["transaction_features"] == ["2018-04-02", "2018-05-20", "2018-05-21"]


def test_an_application_that_its_outcome_waited_for_reopens_the_days_on_which_it_is_seen(spark):
    far = ("b1", "t5", "c1", "m5", day(120), 100)
    assert reach("loan") < 120
    held = lake(spark, [far], loans=[("b2", "l1", "c1", day(0), 500)], outcomes=[("b1", "l1", 1, day(30))])

    assert reopened(spark, held, "b2")["transaction_features"] == ["2018-07-31"]
