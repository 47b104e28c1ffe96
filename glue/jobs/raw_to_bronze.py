"""Glue job: RAW files of one batch -> typed BRONZE, unreadable rows to quarantine with their reasons.

A file that cannot be taken in stops its own entity alone: payments wait for no lender's file.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from functools import reduce

from pyspark.sql import DataFrame, Observation, SparkSession

from features.contract import CONTRACTS, TRANSACTIONS, Contract
from features.declared import FILE, KEPT, Declared, WrongDeclaration
from glue.arguments import parse
from glue.doors import PAYMENTS, gather
from glue.lake import SIDE_BY_SIDE, Lake, schema, session
from glue.quarantine import NOTHING, add_up, quarantine, set_aside
from glue.raw import ContractBroken, read_raw, unreadable
from glue.tables import BRONZE
from glue.transforms.cells import counts, judged, split_by_reasons
from raw.declaration import Declaration
from raw.names import HIDDEN

DECLARED_AT = f"raw/{FILE}"
GATHER = "gather"  # what the night says of `--doors`: whoever runs a batch by hand wants no more than the batch
NOTHING_HELD = {"files": 0, "rows": 0, "written": 0, "quarantined": asdict(NOTHING)}


def main(argv: list[str]) -> None:
    args = parse(argv, "batch", optional=("doors",))
    spark = session()
    if args.doors == GATHER:
        found = gather(spark, args.lake, args.batch, datetime.now(UTC))
        print(f"the doors met {found['payments']} payments, in {found['files']} files of batch {args.batch}")
    run(spark, args.lake, args.batch)


def run(spark: SparkSession, lake: Lake, batch: str) -> None:
    """Takes in every entity that it can; of one that it cannot, the report says why (`refused`), and BRONZE keeps what
    it had. Raises ContractBroken when no entity of the batch can be taken in, and NotAllRows."""
    known = lake.get_json(f"quality/raw_to_bronze/{batch}.json") or {}
    declaration = declared_in(lake)

    def taken_in(contract: Contract) -> dict | None:
        entity = contract.entity
        try:
            return take_in(spark, lake, batch, contract, declaration, entity in known)
        except (ContractBroken, WrongDeclaration) as broken:
            print(f"{entity}: batch {batch} is refused: {broken}")
            return {**NOTHING_HELD, **known.get(entity, {}), "refused": str(broken)}

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        reports = pool.map(taken_in, CONTRACTS.values())
        report = {contract.entity: found for contract, found in zip(CONTRACTS.values(), reports, strict=True) if found}
    lake.put_json(f"quality/raw_to_bronze/{batch}.json", report)
    refused = [told["refused"] for told in report.values() if "refused" in told]
    if refused and len(refused) == len(report):
        raise ContractBroken(f"nothing of batch {batch} can be taken in. {' | '.join(dict.fromkeys(refused))}")


def declared_in(lake: Lake) -> Declaration:
    """What RAW declares about columns, kept for who trains on them. Raises ContractBroken for what is no YAML: nobody
    knows then what it is about."""
    declaration = Declaration(lake.get(DECLARED_AT))
    try:
        lake.put_json(KEPT, declaration.document())  # always: an input of the job that trains must exist
    except WrongDeclaration as wrong:
        raise ContractBroken(f"nothing can be taken in: {lake.path(DECLARED_AT)}: {wrong}") from None
    return declaration


def take_in(
    spark: SparkSession, lake: Lake, batch: str, contract: Contract, declaration: Declaration, known: bool = False
) -> dict | None:
    """One entity's files of the batch; what became of their rows, none when there is no file and was none before.

    `known` says that an earlier run of the batch had the entity: when its files are gone, its rows go too. Raises
    ContractBroken and WrongDeclaration.
    """
    entity = contract.entity
    files, hidden = files_of(lake, f"raw/{entity}", batch)
    met, _ = files_of(lake, PAYMENTS, batch) if contract is TRANSACTIONS else ({}, [])
    if hidden:
        print(f"{entity}: batch {batch} has objects that are no data, not read: {', '.join(hidden)}")
    if not files and not met:
        left = lake.keys(f"{BRONZE[entity].prefix}/batch={batch}/") + lake.keys(set_aside(entity, batch, "bronze"))
        if known or left:
            return {**gone(spark, lake, batch, entity), "not_read": hidden}
        print(f"{entity}: batch {batch} has no file, skipped")
        return None
    declared: Declared = declaration.of(entity)
    # Doors take plain spellings alone, whatever is declared of files.
    reads = [
        read_raw(
            spark,
            [lake.path(key) for key in found],
            contract,
            {lake.path(key): at for key, at in found.items()},
            {lake.path(key): lake.read_at(key) for key in found},
            declared=told,
        )
        for found, told in ((files, declared), (met, declared.without_spellings()))
        if found
    ]
    read = reduce(DataFrame.unionByName, reads)
    seen = Observation()
    rows = judged(read, contract, declared.no_cards).observe(seen, *counts(contract))
    split = split_by_reasons(rows, contract, declared.no_cards)
    try:
        written = lake.write_as_read(split.good, BRONZE[entity], [batch])
    except Exception as broken:
        if why := unreadable(broken):  # deep in a file, where nobody has looked before
            raise ContractBroken(f"{entity} of batch {batch} cannot be read: {why}") from broken
        raise
    counted = seen.get
    total, bad = counted.pop("rows"), counted.pop("bad")
    missing = {name: count for name, count in counted.items() if count}
    for name, count in missing.items():
        print(f"{entity}: batch {batch} has {count} cells of {name} that cannot be read, they are missing")
    # Few rows are bad: reading files once more for them costs less than holding all rows until both are written.
    refused = quarantine(lake, split.bad if bad else None, entity, batch, stage="bronze")
    add_up(f"{entity} of batch {batch}", total, written, refused)
    report = {"files": len(files) + len(met), "rows": total, "written": written, "quarantined": asdict(refused)}
    return {**report, "unread": missing, "not_read": hidden}


def files_of(lake: Lake, folder: str, batch: str) -> tuple[dict[str, datetime], list[str]]:
    """A folder's files of a batch, by key with their times, and the names of what Spark takes for no data: marks such
    as `_SUCCESS`, checksums and unfinished parts, hidden by `_` or `.`. Nobody may delete them from RAW."""
    place = f"{folder}/batch={batch}/"
    found = lake.objects(place)
    hidden = {key for key in found if any(part.startswith(HIDDEN) for part in key.removeprefix(place).split("/"))}
    return {key: at for key, at in found.items() if key not in hidden}, sorted(k.removeprefix(place) for k in hidden)


def gone(spark: SparkSession, lake: Lake, batch: str, entity: str) -> dict:
    """An entity whose files a batch has no more: nothing of it stays in BRONZE, nor in quarantine."""
    print(f"{entity}: batch {batch} has no file any more, its rows are removed")
    table = BRONZE[entity]
    lake.write(spark.createDataFrame([], schema(table)), table, instead_of=[[batch]])
    lake.delete(lake.keys(set_aside(entity, batch, "bronze")))
    return dict(NOTHING_HELD)


if __name__ == "__main__":
    main(sys.argv)
