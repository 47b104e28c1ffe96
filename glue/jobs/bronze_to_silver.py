"""Glue job: one batch of BRONZE -> clean, deduplicated SILVER behind the quality gate."""

from __future__ import annotations

import sys
from dataclasses import asdict

from pyspark.sql import functions as F

from features.contract import CONTRACTS
from glue.arguments import parse
from glue.lake import session
from glue.quality import Gate
from glue.quarantine import quarantine
from glue.tables import BRONZE, SILVER
from glue.transforms.conform import conformed


def main(argv: list[str]) -> None:
    args = parse(argv, "batch")
    spark, lake = session(), args.lake
    gate, report = Gate(spark), {}
    for entity, contract in CONTRACTS.items():
        bronze = lake.read(spark, BRONZE[entity], [args.batch])
        if bronze is None:
            print(f"{entity}: batch {args.batch} has no BRONZE rows, skipped")
            continue
        bronze = bronze.cache()
        earlier = lake.read(spark, SILVER[entity])
        if earlier is None:
            earlier = spark.createDataFrame([], ", ".join(f"{key} string" for key in ("batch", *contract.key)))
        split = conformed(bronze, contract, earlier.where(F.col("batch") < args.batch))
        good = split.good.withColumn("batch", F.lit(args.batch)).cache()
        total, written = bronze.count(), good.count()
        verdict = gate.judge(good, contract, quarantined=total - written, total=total)
        lake.put_json(f"quality/gate/{entity}/{args.batch}.json", verdict.document)
        verdict.require()  # raises before anything is written: yesterday's SILVER stays
        lake.write(good, SILVER[entity])
        refused = quarantine(lake, split.bad, entity, args.batch, stage="silver")
        report[entity] = {"rows": total, "written": written, "quarantined": asdict(refused)}
        good.unpersist()
        bronze.unpersist()
    lake.put_json(f"quality/bronze_to_silver/{args.batch}.json", report)


if __name__ == "__main__":
    main(sys.argv)
