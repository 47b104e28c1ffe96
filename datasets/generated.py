"""The generated population as RAW files, with the flaws that real files have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.population import TRUTH, Population, Settings
from datasets.progress import Told, untold

FLAWED = 0.0005  # share of payments that come twice, or broken


def write(settings: Settings, target: Path, told: Told = untold) -> dict[str, int]:
    """Writes the files of the contract slice by slice: four, two more of a lender, `exchange_rates` with fraud kinds.

    The last leave `truth.csv` beside them (transaction_id, kind, episode), which nothing reads: an episode's payments
    share its number. Returns rows per file.
    """
    population = Population(settings)
    target.mkdir(parents=True, exist_ok=True)
    rows = {"transactions": 0, "fraud_labels": 0}
    kinds, truth = TRUTH if settings.fraud_kinds else [], []
    drawn = 0
    writers: dict[str, pq.ParquetWriter] = {}
    try:
        for index, payments in enumerate(population.payments()):
            slices = {
                "transactions": flawed(payments.drop(columns=["is_fraud", *kinds]), settings.seed, index),
                "fraud_labels": population.labels(payments, index),
            }
            if kinds:
                truth.append(payments.loc[payments["kind"] != "", ["transaction_id", *kinds]])
            for name, frame in slices.items():
                table = pa.Table.from_pandas(frame, preserve_index=False)
                if name not in writers:
                    writers[name] = pq.ParquetWriter(target / f"{name}.parquet", table.schema, compression="zstd")
                writers[name].write_table(table)
                rows[name] += len(frame)
            drawn += len(payments)
            told(min(drawn, settings.payments), settings.payments)
    finally:
        for writer in writers.values():
            writer.close()
    applications, outcomes = population.loans()
    tables: dict[str, Sequence[pd.DataFrame]] = {"loan_applications": [applications], "loan_outcomes": [outcomes]}
    if settings.lender:
        decisions, performance, outcomes_ = zip(*population.lending(), strict=True)
        tables |= {"loan_decisions": decisions, "loan_performance": performance, "loan_outcomes": outcomes_}
    if kinds:
        tables |= {"exchange_rates": [population.exchange.table()], "truth": truth}
    for name, frames in tables.items():
        frame = pd.concat(frames)
        frame.to_csv(target / f"{name}.csv", index=False, lineterminator="\n")
        rows[name] = len(frame)
    return rows


def flawed(payments: pd.DataFrame, seed: int, index: int) -> pd.DataFrame:
    """Some rows twice, some with an amount or a time that cannot be read; amounts become text as in any export."""
    rng = np.random.default_rng([seed, 4, index])
    rows = payments.assign(amount=payments["amount"].map("{:.2f}".format))
    again = rows[rng.random(len(rows)) < FLAWED]
    broken = rows[rng.random(len(rows)) < FLAWED].copy()
    broken["transaction_id"] = broken["transaction_id"] + "X"
    kind = rng.integers(0, 3, len(broken))
    broken["amount"] = np.select([kind == 0, kind == 1], ["n/a", "-12.00"], broken["amount"])
    broken["merchant_id"] = np.where(kind == 2, "", broken["merchant_id"])
    return pd.concat([rows, again, broken]).sort_values("event_time", kind="stable", ignore_index=True)
