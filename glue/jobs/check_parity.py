"""Glue job: are the vectors that were served the vectors that the lake computes? Bit for bit.

Joins the decisions of a range of days with GOLD, counts differences and puts the count as a metric. The job succeeds
when it could compare; whether zero differed is for the alarm and for whoever reads the report.
"""

from __future__ import annotations

import sys

import boto3
from pyspark.sql import functions as F

from features.fraud import FRAUD
from glue.arguments import days, parse
from glue.lake import session
from glue.tables import DECISIONS, TRANSACTION_FEATURES
from glue.transforms.parity import compared, unlike

EXAMPLES = 20


def main(argv: list[str]) -> None:
    args = parse(argv, "from", "to", "namespace")
    spark, lake = session(), args.lake
    asked = days(args.from_, args.to)
    present = [f"decisions/decision_date={day}/" for day in asked if lake.keys(f"decisions/decision_date={day}/")]
    gold = lake.read(spark, TRANSACTION_FEATURES, asked)
    report: dict[str, object] = {"compared": 0, "mismatches": 0, "not_in_lake": 0, "degraded": 0, "overtaken": 0}
    report["examples"] = []
    if present and gold is not None:
        schema = ", ".join(f"{c.name} {c.type}" for c in DECISIONS.columns)
        served = spark.read.schema(schema).json([lake.path(prefix) for prefix in present])
        # Vectors of another feature version mean something else: a change of features is no skew.
        other = served.where(F.col("feature_version") != FRAUD.version).count()
        served = served.where(F.col("feature_version") == FRAUD.version).cache()
        rows = compared(served, gold, FRAUD.columns).cache()
        wrong = rows.where("array_size(differing) > 0")
        report = {
            "compared": rows.where("in_lake").count(),
            "mismatches": wrong.count(),
            "not_in_lake": rows.where("not in_lake").count(),
            "other_version": other,
            **unlike(served),
            "examples": [row.asDict() for row in wrong.select("transaction_id", "differing").limit(EXAMPLES).collect()],
        }
    lake.put_json(f"quality/check_parity/{args.from_}_{args.to}.json", report)
    boto3.client("cloudwatch").put_metric_data(
        Namespace=args.namespace,
        MetricData=[
            {"MetricName": "ParityCompared", "Value": report["compared"], "Unit": "Count"},
            {"MetricName": "ParityMismatches", "Value": report["mismatches"], "Unit": "Count"},
        ],
    )


if __name__ == "__main__":
    main(sys.argv)
