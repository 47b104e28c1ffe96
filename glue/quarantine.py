"""Where rows go that break the contract: kept whole, with their reasons, and counted."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from glue.lake import Lake

REPETITION = ("duplicate", "already_ingested")  # a file that came twice is no reason to doubt it


@dataclass(frozen=True)
class Quarantined:
    """Rows set aside. A row with two reasons is one row and counts under both. `repeated` came before as they are."""

    rows: int
    repeated: int
    reasons: dict[str, int]


NOTHING = Quarantined(0, 0, {})


class NotAllRows(RuntimeError):
    """Rows were lost, or came twice, between two counts; what was written cannot be trusted."""


def add_up(what: str, came: int, written: int, refused: Quarantined) -> None:
    """Raises NotAllRows when the rows that came are not those that got on and those that were set aside."""
    if came != written + refused.rows:
        raise NotAllRows(f"{what}: {came} rows came, {written} got on and {refused.rows} were set aside")


def set_aside(entity: str, batch: str, stage: str) -> str:
    """Where the rows lie that a batch's stage has set aside."""
    return f"quarantine/{entity}/batch={batch}/stage={stage}/"


def quarantine(lake: Lake, bad: DataFrame | None, entity: str, batch: str, stage: str) -> Quarantined:
    """Replaces what the batch's stage had set aside, by nothing too.

    JSON lines in one file of `quarantine/<entity>/batch=<batch>/stage=<stage>/`, sorted by where they came from.
    """
    if bad is None:
        lake.delete(lake.keys(set_aside(entity, batch, stage)))
        return NOTHING
    bad = bad.cache()
    reasons = bad.select(F.explode("reasons").alias("reason")).groupBy("reason").count().collect()
    only_repeated = F.size(F.array_except("reasons", F.array(*map(F.lit, REPETITION)))) == 0
    (counted,) = bad.agg(F.count(F.lit(1)).alias("rows"), F.count_if(only_repeated).alias("repeated")).collect()
    place = set_aside(entity, batch, stage)
    old = lake.keys(place)
    if counted["rows"]:
        one_file = bad.repartition(1).sortWithinPartitions("source_file", "row_number")
        one_file.write.mode("append").json(lake.path(place))
    lake.delete(old)
    bad.unpersist()
    return Quarantined(counted["rows"], counted["repeated"], {row["reason"]: row["count"] for row in reasons})
