"""The lake's history folded into online records, by the very engine that the doors use."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.state import Event, Layout, State

RECORD = "entity string, clock bigint, state string"


def folded(events: DataFrame, layout: Layout) -> DataFrame:
    """Rows of `entity, at, kind, count, second, identifier` -> one record per entity: `entity, clock, state`.

    `second` is the kind's second measure: cents of a payment, fraud flag of a label. Python, because the record must
    be what the incremental engine would have written; one pass over a bounded stretch of history.
    """

    def fold(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        states: dict[str, State] = {}
        for frame in frames:
            for entity, at, kind, count, second, identifier in frame.itertuples(index=False, name=None):
                state = states.setdefault(entity, State(layout))
                state.apply(Event(at, kind, (count, second), identifier or ""))
        rows = [(entity, state.clock, state.dump()) for entity, state in states.items()]
        yield pd.DataFrame(rows, columns=["entity", "clock", "state"])

    # Every event of an entity reaches one worker, in the order in which it happened.
    ordered = (
        events.select("entity", "at", "kind", "count", "second", "identifier")
        .repartition("entity")
        .sortWithinPartitions("entity", "at", "identifier")
    )
    return ordered.mapInPandas(fold, RECORD)  # type: ignore[arg-type]


def customer_events(transactions: DataFrame) -> DataFrame:
    """SILVER transactions as events of the customer who paid."""
    return payment_events(transactions, "customer_id")


def merchant_events(transactions: DataFrame, merchant_labels: DataFrame) -> DataFrame:
    """SILVER transactions and located labels as events of the merchant."""
    labels = merchant_labels.select(
        F.col("merchant_id").alias("entity"),
        "at",
        F.lit("label").alias("kind"),
        "count",
        F.col("fraud").alias("second"),
        F.lit("").alias("identifier"),
    )
    return payment_events(transactions, "merchant_id").withColumn("identifier", F.lit("")).unionByName(labels)


def payment_events(transactions: DataFrame, key: str) -> DataFrame:
    return transactions.select(
        F.col(key).alias("entity"),
        F.unix_millis("event_time").alias("at"),
        F.lit("payment").alias("kind"),
        F.lit(1).cast("bigint").alias("count"),
        F.col("amount_cents").alias("second"),
        F.col("transaction_id").alias("identifier"),
    )
