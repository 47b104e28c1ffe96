"""Whom else the payments of a customer name: cards, beneficiaries and other entities that a user declares.

What nobody else's payments name goes with the customer: its online record and its rows in the offline store, which
know no customer. What others name, too, stays theirs.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from features.entities import FURTHER, IDENTIFIERS, PREFIXES
from features.fraud import FRAUD
from features.payment import identifying
from features.values import BLANKS
from glue.tables import SILVER
from glue.versions import Stored, contents, each

OFFLINE = "feature-store/"
KEYS = tuple(dict.fromkeys(IDENTIFIERS[entity] for entity in FRAUD.nightly if entity in FURTHER))
Named = Mapping[str, frozenset[str]]  # identifiers by the column that identifies records


def alone(
    spark: SparkSession, bucket: str, objects: Sequence[Stored], customer_id: str, before: Named, keys: Iterable[str]
) -> dict[str, frozenset[str]]:
    """By key, what any version of SILVER names in payments of the customer, or was found `before` an interruption, and
    in nobody else's."""
    keys = tuple(keys)
    if not keys:
        return {}
    paid = [stored for stored in objects if stored.key.startswith(f"{SILVER['transactions'].prefix}/")]
    told = each(spark, paid, lambda s3, stored: in_object(s3, bucket, stored, keys, customer_id, True))
    mine = {(key, name) for key, names in before.items() if key in keys for name in names} | set(told)
    others = set(
        each(
            spark,
            paid if mine else [],
            lambda s3, stored: mine & set(in_object(s3, bucket, stored, keys, customer_id, False)),
        )
    )
    return {key: frozenset(name for of, name in mine - others if of == key) for key in keys}


def in_object(
    s3: Any, bucket: str, stored: Stored, keys: Iterable[str], customer_id: str, theirs: bool
) -> list[tuple[str, str]]:
    return [pair for _, _, body in contents(s3, bucket, stored) for pair in named(body, keys, customer_id, theirs)]


def named(body: bytes, keys: Iterable[str], customer_id: str, theirs: bool) -> set[tuple[str, str]]:
    """Pairs of key and identifier in a Parquet file of payments: of the customer's rows (`theirs`), or all others'."""
    table = pq.ParquetFile(io.BytesIO(body)).read()
    same = pc.fill_null(pc.equal(table["customer_id"], customer_id), False)
    rows = table.filter(same if theirs else pc.invert(same))
    found = set()
    for key in keys:
        prefix = PREFIXES.get(key)
        for cell in pc.unique(texts(rows, prefix.column if prefix else key)).to_pylist():
            said = None if cell is None else cell.strip(BLANKS)
            if who := identifying((prefix.cut(said) if prefix and said else said) or None):
                found.add((key, who))
    return found


def texts(rows: pa.Table, column: str) -> pa.ChunkedArray:
    """What payments say in a column of the contract, or in one that a bank brings besides."""
    if column in rows.column_names:
        return rows[column]
    if "attributes" in rows.column_names:
        return pc.map_lookup(rows["attributes"], pa.scalar(column), "first")
    return pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])
