"""Glue job: one batch of BRONZE -> clean, deduplicated SILVER behind the quality gate.

An entity of the batch is written whole or not at all: when it does not pass, SILVER keeps what it had of it, and the
other entities go on.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from features.contract import CONTRACTS, EXCHANGE_RATES, FRAUD_LABELS, TRANSACTIONS, Contract
from features.currency import PUBLISHED, Rates, WrongRates
from features.declared import KEPT, TERMS, UNDECLARED, Declared, WrongDeclaration, declared_of
from glue.arguments import parse
from glue.lake import SIDE_BY_SIDE, Lake, session
from glue.metrics import Metrics
from glue.quality import Gate, GateFailed, Verdict, judged
from glue.quarantine import NOTHING, Quarantined, add_up, quarantine
from glue.rules import SILVER_SUITES
from glue.tables import BRONZE, SILVER
from glue.transforms.conform import conformed
from glue.transforms.money import most_used

NOTHING_HELD = {"rows": 0, "written": 0, "quarantined": asdict(NOTHING), "divisions": [], "emptied": []}


def main(argv: list[str]) -> None:
    args = parse(argv, "batch", "namespace")
    run(session(), args.lake, args.batch, Metrics(args.namespace))


@dataclass(frozen=True)
class Prepared:
    """One entity's rows of a batch before they are written: the good ones, what became of the others, the verdict."""

    good: DataFrame
    rows: int
    written: int
    refused: Quarantined
    verdict: Verdict
    told: Mapping[str, int]  # what else its report says


def run(spark: SparkSession, lake: Lake, batch: str, metrics: Metrics, today: str | None = None) -> None:
    """Writes every entity that passes; of one that does not, or that raw_to_bronze has refused, the report says why
    (`refused`). Exchange rates come first: what passes of them is published, and payments are counted with it.

    Raises GateFailed when none passes, NotTakenIn when BRONZE does not hold the batch, and NotAllRows.
    """
    taken_in = lake.get_json(f"quality/raw_to_bronze/{batch}.json")
    if taken_in is None:
        raise NotTakenIn(f"batch {batch} is not in BRONZE: run raw_to_bronze --batch {batch} first")
    gate = Gate()
    refused = {entity: told["refused"] for entity, told in taken_in.items() if "refused" in told}
    contracts = [contract for contract in CONTRACTS.values() if contract.entity in taken_in.keys() - refused]
    before = lake.get_json(f"quality/bronze_to_silver/{batch}.json") or {}

    declared = lake.get_json(KEPT) or {}
    before_us = Rates.parse(lake.get_json(PUBLISHED))
    known = before_us.with_home(told_of(EXCHANGE_RATES, declared).home)
    found = {}

    def prepare(contract: Contract, rates: Rates = known) -> Prepared:
        return prepared(spark, lake, batch, contract, gate, taken_in[contract.entity], rates)

    if EXCHANGE_RATES in contracts:
        contracts.remove(EXCHANGE_RATES)
        found[EXCHANGE_RATES.entity] = told = prepare(EXCHANGE_RATES)
        try:
            known = known.published(told_in(told), today or str(datetime.now(UTC).date()))
        except WrongRates as wrong:
            refused[EXCHANGE_RATES.entity] = str(wrong)
            del found[EXCHANGE_RATES.entity]
    if TRANSACTIONS in contracts and known.home is None:
        known = known.with_home(most_used(lake.read_any(spark, BRONZE[TRANSACTIONS.entity], [batch])))
    if known != before_us:
        lake.put_json(PUBLISHED, known.document())
    of_payments = told_of(TRANSACTIONS, declared)
    for_doors = {"no_cards": sorted(of_payments.no_cards), "coarse_times": of_payments.coarse_times}
    lake.put_json(TERMS, {"money": known.current().document(), **for_doors})
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        others = pool.map(partial(prepare, rates=known), contracts)
        found |= {c.entity: p for c, p in zip(contracts, others, strict=True)}
        refused = judged(lake, metrics, batch, {entity: p.verdict for entity, p in found.items()}, refused)
        passed = [entity for entity in found if entity not in refused]
        reports = pool.map(lambda entity: write(lake, batch, entity, found[entity], before.get(entity, {})), passed)
        report = dict(zip(passed, reports, strict=True))
    kept = {entity: {**NOTHING_HELD, **before.get(entity, {}), "refused": why} for entity, why in refused.items()}
    lake.put_json(f"quality/bronze_to_silver/{batch}.json", {**report, **kept})
    if refused and not passed:
        raise GateFailed(batch, refused)


def told_in(rates: Prepared) -> list[tuple[str, str, int]]:
    """Currency, day and billionths of the rates that may be published: none where they do not pass."""
    if not rates.verdict.passed:
        return []
    day = F.date_format("day", "yyyy-MM-dd")
    return [tuple(row) for row in rates.good.select("currency", day, "rate_billionths").collect()]


