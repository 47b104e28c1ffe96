"""RAW text to typed BRONZE columns. A cell that cannot be read names its reason; nothing is dropped in silence."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.contract import Column as ContractColumn
from features.contract import Contract
from features.values import BLANKS, LARGEST_AMOUNT, LAST_INSTANT
from glue.tables import stored_name

LARGEST_COUNT = 2**31 - 1
ORIGIN = ("source_file", "row_number")


@dataclass(frozen=True)
class Split:
    """Rows that go on, and rows that go to quarantine with `reasons`."""

    good: DataFrame
    bad: DataFrame


def typed(raw: DataFrame, contract: Contract) -> Split:
    """`raw` has text columns and ORIGIN. Good rows have the contract's types; bad rows keep their text.

    An optional cell that cannot be read is a reason too: a wrong value is not an absent one.
    """
    for column in contract.columns:
        if column.name not in raw.columns:
            raw = raw.withColumn(column.name, F.lit(None).cast("string"))
    known = {c.name for c in contract.columns} | set(ORIGIN)
    extra = [name for name in raw.columns if name not in known]
    trimmed = [
        F.nullif(F.btrim(F.col(f"`{c.name}`"), F.lit(BLANKS)), F.lit("")).alias(c.name) for c in contract.columns
    ]
    attributes = attributes_of(extra).alias("attributes")
    rows = raw.select(*trimmed, attributes, *ORIGIN)
    judged = rows.select(
        "*",
        *(read(c).alias(f"_{c.name}") for c in contract.columns),
    ).withColumn("reasons", F.array_compact(F.array(*(reason(c) for c in contract.columns))))
    good = judged.where(F.size("reasons") == 0).select(
        *(F.col(f"_{c.name}").alias(stored_name(c.name, c.type)) for c in contract.columns),
        "attributes",
        *ORIGIN,
    )
    bad = judged.where(F.size("reasons") > 0).select(
        *(c.name for c in contract.columns), "attributes", *ORIGIN, "reasons"
    )
    return Split(good, bad)


def attributes_of(names: list[str]) -> Column:
    if not names:
        return F.create_map().cast("map<string,string>")
    pairs = [item for name in sorted(names) for item in (F.lit(name), F.col(f"`{name}`"))]
    return F.map_filter(F.create_map(*pairs), lambda _, value: value.isNotNull() & (value != ""))


def read(column: ContractColumn) -> Column:
    """The cell in its stored type, null where it cannot be read."""
    text = F.col(column.name)
    if column.type == "instant":
        # A whole date comes first: Spark alone would take `12:30` for today and `2018` for a new year.
        at = F.when(text.rlike(r"^\d{4}-\d{2}-\d{2}"), text.cast("timestamp"))
        return F.when(F.unix_millis(at).between(0, LAST_INSTANT), at)
    if column.type == "money":
        # Exact decimals, half to even: the doors read money the same way.
        value = text.cast("decimal(28,10)")
        return F.when((value >= 0) & (value <= int(LARGEST_AMOUNT)), F.bround(value * 100, 0).cast("bigint"))
    if column.type == "flag":
        value = text.cast("double")
        return F.when(value.isin(0.0, 1.0), value.cast("int"))
    if column.type == "count":
        value = text.cast("double")
        return F.when((value <= LARGEST_COUNT) & (value >= 0) & (value == F.floor(value)), value.cast("int"))
    return text


def reason(column: ContractColumn) -> Column:
    """The reason code of a cell, null when the cell is fine."""
    text, value = F.col(column.name), F.col(f"_{column.name}")
    missing = F.when(text.isNull(), F.lit(f"missing_{column.name}")) if column.required else F.lit(None)
    unreadable = F.when(text.isNotNull() & value.isNull(), F.lit(f"unreadable_{column.name}"))
    return F.coalesce(missing, unreadable)
