"""BRONZE to SILVER: one row per key, one schema, business rules. What does not fit is returned with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.contract import EXCHANGE_RATES, TRANSACTIONS, Contract
from features.currency import Rates
from glue.rules import Rule, row_rules
from glue.tables import PATTERNS, SILVER
from glue.transforms.cells import Split
from glue.transforms.money import in_home_currency

# Columns of SILVER that are computed, by entity, and where SILVER keeps what came.
COMPUTED = {"transactions": {"amount_cents": "original_cents"}}
NO_RATES = Rates()
FUTURE_GRACE = "1 day"  # clocks differ; a payment further ahead than this is an error of the source


def conformed(bronze: DataFrame, contract: Contract, already: DataFrame, rates: Rates = NO_RATES) -> Split:
    """`already` holds the SILVER rows of other batches; payments are put into the home currency by `rates`. First come,
    first kept; a row from the future, or one that breaks a rule of the business, came not at all.

    A repetition with the same content is a `duplicate` within the batch, `already_ingested` where another batch brought
    it; one with other content is a `conflicting_duplicate`. All are returned among the bad rows, so that a batch's rows
    always add up.
    """
    silver = SILVER[contract.entity]
    if contract is TRANSACTIONS:
        bronze = in_home_currency(bronze, rates)
    if contract is EXCHANGE_RATES:  # a rate is of a day, at whatever hour it was taken
        bronze = bronze.withColumn("day", F.date_trunc("day", "day"))
    computed = COMPUTED.get(contract.entity, {})
    content = [c for c in silver.column_names if c not in (*contract.key, "attributes", *computed, *computed.values())]
    # Rows of before have what came in the column itself.
    fingerprint = fingerprint_of(content, [F.coalesce(came, name) for name, came in computed.items()])
    too_early = F.col(contract.dated_by) > F.col("ingested_at") + F.expr(f"INTERVAL {FUTURE_GRACE}")
    wrong = F.array_compact(
        F.array(F.when(too_early, F.lit(f"future_{contract.dated_by}")), *map(broken, row_rules(contract.entity)))
    )
    in_order = Window.partitionBy(*contract.key).orderBy(F.size("_wrong") > 0, "source_file", "row_number")
    earlier = already.select(*contract.key, fingerprint.alias("_known")).dropDuplicates([*contract.key])
    ranked = (
        bronze.withColumn("_content", fingerprint)
        .withColumn("_wrong", wrong)
        .withColumn("_rank", F.row_number().over(in_order))
        .withColumn("_first", F.first("_content").over(in_order))
        .join(earlier, list(contract.key), "left")
    )
    conflict = F.lit("conflicting_duplicate")
    repeated = F.when(
        F.col("_known").isNotNull(),
        F.when(F.col("_content") == F.col("_known"), F.lit("already_ingested")).otherwise(conflict),
    ).when(
        F.col("_rank") > 1,
        F.when(F.col("_content") == F.col("_first"), F.lit("duplicate")).otherwise(conflict),
    )
    judged = ranked.withColumn(
        "reasons", F.array_distinct(F.concat(F.array_compact(F.array(repeated)), "_wrong"))
    ).drop("_rank", "_known", "_content", "_first", "_wrong")
    good = judged.where(F.size("reasons") == 0).select(
        *silver.column_names,
        F.date_format(contract.dated_by, PATTERNS[silver.division]).alias(silver.division),
    )
    return Split(good, judged.where(F.size("reasons") > 0))


def broken(rule: Rule) -> Column:
    """The rule's reason where a row does not meet it; a condition that is null is not met."""
    return F.when(~F.coalesce(F.expr(rule.condition), F.lit(False)), F.lit(rule.reason))


def fingerprint_of(content: Sequence[str], further: Sequence[Column] = ()) -> Column:
    """The same for rows of the same content only. The hash passes over nulls, so each is said beside its column: a
    cell that moves to its neighbour is a difference."""
    columns = [*map(F.col, content), *further]
    cells = [part for column in columns for part in (column, column.isNull())]
    open_ones = F.coalesce("attributes", F.create_map().cast("map<string,string>"))
    return F.xxhash64(*cells, F.sort_array(F.map_entries(open_ones)))
