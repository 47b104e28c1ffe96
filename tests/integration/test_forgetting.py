"""One customer leaves the whole lake and the feature groups, by the real job, and nobody else does.

What is left is looked for in the files of the local AWS, by bytes and by what Parquet decodes to: not by the product's
own search.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scoring.policy import Listing

from glue.lake import Lake
from glue.requests import BadRequest, Request
from glue.tables import BRONZE, LOAN_FEATURES, QUARANTINE, SILVER, TRANSACTION_FEATURES, Table
from tools import forget
from tools.archives import tarred
from tools.operators import Operators, listing
from tools.package import ROOT, library_of_jobs

ANNA, BEN = "C-17", "C-170"  # one is the beginning of the other
THEIRS = (ANNA, "T-1", "T-2", "L-1")
OTHERS = (BEN, "T-10", "T-20", "L-10", "T-shared")
AT = datetime(2026, 3, 1, 10)
ARROW = {"int": pa.int32(), "bigint": pa.int64(), "double": pa.float64(), "timestamp": pa.timestamp("us")}


class Bank:
    """A lake bucket that keeps versions, the job over it, and what lies in the files below."""

    def __init__(self, aws) -> None:
        self.aws, self.bucket, self.prefix = aws, aws.bucket(), aws.name("risk")
        self.s3, self.glue = aws.client("s3"), aws.client("glue")
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    def make_operators(self) -> Operators:
        self.aws.client("dynamodb").create_table(
            TableName=f"{self.prefix}-policies",
            KeySchema=[{"AttributeName": "problem", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "problem", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return Operators.of(self.aws.client, self.prefix, self.bucket)

    def make_job(self, groups: list[str]) -> None:
        aws, code = self.aws, self.aws.bucket()
        library, wheel = library_of_jobs()
        self.put(library, wheel, code)
        self.put("forget_customer.py", (ROOT / "glue" / "jobs" / "forget_customer.py").read_bytes(), code)
        self.glue.create_job(
            Name=f"{self.prefix}-forget-customer",
            Role=aws.role(),
            GlueVersion="5.1",
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{code}/forget_customer.py"},
            DefaultArguments={
                "--additional-python-modules": f"s3://{code}/{library}",
                "--lake": f"s3://{self.bucket}",
                "--database_prefix": "risk_none",
                "--groups": ",".join(groups),
            },
        )

    def put(self, key: str, body: bytes | str, bucket: str = "") -> None:
        content = body.encode() if isinstance(body, str) else body
        self.s3.put_object(Bucket=bucket or self.bucket, Key=key, Body=content)

    def read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def listed(self, prefix: str = "") -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", ())]

    def current(self, key: str) -> bytes | None:
        return self.read(key) if key in self.listed(key) else None

    def forget(self, customer_id: str) -> dict:
        return forget.ask(self.s3, self.glue, self.prefix, self.bucket, customer_id)

    def files(self) -> dict[Path, str]:
        """Every file that the local AWS keeps for the bucket, versions too, as text."""
        found = {}
        for path in self.aws.aws.settings.s3_dir.rglob("*"):
            if path.is_file() and self.bucket in path.parts:
                body = path.read_bytes()
                if body[:4] == b"PAR1":
                    body += repr(pq.read_table(io.BytesIO(body)).to_pylist()).encode()
                if body[:2] == b"\x1f\x8b":
                    body += gzip.decompress(body)
                found[path] = body.decode("utf-8", "replace")
        return found

    def holding(self, *identifiers: str) -> dict[str, list[str]]:
        """Which files hold an identifier, closed in by what can be no part of one."""
        around = [(b, a) for b in "\"', \n=/" for a in "\"', \n.}"]
        return {
            identifier: found
            for identifier in identifiers
            if (
                found := [
                    str(path)
                    for path, content in self.files().items()
                    if any(f"{b}{identifier}{a}" in f"\n{content}\n" for b, a in around)
                ]
            )
        }


def parquet(table: Table, rows: list[dict]) -> bytes:
    columns = {
        c.name: pa.array([r.get(c.name) for r in rows], ARROW.get(c.type))
        for c in table.columns
        if c.type != "map<string,string>"
    }
    if "attributes" in table.column_names and table.zone in ("bronze", "silver"):
        columns["attributes"] = pa.array([r.get("attributes", []) for r in rows], pa.map_(pa.string(), pa.string()))
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def lines(*documents: dict) -> str:
    return "".join(json.dumps(document) + "\n" for document in documents)


PAYMENTS = [
    {"transaction_id": t, "customer_id": c, "merchant_id": "M-1", "event_time": AT, "amount_cents": 500}
    for t, c in (("T-1", ANNA), ("T-10", BEN), ("T-2", ANNA), ("T-20", BEN), ("T-shared", BEN))
]
# Ben tells his bank about Anna: his payment stays, her name in it does not.
PAYMENTS[1]["attributes"] = [("beneficiary", ANNA)]
LABELS = [{"transaction_id": t, "is_fraud": 0, "reported_at": AT} for t in ("T-1", "T-10", "T-shared")]
LOANS = [
    {"loan_id": "L-1", "customer_id": ANNA, "applied_at": AT},
    {"loan_id": "L-10", "customer_id": BEN, "applied_at": AT},
]
OUTCOMES = [{"loan_id": loan, "defaulted": 1, "observed_at": AT} for loan in ("L-1", "L-10")]
DECIDED = [{"loan_id": loan, "decided_at": AT, "decision": "approved"} for loan in ("L-1", "L-10")]
PERFORMANCE = [{"loan_id": loan, "observed_at": AT, "days_past_due": 30} for loan in ("L-1", "L-10")]
ENTITIES = {
    "transactions": PAYMENTS,
    "fraud_labels": LABELS,
    "loan_applications": LOANS,
    "loan_outcomes": OUTCOMES,
    "loan_decisions": DECIDED,
    "loan_performance": PERFORMANCE,
}


def fill(bank: Bank) -> None:
    """Every layer as the platform writes it, with a past: replaced and deleted versions hold Anna as well."""
    bank.put(
        "raw/transactions/batch=b1/transactions.csv",
        "transaction_id,event_time,customer_id,merchant_id,amount\n"
        f"T-1,2026-03-01,{ANNA},M-1,5\nT-10,2026-03-01,{BEN},M-1,5\nT-2,2026-03-01,{ANNA},M-1,5\n"
        f"T-20,2026-03-01,{BEN},M-1,5\nT-shared,2026-03-01,{BEN},M-1,5\nT-shared,2026-03-01,{ANNA},M-1,6\n",
    )
    # The lake reads headers in any case, and sets a row with a cell too many aside as a text.
    ragged = f"T-2,2026-03-01,{ANNA},M-1,5,more"
    bank.put(
        "raw/transactions/batch=b2/transactions.csv",
        f"TRANSACTION_ID, Event_Time ,CUSTOMER_ID,MERCHANT_ID,AMOUNT\nT-1,2026-03-01,{ANNA},M-1,5\n"
        f"{ragged}\nT-10,2026-03-01,{BEN},M-1,5\n",
    )
    bank.put(
        "quarantine/transactions/batch=b2/stage=bronze/part-0.json",
        lines({"line": ragged, "reasons": ["ragged_row"]}, {"transaction_id": "T-20", "reasons": ["missing_amount"]}),
    )
    for entity in ENTITIES.keys() - {"transactions"}:
        bank.put(f"raw/{entity}/batch=b1/{entity}.parquet", parquet(SILVER[entity], ENTITIES[entity]))
    for entity, rows in ENTITIES.items():
        bank.put(f"bronze/{entity}/batch=b1/part-0.zstd.parquet", parquet(BRONZE[entity], rows))
        bank.put(f"silver/{entity}/event_date=2026-03-01/batch=b1/part-0.parquet", parquet(SILVER[entity], rows))
    bank.put(
        "silver/transactions/event_date=2026-03-01/batch=b2/part-9.parquet",
        parquet(SILVER["transactions"], PAYMENTS[:1]),
    )
    bank.put("gold/transaction_features/event_date=2026-03-01/part-0.parquet", parquet(TRANSACTION_FEATURES, PAYMENTS))
    bank.put("gold/loan_features/event_month=2026-03/part-0.parquet", parquet(LOAN_FEATURES, LOANS))
    row = {c.name: None for c in QUARANTINE.columns} | {"reasons": ["conflicting_duplicate"]}
    bank.put(
        "quarantine/transactions/batch=b1/stage=silver/part-0.json",
        lines({**row, "transaction_id": "T-shared", "customer_id": ANNA}, {**row, "transaction_id": "T-20"}),
    )
    decisions = [
        {"transaction_id": p["transaction_id"], "customer_id": p["customer_id"], "action": "APPROVE"}
        for p in PAYMENTS[2:]
    ]
    bank.put("decisions/decision_date=2026-03-01/shard-1-3-aa.json", lines(*decisions))
    bank.put("decisions/decision_date=2026-03-01/shard-1-1-bb.json", lines(decisions[0]))
    bank.put("predictions/month=2026-03/applications.csv.out", f"{ANNA},L-1,0.25\n{BEN},L-10,0.5\n")
    bank.put("training/scoring/2026-03/applications.csv", f"{ANNA},L-1,1,2\n{BEN},L-10,1,2\n")
    sink = io.BytesIO()
    identified = [{"identifier": p["transaction_id"], "label": 0} for p in PAYMENTS]
    pq.write_table(pa.Table.from_pylist(identified), sink)
    bank.put("training/fraud/run/train/rows.parquet", sink.getvalue())
    bank.put("training/fraud/run/model.tar.gz", tarred({"manifest.json": b'{"name": "fraud"}', "model": b"\0\1\2"}))
    bank.put("athena/1.csv", f'"customer_id"\n"{ANNA}"\n"{BEN}"\n')
    bank.put("athena/2.csv", f'"customer_id"\n"{BEN}"\n')
    report = {
        "examples": [{"transaction_id": "T-2", "differing": ["amount"]}, {"transaction_id": "T-20", "differing": []}]
    }
    bank.put("quality/check_parity/2026-03-01_2026-03-01.json", json.dumps(report, indent=1))
    # The past: a version that was replaced, and an object that was deleted.
    bank.put("gold/loan_features/event_month=2026-03/part-0.parquet", parquet(LOAN_FEATURES, LOANS))
    bank.put("bronze/transactions/batch=b0/part-0.parquet", parquet(BRONZE["transactions"], PAYMENTS))
    bank.s3.delete_object(Bucket=bank.bucket, Key="bronze/transactions/batch=b0/part-0.parquet")


def record(**values: str) -> list[dict[str, str]]:
    return [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]


class Store:
    """Feature groups as the platform has them: by customer, by loan, by merchant, with offline rows in the lake."""

    def __init__(self, aws, lake: str) -> None:
        self.aws, self.groups = aws, {}
        self.sagemaker = aws.client("sagemaker")
        self.runtime = aws.client("sagemaker-featurestore-runtime")
        for short, by in (("customer", "customer_id"), ("loan-applicant", "loan_id"), ("merchant", "merchant_id")):
            name = self.groups[short] = aws.name(short)
            features = dict.fromkeys((by, "event_time", "customer_id"))
            self.sagemaker.create_feature_group(
                FeatureGroupName=name,
                RecordIdentifierFeatureName=by,
                EventTimeFeatureName="event_time",
                FeatureDefinitions=[{"FeatureName": n, "FeatureType": "String"} for n in features],
                OnlineStoreConfig={"EnableOnlineStore": True},
                OfflineStoreConfig={
                    "S3StorageConfig": {"S3Uri": f"s3://{lake}/feature-store/{short}"},
                    "DisableGlueTableCreation": True,
                },
                RoleArn=aws.role(),
            )
            aws.wait(lambda n=name: self.described(n)["FeatureGroupStatus"] == "Created")

    def described(self, name: str) -> dict:
        return self.sagemaker.describe_feature_group(FeatureGroupName=name)

    def put(self, short: str, **values: str) -> None:
        self.runtime.put_record(FeatureGroupName=self.groups[short], Record=record(**values))

    def get(self, short: str, identifier: str) -> Any:
        answer = self.runtime.get_record(FeatureGroupName=self.groups[short], RecordIdentifierValueAsString=identifier)
        return answer.get("Record")

    def delete(self) -> None:
        for name in self.groups.values():
            self.sagemaker.delete_feature_group(FeatureGroupName=name)


@pytest.fixture(scope="module")
def store(aws):
    lake = Bank(aws)
    made = Store(aws, lake.bucket)
    made.bank = lake
    yield made
    made.delete()


@pytest.fixture(scope="module")
def forgotten(store):
    """The lake after Anna was forgotten: the bank, what the run said, and how things were before."""
    bank, now = store.bank, "2026-03-01T10:00:00Z"
    for customer, loan in ((ANNA, "L-1"), (BEN, "L-10")):
        store.put("customer", customer_id=customer, event_time="2999-01-01T00:00:00Z")  # a clock that is far ahead
        store.put("loan-applicant", loan_id=loan, customer_id=customer, event_time=now)
    store.put("merchant", merchant_id="M-1", event_time=now)
    store.aws.wait(lambda: len(bank.listed("feature-store/")) >= 3)
    fill(bank)
    store.operators = bank.make_operators()
    for suspects in ({ANNA}, {ANNA, BEN}):  # the first is kept, the second is live
        store.operators.change(listing("suspects", Listing("customer_id", frozenset(suspects))))
    before = {key: bank.read(key) for key in bank.listed()}
    assert set(bank.holding(*THEIRS, *OTHERS)) == {*THEIRS, *OTHERS}
    bank.make_job(sorted(store.groups.values()))
    return bank, bank.forget(ANNA), before


def test_nothing_that_is_theirs_alone_is_left_in_any_file(forgotten):
    bank, _, _ = forgotten
    assert bank.holding(*THEIRS) == {}


def test_they_are_on_no_list_any_more_and_doors_are_told(forgotten, store):
    _, said, _ = forgotten
    assert said["rows"]["policies"] == 2
    was = store.operators.read()
    assert was.lists == {"suspects": Listing("customer_id", frozenset({BEN}))}
    forget.read_lists_again(store.operators)
    assert store.operators.read().stored.number > was.stored.number
    assert store.operators.read().lists == was.lists


def test_everybody_else_is_where_they_were(forgotten):
    bank, _, before = forgotten
    kept = set(bank.holding(*OTHERS))
    assert kept == set(OTHERS)
    for key, body in before.items():
        if body[:4] != b"PAR1" or key.startswith("feature-store/"):
            continue
        others = [r for r in pq.read_table(io.BytesIO(body)).to_pylist() if not {*THEIRS} & {*map(str, r.values())}]
        left = pq.read_table(io.BytesIO(bank.read(key))).to_pylist() if key in bank.listed() else []
        assert [{**r, "attributes": None} for r in left] == [{**r, "attributes": None} for r in others], key


def test_files_that_did_not_hold_them_are_untouched(forgotten):
    bank, _, before = forgotten
    for key in ("training/fraud/run/model.tar.gz", "athena/2.csv"):
        assert bank.read(key) == before[key]
        listed = bank.s3.list_object_versions(Bucket=bank.bucket, Prefix=key)
        assert len(listed["Versions"]) == 1


def test_text_files_lose_lines_and_answers_go_whole(forgotten):
    bank, _, _ = forgotten
    assert bank.read("raw/transactions/batch=b1/transactions.csv").decode() == (
        "transaction_id,event_time,customer_id,merchant_id,amount\n"
        f"T-10,2026-03-01,{BEN},M-1,5\nT-20,2026-03-01,{BEN},M-1,5\nT-shared,2026-03-01,{BEN},M-1,5\n"
    )
    assert bank.read("raw/transactions/batch=b2/transactions.csv").decode() == (
        f"TRANSACTION_ID, Event_Time ,CUSTOMER_ID,MERCHANT_ID,AMOUNT\nT-10,2026-03-01,{BEN},M-1,5\n"
    )
    assert bank.read("predictions/month=2026-03/applications.csv.out").decode() == f"{BEN},L-10,0.5\n"
    assert bank.listed("athena/") == ["athena/2.csv"]
    assert bank.listed("decisions/") == ["decisions/decision_date=2026-03-01/shard-1-3-aa.json"]
    assert "silver/transactions/event_date=2026-03-01/batch=b2/part-9.parquet" not in bank.listed()


def test_somebody_elses_payment_stays_and_no_longer_names_them(forgotten):
    bank, _, _ = forgotten
    rows = pq.read_table(io.BytesIO(bank.read("bronze/transactions/batch=b1/part-0.zstd.parquet"))).to_pylist()
    assert {r["transaction_id"]: r["attributes"] for r in rows}["T-10"] == [("beneficiary", "forgotten")]
    report = json.loads(bank.read("quality/check_parity/2026-03-01_2026-03-01.json"))
    assert [e["transaction_id"] for e in report["examples"]] == ["forgotten", "T-20"]


def test_their_online_records_are_gone_for_good_and_leave_no_mark_offline(forgotten, store):
    assert store.get("customer", ANNA) is None
    assert store.get("loan-applicant", "L-1") is None
    assert store.get("customer", BEN)
    assert store.get("loan-applicant", "L-10")
    assert store.get("merchant", "M-1")
    for short, by in (("customer", ANNA), ("loan-applicant", "L-1")):
        listed = store.runtime.list_records(FeatureGroupName=store.groups[short], IncludeSoftDeletedRecords=True)
        assert by not in listed["RecordIdentifiers"]


def test_the_receipt_counts_what_was_done_and_names_nobody(forgotten, store):
    bank, run, _ = forgotten
    name = hashlib.sha256(ANNA.encode()).hexdigest()
    receipt = json.loads(bank.read(f"quality/forgotten/{name}.json"))
    assert receipt["customer_sha256"] == name
    assert receipt["runs"][0] == {key: value for key, value in run.items() if key != "receipt"}
    assert (run["payments"], run["loans"], run["found_again"]) == (2, 1, 0)
    # CSV: T-1, T-2 and Anna's T-shared, and T-1 and T-2 again; one label, loan, outcome, decision and standing.
    assert run["rows"]["raw"] == 10
    assert run["rows"]["predictions"] == 1
    assert run["rows"]["quarantine"] == 2
    assert run["rows"]["decisions"] == 2
    assert run["rows"]["gold"] == 3
    assert run["cells"]["quality"] == 1
    assert run["files"]["athena"] == 1
    assert {short: run["records"][group] for short, group in store.groups.items()} == {
        "customer": 1,
        "loan-applicant": 1,
        "merchant": 0,
    }
    assert bank.listed("forgetting/") == []


def test_the_receipt_says_what_every_rewritten_decision_object_is_now(forgotten):
    bank, run, before = forgotten
    changed = {key for key in before if key.startswith("decisions/") and before[key] != bank.current(key)}
    assert changed
    assert run["decisions"] == {
        key: hashlib.sha256(bank.read(key)).hexdigest() if key in bank.listed("decisions/") else None for key in changed
    }


def test_a_second_run_finds_nothing_and_says_so(forgotten):
    bank, first, _ = forgotten
    again = bank.forget(ANNA)
    assert (again["rows"], again["versions"], again["payments"]) == ({}, 0, 0)
    assert "nothing found" in forget.told(again)[0]
    assert "nothing found" not in "\n".join(forget.told(first))
    name = hashlib.sha256(ANNA.encode()).hexdigest()
    assert len(json.loads(bank.read(f"quality/forgotten/{name}.json"))["runs"]) == 2


@pytest.fixture(scope="module")
def other_bank(aws):
    bank = Bank(aws)
    store = Store(aws, bank.bucket)
    bank.make_job(sorted(store.groups.values()))
    yield bank
    store.delete()


def test_an_interrupted_run_goes_on_with_what_it_knew(other_bank):
    """The payments are gone already: only the request still says whose labels these are."""
    name = hashlib.sha256(ANNA.encode()).hexdigest()
    known = {"customer_id": ANNA, "transactions": ["T-1"], "loans": ["L-1"]}
    other_bank.put(f"forgetting/{name}.json", json.dumps(known))
    other_bank.put(
        "silver/fraud_labels/event_month=2026-03/batch=b1/p.parquet", parquet(SILVER["fraud_labels"], LABELS)
    )
    run = other_bank.forget(ANNA)
    assert run["rows"] == {"silver": 1}
    assert other_bank.holding("T-1", "L-1", ANNA) == {}
    assert other_bank.holding("T-10")


def test_what_cannot_be_rewritten_fails_the_run_by_name_and_keeps_the_request(other_bank):
    other_bank.put("training/run/model.tar.gz", tarred({"examples.txt": f"as {BEN} did".encode()}))
    with pytest.raises(
        SystemExit, match=r"held by 1 objects: training/run/model\.tar\.gz: archives and models are never"
    ):
        other_bank.forget(BEN)
    assert len(other_bank.listed("forgetting/")) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [({"customer_id": BEN}, "about the customer with this SHA-256"), (None, "found none: `make forget` writes it")],
)
def test_a_request_that_is_not_about_its_name_is_refused(other_bank, content, said):
    name = hashlib.sha256(b"C-3").hexdigest()
    if content:
        other_bank.put(f"forgetting/{name}.json", json.dumps(content))
    with pytest.raises(BadRequest, match=said):
        Request.read(Lake(f"s3://{other_bank.bucket}", "none", other_bank.s3, other_bank.glue), name)
    other_bank.s3.delete_object(Bucket=other_bank.bucket, Key=f"forgetting/{name}.json")


def test_a_platform_that_is_not_there_is_a_sentence(aws):
    with pytest.raises(SystemExit, match=r"refused: NoSuchBucket.*is the platform deployed"):
        forget.ask(aws.client("s3"), aws.client("glue"), "risk-nowhere", "risk-nowhere-lake", "C-1")


@pytest.mark.parametrize("arguments", [("local",), ("local", " "), ("", "C-1")])
def test_the_command_asks_for_what_is_missing(arguments):
    with pytest.raises(SystemExit, match="expected ENV=<environment> and CUSTOMER=<customer_id>"):
        forget.main(*arguments)
