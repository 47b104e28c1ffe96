"""Served vectors beside recomputed ones."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def last_decisions(served: DataFrame) -> DataFrame:
    """One decision per payment: the last, which was applied.

    One that was logged and then given up before it was applied comes back late, sees more and is decided again. The API
    door's answer stays the same then, but counts later, or at the same moment and is overtaken.
    """
    newest = Window.partitionBy("transaction_id").orderBy(
        *(F.desc(c) for c in ("decided_at", "counted_at", "overtaken"))
    )
    return served.withColumn("_turn", F.row_number().over(newest)).where("_turn = 1").drop("_turn")


def compared(served: DataFrame, gold: DataFrame, columns: tuple[str, ...]) -> DataFrame:
    """One row per served vector: `transaction_id, in_lake, differing` (names of the values that differ). `served` has
    one decision per payment.

    Decisions that say that they were made on other values than the lake's are left out: without a vector, on default
    features, or overtaken by payments in flight. They are counted by `unlike`. `<=>` takes two unknowns as equal; any
    other difference counts, however small.
    """
    fresh = served.where("vector is not null and degrade_step = 'none' and not coalesce(overtaken, false)")
    scored = fresh.select("transaction_id", "vector")
    lake = gold.select("transaction_id", F.lit(True).alias("in_lake"), *columns)
    pairs = scored.join(lake, "transaction_id", "left").withColumn("in_lake", F.coalesce("in_lake", F.lit(False)))
    differing = [
        F.when(F.col("in_lake") & ~F.col("vector")[position].eqNullSafe(F.col(name)), F.lit(name))
        for position, name in enumerate(columns)
    ]
    length = F.when(F.size("vector") != len(columns), F.lit("length"))
    return pairs.select("transaction_id", "in_lake", F.array_compact(F.array(length, *differing)).alias("differing"))


def unlike(served: DataFrame) -> dict[str, int]:
    """Decisions that were not made on fresh features, by what they say of themselves."""
    counts = served.agg(
        F.count_if(F.expr("degrade_step <> 'none'")).alias("degraded"),
        F.count_if(F.expr("degrade_step = 'none' and coalesce(overtaken, false)")).alias("overtaken"),
    )
    return counts.collect()[0].asDict()
