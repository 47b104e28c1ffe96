"""The Spark engine: compiles the declarations of `features` to columns.

Open-headed windows are computed by `trailing` over sorted Arrow batches, which `make bench` measures against RANGE
frames; everything else is JVM expressions. All sums are of integers: exact, whatever
the order of addition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame, WindowSpec
from pyspark.sql import Window as SparkWindow
from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StructField, StructType

from features.declaration import MEASURES, CalendarPart, Distinct, EntityName, FeatureSet, Kind, Ratio, Window
from glue.transforms.gathering import gathered
from glue.transforms.trailing import LAST_MOMENT, Asked, Timeline, Values, trailing

AT_ONCE = 200_000  # rows that a worker computes at a time: what bounds its memory, unless one key has more
FIRST = "first_at"
APART: dict[Kind, str] = {"decline": "declined", "block": "counts_as_block"}  # which rows are of the kind, 1 or 0
PLACE = ("latitude_microdegrees", "longitude_microdegrees")
PER_BATCH = 50_000  # rows that go back to Spark at a time


def with_open_windows(rows: DataFrame, features: FeatureSet, key: str, wanted: str | None = None) -> DataFrame:
    """Adds the open-headed windows, flags, distinct counts, novelties, recurrences, acquaintances and times since the
    last and the first event, as bigints.

    `rows` has `key`, `counted_at` (ms), `count` (1 for a payment, 0 for a row that only asks, such as a loan
    application), `amount` (cents), `cell` of each of the set's cells, and FIRST where the set asks for it: when the
    first event ever counted of those that are not among the rows; PLACE, both or none, where the set asks how far it
    is; and the column of APART of each kind that is apart. Only rows where the column `wanted` is true come back.
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
    of_values = ([d for d in features.distinct if d.open_head], features.novelties, features.recurrences)
    since = (features.acquaintances, features.since_last, features.since_first, features.travels, features.from_usual)
    groups = (windows, features.flags, *of_values, *since)
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
        of_own = (
            features.novelties,
            features.recurrences,
            features.acquaintances,
            features.travels,
            features.from_usual,
        )
        if features.flags or any(of_own):
            raise ValueError(f"{features.name}: what is told of a payment's own cannot be told of rows that only ask")
        timeline = Timeline(rank[happened], at[happened])
        asked = Asked(timeline, rank, at)
    measures = {"count": count[happened], "amount": amount[happened]}
    cells = {of: pc.add(pc.fill_null(table[cell(of)].cast(pa.int64()), -1), 1).to_numpy() for of in features.cells()}
    firsts = None
    if features.since_first:
        firsts = pc.fill_null(table[FIRST].cast(pa.int64()), LAST_MOMENT).to_numpy()
    columns = {kind: APART[kind] for kind in features.apart if APART[kind] in table.column_names}
    apart = {kind: table[column].to_numpy() == 1 for kind, column in columns.items()}
    told = {of: found[happened] for of, found in cells.items()}
    places = (place(table, PLACE[0]), place(table, PLACE[1])) if features.travels else None
    return trailing(asked, measures, told, features, firsts, apart, places)


def place(table: pa.Table, side: str) -> Values:
    """One side of where payments were made, known where both are."""
    known = pc.and_(*(pc.is_valid(table[name]) for name in PLACE)).to_numpy()
    return Values(pc.fill_null(table[side].cast(pa.int64()), 0).to_numpy(), known)


