"""What a day's vectors depend on is read whole, whatever other days are asked for with it."""

from __future__ import annotations

from bench.folder_lake import FolderLake
from features.declaration import DAY, HOUR
from glue.arguments import days
from glue.jobs import silver_to_gold
from glue.jobs.publish_features import entity_records
from glue.tables import GOLD
from tests.spark.rows import START, fill

LONG_BEFORE = START - 85 * DAY
PAYMENTS = [
    ("t0", "c0", "m0", LONG_BEFORE, 100),
    ("t1", "c1", "m1", START + HOUR, 100),
    ("t2", "c2", "m1", START + 4 * DAY + HOUR, 100),
]


def test_a_label_that_is_stamped_long_before_its_payment_counts_whatever_days_are_made_with_it(spark, tmp_path):
    lake = FolderLake(spark, tmp_path)
    fill(lake, PAYMENTS, labels=[("t1", 1, LONG_BEFORE)])

    def made(first: str) -> dict:
        spark.catalog.clearCache()
        asked = {"transaction_features": days(first, "2018-04-06"), "loan_features": []}
        silver_to_gold.run(spark, lake.lake, first, asked, lake.metrics)
        return {row["transaction_id"]: row for row in lake.rows(GOLD["transaction_features"])}["t2"]

    alone = made("2018-04-06")
    assert alone["merchant_label_fraud_30d"] == 1
    assert alone == made("2018-01-07")


def test_a_label_that_is_stamped_long_before_its_payment_is_in_what_a_night_publishes(spark, tmp_path):
    lake = FolderLake(spark, tmp_path)
    fill(lake, PAYMENTS, labels=[("t1", 1, LONG_BEFORE)])

    def published(*touched: str) -> str:
        records = entity_records(spark, lake.lake, START + 5 * DAY, list(touched))["merchant"]
        return {row["merchant_id"]: row["state"] for row in records.collect()}["m1"]

    assert published("2018-04-06") == published("2018-01-07", "2018-04-06")
