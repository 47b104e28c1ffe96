"""Glue job: one batch of BRONZE -> clean, deduplicated SILVER behind the quality gate."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from features.contract import CONTRACTS, Contract
from glue.arguments import parse
from glue.lake import SIDE_BY_SIDE, Lake, session
from glue.quality import REPETITION, Gate
from glue.quarantine import quarantine
from glue.tables import BRONZE, SILVER
from glue.transforms.conform import conformed


def main(argv: list[str]) -> None:
    args = parse(argv, "batch")
    spark = session()
    gate = Gate()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        reports = pool.map(lambda contract: clean(spark, args.lake, args.batch, contract, gate), CONTRACTS.values())
        report = {contract.entity: found for contract, found in zip(CONTRACTS.values(), reports, strict=True) if found}
    args.lake.put_json(f"quality/bronze_to_silver/{args.batch}.json", report)


def clean(spark: SparkSession, lake: Lake, batch: str, contract: Contract, gate: Gate) -> dict | None:
    """One entity's rows of the batch; what became of them, none when there are none."""
    entity = contract.entity
    bronze = lake.read(spark, BRONZE[entity], [batch])
    if bronze is None:
        print(f"{entity}: batch {batch} has no BRONZE rows, skipped")
        return None
    bronze = bronze.cache()
    earlier = lake.read(spark, SILVER[entity])
    if earlier is None:
        earlier = spark.createDataFrame([], ", ".join(f"{key} string" for key in ("batch", *contract.key)))
    split = conformed(bronze, contract, earlier.where(F.col("batch") < batch))
    good = split.good.withColumn("batch", F.lit(batch)).cache()
    total, written = bronze.count(), good.count()
    broken = split.bad.where(F.size(F.array_except("reasons", F.array(*map(F.lit, REPETITION)))) > 0).count()
    verdict = gate.judge(good, contract, quarantined=broken, total=total)
    lake.put_json(f"quality/gate/{entity}/{batch}.json", verdict.document)
    verdict.require()  # raises before anything is written: yesterday's SILVER stays
    partitions = lake.write(good, SILVER[entity])
    refused = quarantine(lake, split.bad, entity, batch, stage="silver")
    good.unpersist()
    bronze.unpersist()
    return {
        "rows": total,
        "written": written,
        "quarantined": asdict(refused),
        "divisions": sorted({values[0] for values in partitions}),
    }


if __name__ == "__main__":
    main(sys.argv)
