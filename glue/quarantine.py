"""Where rows go that break the contract: kept whole, with their reasons, and counted."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from glue.lake import Lake


@dataclass(frozen=True)
class Quarantined:
    """Rows set aside. A row with two reasons is one row and counts under both."""

    rows: int
    reasons: dict[str, int]


def quarantine(lake: Lake, bad: DataFrame, entity: str, batch: str, stage: str) -> Quarantined:
    """Writes the rows as JSON lines to `quarantine/<entity>/batch=<batch>/stage=<stage>/`."""
    bad = bad.cache()
    reasons = bad.select(F.explode("reasons").alias("reason")).groupBy("reason").count().collect()
    result = Quarantined(bad.count(), {row["reason"]: row["count"] for row in reasons})
    if result.rows:
        target = lake.path(f"quarantine/{entity}/batch={batch}/stage={stage}")
        bad.coalesce(1).write.mode("overwrite").json(target)
    bad.unpersist()
    return result
