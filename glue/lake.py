"""The lake as the jobs see it: where things lie, what is there, and the catalog that must know of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from pyspark.sql import DataFrame, SparkSession

from glue.tables import Table

SIDE_BY_SIDE = 2  # entities that a job takes at once: one waits for S3 while the other computes


def session() -> SparkSession:
    """The job's Spark session, with the settings that the data's meaning depends on."""
    spark = SparkSession.builder.getOrCreate()
    for setting, value in {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        "spark.sql.ansi.enabled": "false",
    }.items():
        spark.conf.set(setting, value)
    return spark


@dataclass(frozen=True)
class Lake:
    """One lake bucket, `s3://name`, and the prefix of its catalog databases.

    The clients come with it: entities are worked on side by side, and boto3 makes clients safely in one thread only.
    """

    uri: str
    database_prefix: str
    s3: Any = field(default_factory=lambda: boto3.client("s3"), repr=False)
    glue: Any = field(default_factory=lambda: boto3.client("glue"), repr=False)

    @property
    def bucket(self) -> str:
        return self.uri.removeprefix("s3://").strip("/")

    def path(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def keys(self, prefix: str) -> list[str]:
        """Objects below a prefix, folders' marker objects aside."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [
            o["Key"] for page in pages for o in page.get("Contents", ()) if not o["Key"].endswith(("/", "$folder$"))
        ]

    def folders(self, prefix: str) -> list[str]:
        """Names directly below `prefix/`."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{prefix}/", Delimiter="/"
        )
        return sorted(
            p["Prefix"].rstrip("/").rpartition("/")[2] for page in pages for p in page.get("CommonPrefixes", ())
        )

    def divisions(self, table: Table) -> list[str]:
        """The days, months or batches that a table holds."""
        names = (name.partition("=") for name in self.folders(table.prefix))
        return [value for column, _, value in names if column == table.division]

    def divisions_with(self, table: Table, batch: str) -> list[str]:
        """The days or months of a SILVER table to which a batch has brought rows."""
        keys = self.keys(f"{table.prefix}/{table.division}=")
        return sorted({key.split("/")[2].partition("=")[2] for key in keys if f"/batch={batch}/" in key})

    def put_json(self, key: str, document: object) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=json.dumps(document, indent=1, sort_keys=True).encode())

    def read(self, spark: SparkSession, table: Table, divisions: Iterable[str] | None = None) -> DataFrame | None:
        """The table's rows, of those days, months or batches only when they are given; none when it has no data.

        Days given for a table divided by month mean their whole months.
        """
        root = self.path(table.prefix)
        present = [f"{table.division}={value}" for value in self.divisions(table)]
        if divisions is not None:
            wanted = {d[:7] for d in divisions} if table.division == "event_month" else set(divisions)
            present = [name for name in present if name.partition("=")[2] in wanted]
        if not present:
            return None
        return spark.read.option("basePath", root).parquet(*(f"{root}/{name}" for name in present))

    def write(self, rows: DataFrame, table: Table) -> list[list[str]]:
        """Replaces exactly the partitions that occur in `rows` and registers them. Returns their values.

        New files are added first and the old ones deleted after: renaming whole partitions, as Spark's overwrite does,
        costs S3 seconds each, and an interrupted replacement heals when the job is run again.
        """
        names = [p.name for p in table.partitions]
        rows = rows.select(*table.column_names, *names).cache()
        partitions = [[str(v) for v in row] for row in rows.select(*names).distinct().sort(*names).collect()]
        if partitions:
            old = [key for values in partitions for key in self.keys(f"{table.prefix}/{folder(table, values)}/")]
            writers = min(2 * rows.sparkSession.sparkContext.defaultParallelism, len(partitions))
            spread = rows.repartition(writers, *names)
            ordered = spread.sortWithinPartitions(*names, *table.column_names[:1])  # same rows, same files
            ordered.write.mode("append").partitionBy(*names).parquet(self.path(table.prefix))
            self.delete(old)
            self.register(table, partitions)
        rows.unpersist()
        return partitions

    def delete(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), 1000):  # the API's limit per call
            chunk = [{"Key": key} for key in keys[start : start + 1000]]
            refused = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": chunk}).get("Errors")
            if refused:
                raise RuntimeError(f"S3 did not delete {len(refused)} replaced files: {refused[0]}")

    def register(self, table: Table, partitions: Sequence[Sequence[str]]) -> None:
        """Makes the catalog know the partitions, so that Athena sees them."""
        database = f"{self.database_prefix}_{table.zone}"
        storage = self.glue.get_table(DatabaseName=database, Name=table.name)["Table"]["StorageDescriptor"]
        for start in range(0, len(partitions), 100):  # the API's limit per call
            chunk = [
                {
                    "Values": list(values),
                    "StorageDescriptor": {**storage, "Location": self.path(table.prefix) + "/" + folder(table, values)},
                }
                for values in partitions[start : start + 100]
            ]
            answer = self.glue.batch_create_partition(
                DatabaseName=database, TableName=table.name, PartitionInputList=chunk
            )
            refused = [e for e in answer.get("Errors", ()) if e["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException"]
            if refused:
                raise RuntimeError(
                    f"the catalog refused {len(refused)} partitions of {database}.{table.name}: {refused[0]}"
                )


def folder(table: Table, values: Sequence[str]) -> str:
    return "/".join(f"{p.name}={value}" for p, value in zip(table.partitions, values, strict=True))
