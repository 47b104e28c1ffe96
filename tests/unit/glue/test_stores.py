"""Bulk writes to Feature Store and the lake's own calls: complete, in the API's portions, never in silence."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pyspark.sql import Row

from glue import feature_store
from glue.feature_store import CALL, PATIENCE, StoreRefused, chunks, entries, send
from glue.lake import Lake, again, folder
from glue.tables import BRONZE, LOAN_FEATURES, SILVER, TRANSACTION_FEATURES
from tests.unit.lambda_functions.aws import FeatureStore, valid


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(feature_store.time, "sleep", lambda seconds: None)


MIDNIGHT, LATER = "2018-04-02T00:00:00.000Z", "2018-04-02T09:30:00.000Z"


def online(size: int) -> list[dict]:
    rows = [Row(customer_id=f"c{i}", event_time="2018-04-01T00:00:00.000Z") for i in range(size)]
    return [entries("risk-customer", row, MIDNIGHT)[0] for row in rows]


def test_rows_go_in_calls_that_the_api_takes():
    each = CALL // 2
    rows = [Row(x=i) for i in range(2 * each + 3)]

    assert [len(chunk) for chunk in chunks(rows)] == [each, each, 3]
    assert [row for chunk in chunks(rows) for row in chunk] == rows
    assert list(chunks([])) == []


def test_a_row_becomes_features_as_text_and_an_unknown_is_left_out():
    row = Row(loan_id="l1", amount_cents=100, rate=0.1 + 0.2, term_months=None, event_time=MIDNIGHT)
    _, offline = entries("g", row, LATER)

    assert offline["Record"] == [
        {"FeatureName": "loan_id", "ValueAsString": "l1"},
        {"FeatureName": "amount_cents", "ValueAsString": "100"},
        {"FeatureName": "rate", "ValueAsString": "0.30000000000000004"},
        {"FeatureName": "event_time", "ValueAsString": MIDNIGHT},
    ]


@pytest.mark.parametrize("own", [MIDNIGHT, LATER])
def test_a_record_has_its_own_time_offline_and_online_at_least_the_publications(own):
    """Else a record that was made anew, of nothing that happened since, would never replace the one that is there."""
    written = entries("g", Row(customer_id="c1", event_time=own), "2018-04-02T02:00:00.001Z")

    assert [(e["TargetStores"], e["Record"][1]["ValueAsString"]) for e in written] == [
        (["OnlineStore"], max(own, "2018-04-02T02:00:00.001Z")),
        (["OfflineStore"], own),
    ]


def test_records_that_were_refused_or_left_are_sent_again():
    store = FeatureStore()
    store.failing, store.spared = 2, 1
    send(store, online(5))

    assert len(store.records) == 5
    assert [len(call) for call in store.writes] == [5, 2, 1]


def test_records_that_the_store_never_takes_end_the_job():
    store = FeatureStore()
    store.failing = 100

    with pytest.raises(StoreRefused, match=f"1 records of risk-customer were not .* {PATIENCE} tries: Inter") as told:
        send(store, online(3))
    assert "c0" not in str(told.value), "it ends up in logs"


PUT = datetime(2018, 4, 2, tzinfo=UTC)


class Objects:
    """S3 as the lake uses it: a listing in pages of two, and deletions."""

    def __init__(self, *keys: str) -> None:
        self.stored = set(keys)
        self.kept: set[str] = set()
        self.deletions: list[int] = []

    def get_paginator(self, operation: str):
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **request):
        valid("s3", "ListObjectsV2", request)
        prefix, delimiter = request["Prefix"], request.get("Delimiter")
        found = sorted(k for k in self.stored if k.startswith(prefix))
        if delimiter:
            cut = [prefix + k[len(prefix) :].partition("/")[0] + "/" for k in found if "/" in k[len(prefix) :]]
            yield {"CommonPrefixes": [{"Prefix": p} for p in dict.fromkeys(cut)]}
            return
        for start in range(0, len(found), 2):
            yield {"Contents": [{"Key": k, "LastModified": PUT} for k in found[start : start + 2]]}

    def delete_objects(self, **request) -> dict:
        valid("s3", "DeleteObjects", request)
        keys = {o["Key"] for o in request["Delete"]["Objects"]}
        self.deletions.append(len(keys))
        self.stored -= keys - self.kept
        return {"Errors": [{"Key": k, "Code": "AccessDenied"} for k in sorted(keys & self.kept)]}


class Catalog:
    """Partitions of one table."""

    def __init__(self, *known: str) -> None:
        self.partitions = {value: "known before" for value in known}
        self.refuses: str | None = None
        self.calls = 0

    def get_table(self, **request) -> dict:
        valid("glue", "GetTable", request)
        return {"Table": {"StorageDescriptor": {"Location": "s3://lake/gold", "InputFormat": "parquet"}}}

    def batch_create_partition(self, **request) -> dict:
        valid("glue", "BatchCreatePartition", request)
        assert len(request["PartitionInputList"]) <= 100
        self.calls += 1
        errors = []
        for partition in request["PartitionInputList"]:
            value = "/".join(partition["Values"])
            code = self.refuses or ("AlreadyExistsException" if value in self.partitions else None)
            if code:
                errors.append({"PartitionValues": partition["Values"], "ErrorDetail": {"ErrorCode": code}})
            else:
                self.partitions[value] = partition["StorageDescriptor"]["Location"]
        return {"Errors": errors}

    def batch_update_partition(self, **request) -> dict:
        valid("glue", "BatchUpdatePartition", request)
        for one in request["Entries"]:
            place = one["PartitionInput"]["StorageDescriptor"]["Location"]
            self.partitions["/".join(one["PartitionValueList"])] = place
        return {"Errors": []}


def lake(s3=None, glue=None) -> Lake:
    return Lake("s3://lake", "risk_local", s3=s3 or Objects(), glue=glue or Catalog())


def test_a_listing_has_every_page_and_no_folder_markers():
    objects = Objects("raw/a/1.csv", "raw/a/2.csv", "raw/a/3.csv", "raw/a/", "raw/a/x_$folder$", "raw/b/4.csv")

    assert lake(objects).keys("raw/a/") == ["raw/a/1.csv", "raw/a/2.csv", "raw/a/3.csv"]


def test_folders_are_the_names_directly_below():
    objects = Objects("silver/t/event_date=2/a", "silver/t/event_date=1/b", "silver/t/event_date=1/c", "silver/tt/x/d")

    assert lake(objects).folders("silver/t") == ["event_date=1", "event_date=2"]


def test_replaced_files_are_deleted_in_calls_that_the_api_takes():
    objects = Objects(*(f"k{i}" for i in range(1003)))
    lake(objects).delete(sorted(objects.stored))

    assert objects.stored == set()
    assert objects.deletions == [1000, 3]


def test_a_file_that_stays_is_said_out_loud():
    objects = Objects("k1", "k2")
    objects.kept = {"k2"}

    with pytest.raises(RuntimeError, match="S3 did not delete 1 replaced files"):
        lake(objects).delete(["k1", "k2"])


def test_partitions_are_registered_at_their_place_with_the_tables_columns():
    catalog = Catalog("2018-04-01")
    days = [[f"2018-04-{d:02d}"] for d in range(1, 31)] * 4
    lake(glue=catalog).register(TRANSACTION_FEATURES, days)

    assert catalog.partitions["2018-04-01"] != "known before", "its columns may be old: it gets the table's"
    assert catalog.partitions["2018-04-02"] == "s3://lake/gold/transaction_features/event_date=2018-04-02"
    assert catalog.calls == 2


def test_a_partition_that_the_catalog_refuses_ends_the_job():
    catalog = Catalog()
    catalog.refuses = "AccessDeniedException"

    with pytest.raises(
        RuntimeError, match=r"the catalog refused 1 partitions of risk_local_gold\.transaction_features"
    ):
        lake(glue=catalog).register(TRANSACTION_FEATURES, [["2018-04-01"]])


def test_a_partition_of_two_columns_lies_in_two_folders():
    assert folder(SILVER["transactions"], ["2018-04-01", "b1"]) == "event_date=2018-04-01/batch=b1"


@pytest.mark.parametrize(
    ("table", "half", "command"),
    [
        (BRONZE["transactions"], ["batch=b1"], "raw_to_bronze --batch b1"),
        (SILVER["fraud_labels"], ["event_month=2018-04/batch=b1"], "bronze_to_silver --batch b1"),
        (TRANSACTION_FEATURES, ["event_date=2018-04-01", "event_date=2018-04-05"], "--from 2018-04-01 --to 2018-04-05"),
        (LOAN_FEATURES, ["event_month=2018-03"], "silver_to_gold --from 2018-03-01 --to 2018-03-01"),
    ],
)
def test_the_command_that_replaces_a_partition_follows_from_its_table(table, half, command):
    assert again(table, half).endswith(command)
