"""Everything of a key reaches one worker in order, whatever Spark makes of the plan while it runs."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from pyspark.sql import functions as F

from glue.transforms.events import located, payments
from glue.transforms.folding import PARTITIONS, folded_customers
from tests.spark.rows import START, silver_labels, silver_transactions

MINUTE = 60_000
CUSTOMERS = 40
# The last but one is just below three times the mean of all before it, the last one just above: half of them would tell
# something else.
AMOUNTS = (500, 1_500, 500, 1_500, 500, 1_500, 500, 1_500, 2_950, 3_700)


@pytest.fixture
def paid(spark, tmp_path):
    """Payments in several files, of every customer in each."""
    rows = [
        (f"t{c}-{n}", f"c{c}", f"m{n}", START + n * MINUTE, amount)
        for n, amount in enumerate(AMOUNTS)
        for c in range(CUSTOMERS)
    ]
    silver_transactions(spark, rows).repartition(6).write.parquet(str(tmp_path / "transactions"))
    return payments(spark.read.parquet(str(tmp_path / "transactions")))


@contextmanager
def joins_decided_while_running(spark):
    """A join is planned by shuffling both sides and turned into a broadcast once one side is seen to be small, as
    happens with large tables whose size Spark can only guess before."""
    settings = {
        "spark.sql.adaptive.enabled": "true",
        "spark.sql.autoBroadcastJoinThreshold": "-1",
        "spark.sql.adaptive.autoBroadcastJoinThreshold": "10MB",
        "spark.sql.adaptive.coalescePartitions.enabled": "false",  # small data would come together by itself
        "spark.sql.shuffle.partitions": str(PARTITIONS),
    }
    before = {name: spark.conf.get(name, None) for name in settings}
    for name, value in settings.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, value)


def test_flags_of_frauds_know_the_whole_history_of_their_customer(spark, paid):
    with joins_decided_while_running(spark):
        labels = silver_labels(spark, [(f"t{c}-{n}", 1, START + n * MINUTE) for c in range(CUSTOMERS) for n in (8, 9)])

        flags = {row["transaction_id"]: row["high_for_customer"] for row in located(labels, paid).collect()}

    assert flags == {f"t{c}-{n}": int(n == 9) for c in range(CUSTOMERS) for n in (8, 9)}


def test_a_record_is_folded_from_all_events_of_its_customer(spark, paid):
    with joins_decided_while_running(spark):
        some = paid.where(F.col("transaction_id").endswith("-9")).select("customer_id").distinct()

        theirs = paid.join(some, "customer_id", "left_semi").withColumn("decided", F.lit(True))
        records = folded_customers(theirs).collect()

    assert {row["entity"]: row["customer_payment_count_30d"] for row in records} == {
        f"c{c}": len(AMOUNTS) for c in range(CUSTOMERS)
    }
