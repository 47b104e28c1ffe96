"""Glue job: SILVER -> point-in-time vectors of the payments and loan applications of a range of days."""

from __future__ import annotations

import sys

from pyspark.sql import functions as F

from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import DAY
from features.fraud import FRAUD
from glue.arguments import days, days_before, parse
from glue.lake import session
from glue.tables import GOLD, LOAN_FEATURES, SILVER, TRANSACTION_FEATURES
from glue.transforms.vectors import loan_features, located, transaction_features

HISTORY_DAYS = -(-max(FRAUD.lookback, PAYMENT_BEHAVIOUR.lookback) // DAY) + 1


def main(argv: list[str]) -> None:
    args = parse(argv, "from", "to")
    spark, lake = session(), args.lake
    asked = days(args.from_, args.to)
    first = f"{args.from_[:7]}-01"  # loans are divided by month: a month is made whole or not at all
    history = days(days_before(first, HISTORY_DAYS), args.to)
    transactions = lake.read(spark, SILVER["transactions"], history)
    report = {}
    if transactions is None:
        schema = ", ".join(f"{c.name} {c.type}" for c in SILVER["transactions"].columns)
        transactions = spark.createDataFrame([], schema)
    else:
        labels = lake.read(spark, SILVER["fraud_labels"], history)
        if labels is None:
            labels = spark.createDataFrame([], "transaction_id string, is_fraud int, reported_at timestamp")
        merchant_labels = located(labels, lake.read(spark, SILVER["transactions"]))
        vectors = transaction_features(transactions, merchant_labels).where(F.col("event_date").isin(asked)).cache()
        lake.write(vectors, TRANSACTION_FEATURES)
        report["transaction_features"] = vectors.count()
    applications = lake.read(spark, SILVER["loan_applications"], asked)
    if applications is not None:
        loans = loan_features(applications, transactions).cache()
        lake.write(loans, LOAN_FEATURES)
        report["loan_features"] = loans.count()
    report = {name: report.get(name, 0) for name in GOLD}
    lake.put_json(f"quality/silver_to_gold/{args.from_}_{args.to}.json", report)


if __name__ == "__main__":
    main(sys.argv)
