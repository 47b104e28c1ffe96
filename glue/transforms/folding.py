"""The lake's history folded into online records, by the very engine that the doors use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isnan
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.declaration import MEASURES, EntityName, Kind
from features.fraud import FRAUD
from features.places import LATITUDE, LONGITUDE
from features.state import AUTHORISED, NEVER, Event, State
from features.vector import LAYOUTS
from glue.transforms.gathering import gathered
from glue.transforms.windows import APART, FIRST, PLACE, cell

PARTITIONS = 8  # fixed, so that a slice holds the same records when the job is run again
FLAGS = tuple(flag.name for flag in FRAUD.carried)
CELLS = tuple(of for of in FRAUD.cells() if of != "merchant_id")
FIRSTS = (FIRST,) if FRAUD.since_first else ()
PLACES = PLACE if FRAUD.travels else ()
KINDS = FRAUD.apart


def folded_customers(paid: DataFrame) -> DataFrame:
    """What `events.payments` gives, with `decided` -> one record per customer, see `folded`.

    The record says of a payment that is not `decided` that it awaits its decision.
    """
    columns = ["customer_id", "counted_at", "amount", "merchant_id", "transaction_id", "decided"]
    columns += [*(cell(of) for of in CELLS), *(APART[kind] for kind in KINDS), *PLACES, *FIRSTS]

    def pay(state: State, row: Any) -> None:
        _, at, amount, merchant, identifier, decided, *said = row
        if FIRSTS and state.first == NEVER and not isnan(said[-1]):
            state.first = int(said[-1])
        cells = told(CELLS, said[: len(CELLS)])
        kinds = {kind for kind, is_one in zip(KINDS, said[len(CELLS) :], strict=False) if is_one}
        if "decline" in kinds:
            cells[AUTHORISED] = 0
        if PLACES and not isnan(said[-1 - len(FIRSTS)]):
            end = len(said) - len(FIRSTS)
            cells[LATITUDE], cells[LONGITUDE] = map(int, said[end - 2 : end])
        state.pay(at, amount, merchant, identifier, cells, "block" in kinds)
        if not decided:
            state.await_decision(identifier)

    return folded(paid.select(columns), "customer", pay)


def told(names: Sequence[str], cells: Sequence[float]) -> dict[str, int]:
    """Cells of one row as pandas has them: what is null is no number."""
    return {of: int(found) for of, found in zip(names, cells, strict=True) if not isnan(found)}


def folded_events(happened: dict[Kind, DataFrame], entity: EntityName, key: str) -> DataFrame:
    """Events of an entity whose windows are closed, by kind -> one record per `key`, see `folded`."""
    frames = [
        rows.select(
            F.col(key).alias("entity"),
            "counted_at",
            F.lit(kind).alias("kind"),
            *(F.col(measure).alias(f"value_{i}") for i, measure in enumerate(MEASURES[kind])),
            F.concat_ws(",", *(F.when(F.col(f) == 1, F.lit(f)) for f in FLAGS if f in rows.columns)).alias("flags"),
            *(
                (F.col(cell(of)) if kind == "payment" else F.lit(None).cast("bigint")).alias(cell(of))
                for of in FRAUD.cells(entity)
            ),
        )
        for kind, rows in happened.items()
        if kind != "attempt"  # payments and what is apart from them are those
    ]
    together = frames[0]
    for frame in frames[1:]:
        together = together.unionByName(frame)

    def apply(state: State, row: Any) -> None:
        _, at, kind, first, second, flags, *said = row
        carried = frozenset(flags.split(",")) if flags else frozenset()
        state.apply(Event(at, kind, (first, second), carried, told(FRAUD.cells(entity), said)))

    return folded(together, entity, apply)


def folded(rows: DataFrame, entity: EntityName, take: Callable[[State, Any], None]) -> DataFrame:
    """Folds rows, entity first and `counted_at` second, in the order in which they count.

    Returns `entity, clock, state`, and what the record says of the entity right after its newest event, a column for
    each window and distinct count. Python, because the record must be what the incremental engine would have written;
    one pass over a bounded stretch of history.
    """
    layout = LAYOUTS[entity]
    names = layout.names

    def record(who: str, state: State) -> tuple:
        values = state.values(state.clock + 1)
        return (who, state.clock, state.dump(), *(values[name] for name in names))

    def fold(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        who, state = None, State(layout)
        done: list[tuple] = []
        for frame in frames:
            for row in frame.itertuples(index=False, name=None):
                if row[0] != who:
                    if who is not None:
                        done.append(record(who, state))
                    who, state = row[0], State(layout)
                take(state, row)
            yield records(done, names)
            done = []
        if who is not None:
            yield records([record(who, state)], names)

    # Ties are put in an order so that a rerun gives the same.
    ordered = gathered(rows, *rows.columns, partitions=PARTITIONS)
    columns = ", ".join(f"{name} bigint" for name in names)
    return ordered.mapInPandas(fold, f"entity string, clock bigint, state string, {columns}")  # type: ignore[arg-type]


def records(done: list[tuple], names: tuple[str, ...]) -> pd.DataFrame:
    """Whole numbers stay whole beside what is unknown."""
    frame = pd.DataFrame(done, columns=["entity", "clock", "state", *names])
    return frame.astype(dict.fromkeys(names, "Int64"))
