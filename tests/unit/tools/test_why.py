"""A decision is explained by what its step says that happened, and is different only when it is not that."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest
import xgboost

from features.declaration import DAY
from features.encoding import numbers
from features.fraud import FRAUD
from features.payment import Payment
from features.values import day, iso
from features.vector import COLUMNS, Vector
from inference.archive import unpack
from inference.model import Model
from tools.archives import tarred
from tools.package import BOOTSTRAP_BASE_RATE, ROOT, bootstrap_model, files_below
from tools.why.__main__ import explained
from tools.why.action import Archive
from tools.why.comparison import compared, unread
from tools.why.history import Lake, late_payments

AT = 1_772_000_000_000
PAID = Payment("T-2", AT, "C-1", "M-1", 500)
EARLIER = Payment("T-1", AT - 60_000, "C-1", "M-1", 700)
DEFAULT = unread(PAID)


def asked(decision: dict, paid: tuple[Payment, ...] = (EARLIER, PAID)) -> Lake:
    """A lake of some payments, without labels and loans; `decision` is a row as Athena writes it."""

    def ask(zone: str, sql: str) -> list[dict[str, str]]:
        if zone == "decisions":
            return [decision]
        if "FROM transactions WHERE" not in sql:
            return []
        return [
            {
                "transaction_id": p.transaction_id,
                "customer_id": p.customer_id,
                "merchant_id": p.merchant_id,
                "event_time": iso(p.at),
                "amount_cents": str(p.amount),
                **{column: p.further.get(column, "") for column in COLUMNS},
            }
            for p in paid
            if f"transaction_id = '{p.transaction_id}'" in sql or "transaction_id =" not in sql
        ]

    return Lake(ask, "risk_local", {})


LAKES: Vector = asked({}).vector(PAID, AT)
OTHER: Vector = [1.0, *DEFAULT[1:]]


def decided(vector: Vector | None, **more: Any) -> dict:
    fields = {
        "vector": vector,
        "degrade_step": "none",
        "overtaken": False,
        "door": "api",
        "fraud_score": BOOTSTRAP_BASE_RATE,
    }
    return {**fields, **more}


class Late:
    """S3 with what the doors told of late payments."""

    def __init__(self, *told: dict) -> None:
        self.told = told

    def get_paginator(self, operation: str) -> Late:
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict]:
        assert Prefix == "late/"
        return [{"Contents": [{"Key": str(number)} for number in range(len(self.told))]}, {}]

    def get_object(self, Bucket: str, Key: str) -> dict:
        return {"Body": io.BytesIO(json.dumps(self.told[int(Key)]).encode())}


def test_a_payment_that_came_months_late_is_asked_for_where_it_lies_when_it_counts_in_the_span():
    """It is far outside of the days that are read, and counts at its customer's clock."""
    months = 90 * DAY
    old, older, newer = (
        {"transaction_id": name, "event_time": iso(AT - back), "counted_at": counted}
        for name, back, counted in (
            ("T-0", months, AT - 60_000),
            ("T-00", 2 * months, AT - months),  # counts too long ago itself
            ("T-9", months + DAY, AT + 3 * DAY),  # counts after the decision
        )
    )
    asked_for: list[str] = []

    def ask(zone: str, sql: str) -> list[dict[str, str]]:
        asked_for.append(sql)
        if "FROM transactions WHERE" not in sql or day(AT - months) not in sql:
            return []
        found = {"transaction_id": "T-0", "customer_id": "C-1", "merchant_id": "M-1", "amount_cents": "700"}
        return [{**found, **dict.fromkeys(COLUMNS, ""), "event_time": iso(AT - months)}]

    lake = Lake(ask, "risk_local", *late_payments(Late(old, older, newer), "lake"))

    assert lake.vector(PAID, AT) == LAKES, "as if it had happened when it counts"
    for other in (older, newer):
        assert not any(other["event_time"][:10] in sql for sql in asked_for)


def test_the_vectors_of_this_scene_differ():
    assert LAKES != DEFAULT
    assert OTHER not in (LAKES, DEFAULT)


