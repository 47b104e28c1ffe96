"""SILVER to GOLD: point-in-time vectors of payments and of loan applications."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import DAY
from features.fraud import FRAUD
from glue.tables import LOAN_FEATURES, TRANSACTION_FEATURES
from glue.transforms.windows import closed_windows, with_calendar, with_open_windows, with_ratios


def located(labels: DataFrame, transactions: DataFrame) -> DataFrame:
    """Labels (SILVER) as events of the merchant that took the payment: `merchant_id, at, count, fraud`."""
    return labels.join(transactions.select("transaction_id", "merchant_id"), "transaction_id").select(
        "merchant_id",
        F.unix_millis("reported_at").alias("at"),
        F.lit(1).cast("bigint").alias("count"),
        F.col("is_fraud").cast("bigint").alias("fraud"),
    )


def transaction_features(transactions: DataFrame, merchant_labels: DataFrame) -> DataFrame:
    """Vectors of every row of `transactions` (SILVER), which must reach back FRAUD.lookback before the first one used.

    `merchant_labels` is what `located` gives: a label counts from the moment it was reported.
    """
    payments = transactions.select(
        "transaction_id",
        "customer_id",
        "merchant_id",
        "event_time",
        F.unix_millis("event_time").alias("at"),
        F.col("amount_cents").alias("amount"),
        F.lit(1).cast("bigint").alias("count"),
        "event_date",
    )
    rows = with_open_windows(payments, FRAUD, "customer_id")
    rows = rows.withColumn("tile", F.floor(F.col("at") / F.lit(DAY)).cast("bigint"))
    merchants = closed_windows({"payment": payments, "label": merchant_labels}, rows, FRAUD, "merchant_id")
    rows = rows.join(merchants, ["merchant_id", "tile"], "left")
    rows = with_ratios(with_calendar(rows, FRAUD), FRAUD)
    return rows.select(
        "transaction_id",
        "customer_id",
        "merchant_id",
        "event_time",
        F.lit(FRAUD.version).alias("feature_version"),
        *(F.col(name).cast("double").alias(name) for name in FRAUD.columns),
        "event_date",
    ).select(*TRANSACTION_FEATURES.column_names, TRANSACTION_FEATURES.division)


def loan_features(applications: DataFrame, transactions: DataFrame) -> DataFrame:
    """One row per loan application (SILVER) with what the customer's payments said when it was made."""
    payments = transactions.select(
        "customer_id",
        F.unix_millis("event_time").alias("at"),
        F.col("amount_cents").alias("amount"),
        F.lit(1).cast("bigint").alias("count"),
        F.lit(None).cast("string").alias("loan_id"),
    )
    asked = applications.select(
        "customer_id",
        F.unix_millis("applied_at").alias("at"),
        F.lit(0).cast("bigint").alias("amount"),
        F.lit(0).cast("bigint").alias("count"),
        "loan_id",
    )
    timeline = with_open_windows(payments.unionByName(asked), PAYMENT_BEHAVIOUR, "customer_id")
    behaviour = with_ratios(timeline.where(F.col("loan_id").isNotNull()), PAYMENT_BEHAVIOUR).select(
        "loan_id", *(F.col(name).cast("double").alias(name) for name in PAYMENT_BEHAVIOUR.columns)
    )
    return (
        applications.join(behaviour, "loan_id", "left")
        .withColumn("attributes", F.to_json("attributes"))
        .withColumn("feature_version", F.lit(PAYMENT_BEHAVIOUR.version))
        .select(*LOAN_FEATURES.column_names, LOAN_FEATURES.division)
    )
