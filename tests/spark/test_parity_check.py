"""The nightly comparison finds one wrong bit and takes two unknowns as equal."""

from __future__ import annotations

import json
import math

from pyspark.sql import functions as F

from bench.folder_lake import FolderLake
from features.fraud import FRAUD
from glue.jobs import check_parity
from glue.tables import TRANSACTION_FEATURES
from glue.transforms.parity import compared, last_decisions, unlike

COLUMNS = ("a", "b", "c")


def found(spark, served: list, gold: list) -> dict:
    left = spark.createDataFrame(
        [(*row, "none", False) if len(row) == 2 else row for row in served],
        "transaction_id string, vector array<double>, degrade_step string, overtaken boolean",
    )
    right = spark.createDataFrame(gold, "transaction_id string, a double, b double, c double")
    rows = compared(left, right, COLUMNS).collect()
    return {r.transaction_id: r.differing if r.in_lake else "not in lake" for r in rows}


def test_equal_vectors_do_not_differ_and_unknown_equals_unknown(spark):
    assert found(spark, [("t", [1.5, None, 0.1 + 0.2])], [("t", 1.5, None, 0.1 + 0.2)]) == {"t": []}


def test_one_bit_is_a_difference(spark):
    assert found(spark, [("t", [1.0, 2.0, math.nextafter(0.3, 1)])], [("t", 1.0, 2.0, 0.3)]) == {"t": ["c"]}


def test_unknown_differs_from_zero_on_either_side(spark):
    assert found(spark, [("t", [None, 0.0, 1.0])], [("t", 0.0, None, 1.0)]) == {"t": ["a", "b"]}


def test_a_vector_of_another_length_differs(spark):
    gold = [("short", 1.0, 2.0, None), ("long", 1.0, 2.0, 3.0)]

    assert found(spark, [("short", [1.0, 2.0]), ("long", [1.0, 2.0, 3.0, 4.0])], gold) == {
        "short": ["length"],
        "long": ["length"],
    }


def test_a_payment_that_the_lake_does_not_have_is_said_to_be_missing_and_not_wrong(spark):
    assert found(spark, [("t", [1.0, 2.0, 3.0])], [("u", 1.0, 2.0, 3.0)]) == {"t": "not in lake"}


def test_decisions_without_a_vector_are_not_compared(spark):
    served = [("t", [1.0, 2.0, 3.0]), ("n", None)]

    assert found(spark, served, [("t", 1.0, 2.0, 3.0), ("n", 1.0, 2.0, 3.0)]) == {"t": []}


def test_decisions_that_say_that_they_were_made_on_other_values_are_counted_and_not_compared(spark):
    same = [1.0, 2.0, 3.0]
    served = [("t", same, "none", None), ("d", same, "default_features", True), ("o", same, "none", True)]

    assert found(spark, served, [(i, 9.0, 9.0, 9.0) for i in "tdo"]) == {"t": ["a", "b", "c"]}
    schema = "transaction_id string, vector array<double>, degrade_step string, overtaken boolean"
    assert unlike(spark.createDataFrame(served, schema)) == {"degraded": 1, "overtaken": 1}


def test_decisions_of_another_feature_version_are_counted_apart_and_what_the_lake_has_not_is_missing(spark, tmp_path):
    bank = FolderLake(spark, tmp_path)
    decisions = [
        {"transaction_id": "ours", "feature_version": FRAUD.version},
        {"transaction_id": "theirs", "feature_version": "0" * 12},
    ]
    lines = [json.dumps({**d, "vector": [0.0] * len(FRAUD.columns), "degrade_step": "none"}) for d in decisions]
    bank.lake.s3.put_object(
        Bucket=bank.bucket, Key="decisions/decision_date=2026-03-01/a.json", Body="\n".join(lines).encode()
    )

    report = check_parity.run(spark, bank.lake, ["2026-03-01", "2026-03-02"])

    counted = {name: report[name] for name in ("compared", "mismatches", "not_in_lake", "other_version")}
    assert counted == {"compared": 0, "mismatches": 0, "not_in_lake": 1, "other_version": 1}


def test_payments_that_the_doors_have_not_decided_on_are_counted_of_days_on_which_they_were_at_work(spark, tmp_path):
    bank = FolderLake(spark, tmp_path)
    path = tmp_path / "decisions/decision_date=2026-03-02/a.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"transaction_id": "met", "feature_version": FRAUD.version, "degrade_step": "none"}))
    paid = [("before", "2026-03-01"), ("met", "2026-03-02"), ("waits", "2026-03-02"), ("tomorrow", "2026-03-03")]
    gold = spark.createDataFrame(paid, "transaction_id string, event_date string")
    absent = [c for c in TRANSACTION_FEATURES.columns if c.name not in gold.columns]
    bank.lake.write(gold.withColumns({c.name: F.lit(None).cast(c.type) for c in absent}), TRANSACTION_FEATURES)

    report = check_parity.run(spark, bank.lake, ["2026-03-01", "2026-03-02"])

    assert report["undecided"] == 1


def test_vectors_that_the_lake_has_in_another_feature_version_are_counted_apart(spark, tmp_path):
    bank = FolderLake(spark, tmp_path)
    names = ["old", "new"]
    lines = [{"transaction_id": n, "vector": [0.0] * len(FRAUD.columns)} for n in names]
    said = {"feature_version": FRAUD.version, "degrade_step": "none"}
    path = tmp_path / "decisions/decision_date=2026-03-01/a.json"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(json.dumps({**line, **said}) for line in lines))
    values = {name: F.lit(1.0) for name in FRAUD.columns}
    versions = spark.createDataFrame([("old", "0" * 12), ("new", FRAUD.version)], "transaction_id string, v string")
    gold = versions.withColumns({**values, "feature_version": F.col("v"), "event_date": F.lit("2026-03-01")})
    absent = [c for c in TRANSACTION_FEATURES.columns if c.name not in gold.columns]
    bank.lake.write(gold.withColumns({c.name: F.lit(None).cast(c.type) for c in absent}), TRANSACTION_FEATURES)

    report = check_parity.run(spark, bank.lake, ["2026-03-01"])

    counted = {name: report[name] for name in ("compared", "mismatches", "not_in_lake", "other_version", "undecided")}
    assert counted == {"compared": 1, "mismatches": 1, "not_in_lake": 0, "other_version": 1, "undecided": 0}
    assert [example["transaction_id"] for example in report["examples"]] == ["new"]


def test_days_without_decisions_are_compared_to_nothing(spark, tmp_path):
    report = check_parity.run(spark, FolderLake(spark, tmp_path).lake, ["2026-03-01"])

    assert not any(report.values())


def test_of_several_decisions_on_a_payment_the_last_is_taken(spark):
    rows = spark.createDataFrame(
        [
            ("later", 1, 9, False, "given up"),
            ("later", 2, 5, False, "applied"),
            ("same answer", 1, 5, False, "given up"),
            ("same answer", 1, 7, False, "applied"),
            ("same moment", 1, 5, False, "given up"),
            ("same moment", 1, 5, True, "applied"),
            ("once", 1, 5, None, "applied"),
        ],
        "transaction_id string, decided_at bigint, counted_at bigint, overtaken boolean, what string",
    )

    taken = last_decisions(rows).collect()

    assert {row["transaction_id"]: row["what"] for row in taken} == dict.fromkeys(
        ("later", "same answer", "same moment", "once"), "applied"
    )