def with_closed_windows(
    rows: DataFrame,
    events: Mapping[Kind, DataFrame],
    features: FeatureSet,
    entity: EntityName,
    key: str,
    asks: DataFrame | None = None,
) -> DataFrame:
    """Adds the closed-headed windows and distinct counts of one entity to rows of `key`, `counted_at` and
    `transaction_id`. A row whose key is null asks about nobody.

    `events` maps a kind to rows of `key`, `counted_at`, the kind's measures, the flags that a window filters by and, of
    payments, the cells that are counted; a kind that is absent has no events. All closed windows of the entity share
    one tile and one delay. `asks` are the rows before anything was added to them: Spark computes what a row asks from
    scratch, and twice as much for each entity before.
    """
    windows = [w for w in features.windows if w.entity == entity and not w.open_head]
    counts = [d for d in features.distinct if d.entity == entity and not d.open_head]
    wanted: list[Window | Distinct] = [*windows, *counts]
    ((tile, delay),) = {(f.tile, f.delay) for f in wanted}
    if not events:
        return rows.select("*", *(nothing(f).alias(f.name) for f in wanted))
    in_tile = tile_of(F.col("counted_at") - delay, tile)
    rows = rows.withColumn("_tile", in_tile)
    asking = (rows if asks is None else asks).where(F.col(key).isNotNull())
    asked = asking.select(key, in_tile.alias("_tile")).distinct().withColumn("_asked", F.lit(True))
    points = asked
    for kind, happened in events.items():
        measures = {measured(w): measure_column(w) for w in windows if w.kind == kind}
        if not measures:
            continue
        tiles = happened.select(key, tile_of(F.col("counted_at"), tile).alias("_tile"), *aliased(measures))
        sums = tiles.groupBy(key, "_tile").agg(*(F.sum(m).alias(m) for m in measures))
        points = points.unionByName(sums, allowMissingColumns=True)
    by_tile = SparkWindow.partitionBy(key).orderBy("_tile")
    found = {w.name: closed_window(w, by_tile) if w.kind in events else nothing(w) for w in windows}
    values = points.select(key, "_tile", "_asked", *aliased(found)).where("_asked").drop("_asked")
    for distinct in counts:
        values = values.join(closed_count(asked, events.get("payment"), distinct, key), [key, "_tile"])
    # Rows without a key join nothing: spread by their own names, they do not all come to one worker.
    spread = rows.withColumn("_nobody", F.when(F.col(key).isNull(), F.col("transaction_id")))
    values = values.withColumn("_nobody", F.lit(None).cast("string"))
    same = [spread[name].eqNullSafe(values[name]) for name in (key, "_tile", "_nobody")]
    joined = spread.join(values, same, "left").select(spread["*"], *(values[f.name] for f in wanted))
    known = {f.name: F.coalesce(f.name, nothing(f)) for f in wanted if f.default is not None}
    return joined.withColumns(known).drop("_tile", "_nobody")


def closed_count(asked: DataFrame, happened: DataFrame | None, distinct: Distinct, key: str) -> DataFrame:
    """The distinct count for each `key` and `_tile` that asks: that of an open window asked when the tile begins."""
    opened = replace(distinct, entity="customer", open_head=True, delay=0)
    zero = F.lit(0).cast("bigint")
    asks = asked.select(
        key,
        (F.col("_tile") * distinct.tile).alias("counted_at"),
        *(zero.alias(name) for name in ("count", "amount")),
        F.lit(None).cast("bigint").alias(cell(distinct.of)),
        F.lit(True).alias("_asks"),
    )
    rows = asks
    if happened is not None:
        paid = happened.where(F.col(key).isNotNull()).select(key, "counted_at", "count", "amount", cell(distinct.of))
        rows = paid.withColumn("_asks", F.lit(False)).unionByName(asks)
    counted = with_open_windows(rows, FeatureSet("closed", (opened,), ()), key, wanted="_asks")
    tile = tile_of(F.col("counted_at"), distinct.tile).alias("_tile")
    return counted.select(key, tile, F.col(opened.name).alias(distinct.name))


def closed_window(window: Window, by_tile: WindowSpec) -> Column:
    """The value for the tile that asks, from what the tiles before it hold."""
    before = by_tile.rangeBetween(-window.tiles, -1)
    held = F.col(measured(window))
    if window.aggregate == "since":
        return F.col("_tile") - F.max(F.when(held > 0, F.col("_tile"))).over(before)
    return F.coalesce(F.sum(held).over(before), F.lit(0))


def nothing(window: Window | Distinct) -> Column:
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
    """Adds the calendar parts and flags of `at`, and the parts of the local time from their cells."""
    for local in features.local:
        rows = rows.withColumn(local.name, F.col(cell(local.name)))
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
