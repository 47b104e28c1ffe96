"""Everything of a key on one worker, in order: what a function over sorted rows stands on."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def gathered(rows: DataFrame, key: str, *order: str, partitions: int | None = None) -> DataFrame:
    """Rows partitioned by `key` and sorted by `key` and `order` within each partition.

    By a hash of the key, not by the key itself: when a join below has distributed the rows by that column already,
    Spark takes a repartition by the same column for superfluous and drops it. While the query runs it may then turn
    the join into one that leaves rows where they were read, and one key's rows come to several workers, unnoticed.
    """
    shuffled = (F.xxhash64(key),) if partitions is None else (partitions, F.xxhash64(key))
    return rows.repartition(*shuffled).sortWithinPartitions(key, *order)  # type: ignore[arg-type]
