"""Late rows make old exactly the days of GOLD whose vectors would have seen them."""

from __future__ import annotations

from functools import reduce
from pathlib import Path

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.declaration import DAY, HOUR
from features.values import iso
from glue.reopening import reopened
from glue.transforms.events import reach
from tests.spark.rows import START, silver_labels, silver_loans, silver_outcomes, silver_transactions, tell_late

TOLD_BEFORE = START + 900 * DAY  # up to when the GOLD of the batch before knows what the doors told
D = [f"2018-04-{n:02d}" for n in range(2, 31)]  # D[0] is START's day


class Held:
    """A lake in memory: what `reopened` asks of one, answered from frames; what the doors told lies below `root`."""

    def __init__(self, tables: dict, root: Path | None = None) -> None:
        self.tables, self.root = tables, root

    def keys(self, prefix: str) -> list[str]:
        return [] if self.root is None else [str(path) for path in (self.root / prefix).rglob("*.json")]

    def path(self, key: str) -> str:
        return f"file://{self.root}/{key}"

    def get_json(self, key: str) -> dict:
        return {"b1": iso(TOLD_BEFORE)}

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


def lake(spark, payments=(), labels=(), loans=(), outcomes=(), root=None) -> Held:
    """Rows are (batch, ...), as `tests.spark.rows` builds them."""

    def with_batch(make, rows):
        brought = [
            make(spark, [row[1:] for row in rows if row[0] == batch]).withColumn("batch", F.lit(batch))
            for batch in sorted({row[0] for row in rows} or {"b1"})
        ]
        return reduce(DataFrame.unionByName, brought)

    def month(frame, dated: str):
        return frame.withColumn("event_month", F.date_format(dated, "yyyy-MM"))

    return Held(
        {
            "transactions": with_batch(silver_transactions, payments),
            "fraud_labels": month(with_batch(silver_labels, labels), "reported_at"),
            "loan_applications": with_batch(silver_loans, loans),
            "loan_outcomes": month(with_batch(silver_outcomes, outcomes), "observed_at"),
        },
        root,
    )


def told(root: Path, *notes: tuple[str, int, int], known: bool = False) -> Path:
    """What the doors have told of late payments, since the batch before or, `known`, before that."""
    tell_late(root, notes, put_at=TOLD_BEFORE + (-DAY if known else DAY))
    return root


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


def test_a_label_that_says_earlier_what_is_known_reopens_the_days_that_the_later_report_still_reached(spark):
    """The customer's report of day 1 came after the scheme's of day 60, which does not count any more."""
    reached = day(60) + (reach("label") - 1) * DAY
    payments = [*OLD, ("b1", "t8", "c1", "m8", day(59), 100), ("b1", "t9", "c1", "m7", reached, 100)]
    known = [("b1", "t0", 1, day(60)), ("b1", "t1", 0, day(1))]

    found = reopened(spark, lake(spark, payments, labels=[*known, ("b2", "t0", 1, day(1))]), "b2")
    alone = reopened(spark, lake(spark, payments, labels=[*known, ("b2", "t0", 0, day(1))]), "b2")

    days = [iso(at)[:10] for at in (day(2), day(4), day(59), reached)]
    assert found["transaction_features"] == days
    assert reached - day(1) > reach("label") * DAY
    assert days[-1] not in alone["transaction_features"], "what says the opposite is another label"


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


NEW = ("b2", "t9", "c7", "m7", day(8), 100)  # what the night brings otherwise


def test_a_payment_that_the_doors_told_of_meanwhile_reopens_its_day_and_those_that_saw_it(spark, tmp_path):
    """t0 happened on day 0 and counts on day 3: t2 of its customer, on day 2, must not see it."""
    held = lake(spark, [*OLD, NEW], root=told(tmp_path, ("t0", day(0), day(3))))

    found = reopened(spark, held, "b2")
    assert found["transaction_features"] == [D[0], D[2], D[4], D[8]]
    assert found["happened"] == [D[0], D[3], D[8]]


def test_what_the_doors_told_before_the_last_batch_makes_nothing_old(spark, tmp_path):
    held = lake(spark, [*OLD, NEW], root=told(tmp_path, ("t0", day(0), day(3)), known=True))

    assert reopened(spark, held, "b2")["transaction_features"] == [D[8]]


def test_a_payment_that_counts_after_a_late_row_is_reopened_whenever_it_happened(spark, tmp_path):
    """t0 happened on day 0, before the late row of day 3, and counts on day 5."""
    root = told(tmp_path, ("t0", day(0), day(5)), known=True)

    held = lake(spark, [*OLD, ("b2", "late", "c1", "m8", day(3), 100)], root=root)
    assert reopened(spark, held, "b2")["transaction_features"] == [D[0], D[3]], "t2 counts before it"


def test_a_late_payment_is_seen_from_the_moment_at_which_it_counts(spark, tmp_path):
    beyond = day(reach("payment") + 10)
    root = told(tmp_path, ("late", day(0), day(20)), known=True)
    held = lake(
        spark, [*OLD, ("b1", "far", "c1", "m5", beyond, 100), ("b2", "late", "c1", "m8", day(0), 100)], root=root
    )

    again = {d for d in reopened(spark, held, "b2")["transaction_features"] if d > D[6]}
    assert again == {iso(beyond)[:10]}


def test_a_payment_that_counts_later_reopens_the_merchants_of_frauds_whose_flag_it_may_change(spark, tmp_path):
    """t2 was a fraud at m3, reported on day 40; c8 pays m3 when the label is still seen and the payment no more."""
    known_by = day(reach("payment") + 12)
    payments = [*OLD, ("b1", "t5", "c8", "m3", known_by, 100), NEW]
    held = lake(spark, payments, labels=[("b1", "t2", 1, day(40))], root=told(tmp_path, ("t2", day(2), day(3))))

    assert iso(known_by)[:10] in reopened(spark, held, "b2")["transaction_features"]


def test_a_label_that_is_stamped_before_its_payment_is_seen_from_the_payment_on(spark):
    """The payment is of day 4; c8 pays its merchant on a day that sees what was known of day 4, but not of day 0."""
    seen = day(reach("label") + 2)
    held = lake(spark, [*OLD, ("b1", "t5", "c8", "m1", seen, 100)], labels=[("b2", "t3", 1, day(0))])

    found = reopened(spark, held, "b2")
    assert found["transaction_features"] == [iso(seen)[:10]]
    assert D[4] in found["happened"]


def test_an_outcome_that_is_stamped_before_its_application_is_seen_from_the_application_on(spark):
    seen = day(reach("outcome") + 2)
    held = lake(
        spark,
        [("b1", "t5", "c1", "m1", seen, 100)],
        loans=[("b1", "l1", "c1", day(4), 500)],
        outcomes=[("b2", "l1", 1, day(0))],
    )

    assert reopened(spark, held, "b2")["transaction_features"] == [iso(seen)[:10]]
