"""Glue job: RAW files of one batch -> typed BRONZE, unreadable rows to quarantine with their reasons."""

from __future__ import annotations

import sys
from dataclasses import asdict

from pyspark.sql import functions as F

from features.contract import CONTRACTS
from glue.arguments import parse
from glue.lake import session
from glue.quarantine import quarantine
from glue.raw import read_raw
from glue.tables import BRONZE
from glue.transforms.cells import typed


def main(argv: list[str]) -> None:
    args = parse(argv, "batch")
    spark, lake = session(), args.lake
    report = {}
    for entity, contract in CONTRACTS.items():
        uris = [lake.path(key) for key in lake.keys(f"raw/{entity}/batch={args.batch}/")]
        if not uris:
            print(f"{entity}: batch {args.batch} has no file, skipped")
            continue
        rows = read_raw(spark, uris, contract).cache()
        split = typed(rows, contract)
        good = split.good.withColumn("ingested_at", F.current_timestamp()).withColumn("batch", F.lit(args.batch))
        lake.write(good, BRONZE[entity])
        refused = quarantine(lake, split.bad, entity, args.batch, stage="bronze")
        total = rows.count()
        report[entity] = {
            "files": len(uris),
            "rows": total,
            "written": total - refused.rows,
            "quarantined": asdict(refused),
        }
        rows.unpersist()
    lake.put_json(f"quality/raw_to_bronze/{args.batch}.json", report)


if __name__ == "__main__":
    main(sys.argv)
