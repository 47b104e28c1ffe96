"""Small DataFrames of RAW, SILVER and vectors."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zlib import crc32

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from bench.folder_lake import FolderLake
from features.contract import CONTRACTS, Contract
from features.fraud import FRAUD
from features.places import microdegrees
from features.values import BLANKS, iso
from glue.raw import attributes, present
from glue.tables import LATE, SILVER

NOTHING_BESIDES: Mapping[str, Mapping[str, str]] = {}
STRING = "string"
MONDAY = datetime(2018, 4, 2, tzinfo=UTC)
TAKEN_IN = datetime(2018, 4, 3, tzinfo=UTC)
START = int(MONDAY.timestamp() * 1000)
TRANSACTIONS = CONTRACTS["transactions"]


def stamp(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def raw(spark: SparkSession, contract: Contract, *rows: dict) -> DataFrame:
    """RAW text cells as `read_raw` gives them; what the contract does not name is an attribute."""
    names = [column.name for column in contract.columns]
    read = {
        name: pc.ascii_trim(pa.array([row.get(name) for row in rows], pa.string()), BLANKS)
        for name in (*names, *{name: None for row in rows for name in row if name not in names})
    }
    known = [present(read.pop(name)).to_pylist() for name in names]
    further = attributes(list(read), list(read.values()), len(rows)).to_pylist()
    cells = [
        (*(column[n] for column in known), dict(further[n]), "s3://lake/raw/file.csv", n + 1, TAKEN_IN, None, None)
        for n in range(len(rows))
    ]
    schema = ", ".join(f"`{name}` string" for name in names)
    origin = "source_file string, row_number bigint, ingested_at timestamp, fault string, line string"
    return spark.createDataFrame(cells, f"{schema}, attributes map<string,string>, {origin}")


def payment(**changes) -> dict:
    return {
        "transaction_id": "t1",
        "event_time": "2018-04-02T09:30:00Z",
        "customer_id": "c1",
        "merchant_id": "m1",
        "amount": "12.50",
        **changes,
    }


def silver_transactions(
    spark: SparkSession,
    payments: list[tuple[str, str, str, int, int]],
    further: Mapping[str, Mapping[str, str]] = NOTHING_BESIDES,
) -> DataFrame:
    """`payments`: (transaction_id, customer_id, merchant_id, at, cents); `further`: what they say besides, by
    transaction_id and column."""
    types = {c.name: c.type for c in SILVER["transactions"].columns}
    said = {i: dict(stored(types, *cell) for cell in cells.items()) for i, cells in further.items()}
    names = sorted({column for cells in said.values() for column in cells})
    rows = [(*p[:3], stamp(p[3]), p[4], str(stamp(p[3]).date()), *map(said.get(p[0], {}).get, names)) for p in payments]
    return spark.createDataFrame(
        rows,
        "transaction_id string, customer_id string, merchant_id string, event_time timestamp, amount_cents bigint, "
        f"event_date string{''.join(f', {name} {types.get(name) or STRING}' for name in names)}",
    )


def stored(types: Mapping[str, str], column: str, said: str) -> tuple[str, str | int | None]:
    """A cell as SILVER holds it, which a payment says so."""
    if f"{column}_microdegrees" in types:
        return f"{column}_microdegrees", microdegrees(said)
    return column, int(said) if types.get(column) == "int" else said


def silver_labels(spark: SparkSession, labels: list[tuple[str, int, int]]) -> DataFrame:
    """`labels`: (transaction_id, is_fraud, at)."""
    return spark.createDataFrame(
        [(i, f, stamp(at)) for i, f, at in labels], "transaction_id string, is_fraud int, reported_at timestamp"
    )


def silver_loans(spark: SparkSession, loans: list[tuple[str, str, int, int]]) -> DataFrame:
    """`loans`: (loan_id, customer_id, at, cents)."""
    return spark.createDataFrame(
        [(i, c, stamp(at), cents, 12, {"purpose": "car"}, str(stamp(at).date())[:7]) for i, c, at, cents in loans],
        "loan_id string, customer_id string, applied_at timestamp, amount_cents bigint, term_months int, "
        "attributes map<string,string>, event_month string",
    )


def silver_outcomes(spark: SparkSession, outcomes: list[tuple[str, int, int]]) -> DataFrame:
    """`outcomes`: (loan_id, defaulted, at)."""
    return spark.createDataFrame(
        [(i, d, stamp(at)) for i, d, at in outcomes], "loan_id string, defaulted int, observed_at timestamp"
    )


def fill(
    lake: FolderLake,
    payments: Sequence,
    labels: Sequence = (),
    loans: Sequence = (),
    outcomes: Sequence = (),
    late: Sequence = (),
    batch: str = "b1",
    further: Mapping[str, Mapping[str, str]] = NOTHING_BESIDES,
) -> None:
    """SILVER in a folder, as a batch would have left it, and what the doors told of late payments
    (transaction_id, counted_at)."""
    spark = lake.spark
    frames = {
        "transactions": silver_transactions(spark, payments, further) if payments else None,
        "fraud_labels": by_month(silver_labels(spark, labels), "reported_at") if labels else None,
        "loan_applications": silver_loans(spark, loans) if loans else None,
        "loan_outcomes": by_month(silver_outcomes(spark, outcomes), "observed_at") if outcomes else None,
    }
    for entity, rows in frames.items():
        if rows is not None:
            table = SILVER[entity]
            absent = [c for c in (*table.columns, *table.partitions) if c.name not in rows.columns]
            given = {c.name: F.lit(batch if c.name == "batch" else None).cast(c.type) for c in absent}
            lake.lake.write(rows.withColumns(given), table)
    counts = dict(late)
    notes = [(i, at, counts.get(i, at)) for i, _, _, at, _ in payments if i in counts or is_blocked(i)]
    if notes:
        tell_late(lake.root, notes)


def is_blocked(identifier: str) -> bool:
    """Whether the doors have blocked a payment, in tests of sets to which that makes a difference."""
    return "block" in FRAUD.apart and crc32(identifier.encode()) % 6 == 0


def tell_late(root: Path, notes: Sequence[tuple[str, int, int]], put_at: int | None = None) -> None:
    """What a door tells of late payments: (transaction_id, at, counted_at). `put_at`: ms, when S3 took it."""
    blocks = "block" in FRAUD.apart
    told = [(i, iso(at), c, *((int(is_blocked(i)), c) if blocks else ())) for i, at, c in notes]
    names = ("transaction_id", "event_time", "counted_at", "blocked", "decided_at")
    lines = [json.dumps(dict(zip(names, note, strict=False))) for note in told]
    day, name = iso(notes[0][2])[:10], hashlib.sha256("".join(lines).encode()).hexdigest()[:32]
    path = root / f"{LATE.prefix}/late_date={day}/{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))
    if put_at is not None:
        os.utime(path, (put_at / 1000, put_at / 1000))


def by_month(rows: DataFrame, dated: str) -> DataFrame:
    return rows.withColumn("event_month", F.date_format(dated, "yyyy-MM"))
