"""The lake's history folded into online records, by the very engine that the doors use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.declaration import MEASURES, Entity, Kind
from features.fraud import FRAUD
from features.state import Event, State
from features.vector import LAYOUTS

RECORD = "entity string, clock bigint, state string"
FLAGS = tuple(flag.name for flag in FRAUD.flags)


def folded_customers(paid: DataFrame) -> DataFrame:
    """What `events.payments` gives -> one record per customer: `entity, clock, state`."""
    columns = ["customer_id", "counted_at", "amount", "merchant_id", "transaction_id"]

    def pay(state: State, row: Any) -> None:
        _, at, amount, merchant, identifier = row
        state.pay(at, amount, merchant, identifier)

    return folded(paid.select(columns), "customer", pay)


def folded_events(happened: dict[Kind, DataFrame], entity: Entity, key: str) -> DataFrame:
    """Events of merchants or borrowers by kind -> one record per `key`: `entity, clock, state`."""
    frames = [
        rows.select(
            F.col(key).alias("entity"),
            "counted_at",
            F.lit(kind).alias("kind"),
            *(F.col(measure).alias(f"value_{i}") for i, measure in enumerate(MEASURES[kind])),
            F.concat_ws(",", *(F.when(F.col(f) == 1, F.lit(f)) for f in FLAGS if f in rows.columns)).alias("flags"),
        )
        for kind, rows in happened.items()
    ]
    together = frames[0]
    for frame in frames[1:]:
        together = together.unionByName(frame)

    def apply(state: State, row: Any) -> None:
        _, at, kind, first, second, flags = row
        state.apply(Event(at, kind, (first, second), frozenset(flags.split(",")) if flags else frozenset()))

    return folded(together, entity, apply)


def folded(rows: DataFrame, entity: Entity, take: Callable[[State, Any], None]) -> DataFrame:
    """Folds rows, entity first and `counted_at` second, in the order in which they count.

    Python, because the record must be what the incremental engine would have written; one pass over a bounded stretch
    of history.
    """
    layout = LAYOUTS[entity]

    def fold(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        who, state = None, State(layout)
        done: list[tuple[str, int, str]] = []
        for frame in frames:
            for row in frame.itertuples(index=False, name=None):
                if row[0] != who:
                    if who is not None:
                        done.append((who, state.clock, state.dump()))
                    who, state = row[0], State(layout)
                take(state, row)
            yield records(done)
            done = []
        if who is not None:
            yield records([(who, state.clock, state.dump())])

    # Every event of an entity reaches one worker, in order; ties are put in an order so that a rerun gives the same.
    ordered = rows.repartition(rows.columns[0]).sortWithinPartitions(*rows.columns)
    return ordered.mapInPandas(fold, RECORD)  # type: ignore[arg-type]


def records(done: list[tuple[str, int, str]]) -> pd.DataFrame:
    return pd.DataFrame(done, columns=["entity", "clock", "state"])
