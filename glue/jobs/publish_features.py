"""Glue job: lake -> Feature Store. Online records of customers, merchants and borrowers, and one record per loan
application.

Safe to run at any time: Feature Store keeps the record with the newest event time, so a record that the stream door has
moved further stays as it is.
"""

from __future__ import annotations

import sys
from functools import reduce

import boto3
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.fraud import FRAUD
from features.values import day, instant
from glue.arguments import days, month_end, parse
from glue.feature_store import BOTH, ONLINE, publish
from glue.history import read_history
from glue.lake import session
from glue.reopening import reopened
from glue.tables import LOAN_FEATURES
from glue.transforms.events import before
from glue.transforms.events import day as day_of
from glue.transforms.folding import folded_customers, folded_events


def main(argv: list[str]) -> None:
    # fmt: off
    args = parse(
        argv, "as_of", "customer_group", "merchant_group", "borrower_group", "loan_group", "namespace",
        either=(("batch",), ("from", "to")),
    )
    # fmt: on
    spark, lake = session(), args.lake
    as_of = instant(args.as_of)
    if args.batch:
        touched = reopened(spark, lake, args.batch)
        payment_days = sorted({*touched["transaction_features"], *touched["happened"]})
        loan_months, run = touched["loan_features"], args.batch
    else:
        payment_days = loan_months = days(args.from_, args.to)
        run = f"{args.from_}_{args.to}"
    report = {"customer": 0, "merchant": 0, "borrower": 0, "loan_applicant": 0}
    newest: dict[str, int | None] = {}

    last = day(as_of - 1)
    history = read_history(spark, lake, last, last)
    if history is not None:
        paid = before(history.paid, as_of)
        happened = {
            entity: {kind: before(rows, as_of) for kind, rows in kinds.items()}
            for entity, kinds in history.happened.items()
        }
        customers = folded_customers(of_touched({"": paid}, "customer_id", payment_days)[""])
        records = {
            "customer": online_record(customers, "customer_id"),
            "merchant": online_record(
                folded_events(of_touched(happened["merchant"], "merchant_id", payment_days), "merchant", "merchant_id"),
                "merchant_id",
            ),
        }
        if happened["borrower"]:
            borrowers = folded_events(happened["borrower"], "borrower", "customer_id")
            records["borrower"] = online_record(borrowers, "customer_id")
        for entity, rows in records.items():
            rows = rows.cache()
            report[entity] = publish(rows, getattr(args, f"{entity}_group"), ONLINE)
            newest[entity] = rows.agg(F.max(F.unix_millis(F.to_timestamp("event_time")))).collect()[0][0]
            rows.unpersist()

    months = sorted({f"{d[:7]}-01" for d in loan_months} | {month_end(d) for d in loan_months})
    loans = lake.read(spark, LOAN_FEATURES, months)
    if loans is not None:
        report["loan_applicant"] = publish(loan_record(loans), args.loan_group, BOTH)
        newest["loan_applicant"] = loans.agg(F.max(F.unix_millis("applied_at"))).collect()[0][0]
    ages = {group: (as_of - at) / 3_600_000 for group, at in newest.items() if at is not None}
    lake.put_json(f"quality/publish_features/{run}.json", {**report, "age_hours": ages})
    if ages:
        boto3.client("cloudwatch").put_metric_data(
            Namespace=args.namespace,
            MetricData=[
                {
                    "MetricName": "FeatureAgeHours",
                    "Dimensions": [{"Name": "group", "Value": group.replace("_", "-")}],
                    "Value": age,
                }
                for group, age in sorted(ages.items())
            ],
        )


def of_touched(events: dict, key: str, touched: list[str]) -> dict:
    """All events of the keys to which something happened in those days: the others' records are as they were."""
    met = [rows.where(day_of(F.col("counted_at")).isin(touched)).select(key) for rows in events.values()]
    keys = reduce(DataFrame.union, met).distinct()
    return {kind: rows.join(keys, key, "left_semi") for kind, rows in events.items()}


def online_record(states: DataFrame, key: str) -> DataFrame:
    return states.select(
        F.col("entity").alias(key),
        iso(F.timestamp_millis("clock")).alias("event_time"),
        F.lit(FRAUD.version).alias("feature_version"),
        "state",
    )


def loan_record(loans: DataFrame) -> DataFrame:
    columns = [name for name in LOAN_FEATURES.column_names if name != "applied_at"]
    return loans.select(*columns, iso(F.col("applied_at")).alias("event_time"))


def iso(time: Column) -> Column:
    """The form that Feature Store accepts as a text event time."""
    return F.date_format(time, "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'")


if __name__ == "__main__":
    main(sys.argv)
