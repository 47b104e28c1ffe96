"""The point-in-time join: what was known just before, and nothing of the future."""

from __future__ import annotations

import random

import duckdb
import sqlglot

from features.values import instant, iso
from glue.transforms.point_in_time import athena_sql, joined
from tests.spark.rows import START, stamp

FEATURES = ("count_7d", "amount_7d")
RECORDS = (
    "customer_id string, event_time string, write_time timestamp, is_deleted boolean, count_7d bigint, amount_7d bigint"
)
Record = tuple[str, int, int, bool, int | None, int | None]


def spine(rng: random.Random) -> list[tuple[str, str, int]]:
    return [(f"t{n}", f"c{rng.randrange(5)}", START + 1000 * rng.randrange(60)) for n in range(120)]


def history(rng: random.Random) -> list[Record]:
    """Records of few customers at few instants: repeated, deleted, at the very moments that are asked about."""
    return [
        (
            f"c{rng.randrange(4)}",
            START + 1000 * rng.randrange(60),
            n,
            rng.random() < 0.1,
            rng.randrange(9),
            rng.choice((None, 5)),
        )
        for n in range(80)
    ]


def expected(asked: list, records: list[Record]) -> dict[str, tuple]:
    found = {}
    for identifier, customer, at in asked:
        known = [r for r in records if r[0] == customer and r[1] < at]
        last = max(known, key=lambda r: (r[1], r[2]), default=None)
        gone = last is None or last[3]
        found[identifier] = (None, None, None) if gone else (last[1], last[4], last[5])
    return found


def by_spark(spark, asked: list, records: list[Record]) -> dict[str, tuple]:
    rows = spark.createDataFrame(
        [(i, c, stamp(at)) for i, c, at in asked], "t string, customer_id string, paid_at timestamp"
    )
    held = spark.createDataFrame([(r[0], iso(r[1]), stamp(START + r[2]), *r[3:]) for r in records], RECORDS)
    answer = joined(rows, held, "customer_id", "paid_at", FEATURES)
    assert answer.columns == ["t", "customer_id", "paid_at", "features_at", *FEATURES]
    return {
        r.t: (r.features_at and int(r.features_at.timestamp() * 1000), r.count_7d, r.amount_7d)
        for r in answer.collect()
    }


def test_a_row_gets_the_newest_record_that_lies_strictly_before_it(spark):
    for seed in range(3):
        rng = random.Random(seed)
        asked, records = spine(rng), history(rng)

        assert by_spark(spark, asked, records) == expected(asked, records)


def by_athena(asked: list, records: list[Record]) -> dict[str, tuple]:
    database = duckdb.connect()
    database.execute("CREATE TABLE spine (t VARCHAR, customer_id VARCHAR, paid_at TIMESTAMP)")
    database.executemany("INSERT INTO spine VALUES (?, ?, ?)", [(i, c, iso(at)[:-1]) for i, c, at in asked])
    database.execute(f"CREATE TABLE records ({RECORDS})")
    database.executemany(
        "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)",
        [(r[0], iso(r[1]), iso(START + r[2])[:-1], *r[3:]) for r in records],
    )

    text = athena_sql("spine", "records", "customer_id", "paid_at", FEATURES)
    database.execute("SET TimeZone = 'UTC'")
    rows = database.execute(sqlglot.transpile(text, read="athena", write="duckdb")[0])
    rows = [dict(zip((c[0] for c in rows.description), row, strict=True)) for row in rows.fetchall()]

    assert len(rows) == len(asked)
    return {
        r["t"]: (instant(r["features_at"].isoformat()) if r["features_at"] else None, r["count_7d"], r["amount_7d"])
        for r in rows
    }


def test_athena_is_told_the_same():
    rng = random.Random(9)
    asked, records = spine(rng), history(rng)

    assert by_athena(asked, records) == expected(asked, records)


def test_shuffling_the_future_changes_nothing(spark):
    rng = random.Random(4)
    asked, records = spine(rng), history(rng)
    now = START + 30_000
    past = [r for r in records if r[1] < now]
    future = [(f"c{rng.randrange(4)}", r[1], r[2], not r[3], 99, -1) for r in records if r[1] >= now]
    rng.shuffle(future)
    until = [row for row in asked if row[2] <= now]
    assert future

    assert by_spark(spark, until, [*past, *future]) == by_spark(spark, until, records)
    assert by_athena(until, [*past, *future]) == by_athena(until, records)