CONSISTENT = {
    "the lake's": (decided(LAKES), "computed from the lake: equal to the bit"),
    "default": (decided(DEFAULT, degrade_step="default_features"), "as the step says: equal to the bit"),
    "default, overtaken": (
        decided(DEFAULT, degrade_step="default_features", overtaken=True),
        "as the step says: equal to the bit",
    ),
    "rules, records read": (decided(LAKES, degrade_step="rules_only"), "computed from the lake: equal"),
    "rules, records not read": (decided(DEFAULT, degrade_step="rules_only"), "could not be read either"),
    "no policy, records not read": (decided(DEFAULT, degrade_step="review"), "could not be read either"),
    "overtaken": (decided(OTHER, overtaken=True), "before earlier payments of the customer were applied"),
    "counted by the lake before": (decided(OTHER, overtaken=True, door="stream"), "the lake had counted the payment"),
    "rules, overtaken": (decided(OTHER, overtaken=True, degrade_step="rules_only"), "before earlier payments"),
    "no vector": (decided(None, degrade_step="rules_only", fraud_score=None), "none was logged"),
}


@pytest.mark.parametrize(("decision", "said"), CONSISTENT.values(), ids=CONSISTENT)
def test_a_vector_that_is_what_its_step_says_is_consistent(decision, said):
    found = compared(decision, LAKES, DEFAULT)
    assert found.consistent
    assert said in found.said


DIFFERENT = {
    "another": decided(OTHER),
    "default without saying so": decided(DEFAULT),
    "the lake's, but says default": decided(LAKES, degrade_step="default_features"),
    "another, says default and overtaken": decided(OTHER, degrade_step="default_features", overtaken=True),
    "rules and another": decided(OTHER, degrade_step="rules_only"),
    "a score of no vector": decided(None),
}


@pytest.mark.parametrize("decision", DIFFERENT.values(), ids=DIFFERENT)
def test_a_vector_that_is_not_what_its_step_says_is_different(decision):
    assert not compared(decision, LAKES, DEFAULT).consistent


class Bucket:
    """S3 with the archives of the bootstrap models, and of one that was trained."""

    def __init__(self, *archives: bytes) -> None:
        self.archives = {f"models/bootstrap/{n}/model.tar.gz": body for n, body in enumerate(archives)}
        self.archives["training/model.tar.gz"] = trained()

    def get_paginator(self, operation: str) -> Bucket:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict]:
        assert Bucket, "S3 refuses a bucket without a name"
        born = datetime(2026, 3, 1, tzinfo=UTC)
        found = [key for key in self.archives if Bucket == "artifacts" and key.startswith(Prefix)]
        return [{"Contents": [{"Key": key, "LastModified": born + timedelta(n)} for n, key in enumerate(found)]}]

    def download_fileobj(self, bucket: str, key: str, target: io.IOBase) -> None:
        target.write(self.archives[key])


class Registry:
    """A model registry with one package."""

    def get_paginator(self, operation: str) -> Registry:
        return self

    def paginate(self, **asked: str) -> list[dict]:
        return [{"ModelPackageSummaryList": [{"ModelPackageArn": "arn:1"}]}]

    def describe_model_package(self, ModelPackageName: str) -> dict:
        return {"InferenceSpecification": {"Containers": [{"ModelDataUrl": "s3://lake/training/model.tar.gz"}]}}


@cache
def trained() -> bytes:
    """The archive of a model that goes by the first feature."""
    first, fraud = [[float(n)] + [0.0] * (len(FRAUD.columns) - 1) for n in range(8)], [1, 1, 1, 1, 0, 0, 0, 0]
    options = {"objective": "binary:logistic", "nthread": 1, "min_child_weight": 0}
    manifest = {
        "name": "trees",
        "learner": "xgboost",
        "file": "model.json",
        "feature_version": FRAUD.version,
        "columns": numbers(FRAUD.columns).document(),
    }
    booster = xgboost.train(options, xgboost.DMatrix(np.array(first), fraud), 5)
    return tarred({"manifest.json": json.dumps(manifest).encode(), "model.json": bytes(booster.save_raw("json"))})


def bootstrap(rate: float = BOOTSTRAP_BASE_RATE) -> bytes:
    files = bootstrap_model(files_below(ROOT, "features"))
    manifest = {**json.loads(files["manifest.json"]), "base_rate": rate}
    return tarred({**files, "manifest.json": json.dumps(manifest).encode()})


