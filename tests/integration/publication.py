"""Publishes forty records in four slices, as the job does; `ill` makes one that Feature Store refuses."""

from __future__ import annotations

import json
import sys

import boto3
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from glue.feature_store import Progress, publish


def main(name: str, bucket: str, health: str) -> None:
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    at = F.when((F.col("id") == 7) & F.lit(health == "ill"), "yesterday").otherwise("2026-03-01T10:00:00.000Z")
    rows = spark.range(40).select(F.concat(F.lit("c"), "id").alias("customer_id"), at.alias("event_time"))
    progress = Progress(bucket, "progress")
    listed = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix="progress/").get("Contents", ())
    done = progress.done("customer", [found["Key"] for found in listed])
    print(json.dumps({"done": sorted(done)}), flush=True)
    publish(rows.repartition(4, "customer_id"), name, "customer", progress, done, "2025-07-02T00:00:00.000Z")


if __name__ == "__main__":
    main(*sys.argv[1:])
