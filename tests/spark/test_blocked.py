"""GOLD says which payments the doors blocked: nobody reports a fraud that was never paid."""

from __future__ import annotations

import json

from bench.folder_lake import FolderLake
from features.declaration import DAY, HOUR
from glue.jobs import silver_to_gold
from glue.tables import GOLD
from tests.spark.rows import START, fill, stamp

PAYMENTS = [(f"t{n}", "c", "m", START + n * HOUR, 1_000) for n in range(4)]


def test_the_last_decision_on_a_payment_says_whether_it_was_blocked(spark, tmp_path):
    held = FolderLake(spark, tmp_path)
    fill(held, PAYMENTS)
    day = str(stamp(START).date())
    decided = [("t0", "BLOCK", 1), ("t1", "BLOCK", 1), ("t1", "REVIEW", 2), ("t2", "APPROVE", 1), ("t2", "BLOCK", 2)]
    lines = [
        json.dumps({"transaction_id": t, "action": action, "decided_at": at, "counted_at": START, "overtaken": False})
        for t, action, at in decided
    ]
    log = tmp_path / f"decisions/decision_date={day}/a.json"
    log.parent.mkdir(parents=True)
    log.write_text("\n".join(lines))

    asked = [day, str(stamp(START + DAY).date())]
    silver_to_gold.run(spark, held.lake, "b1", {"transaction_features": asked, "loan_features": []}, held.metrics)

    rows = {row["transaction_id"]: row["blocked"] for row in held.rows(GOLD["transaction_features"])}
    assert rows == {"t0": 1, "t1": 0, "t2": 1, "t3": 0}
