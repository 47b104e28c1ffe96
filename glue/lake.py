"""The lake as the jobs see it: where things lie, what is there, and the catalog that must know of it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from glue.tables import Table

ROWS_PER_FILE = 2_000_000  # some 100 MB of payments: large enough for S3, small enough for one reader
PLAIN = re.compile(r"[A-Za-z0-9._-]+")  # what Spark, S3 and the catalog all write as it is in a folder's name
WRITERS = {"bronze": "raw_to_bronze", "silver": "bronze_to_silver", "gold": "silver_to_gold"}
BEGUN = "_replacing-"  # what marks' names begin with, beside a table's partitions: neither Spark nor Athena reads them
SIDE_BY_SIDE = 2  # entities that a job takes at once: one waits for S3 while the other computes


class HalfReplaced(RuntimeError):
    """Partitions may hold rows twice, or in part: a run that replaces them has not ended. The text says what to run."""


def session() -> SparkSession:
    """The job's Spark session, with the settings that the data's meaning, or the speed of planning, depends on."""
    spark = SparkSession.builder.getOrCreate()
    for setting, value in {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        "spark.sql.ansi.enabled": "false",
        # Guessing more filters from those that are there takes seconds of planning where cells' conditions are long.
        "spark.sql.constraintPropagation.enabled": "false",
        # Java compiles no method beyond so many bytes: a stage in one method, as Spark writes it, would be interpreted.
        "spark.sql.codegen.hugeMethodLimit": "8000",
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
    rows_per_file: int = ROWS_PER_FILE

    @property
    def bucket(self) -> str:
        return self.uri.removeprefix("s3://").strip("/")

    def path(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def keys(self, prefix: str) -> list[str]:
        """Objects below a prefix, folders' marker objects aside."""
        return list(self.objects(prefix))

    def objects(self, prefix: str) -> dict[str, datetime]:
        """When each object below a prefix was put there, by key."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {
            o["Key"]: o["LastModified"]
            for page in pages
            for o in page.get("Contents", ())
            if not o["Key"].endswith(("/", "$folder$"))
        }

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

    def partitions(self, table: Table) -> list[list[str]]:
        """The values of every partition of a Parquet table that holds files."""
        depth, start = len(table.partitions), table.prefix.count("/") + 1
        parts = (key.split("/")[start : start + depth] for key in self.keys(f"{table.prefix}/{table.division}="))
        return [list(values) for values in sorted({tuple(p.partition("=")[2] for p in part) for part in parts})]

    def divisions_with(self, table: Table, batch: str) -> list[str]:
        """The days or months of a SILVER table to which a batch has brought rows."""
        return sorted({division for division, brought_by in self.partitions(table) if brought_by == batch})

    def read_at(self, key: str) -> str:
        """Where Python reads an object; a lake whose bucket is mounted as a folder reads there."""
        return self.path(key)

    def put_json(self, key: str, document: object) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=json.dumps(document, indent=1, sort_keys=True).encode())

    def put_page(self, key: str, html: str) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=html.encode(), ContentType="text/html; charset=utf-8")

    def get(self, key: str) -> bytes | None:
        """An object; none when there is none."""
        if key not in self.keys(key):
            return None
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def get_json(self, key: str) -> Any | None:
        """A document that a job wrote; none when there is none."""
        found = self.get(key)
        return None if found is None else json.loads(found)

    def read(
        self, spark: SparkSession, table: Table, divisions: Iterable[str] | None = None, replacing: str | None = None
    ) -> DataFrame | None:
        """The table's rows, of those days, months or batches only when they are given; none when it has no data.

        Days given for a table divided by month mean their whole months. Raises HalfReplaced, but not for the partitions
        of a batch that the caller is `replacing` itself.
        """
        root = self.path(table.prefix)
        present = [f"{table.division}={value}" for value in self.divisions(table)]
        if divisions is not None:
            wanted = {d[:7] for d in divisions} if table.division == "event_month" else set(divisions)
            present = [name for name in present if name.partition("=")[2] in wanted]
        if not present:
            return None
        self.refuse_half_replaced(table, present, replacing)
        # With the table's own columns: files that were written before one was declared have it empty.
        return (
            spark.read.schema(schema(table)).option("basePath", root).parquet(*(f"{root}/{name}" for name in present))
        )

    def read_any(
        self, spark: SparkSession, table: Table, divisions: Iterable[str] | None = None, replacing: str | None = None
    ) -> DataFrame:
        """As `read`, and a table without data has no rows."""
        rows = self.read(spark, table, divisions, replacing)
        return spark.createDataFrame([], schema(table)) if rows is None else rows

    def write(self, rows: DataFrame, table: Table, instead_of: Iterable[Sequence[str]] = ()) -> list[list[str]]:
        """Replaces the partitions that occur in `rows` and those of `instead_of`; returns the values of the former.

        A partition that is only in `instead_of` disappears, from the catalog too. The rows are read twice: cache them.
        One partition is one file, or several of `rows_per_file`, sorted by the table's key, so that the same rows are
        the same bytes.

        New files are added first and the old ones deleted after: renaming whole partitions, as Spark's overwrite does,
        costs S3 seconds each. From before the first until after the last a mark lies beside the partitions, so that no
        job reads what an interrupted replacement has left; it heals when the job is run again.
        """
        names = [p.name for p in table.partitions]
        rows = rows.select(*table.column_names, *names)
        partitions = [[str(v) for v in row] for row in rows.select(*names).distinct().sort(*names).collect()]
        emptied = [values for values in sorted(map(list, instead_of)) if values not in partitions]
        with self.replacing(table, [*partitions, *emptied]):
            if partitions:
                writers = min(2 * rows.sparkSession.sparkContext.defaultParallelism, len(partitions))
                self.append(rows.repartition(writers, *names).sortWithinPartitions(*names, *table.key), table)
                self.register(table, partitions)
        if emptied:
            self.unregister(table, emptied)
        return partitions

    def write_as_read(self, rows: DataFrame, table: Table, values: Sequence[str]) -> int:
        """Replaces one partition by `rows`, without its columns, which come in the order of its key; returns how
        many its files hold.

        The rows are read once and neither sorted nor held: each task writes its own file, or several of
        `rows_per_file`. What fails leaves the partition as it was.
        """
        names = [p.name for p in table.partitions]
        of_it = [F.lit(value).alias(name) for name, value in zip(names, values, strict=True)]
        place = f"{table.prefix}/{folder(table, values)}/"
        with self.replacing(table, [list(values)]) as (old, mark):
            try:
                self.append(rows.select(*table.column_names, *of_it), table)
                new = [key for key in self.keys(place) if key not in old]
                if new:
                    self.register(table, [values])
            except Exception:
                self.delete([key for key in self.keys(place) if key not in old])
                self.delete([mark])  # its own alone: another run's tells of what that one has left
                raise
        if not new:
            self.unregister(table, [values])
            return 0
        return rows.sparkSession.read.schema(schema(table)).parquet(*map(self.path, new)).count()

    def append(self, rows: DataFrame, table: Table) -> None:
        """Adds files of `rows`, as they are divided and ordered."""
        limited = rows.write.mode("append").option("maxRecordsPerFile", self.rows_per_file)
        limited.partitionBy(*(p.name for p in table.partitions)).parquet(self.path(table.prefix))

    @contextmanager
    def replacing(self, table: Table, partitions: Sequence[Sequence[str]]) -> Iterator[tuple[list[str], str]]:
        """Gives the files that partitions hold, and the key of the mark that lies there meanwhile; what is written
        takes the files' place. See `write`."""
        replaced = [folder(table, values) for values in partitions]
        old = [key for place in replaced for key in self.keys(f"{table.prefix}/{place}/")]
        mark = f"{table.prefix}/{BEGUN}{uuid.uuid4().hex}.json"
        if replaced:
            self.put_json(mark, replaced)
        yield old, mark
        self.delete(old)
        self.settle(table, replaced)

    def begun(self, table: Table) -> dict[str, list[str]]:
        """By mark, the folders that a run has begun to replace and has not ended with."""
        return {key: self.get_json(key) or [] for key in self.keys(f"{table.prefix}/{BEGUN}")}

    def settle(self, table: Table, replaced: Sequence[str]) -> None:
        """Takes folders out of all marks, those that an interrupted run has left too."""
        for mark, folders in self.begun(table).items():
            left = [place for place in folders if place not in replaced]
            if left:
                self.put_json(mark, left)
            else:
                self.delete([mark])

    def refuse_half_replaced(self, table: Table, divisions: Sequence[str], replacing: str | None) -> None:
        """Raises HalfReplaced for a folder below these divisions that is marked and holds files."""
        marked = sorted({place for folders in self.begun(table).values() for place in folders})
        half = [
            place
            for place in marked
            if place.partition("/")[0] in divisions
            and place.rpartition("=")[2] != replacing
            and self.keys(f"{table.prefix}/{place}/")
        ]
        if half:
            raise HalfReplaced(
                f"{table.zone}.{table.name}: a run that replaces {', '.join(half[:5])} has not ended. "
                f"When none is at work, run {again(table, half)}"
            )

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
            errors = answer.get("Errors", ())
            refused = [e for e in errors if e["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException"]
            # Athena goes by a partition's own columns: one that is known gets those that its table has by now.
            old = [e["PartitionValues"] for e in errors if e not in refused]
            if old:
                entries = [
                    {"PartitionValueList": p["Values"], "PartitionInput": p} for p in chunk if p["Values"] in old
                ]
                answer = self.glue.batch_update_partition(DatabaseName=database, TableName=table.name, Entries=entries)
                refused += answer.get("Errors", ())
            if refused:
                raise RuntimeError(
                    f"the catalog refused {len(refused)} partitions of {database}.{table.name}: {refused[0]}"
                )

    def unregister(self, table: Table, partitions: Sequence[Sequence[str]]) -> None:
        """Makes the catalog forget the partitions; those that it does not know are no error."""
        database = f"{self.database_prefix}_{table.zone}"
        for values in partitions:
            try:
                self.glue.delete_partition(DatabaseName=database, TableName=table.name, PartitionValues=list(values))
            except ClientError as refused:
                if refused.response["Error"]["Code"] != "EntityNotFoundException":
                    raise


def schema(table: Table) -> str:
    return ", ".join(f"`{c.name}` {c.type}" for c in (*table.columns, *table.partitions))


def again(table: Table, half: Sequence[str]) -> str:
    """The command that replaces folders, of several batches those of the first."""
    first, last = (place.rpartition("=")[2] for place in (half[0], half[-1]))
    if table.partitions[-1].name == "batch":
        return f"{WRITERS[table.zone]} --batch {first}"
    day = "-01" if table.division == "event_month" else ""
    return f"{WRITERS[table.zone]} --from {first}{day} --to {last}{day}"


def folder(table: Table, values: Sequence[str]) -> str:
    """Where a partition lies. Raises ValueError for a value that Spark would write otherwise than it is."""
    for value in values:
        if not PLAIN.fullmatch(value):
            raise ValueError(f"{table.zone}.{table.name}: expected letters, digits, `.`, `_` and `-`, got {value!r}")
    return "/".join(f"{p.name}={value}" for p, value in zip(table.partitions, values, strict=True))