def row(vector: Vector, **more: str) -> dict[str, str]:
    """A decision as Athena writes it."""
    fields = {
        "action": "APPROVE",
        "policy_version": "bootstrap",
        "door": "api",
        "degrade_step": "none",
        "reasons": "[]",
        "feature_version": FRAUD.version,
        "event_time": iso(AT),
        "counted_at": str(AT),
        "overtaken": "false",
        "model": "bootstrap",
        "fraud_score": repr(BOOTSTRAP_BASE_RATE),
        "vector": str([None if v is None else v for v in vector]).replace("None", "null"),
    }
    return {**fields, **more}


BY_A_PERSON = {"action": "REVIEW", "reasons": "[no_model_score]"}


def why(decision: dict[str, str], *archives: bytes, artifacts: str = "artifacts") -> int:
    clients = {"s3": Bucket(*archives), "sagemaker": Registry()}
    return explained(clients, asked(decision), "risk-local-fraud", artifacts, "T-2", Archive(clients["s3"], "lake"))


def test_the_bootstrap_models_score_is_computed_from_its_archive(capsys):
    assert why(row(LAKES), bootstrap(), bootstrap(0.5), b"no archive") == 0
    said = capsys.readouterr().out
    assert f"from bootstrap {BOOTSTRAP_BASE_RATE!r}: equal" in said
    assert "left out: s3://artifacts/models/bootstrap/2/model.tar.gz cannot be opened" in said


def test_a_score_that_no_bootstrap_model_gives_is_different(capsys):
    assert why(row(LAKES), bootstrap(0.5)) == 1
    assert "from bootstrap 0.5: DIFFERENT" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "artifacts", "said"),
    [
        ({}, "", "by bootstrap, which is not below models/bootstrap/ of the artifacts"),
        ({"model": "risk-7"}, "artifacts", "by risk-7, which is not a registered model"),
    ],
)
def test_a_score_of_a_model_that_is_not_there_cannot_be_computed_again(more, artifacts, said, capsys):
    assert why(row(LAKES, **more), bootstrap(), artifacts=artifacts) == 1
    assert said in capsys.readouterr().out


def test_a_decision_that_was_overtaken_is_consistent_when_its_own_vector_has_its_score(capsys):
    assert why(row(OTHER, overtaken="true"), bootstrap()) == 0
    said = capsys.readouterr().out
    assert f"{FRAUD.columns[0]}: logged 1.0, computed {LAKES[0]}" in said
    assert "are not the lake's, as the decision says" in said
    assert why(row(OTHER, overtaken="true"), bootstrap(0.5)) == 1


def test_the_score_is_that_of_the_logged_vector(tmp_path, capsys):
    with tarfile.open(fileobj=io.BytesIO(trained())) as content:
        unpack(content, tmp_path)
    of_logged, of_lakes = Model(tmp_path).score([OTHER, LAKES])
    assert of_logged != of_lakes
    assert why(row(OTHER, overtaken="true", model="trees", fraud_score=repr(of_logged))) == 0
    assert f"from trees {of_logged!r}: equal" in capsys.readouterr().out
    assert why(row(OTHER, overtaken="true", model="trees", fraud_score=repr(of_lakes))) == 1


@pytest.mark.parametrize("changed", [{"action": "BLOCK"}, {"reasons": "[known_mule]"}])
def test_an_action_that_its_policy_does_not_make_is_different(changed, capsys):
    assert why(row(LAKES, **changed), bootstrap()) == 1
    said = capsys.readouterr().out
    assert "by policy bootstrap APPROVE []: DIFFERENT" in said


def test_a_vector_that_is_not_the_lakes_is_listed_and_ends_with_1(capsys):
    assert why(row(OTHER), bootstrap()) == 1
    assert f"{FRAUD.columns[0]}: logged 1.0, computed {LAKES[0]}" in capsys.readouterr().out


def test_a_decision_by_rules_needs_no_model(capsys):
    assert why(row(DEFAULT, degrade_step="rules_only", fraud_score="", model="", **BY_A_PERSON)) == 0
    said = capsys.readouterr().out
    assert "the records could not be read either" in said
    assert "the model gave no answer, rules decided" in said


def test_a_log_without_a_vector_is_read_and_said_so(capsys):
    assert why({**row(DEFAULT, fraud_score="", degrade_step="review", **BY_A_PERSON), "vector": ""}) == 0
    assert "vector: none was logged" in capsys.readouterr().out


def test_an_archive_that_would_write_elsewhere_is_left_out(capsys):
    assert why(row(LAKES), tarred({"../outside.py": b"x"})) == 1
    assert "expected names below the archive's own folder" in capsys.readouterr().out
