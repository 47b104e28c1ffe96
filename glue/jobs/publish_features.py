"""Glue job: lake -> Feature Store. Online records of customers and merchants, and one record per loan application.

Safe to run at any time: Feature Store keeps the record with the newest event time, so a record that the stream door has
moved further stays as it is.
"""

from __future__ import annotations

import sys

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.declaration import DAY
from features.fraud import FRAUD
from features.values import day, instant
from features.vector import CUSTOMER_LAYOUT, MERCHANT_LAYOUT
from glue.arguments import days, days_before, parse
from glue.feature_store import BOTH, ONLINE, publish
from glue.lake import session
from glue.tables import LOAN_FEATURES, SILVER
from glue.transforms.folding import customer_events, folded, merchant_events
from glue.transforms.vectors import located

HISTORY_DAYS = -(-FRAUD.lookback // DAY) + 1


def main(argv: list[str]) -> None:
    args = parse(argv, "from", "to", "as_of", "customer_group", "merchant_group", "loan_group")
    spark, lake = session(), args.lake
    as_of = instant(args.as_of)
    touched = days(args.from_, args.to)
    history = days(days_before(day(as_of), HISTORY_DAYS), day(as_of))
    report = {"customer": 0, "merchant": 0, "loan_applicant": 0}

    transactions = lake.read(spark, SILVER["transactions"], history)
    if transactions is not None:
        payments = transactions.where(F.unix_millis("event_time") < as_of)
        labels = lake.read(spark, SILVER["fraud_labels"], history)
        if labels is None:
            labels = spark.createDataFrame([], "transaction_id string, is_fraud int, reported_at timestamp")
        labels = located(labels.where(F.unix_millis("reported_at") < as_of), lake.read(spark, SILVER["transactions"]))
        customers = of_touched(customer_events(payments), touched)
        merchants = of_touched(merchant_events(payments, labels), touched)
        customer_records = online_record(folded(customers, CUSTOMER_LAYOUT), "customer_id")
        merchant_records = online_record(folded(merchants, MERCHANT_LAYOUT), "merchant_id")
        report["customer"] = publish(customer_records, args.customer_group, ONLINE)
        report["merchant"] = publish(merchant_records, args.merchant_group, ONLINE)

    loans = lake.read(spark, LOAN_FEATURES, touched)
    if loans is not None:
        report["loan_applicant"] = publish(loan_record(loans), args.loan_group, BOTH)
    lake.put_json(f"quality/publish_features/{args.from_}_{args.to}.json", report)


def of_touched(events: DataFrame, days: list[str]) -> DataFrame:
    """All events of the entities to which something happened in those days: the others' records are as they were."""
    entities = events.where(F.date_format(F.timestamp_millis("at"), "yyyy-MM-dd").isin(days)).select("entity")
    return events.join(entities.distinct(), "entity", "left_semi")


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
