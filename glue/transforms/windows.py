"""The Spark engine: compiles the declarations of `features` to columns. JVM expressions only, no Python in the path.

A trailing sum is the difference of two running sums, so a hot key costs no more than its rows (a sliding RANGE frame
would cost rows times frame). All sums are of integers: exact, whatever the order of addition.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, WindowSpec
from pyspark.sql import Window as SparkWindow
from pyspark.sql import functions as F

from features.declaration import MEASURES, CalendarPart, FeatureSet, Kind, Ratio, Window

UP_TO_NOW = SparkWindow.unboundedPreceding


def with_open_windows(timeline: DataFrame, features: FeatureSet, key: str) -> DataFrame:
    """Adds the open-headed windows and times since the last event.

    `timeline` has `key`, `at` (ms), and per measure of a payment a column (`count`, `amount`): 0 for a row that only
    asks, such as a loan application.
    """
    windows = [w for w in features.windows if w.open_head]
    by_time = SparkWindow.partitionBy(key).orderBy("at").rangeBetween(UP_TO_NOW, -1)
    before = {measure: F.sum(measure).over(by_time) for measure in {w.measure for w in windows}}
    last = F.max(F.when(F.col("count") > 0, F.col("at"))).over(by_time)
    result = timeline.select(
        "*",
        *(total.alias(f"_before_{measure}") for measure, total in before.items()),
        *((F.col("at") - last).alias(s.name) for s in features.since_last),
    )
    for tile in sorted({w.tile for w in windows}):
        # Every event before the tail's first tile: with `at` in one order, a running sum over whole tiles.
        result = result.withColumn("_tile", F.floor(F.col("at") / F.lit(tile)).cast("bigint"))
        by_tile = SparkWindow.partitionBy(key).orderBy("_tile")
        result = result.select(
            "*",
            *(
                (
                    F.coalesce(F.col(f"_before_{w.measure}"), F.lit(0))
                    - F.coalesce(F.sum(w.measure).over(by_tile.rangeBetween(UP_TO_NOW, -w.tiles - 1)), F.lit(0))
                ).alias(w.name)
                for w in windows
                if w.tile == tile
            ),
        ).drop("_tile")
    for since in features.since_last:
        result = result.withColumn(since.name, F.when(F.col(since.name) <= since.horizon, F.col(since.name)))
    return result.drop(*(f"_before_{measure}" for measure in before))


def closed_windows(events: dict[Kind, DataFrame], asked: DataFrame, features: FeatureSet, key: str) -> DataFrame:
    """Closed-headed windows per `key` and `tile`, for every pair in `asked`.

    `events` maps a kind to rows of `key`, `at` and the kind's measures. Every closed window must have the same tile.
    """
    windows = [w for w in features.windows if not w.open_head]
    (tile,) = {w.tile for w in windows}
    result = asked.select(key, "tile").distinct()
    for kind, rows in events.items():
        tiles = rows.select(key, F.floor(F.col("at") / F.lit(tile)).cast("bigint").alias("tile"), *MEASURES[kind])
        sums = tiles.groupBy(key, "tile").agg(*(F.sum(m).alias(m) for m in MEASURES[kind]))
        points = sums.unionByName(result.select(key, "tile"), allowMissingColumns=True)
        by_tile = SparkWindow.partitionBy(key).orderBy("tile")
        valued = points.select(
            key,
            "tile",
            *(closed_sum(w, by_tile).alias(w.name) for w in windows if w.kind == kind),
        ).dropDuplicates([key, "tile"])  # rows of one tile carry the same closed sums
        result = result.join(valued, [key, "tile"], "left")
    return result


def closed_sum(window: Window, by_tile: WindowSpec) -> Column:
    return F.coalesce(F.sum(window.measure).over(by_tile.rangeBetween(-window.tiles, -1)), F.lit(0))


def with_calendar(rows: DataFrame, features: FeatureSet) -> DataFrame:
    """Adds the calendar parts and flags of `at`."""
    for feature in features.calendar:
        if isinstance(feature, CalendarPart):
            units = F.floor(F.col("at") / F.lit(feature.unit)).cast("bigint")
            value = F.pmod(units + feature.shift, F.lit(feature.modulo))
        else:
            value = F.col(feature.part).isin(list(feature.values)).cast("int")
        rows = rows.withColumn(feature.name, value)
    return rows


def with_ratios(rows: DataFrame, features: FeatureSet) -> DataFrame:
    """Adds the ratios: the last step, and the only one in floating point."""
    return rows.select("*", *(ratio_column(r).alias(r.name) for r in features.ratios))


def ratio_column(ratio: Ratio) -> Column:
    top, bottom = product(ratio.numerator), product(ratio.denominator)
    return F.when(bottom != 0, top.cast("double") / bottom.cast("double"))


def product(names: tuple[str, ...]) -> Column:
    result = F.col(names[0]).cast("bigint")
    for name in names[1:]:
        result = result * F.col(name).cast("bigint")
    return result
