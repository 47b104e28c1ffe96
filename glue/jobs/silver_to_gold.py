"""Glue job: SILVER -> point-in-time vectors of payments and loan applications, of some days or all a batch touched."""

from __future__ import annotations

import sys

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from glue.arguments import days, month_end, parse
from glue.history import read_history
from glue.lake import Lake, session
from glue.reopening import reopened
from glue.tables import GOLD, SILVER, TRANSACTION_FEATURES
from glue.transforms.events import payments
from glue.transforms.vectors import loan_features, transaction_features


def main(argv: list[str]) -> None:
    args = parse(argv, either=(("batch",), ("from", "to")))
    spark, lake = session(), args.lake
    if args.batch:
        asked = reopened(spark, lake, args.batch)
        run = args.batch
    else:
        asked = {table: days(args.from_, args.to) for table in GOLD}
        run = f"{args.from_}_{args.to}"
    report = dict.fromkeys(GOLD, 0)
    divisions: dict[str, list[str]] = {name: [] for name in GOLD}
    for name, make in (("transaction_features", payment_vectors), ("loan_features", loan_vectors)):
        rows = make(spark, lake, asked[name]) if asked[name] else None
        if rows is not None:
            divisions[name] = [values[0] for values in lake.write(rows, GOLD[name])]
            written = lake.read(spark, GOLD[name], divisions[name]) if divisions[name] else None
            report[name] = written.count() if written is not None else 0
    lake.put_json(f"quality/silver_to_gold/{run}.json", {**report, "divisions": divisions})


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
    if history is None:
        schema = ", ".join(f"{c.name} {c.type}" for c in SILVER["transactions"].columns)
        paid = payments(spark.createDataFrame([], f"{schema}, event_date string"))
    else:
        paid = history.paid
    return loan_features(applications, paid)


if __name__ == "__main__":
    main(sys.argv)
