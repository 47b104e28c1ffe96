"""Runs of a training as MLflow has them, in a database that MLflow itself reads."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tools.operate.mlflow_runs import RUN, Told, leaves, told, write
from tools.operate.platform import Refused

EVALUATION = {
    "learner": "xgboost",
    "feature_version": "abc",
    "settings": {"depth": 4, "rounds": 100},
    "test": {"auc": 0.75, "interval": [0.7, 0.8], "rows": 100, "is_final": True, "note": "text", "worst": float("nan")},
    "dossier": {"verdict": "warn", "sha256": "d" * 64},
    "record": {"rows": {"test": "1"}, "archive": {"code": "2"}},
}


def said(name: str = "run-1", status: str = "Succeeded") -> Told:
    return told("fraud", name, status, "2026-01-01T00:00:00Z", {"AsOf": "2026-01-01"}, EVALUATION)


def test_figures_are_metrics_settings_parameters_and_digests_tags():
    one = said()

    assert one.metrics == {"test.auc": 0.75, "test.interval.0": 0.7, "test.interval.1": 0.8, "test.rows": 100.0}
    assert one.params == {"AsOf": "2026-01-01", "settings.depth": "4", "settings.rounds": "100"}
    assert one.tags[RUN] == "run-1"
    assert (one.tags["record.rows.test"], one.tags["dossier.verdict"]) == ("1", "warn")
    assert one.started == 1_767_225_600_000


def test_a_run_without_an_evaluation_has_no_figures():
    one = told("fraud", "run-2", "Failed", "2026-01-01T00:00:00Z", {}, None)

    assert (one.metrics, one.params) == ({}, {})
    assert one.tags == {RUN: "run-2", "problem": "fraud", "status": "Failed"}


def test_leaves_of_a_document_have_places():
    assert dict(leaves({"a": {"b": [1, {"c": 2}]}, "d": None})) == {"a.b.0": 1, "a.b.1.c": 2, "d": None}


@pytest.mark.parametrize("uri", ["file:build/mlruns", "build/mlruns", "sqlite:///", "http://127.0.0.1:5000"])
def test_what_is_no_database_file_is_refused_with_an_example(uri):
    with pytest.raises(Refused, match=r"expected MLFLOW=sqlite:///<file>, such as sqlite:///build/mlflow.db"):
        write(uri, "risk-dev-fraud", [said()])


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> str:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


def test_a_run_is_written_once_and_brought_up_to_date_when_it_has_ended(database):
    from mlflow import MlflowClient

    under_way = replace(said(status="Executing"), metrics={})
    assert write(database, "risk-dev-fraud", [under_way]) == (1, 0)
    assert write(database, "risk-dev-fraud", [said(), said("run-2")]) == (2, 0)
    assert write(database, "risk-dev-fraud", [said(), said("run-2")]) == (0, 2)

    client = MlflowClient(tracking_uri=database)
    place = client.get_experiment_by_name("risk-dev-fraud").experiment_id
    found = {run.data.tags[RUN]: run for run in client.search_runs([place])}
    assert set(found) == {"run-1", "run-2"}
    assert (found["run-1"].info.status, found["run-1"].info.start_time) == ("FINISHED", 1_767_225_600_000)
    assert found["run-1"].data.metrics == said().metrics
    assert found["run-1"].data.params == said().params
