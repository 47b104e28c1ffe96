"""RAW files of a folder -> the rows that training reads, by the platform's own transforms on a local Spark."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.contract import CONTRACTS
from glue.lake import schema
from glue.raw import read_raw
from glue.tables import SILVER
from glue.transforms.cells import judged, split_by_reasons
from glue.transforms.conform import conformed
from glue.transforms.events import by_entity, located, payments
from glue.transforms.vectors import loan_features, transaction_features
from raw.names import ENDINGS
from tools.raw_data.declared import declared_beside
from tools.raw_data.files import Unusable, names, raw_files
from tools.telling import Teller
from training.credit_set import TOLD
from training.default import Told
from training.frames import read_folder, read_kinds


class History:
    """SILVER of one folder of RAW files; rows that break the contract are counted and left out."""

    def __init__(self, spark: SparkSession, source: Path, scratch: Path, teller: Teller) -> None:
        self.spark = spark
        self.teller = teller
        self.source = source
        self.scratch = scratch
        self.files = raw_files(source)
        self.declared = declared_beside(source, self.files)

    def payments(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Vectors of all payments, as in GOLD, and labels, as in SILVER."""
        paid = payments(self.silver("transactions", required=True)).withColumn("wanted", F.lit(True))
        told = located(self.silver("fraud_labels", required=True), paid).cache()
        applications = self.silver("loan_applications") if "loan_applications" in self.files else None
        observed = self.silver("loan_outcomes") if "loan_outcomes" in self.files else None
        vectors = transaction_features(paid, by_entity(paid, told, applications, observed))
        return self.frame(vectors, "vectors"), read_folder(self.scratch / "fraud_labels")

    def loans(self) -> tuple[pd.DataFrame, Told]:
        """Rows of all loan applications, as in GOLD, and what a lender tells of them, as in SILVER."""
        applications = self.silver("loan_applications", required=True)
        tables = [entity for entity in ("loan_outcomes", "loan_performance", "loan_decisions") if entity in self.files]
        for entity in tables if {"loan_outcomes", "loan_performance"} & set(tables) else ["loan_outcomes"]:
            self.silver(entity, required=True)
        if "transactions" in self.files:
            paid = self.silver("transactions")
        else:
            schema = ", ".join(f"{c.name} {c.type}" for c in SILVER["transactions"].columns)
            paid = self.spark.createDataFrame([], f"{schema}, event_date string")
        rows = loan_features(applications, payments(paid))
        frame = self.frame(rows, "loans")
        return frame, Told(
            **{name: told for entity in tables for name, told in read_kinds(self.scratch / entity, TOLD).items()}
        )

    def silver(self, entity: str, required: bool = False) -> DataFrame:
        """Raises Unusable when a required file is absent, and glue.raw.ContractBroken when a file cannot be used."""
        if entity not in self.files:
            if required:
                raise Unusable(f"{self.source}: expected {entity} as {ENDINGS}, found {names(self.source)}")
            raise LookupError(entity)
        with self.teller.phase(f"SILVER of {entity}"):
            return self.conformed(entity, self.files[entity])

    def conformed(self, entity: str, paths: list[Path]) -> DataFrame:
        contract, declared = CONTRACTS[entity], self.declared[entity]
        # Layer by layer, as the jobs do: Spark cannot hold the plan of all of them at once.
        read = read_raw(self.spark, [str(path) for path in paths], contract, declared=declared)
        rows = judged(read, contract, declared.no_cards).cache()
        total = rows.count()
        good = split_by_reasons(rows, contract, declared.no_cards).good.withColumn("ingested_at", F.current_timestamp())
        bronze = self.written(good.withColumn("batch", F.lit("quality")), f"bronze/{entity}")
        rows.unpersist()
        nothing = self.spark.createDataFrame([], schema(SILVER[entity]))
        kept = self.written(conformed(bronze, contract, nothing).good, entity)
        left_out = total - kept.count()
        if left_out:
            self.teller.say(f"{entity}: {left_out} rows break the RAW contract or repeat others, and are left out")
        return kept

    def written(self, rows: DataFrame, name: str) -> DataFrame:
        rows.write.mode("overwrite").parquet(str(self.scratch / name))
        return self.spark.read.parquet(str(self.scratch / name))

    def frame(self, rows: DataFrame, name: str) -> pd.DataFrame:
        with self.teller.phase(f"features of the {name}"):
            self.written(rows, name)
        return read_folder(self.scratch / name)


@contextmanager
def opened(source: Path, teller: Teller) -> Iterator[History]:
    """History of a folder; Spark and its files are gone afterwards. Raises Unusable for one that cannot be used."""
    with tempfile.TemporaryDirectory(prefix="quality-") as scratch:
        spark = session(Path(scratch))
        try:
            yield History(spark, source, Path(scratch) / "silver", teller)
        finally:
            spark.stop()


def session(scratch: Path) -> SparkSession:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    spark = (
        SparkSession.builder.master("local[*]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.memory", "3g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.local.dir", str(scratch / "spark"))
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.sql.ansi.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    return spark
