"""Payments in the home currency: the lake's side of `features.currency`."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.currency import UNIT, Rates

CENTS, RATE = "decimal(19,0)", "decimal(18,9)"  # their product is exact


def in_home_currency(payments: DataFrame, rates: Rates) -> DataFrame:
    """BRONZE payments with `currency` as ISO 4217 spells it, `original_cents` as they came, and `amount_cents` in the
    home currency: null where no rate applies."""
    rows = payments.withColumn("original_cents", F.col("amount_cents")).withColumn("currency", spelt())
    if rates.home is None:
        return rows
    at_home = F.col("currency").isNull() | (F.col("currency") == rates.home)
    if not rates.rates:
        return rows.withColumn("amount_cents", F.when(at_home, F.col("amount_cents")))
    on = F.date_format("event_time", "yyyy-MM-dd")
    foreign = rows.where(~at_home).select("currency", on.alias("_on")).distinct().collect()
    known = [(c, day, found) for c, day in foreign if (found := rates.billionths(c, day)) is not None]
    applied = payments.sparkSession.createDataFrame(known, "currency string, _on string, _billionths bigint")
    joined = rows.withColumn("_on", on).join(F.broadcast(applied), ["currency", "_on"], "left")
    rate = (F.col("_billionths").cast("decimal(18,0)") / F.lit(UNIT)).cast(RATE)
    converted = F.bround(F.col("amount_cents").cast(CENTS) * rate, 0).cast("bigint")
    amount = F.when(at_home, F.col("amount_cents")).otherwise(converted)
    return joined.withColumn("amount_cents", amount).select(*rows.columns)


def most_used(payments: DataFrame) -> str | None:
    """The currency of the most of these payments, of several the first by name; none where they name none."""
    counted = payments.select(spelt().alias("currency")).where("currency is not null").groupBy("currency").count()
    first = counted.orderBy(F.desc("count"), "currency").first()
    return None if first is None else first["currency"]


def spelt() -> Column:
    """As `features.currency.spelt` says."""
    return F.nullif(F.upper(F.btrim("currency")), F.lit(""))
