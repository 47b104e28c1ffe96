"""Vectors that the jobs make from a lake's partitions, some days at a time, are those that the doors scored."""

from __future__ import annotations

from bench.folder_lake import FolderLake
from features.fraud import FRAUD
from glue.jobs import silver_to_gold
from glue.tables import GOLD, SILVER
from tests.parity.engines import differing, served_vectors
from tests.parity.events import event_log
from tests.spark.rows import fill, stamp


def test_any_stretch_of_days_is_made_as_it_was_served_with_late_payments_over_its_ends(spark, tmp_path):
    log = event_log(7, 700, customers=6, days=45, late=0.2)
    served = served_vectors(log)
    bank = FolderLake(spark, tmp_path)
    fill(bank, log.payments, log.labels, log.loans, log.outcomes, served.late, further=log.further)
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
