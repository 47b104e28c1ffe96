"""Glue job: SILVER -> point-in-time vectors of payments and loan applications, of some days or all a batch touched.

A run is written whole or not at all: when one of its tables does not pass the quality gate, GOLD stays as it is.
"""

from __future__ import annotations

import sys

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from glue.arguments import days, month_end, parse
from glue.history import read_history
from glue.lake import Lake, schema, session
from glue.metrics import Metrics
from glue.quality import Gate, judged
from glue.reopening import reopened
from glue.rules import GOLD_SUITES
from glue.tables import GOLD, SILVER, TRANSACTION_FEATURES
from glue.transforms.events import payments
from glue.transforms.vectors import loan_features, transaction_features


def main(argv: list[str]) -> None:
    args = parse(argv, "namespace", either=(("batch",), ("from", "to")))
    spark, metrics = session(), Metrics(args.namespace)
    if args.batch:
        run(spark, args.lake, args.batch, touched(spark, args.lake, args.batch), metrics)
    else:
        asked = days(args.from_, args.to)
        run(spark, args.lake, f"{args.from_}_{args.to}", dict.fromkeys(GOLD, asked), metrics)


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
    history = read_history(spark, lake, min(asked), max(asked))
    if history is None:
        return None
    paid = history.paid.withColumn("wanted", F.col(TRANSACTION_FEATURES.division).isin(asked))
    return transaction_features(paid, history.happened)


def loan_vectors(spark: SparkSession, lake: Lake, asked: list[str]) -> DataFrame | None:
    """A month is made whole or not at all, so the days asked for mean their months."""
    applications = lake.read(spark, SILVER["loan_applications"], asked)
    if applications is None:
        return None
    history = read_history(spark, lake, f"{min(asked)[:7]}-01", month_end(max(asked)))
    paid = payments(lake.read_any(spark, SILVER["transactions"], [])) if history is None else history.paid
    return loan_features(applications, paid)


if __name__ == "__main__":
    main(sys.argv)
