"""Vectors that the jobs make from a lake's partitions, some days at a time, are those that the doors scored."""

from __future__ import annotations

from pyspark.sql import functions as F

from bench.folder_lake import FolderLake
from features.fraud import FRAUD
from features.values import iso
from glue.jobs import silver_to_gold
from glue.tables import GOLD, LATE, SILVER
from tests.parity.engines import differing, served_vectors
from tests.parity.events import Log, event_log
from tests.spark.rows import silver_labels, silver_loans, silver_outcomes, silver_transactions, stamp


def test_any_stretch_of_days_is_made_as_it_was_served_with_late_payments_over_its_ends(spark, tmp_path):
    log = event_log(7, 1_200, customers=10, days=75, late=0.2)
    served = served_vectors(log)
    bank = FolderLake(spark, tmp_path)
    fill(spark, bank, log, served.late)
    days = bank.lake.divisions(SILVER["transactions"])
    at = {p[0]: p[3] for p in log.payments}
    over = [i for i, counts in served.late if str(stamp(at[i]))[:7] != str(stamp(counts))[:7]]
    assert over, "a payment that came late counts in the next month"

    for some in (days[:30], days[30:31], days[31:]):
        spark.catalog.clearCache()
        asked = {"transaction_features": some, "loan_features": []}
        silver_to_gold.run(spark, bank.lake, some[0], asked, bank.metrics)

    rows = bank.rows(GOLD["transaction_features"])
    lake = {row["transaction_id"]: [row[name] for name in FRAUD.columns] for row in rows}
    found = differing(lake, served.vectors)
    assert not found, f"{len(found)} values differ, the first: {found[:5]}"


def fill(spark, bank: FolderLake, log: Log, late: list[tuple[str, int]]) -> None:
    """SILVER and what the doors told, as batches would have left them."""
    frames = {
        "transactions": silver_transactions(spark, log.payments),
        "fraud_labels": month(silver_labels(spark, log.labels), "reported_at"),
        "loan_applications": silver_loans(spark, log.loans),
        "loan_outcomes": month(silver_outcomes(spark, log.outcomes), "observed_at"),
    }
    for entity, rows in frames.items():
        table = SILVER[entity]
        missing = [c for c in (*table.columns, *table.partitions) if c.name not in rows.columns]
        bank.lake.write(
            rows.select("*", *(F.lit("b1" if c.name == "batch" else None).cast(c.type).alias(c.name) for c in missing)),
            table,
        )
    at = {p[0]: p[3] for p in log.payments}
    told = [(i, iso(at[i]), counts) for i, counts in late]
    spark.createDataFrame(told, "transaction_id string, event_time string, counted_at bigint").write.json(
        bank.lake.path(LATE.prefix)
    )


def month(frame, dated: str):
    return frame.withColumn("event_month", F.date_format(dated, "yyyy-MM"))
