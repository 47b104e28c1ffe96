"""Breaks one line after the other in a copy of both engines, and tells how many values then differ between them.

`python broken.py copy`: mutants come as JSON from standard input, a line of JSON for each goes to `copy/found.jsonl`.
Standard output is not for that: the Java machine writes its warnings there.
It runs on its own, because the engines, and Spark's workers, must be those of the copy.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

SEED, SIZE, SHAPE = 6, 1_500, {"customers": 5, "merchants": 60, "days": 120}
OURS = ("bench", "features", "glue", "tests")


def main(root: Path) -> None:
    sys.path.insert(0, str(root))
    mutants = json.load(sys.stdin)
    spark = session()
    log, served = serve()
    lake = engines().lake_vectors(spark, log, served.late)
    told = (root / "found.jsonl").open("w", buffering=1)
    tell(told, wrong(log, lake, served))
    for number, (file, line, broken) in enumerate(mutants):
        path = root / file
        sound = path.read_text()
        if sound.count(line) != 1:
            raise SystemExit(f"{file} holds {line!r} {sound.count(line)} times, expected once: choose another line")
        path.write_text(sound.replace(line, broken))
        forget()
        spark.sparkContext.environment["BROKEN"] = str(number)  # its own workers: others hold the sound line
        try:
            tell(told, found(spark, file, lake, served))
        finally:
            path.write_text(sound)
            forget()
    # Both engines once more: whatever differed did so because of a broken line.
    spark.sparkContext.environment["BROKEN"] = "none"
    log, served = serve()
    tell(told, wrong(log, engines().lake_vectors(spark, log, served.late), served))


def wrong(log, lake, served) -> int:
    """How many values differ while nothing is broken, by either way of comparing."""
    return len(engines().differing(lake, served.vectors)) + len(engines().differing_in_open_windows(log, served))


def tell(told, differing: int | str) -> None:
    told.write(json.dumps(differing) + "\n")


def found(spark, file: str, lake, served) -> int | str:
    """How many values differ, or the kind of error that the broken engine ends with.

    Only the broken engine computes anew: `features/state.py` and `features/vector.py` are the incremental one's, and
    `trailing.py` is numpy that needs no Spark around it.
    """
    try:
        if file == "glue/transforms/trailing.py":
            return len(engines().differing_in_open_windows(events().event_log(SEED, SIZE, **SHAPE), served))
        if file.startswith("glue/"):
            lake = engines().lake_vectors(spark, events().event_log(SEED, SIZE, **SHAPE), served.late)
        else:
            _, served = serve()
        return len(engines().differing(lake, served.vectors))
    except Exception as error:
        return type(error).__name__


def serve():
    log = events().event_log(SEED, SIZE, **SHAPE)
    return log, engines().served_vectors(log)


def engines():
    return importlib.import_module("tests.parity.engines")


def events():
    return importlib.import_module("tests.parity.events")


def forget() -> None:
    """What was imported from the copy is imported anew."""
    importlib.invalidate_caches()
    for name in [n for n in sys.modules if n.split(".")[0] in OURS]:
        del sys.modules[name]


def session():
    from pyspark.sql import SparkSession

    from tests.plain import PLAINLY, keep_at_hand

    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.constraintPropagation.enabled", "false")
        .config(
            "spark.driver.extraJavaOptions", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"
        )
        .config("spark.sql.ui.explainMode", "simple")
        .config(map=PLAINLY)
        .getOrCreate()
    )
    keep_at_hand(spark)
    return spark


if __name__ == "__main__":
    main(Path(sys.argv[1]))
