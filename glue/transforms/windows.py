"""The Spark engine: compiles the declarations of `features` to columns.

Open-headed windows are computed by `trailing` over sorted Arrow batches, which `make bench` measures against RANGE
frames; everything else is JVM expressions. All sums are of integers: exact, whatever
the order of addition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame, WindowSpec
from pyspark.sql import Window as SparkWindow
from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StructField, StructType

from features.declaration import MEASURES, CalendarPart, Entity, FeatureSet, Kind, Ratio, Window
from glue.transforms.gathering import gathered
from glue.transforms.trailing import Asked, Timeline, trailing

AT_ONCE = 200_000  # rows that a worker computes at a time: what bounds its memory, unless one key has more
PER_BATCH = 50_000  # rows that go back to Spark at a time


def with_open_windows(rows: DataFrame, features: FeatureSet, key: str, wanted: str | None = None) -> DataFrame:
    """Adds the open-headed windows, flags, distinct counts, novelties, recurrences and times since the last event, as
    bigints.

    `rows` has `key`, `counted_at` (ms), `count` (1 for a payment, 0 for a row that only asks, such as a loan
    application), `amount` (cents) and `cell` of each of the set's cells. Only rows where the column `wanted` is true
    come back.
    """
    names = open_names(features)
    schema = StructType([*rows.schema.fields, *(StructField(name, LongType()) for name in names)])

    def compute(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in whole_keys(batches, key):
            values = computed(table, key, features)
            for name in names:
                found = values[name]
                mask = None if found.known is None else ~found.known
                table = table.append_column(name, pa.array(found.numbers, pa.int64(), mask=mask))
            if wanted is not None:
                table = table.filter(table[wanted])
            yield from table.to_batches(max_chunksize=PER_BATCH)

    return gathered(rows, key, "counted_at").mapInArrow(compute, schema)  # type: ignore[arg-type]


def open_names(features: FeatureSet) -> list[str]:
    windows = [w for w in features.windows if w.open_head]
    of_values = (features.distinct, features.novelties, features.recurrences)
    groups = (windows, features.flags, *of_values, features.since_last)
    return [f.name for group in groups for f in group]


def cell(of: str) -> str:
    """The column that holds what a payment says in another one, as a number that is not negative, or null."""
    return f"cell_{of}"


def whole_keys(batches: Iterator[pa.RecordBatch], key: str) -> Iterator[pa.Table]:
    """Sorted batches as tables that never part a key."""
    waiting: list[pa.RecordBatch] = []
    rows, enough = 0, AT_ONCE
    for batch in batches:
        if not batch.num_rows:
            continue
        waiting.append(batch)
        rows += batch.num_rows
        if rows < enough:
            continue
        table = pa.Table.from_batches(waiting)
        last = pc.index(table[key], table[key][-1]).as_py()
        if last:
            yield table.slice(0, last)
            waiting = table.slice(last).to_batches()
            rows = table.num_rows - last
        enough = max(AT_ONCE, 2 * rows)  # a key with more rows than fit is not looked at anew for every batch
    if waiting:
        yield pa.Table.from_batches(waiting)


def computed(table: pa.Table, key: str, features: FeatureSet) -> dict:
    keys = table[key].combine_chunks()
    changes = pc.not_equal(keys[1:], keys[:-1]).to_numpy(zero_copy_only=False)
    rank = np.concatenate(([0], np.cumsum(changes, dtype=np.int64)))
    at, count, amount = (table[name].to_numpy().astype(np.int64) for name in ("counted_at", "count", "amount"))
    happened = count > 0
    if happened.all():
        timeline = Timeline(rank, at)
        asked = Asked(timeline, timeline.rank, timeline.at)
    else:
        if features.flags or features.novelties or features.recurrences:
            raise ValueError(f"{features.name}: flags, novelties and recurrences are of payments, these rows only ask")
        timeline = Timeline(rank[happened], at[happened])
        asked = Asked(timeline, rank, at)
    measures = {"count": count[happened], "amount": amount[happened]}
    cells = {of: pc.add(pc.fill_null(table[cell(of)].cast(pa.int64()), -1), 1).to_numpy() for of in features.cells}
    return trailing(asked, measures, {of: found[happened] for of, found in cells.items()}, features)


def with_closed_windows(
    rows: DataFrame, events: Mapping[Kind, DataFrame], features: FeatureSet, entity: Entity, key: str
) -> DataFrame:
    """Adds the closed-headed windows of one entity to rows of `key` and `counted_at`.

    `events` maps a kind to rows of `key`, `counted_at`, the kind's measures and the flags that a window filters by; a
    kind that is absent has no events. All closed windows of the entity share one tile and one delay.
    """
    windows = [w for w in features.windows if w.entity == entity and not w.open_head]
    ((tile, delay),) = {(w.tile, w.delay) for w in windows}
    rows = rows.withColumn("_tile", tile_of(F.col("counted_at") - delay, tile))
    if not events:
        return rows.drop("_tile").select("*", *(nothing(w).alias(w.name) for w in windows))
    asked = rows.select(key, "_tile").distinct().withColumn("_asked", F.lit(True))
    points = asked
    for kind, happened in events.items():
        measures = {measured(w): measure_column(w) for w in windows if w.kind == kind}
        tiles = happened.select(key, tile_of(F.col("counted_at"), tile).alias("_tile"), *aliased(measures))
        sums = tiles.groupBy(key, "_tile").agg(*(F.sum(m).alias(m) for m in measures))
        points = points.unionByName(sums, allowMissingColumns=True)
    by_tile = SparkWindow.partitionBy(key).orderBy("_tile")
    found = {w.name: closed_window(w, by_tile) if w.kind in events else nothing(w) for w in windows}
    values = points.select(key, "_tile", "_asked", *aliased(found)).where("_asked").drop("_asked")
    return rows.join(values, [key, "_tile"], "left").drop("_tile")


def closed_window(window: Window, by_tile: WindowSpec) -> Column:
    """The value for the tile that asks, from what the tiles before it hold."""
    before = by_tile.rangeBetween(-window.tiles, -1)
    held = F.col(measured(window))
    if window.aggregate == "since":
        return F.col("_tile") - F.max(F.when(held > 0, F.col("_tile"))).over(before)
    return F.coalesce(F.sum(held).over(before), F.lit(0))


def nothing(window: Window) -> Column:
    """The value for somebody of whom nothing is known."""
    return F.lit(window.default).cast("bigint")


def tile_of(at: Column, tile: int) -> Column:
    return F.floor(at / F.lit(tile)).cast("bigint")


def measured(window: Window) -> str:
    """The name of what one tile holds for the window."""
    return f"{window.kind}_{window.measure}" + (f"_{window.where.name}" if window.where else "")


def measure_column(window: Window) -> Column:
    if window.measure not in MEASURES[window.kind]:
        raise ValueError(f"{window.name}: a {window.kind} has no {window.measure}")
    value = F.col(window.measure)
    if window.where is None:
        return value
    return F.when(F.col(window.where.flag) == int(window.where.holds), value).otherwise(0)


def aliased(columns: Mapping[str, Column]) -> list[Column]:
    return [column.alias(name) for name, column in columns.items()]


def with_calendar(rows: DataFrame, features: FeatureSet) -> DataFrame:
    """Adds the calendar parts and flags of `at`."""
    for feature in features.calendar:
        if isinstance(feature, CalendarPart):
            value = part_of(feature)
        else:
            value = F.col(feature.part).isin(list(feature.values)).cast("int")
        rows = rows.withColumn(feature.name, value)
    return rows


def part_of(part: CalendarPart) -> Column:
    return F.pmod(tile_of(F.col("at"), part.unit) + part.shift, F.lit(part.modulo))


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
