"""What the labels door writes is what the lake takes in, beside files that came otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labels.door import LabelsDoor
from scoring.labels import LabelFiles

from bench.folder_lake import FolderLake
from glue.jobs import raw_to_bronze
from glue.tables import BRONZE
from tests.unit.lambda_functions.scene import Scene

NOW = 1_522_575_001_000  # 2018-04-01T09:30:01Z


class Folder:
    """S3 as far as the door uses it, with its files where the lake's jobs read them."""

    def __init__(self, lake: FolderLake) -> None:
        self.lake = lake

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:
        _, entity, batch, name = Path(Key).parts
        self.lake.put(entity, batch.removeprefix("batch="), name, Body.decode())


def test_every_label_of_a_days_requests_and_of_an_uploaded_file_reaches_bronze_as_it_was_said(spark, tmp_path):
    lake = FolderLake(spark, tmp_path)
    door = LabelsDoor(LabelFiles(Folder(lake), "lake"), Scene().frauds(), lambda: NOW)
    said = {'t,1 "odd"': 1, "t2": 0, "t3": 1}
    at = "2018-03-30T10:00:00Z"
    requests = [{"transaction_id": t, "is_fraud": f, "reported_at": at} for t, f in said.items()]
    door.take(requests[0])
    door.take(requests[1:])
    lake.put("fraud_labels", "2018-04-01", "chargebacks.csv", f"reported_at,transaction_id,is_fraud\n{at},t4,1\n")

    raw_to_bronze.run(spark, lake.lake, "2018-04-01")

    found = {row["transaction_id"]: row["is_fraud"] for row in lake.rows(BRONZE["fraud_labels"])}
    assert found == {**said, "t4": 1}
    assert lake.json("quality/raw_to_bronze/2018-04-01.json")["fraud_labels"]["files"] == 3
