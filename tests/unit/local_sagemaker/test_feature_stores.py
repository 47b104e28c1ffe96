"""Online and offline store: what they keep when the server is killed, and what one bad row costs."""

from __future__ import annotations

import io
import json
import sqlite3
from collections import defaultdict

import pyarrow.parquet as pq
import pytest

from local.sagemaker.featurestore.groups import FeatureGroups
from local.sagemaker.featurestore.journal import Journal
from local.sagemaker.featurestore.offline import OfflineStore
from local.sagemaker.featurestore.online import OnlineStore, Row
from tests.waiting import eventually

GROUP = {
    "FeatureGroupName": "g",
    "FeatureGroupArn": "arn:g",
    "RecordIdentifierFeatureName": "id",
    "EventTimeFeatureName": "at",
    "FeatureDefinitions": [
        {"FeatureName": "id", "FeatureType": "String"},
        {"FeatureName": "at", "FeatureType": "String"},
    ],
    "OfflineStoreConfig": {"S3StorageConfig": {"ResolvedOutputS3Uri": "s3://lake/g"}, "DisableGlueTableCreation": True},
}


class Bucket:
    """S3 that keeps what is put, and refuses while `closed`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.refusals: dict[str, int] = defaultdict(int)
        self.closed: set[str] = set()

    def client(self, service, role=None):
        return self

    def put_object(self, Bucket, Key, Body):
        if Key.partition("/")[0] in self.closed:
            self.refusals[Key.partition("/")[0]] += 1
            raise ConnectionError("no such bucket")
        self.objects[Key] = Body

    def ids(self, prefix="g/") -> list[str]:
        bodies = [body for key, body in self.objects.items() if key.startswith(prefix)]
        return sorted(row["id"] for body in bodies for row in pq.read_table(io.BytesIO(body)).to_pylist())


@pytest.fixture
def bucket():
    return Bucket()


@pytest.fixture
def offline(settings, bucket):
    """Start a store on the same folder, as often as wanted; `killed` ones write nothing any more."""
    settings.root.mkdir(parents=True, exist_ok=True)
    started = []

    def start():
        store = OfflineStore(settings, bucket)
        started.append(store)
        return store

    yield start
    for store in started:
        store.close()


def put(store, name, at=1767323045.0, group=GROUP):
    store.add(group, {"id": name, "at": "2026-01-02T03:04:05Z"}, at)


def other(name):
    config = {"S3StorageConfig": {"ResolvedOutputS3Uri": f"s3://lake/{name}"}}
    return {**GROUP, "FeatureGroupName": name, "FeatureGroupArn": f"arn:{name}", "OfflineStoreConfig": config}


def test_rows_that_were_answered_but_not_written_are_written_after_a_kill(offline, bucket, settings):
    bucket.closed.add("g")
    killed = offline()
    put(killed, "a")
    killed.close()  # writes nothing: only the journal has the row
    assert bucket.objects == {}

    bucket.closed.clear()
    offline()
    eventually(lambda: bucket.ids() == ["a"])
    eventually(lambda: not list(settings.root.glob("offline-*.jsonl")))


def test_a_group_that_cannot_be_written_holds_up_no_other_and_nothing_is_written_twice(offline, bucket):
    bucket.closed.add("bad")
    store = offline()
    put(store, "lost", group=other("bad"))
    put(store, "kept", group=other("good"))
    eventually(lambda: bucket.refusals["bad"] > 1 and bucket.ids("good/"))
    store.close()
    bucket.closed.clear()
    offline()

    eventually(lambda: bucket.ids("bad/"))
    assert bucket.ids("bad/") == ["lost"]
    assert bucket.ids("good/") == ["kept"]


@pytest.mark.parametrize("instant", [1e20, float("nan"), float("inf")])
def test_one_row_that_no_file_can_hold_is_set_aside_and_stops_nothing(offline, bucket, settings, instant):
    store = offline()
    put(store, "poison", instant)
    put(store, "good")

    eventually(lambda: bucket.ids() == ["good"])
    put(store, "later")
    eventually(lambda: bucket.ids() == ["good", "later"])
    (refused,) = (settings.root / "refused-offline.jsonl").read_text().splitlines()
    assert json.loads(refused)["row"]["values"]["id"] == "poison"


def test_online_records_that_no_database_has_yet_survive_a_kill(tmp_path, monkeypatch):
    monkeypatch.setattr(OnlineStore, "_run", lambda self: None)  # it is killed before it writes
    killed = OnlineStore(tmp_path)
    killed.put("g", "a", Row(1.0, None, b"[1]"))
    killed.put("g", "b", Row(1.0, None, b"[2]"))
    killed.remove("g", "b")
    killed.put("g", "c", Row(2.0, None, None))

    again = OnlineStore(tmp_path)

    assert again.rows("g") == {"a": Row(1.0, None, b"[1]"), "c": Row(2.0, None, None)}


def test_online_records_are_in_the_database_and_nowhere_else_after_a_while(tmp_path):
    store = OnlineStore(tmp_path)
    store.put("g", "a", Row(1.0, None, b"[1]"))
    eventually(lambda: not list(tmp_path.glob("online-*.jsonl")))
    store.close()

    with sqlite3.connect(tmp_path / "online.sqlite") as database:
        assert database.execute("SELECT id FROM record").fetchall() == [("a",)]


def test_a_journal_gives_back_whole_lines_in_order_until_they_are_forgotten(tmp_path):
    journal = Journal(tmp_path, "j")
    journal.add(1)
    old = journal.cut()
    journal.add(2)
    (tmp_path / "j-2.jsonl").open("a").write('{"cut o')

    assert list(Journal(tmp_path, "j").entries()) == [1, 2]
    journal.forget(old)
    assert list(Journal(tmp_path, "j").entries()) == [2]


def test_a_group_that_was_being_made_when_the_server_was_killed_is_finished_at_the_next_start(context, monkeypatch):
    monkeypatch.setattr("local.sagemaker.featurestore.offline.see_bucket", lambda aws, group: None)
    context.store.table("feature-group").put("g", {**GROUP, "FeatureGroupStatus": "Creating", "CreationTime": 0.0})
    groups = FeatureGroups(context, None)
    groups.restore()

    assert groups.find("g")["FeatureGroupStatus"] == "Created"
