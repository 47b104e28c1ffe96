"""The jobs of one lake in a folder, and what a bank brings to it."""

from __future__ import annotations

import pyarrow.parquet as pq

from bench.folder_lake import FolderLake
from glue.jobs import bronze_to_silver, raw_to_bronze, silver_to_gold

HEADER = "transaction_id,event_time,customer_id,merchant_id,amount"


class Bank(FolderLake):
    """Jobs of one lake. Each run starts without what an earlier one has cached: a job has a session of its own."""

    def to_bronze(self, batch: str) -> None:
        self.spark.catalog.clearCache()
        raw_to_bronze.run(self.spark, self.lake, batch)

    def to_silver(self, batch: str) -> None:
        self.spark.catalog.clearCache()
        bronze_to_silver.run(self.spark, self.lake, batch, self.metrics)

    def to_gold(self, batch: str) -> None:
        self.spark.catalog.clearCache()
        silver_to_gold.run_batch(self.spark, self.lake, batch, self.metrics)

    def take_in(self, batch: str) -> None:
        self.to_bronze(batch)
        self.to_silver(batch)

    def pay(self, batch: str, *rows: str, name: str = "payments.csv") -> None:
        self.put("transactions", batch, name, "\n".join((HEADER, *rows)) + "\n")

    def silver(self) -> dict[str, str]:
        """Payments of SILVER by identifier, each with the batch that brought it. Fails when one is there twice."""
        found = {}
        for path in self.files("silver/transactions/"):
            batch = path.parent.name.partition("=")[2]
            for row in pq.ParquetFile(path).read().to_pylist():
                assert row["transaction_id"] not in found
                found[row["transaction_id"]] = batch
        return found

    def reasons(self) -> dict[str, list[str]]:
        return {row["transaction_id"]: row["reasons"] for row in self.quarantined("transactions")}


def payment(number: int, day: int = 2, amount: object = "1.00", customer: str = "c1", merchant: str = "") -> str:
    return f"t{number},2018-04-{day:02d}T09:30:00Z,{customer},{merchant or f'm{number % 3}'},{amount}"


GOOD = [payment(n) for n in range(20)]


def rerun_with(bank, *rows: str) -> None:
    """The same batch again, as after a fix of the code that read it."""
    bank.pay("b1", *rows)
    bank.take_in("b1")


def made(bank, *days: str) -> None:
    bank.spark.catalog.clearCache()
    silver_to_gold.run(
        bank.spark, bank.lake, "range", {"transaction_features": list(days), "loan_features": []}, bank.metrics
    )


def earlier_batch(bank) -> None:
    bank.pay("b1", *(payment(n) for n in range(8)))
    bank.take_in("b1")
    bank.to_gold("b1")
    bank.cloudwatch.points.clear()
