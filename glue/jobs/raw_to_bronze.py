"""Glue job: RAW files of one batch -> typed BRONZE, unreadable rows to quarantine with their reasons."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from features.contract import CONTRACTS, Contract
from glue.arguments import parse
from glue.lake import SIDE_BY_SIDE, Lake, session
from glue.quarantine import quarantine
from glue.raw import ContractBroken, first_line, read_raw
from glue.tables import BRONZE
from glue.transforms.cells import judged, split_by_reasons


def main(argv: list[str]) -> None:
    args = parse(argv, "batch")
    run(session(), args.lake, args.batch)


def run(spark: SparkSession, lake: Lake, batch: str) -> None:
    """Raises ContractBroken for a file that cannot be taken in at all."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        reports = pool.map(lambda contract: take_in(spark, lake, batch, contract), CONTRACTS.values())
        report = {contract.entity: found for contract, found in zip(CONTRACTS.values(), reports, strict=True) if found}
    lake.put_json(f"quality/raw_to_bronze/{batch}.json", report)


def take_in(spark: SparkSession, lake: Lake, batch: str, contract: Contract) -> dict | None:
    """One entity's files of the batch; what became of their rows, none when there is no file."""
    entity = contract.entity
    files = lake.objects(f"raw/{entity}/batch={batch}/")
    if not files:
        print(f"{entity}: batch {batch} has no file, skipped")
        return None
    put_at = {lake.path(key): at for key, at in files.items()}
    rows = judged(read_raw(spark, list(put_at), contract, put_at, lake.opened), contract).cache()
    try:
        total = rows.count()
    except Exception as broken:  # a page deep in a file
        raise ContractBroken(f"{entity} of batch {batch} cannot be read: {first_line(broken)}") from broken
    split = split_by_reasons(rows, contract)
    lake.write(split.good.withColumn("batch", F.lit(batch)), BRONZE[entity], instead_of=[[batch]])
    refused = quarantine(lake, split.bad, entity, batch, stage="bronze")
    rows.unpersist()
    return {"files": len(files), "rows": total, "written": total - refused.rows, "quarantined": asdict(refused)}


if __name__ == "__main__":
    main(sys.argv)
