"""Glue job: SILVER -> point-in-time vectors of payments and loan applications, of some days or all a batch touched.

A table is written whole or not at all: when it does not pass the quality gate GOLD keeps what it had of it, and when it
is not of the very rows that SILVER holds GOLD stays as it is.
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
from glue.quality import Gate, GateFailed, judged
from glue.quarantine import NOTHING, add_up
from glue.reopening import keep_mark, newest_note, reopened
from glue.rules import GOLD_SUITES
from glue.tables import GOLD, SILVER, TRANSACTION_FEATURES
from glue.transforms.events import payments, reach
from glue.transforms.vectors import loan_features, marked, transaction_features, with_further

MADE_FROM = {"transaction_features": "transactions", "loan_features": "loan_applications"}


def main(argv: list[str]) -> None:
    args = parse(argv, "namespace", either=(("batch",), ("from", "to")))
    spark, metrics = session(), Metrics(args.namespace)
    if args.batch:
        run_batch(spark, args.lake, args.batch, metrics)
    else:
        asked = days(args.from_, args.to)
        run(spark, args.lake, f"{args.from_}_{args.to}", dict.fromkeys(GOLD, asked), metrics)


def run_batch(spark: SparkSession, lake: Lake, batch: str, metrics: Metrics) -> None:
    """What the doors tell of late payments while this runs is left to the next batch.

    Loans that do not pass stop no payments: the alarm and the report tell of them. Raises PaymentsRefused when the
    batch's payments have not come to SILVER, after all else is made, and what `run` raises of payments.
    """
    newest = newest_note(lake)
    try:
        run(spark, lake, batch, touched(spark, lake, batch), metrics)
    except GateFailed as failed:
        if TRANSACTION_FEATURES.name in failed.refused:
            raise
    keep_mark(lake, batch, newest)
    told = lake.get_json(f"quality/bronze_to_silver/{batch}.json") or {}
    why = told.get("transactions", {}).get("refused")
    if why is not None:
        raise PaymentsRefused(f"payments of batch {batch} are not in the lake, records must not be published: {why}")


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


class PaymentsRefused(RuntimeError):
    """The batch's payments were refused. Records that were published now would replace the doors' own, which have them:
    the night ends here."""


class NotInSilver(ValueError):
    """GOLD holds a day or a month of which SILVER has lost the rows, or never had any."""


def run(spark: SparkSession, lake: Lake, name: str, asked: dict[str, list[str]], metrics: Metrics) -> None:
    """`asked` are days by table. Raises GateFailed when the vectors of either table do not pass, after the other is
    written; and before anything is, NotInSilver, and NotAllRows when vectors are not of the rows that SILVER holds."""
    came = {table: rows_by_division(spark, lake, table, asked[table]) for table in GOLD}
    for table, held in came.items():
        refuse_what_silver_lacks(lake, table, divisions_of(table, asked[table]) - set(held))
    gate = Gate()
    made = {
        table: (make(spark, lake, asked[table]) if asked[table] else None)
        for table, make in (("transaction_features", payment_vectors), ("loan_features", loan_vectors))
    }
    # The gate asks many times: how vectors were made is no part of the plans of its questions, which took minutes.
    vectors = {
        table: (spark.createDataFrame([], schema(GOLD[table])) if rows is None else rows).localCheckpoint()
        for table, rows in made.items()
    }
    written = {table: rows.count() for table, rows in vectors.items()}
    verdicts = {table: gate.judge(rows, GOLD_SUITES[table]) for table, rows in vectors.items()}
    refused = judged(lake, metrics, name, verdicts)
    totals = {table: sum(held.values()) for table, held in came.items()}
    for table, total in totals.items():
        add_up(f"{table} of {name}", total, written[table], NOTHING)
    divisions = {}
    for table, rows in vectors.items():
        if table in refused:
            continue
        replaced = divisions_of(table, asked[table])
        partitions = lake.write(rows, GOLD[table], instead_of=[[value] for value in replaced])
        divisions[table] = [value for (value,) in partitions]
    report = {**{table: written[table] for table in divisions}, "rows": totals, "divisions": divisions}
    lake.put_json(f"quality/silver_to_gold/{name}.json", {**report, "refused": refused} if refused else report)
    if refused:
        raise GateFailed(name, refused)


def rows_by_division(spark: SparkSession, lake: Lake, table: str, asked: list[str]) -> dict[str, int]:
    """How many rows SILVER holds for each of the asked days or months for which it holds any."""
    rows = lake.read(spark, SILVER[MADE_FROM[table]], asked)
    if rows is None:
        return {}
    return {row[0]: row["count"] for row in rows.groupBy(GOLD[table].division).count().collect()}


def refuse_what_silver_lacks(lake: Lake, table: str, absent: set[str]) -> None:
    """Raises NotInSilver for a day or month that GOLD holds and SILVER does not, unless a batch that was run again has
    taken its rows back: bronze_to_silver tells which divisions a batch holds, and which it has emptied."""
    doubtful = sorted(absent & set(lake.divisions(GOLD[table])))
    if not doubtful:
        return
    entity = MADE_FROM[table]
    reports = {key: (lake.get_json(key) or {}).get(entity, {}) for key in lake.keys("quality/bronze_to_silver/")}
    for division in doubtful:
        said = f"GOLD holds {table} of {division} and SILVER has no {entity} of it"
        for key, told in reports.items():
            if division in told.get("divisions", ()):
                batch = key.rpartition("/")[2].removesuffix(".json")
                raise NotInSilver(
                    f"{said}, though batch {batch} has brought some: run bronze_to_silver --batch {batch}"
                )
        if not any(division in told.get("emptied", ()) for told in reports.values()):
            raise NotInSilver(f"{said}, and no batch has taken any back: bring it to SILVER, or ask for other days")


def divisions_of(table: str, asked: list[str]) -> set[str]:
    """The days, or the months of the days, that are asked for."""
    return {day[:7] if GOLD[table].division == "event_month" else day for day in asked}


def payment_vectors(spark: SparkSession, lake: Lake, asked: list[str]) -> DataFrame | None:
    made = [vectors_of_stretch(spark, lake, stretch) for stretch in stretches(asked)]
    there = [rows for rows in made if rows is not None]
    if not there:
        return None
    vectors = marked(reduce(DataFrame.union, there), blocked(spark, lake, asked))
    return with_further(vectors, lake.read_any(spark, SILVER["transactions"], asked))


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
