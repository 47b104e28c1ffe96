"""Glue job: SILVER -> point-in-time vectors of payments and loan applications, of some days or all a batch touched.

A run is written whole or not at all: when one of its tables does not pass the quality gate, GOLD stays as it is.
"""

from __future__ import annotations

import sys
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from glue.arguments import days, days_before, month_end, parse
from glue.decisions import blocked
from glue.history import read_history
from glue.lake import Lake, schema, session
from glue.metrics import Metrics
from glue.quality import Gate, judged
from glue.reopening import keep_mark, newest_note, reopened
from glue.rules import GOLD_SUITES
from glue.tables import GOLD, SILVER, TRANSACTION_FEATURES
from glue.transforms.events import payments, reach
from glue.transforms.vectors import loan_features, marked, transaction_features


def main(argv: list[str]) -> None:
    args = parse(argv, "namespace", either=(("batch",), ("from", "to")))
    spark, metrics = session(), Metrics(args.namespace)
    if args.batch:
        run_batch(spark, args.lake, args.batch, metrics)
    else:
        asked = days(args.from_, args.to)
        run(spark, args.lake, f"{args.from_}_{args.to}", dict.fromkeys(GOLD, asked), metrics)


def run_batch(spark: SparkSession, lake: Lake, batch: str, metrics: Metrics) -> None:
    """What the doors tell of late payments while this runs is left to the next batch."""
    newest = newest_note(lake)
    run(spark, lake, batch, touched(spark, lake, batch), metrics)
    keep_mark(lake, batch, newest)


def touched(spark: SparkSession, lake: Lake, batch: str) -> dict[str, list[str]]:
    """The days of each GOLD table to make again: those that the batch reopens, and those that its rows have left."""
    found = reopened(spark, lake, batch)
    told = lake.get_json(f"quality/bronze_to_silver/{batch}.json") or {}
    left = told.get("transactions", {}).get("emptied", [])
    months = [f"{month}-01" for month in told.get("loan_applications", {}).get("emptied", [])]
    return {
        "transaction_features": sorted({*found["transaction_features"], *left}),
        "loan_features": sorted({*found["loan_features"], *months}),
    }


def run(spark: SparkSession, lake: Lake, name: str, asked: dict[str, list[str]], metrics: Metrics) -> None:
    """`asked` are days by table. Raises GateFailed when the vectors of either do not pass."""
    gate = Gate()
    made = {
        table: (make(spark, lake, asked[table]) if asked[table] else None)
        for table, make in (("transaction_features", payment_vectors), ("loan_features", loan_vectors))
    }
    vectors = {
        table: (spark.createDataFrame([], schema(GOLD[table])) if rows is None else rows).cache()
        for table, rows in made.items()
    }
    report: dict[str, object] = {table: rows.count() for table, rows in vectors.items()}
    judged(lake, metrics, name, {table: gate.judge(rows, GOLD_SUITES[table]) for table, rows in vectors.items()})
    divisions = {}
    for table, rows in vectors.items():
        replaced = {divided_by_day_or_month(table, day) for day in asked[table]}
        partitions = lake.write(rows, GOLD[table], instead_of=[[value] for value in replaced])
        divisions[table] = [value for (value,) in partitions]
        rows.unpersist()
    lake.put_json(f"quality/silver_to_gold/{name}.json", {**report, "divisions": divisions})


def divided_by_day_or_month(table: str, day: str) -> str:
    return day[:7] if GOLD[table].division == "event_month" else day


def payment_vectors(spark: SparkSession, lake: Lake, asked: list[str]) -> DataFrame | None:
    made = [vectors_of_stretch(spark, lake, stretch) for stretch in stretches(asked)]
    there = [rows for rows in made if rows is not None]
    return marked(reduce(DataFrame.union, there), blocked(spark, lake, asked)) if there else None


def vectors_of_stretch(spark: SparkSession, lake: Lake, asked: list[str]) -> DataFrame | None:
    history = read_history(spark, lake, asked[0], asked[-1])
    if history is None:
        return None
    paid = history.paid.withColumn("wanted", F.col(TRANSACTION_FEATURES.division).isin(asked))
    return transaction_features(paid, history.happened)


def loan_vectors(spark: SparkSession, lake: Lake, asked: list[str]) -> DataFrame | None:
    """A month is made whole or not at all, so the days asked for mean their months."""
    made = [loans_of_stretch(spark, lake, stretch) for stretch in stretches(asked)]
    return reduce(DataFrame.union, there) if (there := [rows for rows in made if rows is not None]) else None


def loans_of_stretch(spark: SparkSession, lake: Lake, asked: list[str]) -> DataFrame | None:
    applications = lake.read(spark, SILVER["loan_applications"], asked)
    if applications is None:
        return None
    history = read_history(spark, lake, f"{asked[0][:7]}-01", month_end(asked[-1]))
    paid = payments(lake.read_any(spark, SILVER["transactions"], [])) if history is None else history.paid
    return loan_features(applications, paid)


def stretches(asked: list[str]) -> list[list[str]]:
    """The days in order, parted where the vectors of some look back on nothing of those before: one payment of 1970
    must not make a night read all years since."""
    found: list[list[str]] = []
    for day in sorted(set(asked)):
        if found and days_before(day, reach("payment") + 1) <= found[-1][-1]:
            found[-1].append(day)
        else:
            found.append([day])
    return found


if __name__ == "__main__":
    main(sys.argv)