def told_of(contract: Contract, declared: Mapping) -> Declared:
    """What `columns.yaml` says of an entity; nothing where it is wrong, which raw_to_bronze has told."""
    try:
        return declared_of(contract.entity, declared.get(contract.entity, {}))
    except WrongDeclaration:
        return UNDECLARED


class NotTakenIn(ValueError):
    """The batch is not in BRONZE, or not as raw_to_bronze left it."""


def prepared(
    spark: SparkSession, lake: Lake, batch: str, contract: Contract, gate: Gate, taken_in: dict, rates: Rates
) -> Prepared:
    """Quarantine is written whatever the verdict: it tells why. `taken_in` is what raw_to_bronze said of the entity."""
    entity = contract.entity
    unreadable = taken_in["quarantined"]["rows"]
    bronze = lake.read_any(spark, BRONZE[entity], [batch]).cache()
    split = conformed(bronze, contract, met_before(spark, lake, batch, contract, bronze), rates)
    good = split.good.withColumn("batch", F.lit(batch)).cache()
    total, written = bronze.count(), good.count()
    if total != taken_in["written"]:
        raise NotTakenIn(
            f"BRONZE holds {total} rows of {entity} in batch {batch}, raw_to_bronze has written {taken_in['written']}: "
            f"run raw_to_bronze --batch {batch} again"
        )
    refused = quarantine(lake, split.bad, entity, batch, stage="silver")
    bronze.unpersist()
    add_up(f"{entity} of batch {batch}", total, written, refused)
    doubted = unreadable + refused.rows - refused.repeated
    # What came twice counts on neither side: many repetitions must not hide that half of the new rows are bad.
    verdict = gate.judge(good, SILVER_SUITES[entity], doubted, total + unreadable - refused.repeated)
    told = {}
    if contract is FRAUD_LABELS:
        others = lake.read_any(spark, SILVER[entity], replacing=batch).where(F.col("batch") != batch)
        told = judgements(good, others)
    return Prepared(good, total, written, refused, verdict, told)


def judgements(labels: DataFrame, others: DataFrame) -> dict[str, int]:
    """Of a batch's labels: how many tell again what was told of the payment before, by the batch or by `others`, which
    are SILVER's; and of how many payments the last judgement of all is another than the last of `others`. A payment
    that only the batch judges is none of these: nobody has known another verdict."""
    held = [*FRAUD_LABELS.key, "is_fraud"]
    theirs = others.select(*held).join(labels.select("transaction_id").distinct(), "transaction_id", "left_semi")
    both = labels.select(*held, F.lit(True).alias("_own")).unionByName(theirs.withColumn("_own", F.lit(False)))
    same = Window.partitionBy("transaction_id", "is_fraud").orderBy("reported_at")
    again = both.withColumn("_turn", F.row_number().over(same))
    theirs_at = F.when(~F.col("_own"), F.col("reported_at"))
    by_payment = again.groupBy("transaction_id").agg(
        F.count_if(F.col("_own") & (F.col("_turn") > 1)).alias("again"),
        (F.max_by("is_fraud", theirs_at) != F.max_by("is_fraud", "reported_at")).cast("int").alias("revised"),
    )
    (row,) = by_payment.agg(F.sum("again"), F.sum("revised")).collect()
    return {"told_again": row[0] or 0, "revised": row[1] or 0}


def met_before(spark: SparkSession, lake: Lake, batch: str, contract: Contract, bronze: DataFrame) -> DataFrame:
    """SILVER rows of other batches, of every division in which one has a key of this batch.

    Whatever order batches are run in, a key stays with the batch that brought it first: rows of this one are no reason
    against themselves when it is run again. Keys are looked for in all of SILVER, since a repetition may give another
    time. Whole rows are read where there is one only: on most nights, nowhere.
    """
    silver, key = SILVER[contract.entity], list(contract.key)
    others = lake.read_any(spark, silver, replacing=batch).where(F.col("batch") != batch)
    met = others.select(silver.division, *key).join(bronze.select(*key), key, "left_semi")
    divisions = [row[0] for row in met.select(silver.division).distinct().collect()]
    return lake.read_any(spark, silver, divisions, replacing=batch).where(F.col("batch") != batch)


def write(lake: Lake, batch: str, entity: str, found: Prepared, earlier: dict) -> dict:
    """Every partition that the batch had before and has no more disappears, and is named as `emptied`.

    `earlier` is what the run before reported of the entity.
    """
    before = [values for values in lake.partitions(SILVER[entity]) if values[1] == batch]
    partitions = lake.write(found.good, SILVER[entity], instead_of=before)
    found.good.unpersist()
    divisions = sorted({division for division, _ in partitions})
    touched = {*earlier.get("divisions", ()), *earlier.get("emptied", ()), *(division for division, _ in before)}
    return {
        "rows": found.rows,
        "written": found.written,
        "quarantined": asdict(found.refused),
        "divisions": divisions,
        "emptied": sorted(touched - set(divisions)),
        **found.told,
    }


if __name__ == "__main__":
    main(sys.argv)
