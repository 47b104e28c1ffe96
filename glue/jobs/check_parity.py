"""Glue job: are the vectors that were served the vectors that the lake computes? Bit for bit.

Joins the decisions of a range of days with GOLD, counts vectors that differ, vectors that the lake has not and
payments that no door has decided on, and puts the counts as metrics. The job succeeds when it could compare; whether
zero differed is for the alarms and for whoever reads the report.
"""

from __future__ import annotations

import sys
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.fraud import FRAUD
from glue.arguments import days, parse
from glue.decisions import REPORT, days_decided, decisions
from glue.lake import Lake, session
from glue.metrics import Metrics
from glue.tables import TRANSACTION_FEATURES
from glue.transforms.parity import compared, last_decisions, unlike

EXAMPLES = 20


def main(argv: list[str]) -> None:
    args = parse(argv, "from", "to", "namespace")
    asked = days(args.from_, args.to)
    report = run(session(), args.lake, asked)
    args.lake.put_json(REPORT.format(first=args.from_, last=args.to), report)
    Metrics(args.namespace).compared(
        report["compared"], report["mismatches"], report["not_in_lake"], report["undecided"]
    )


def run(spark: SparkSession, lake: Lake, asked: list[str]) -> dict[str, Any]:
    """Counts over the decisions of those days, and examples of transactions with the names of what differs."""
    served = last_decisions(decisions(spark, lake, asked)).cache()
    computed = lake.read_any(spark, TRANSACTION_FEATURES, asked)
    # Vectors of another feature version mean something else, on either side: a change of features is no skew.
    others = computed.where(F.col("feature_version") != FRAUD.version).select("transaction_id")
    ours = served.where(F.col("feature_version") == FRAUD.version).join(others, "transaction_id", "left_anti").cache()
    rows = compared(ours, computed, FRAUD.columns).cache()
    wrong = rows.where("array_size(differing) > 0")
    return {
        "compared": rows.where("in_lake").count(),
        "mismatches": wrong.count(),
        "not_in_lake": rows.where("not in_lake").count(),
        "undecided": undecided(lake, computed, served, asked),
        "other_version": served.count() - ours.count(),
        **unlike(ours),
        "examples": [row.asDict() for row in wrong.select("transaction_id", "differing").limit(EXAMPLES).collect()],
    }


def undecided(lake: Lake, computed: DataFrame, served: DataFrame, asked: list[str]) -> int:
    """Payments without a decision, of the days that have any: on others the doors were not at work."""
    paid = computed.where(F.col("event_date").cast("string").isin(days_decided(lake, asked)))
    return paid.join(served.select("transaction_id"), "transaction_id", "left_anti").count()


if __name__ == "__main__":
    main(sys.argv)
