"""Runs of a training pipeline as runs of MLflow, in a database of its own, to be compared in its pages: no training
depends on a server for it.

What SageMaker and the lake keep stays the record. A run that was written before is not written again while nothing of
it has changed; one that was under way is brought up to date.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tools.operate.platform import Refused

RUN = "sagemaker.execution"  # the tag that names a run
FORM = "sqlite:///"
# MLflow's words for how a run ended, by SageMaker's; any other is under way.
ENDED = {"Succeeded": "FINISHED", "Failed": "FAILED", "Stopped": "KILLED"}
FIGURES = ("test", "pooled", "refit", "beside_simplest", "fairness")  # parts of an evaluation that hold figures
LONGEST = 500  # letters of a parameter or a tag, MLflow's least limit
MISSING = (
    "MLFLOW= needs the whole environment, which the small one of a deployment is not: run `make setup` without LIGHT, "
    "or leave MLFLOW out"
)


@dataclass(frozen=True)
class Told:
    """What MLflow is told of a run; `started` in ms since 1970."""

    name: str
    status: str
    started: int
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]


def told(problem: str, name: str, status: str, started: str, parameters: Mapping[str, str], found: dict | None) -> Told:
    """`found` is the run's evaluation, none where it came to none."""
    of = found or {}
    dossier = of.get("dossier") or {}
    words = {
        RUN: name,
        "problem": problem,
        "status": status,
        "learner": of.get("learner"),
        "feature_version": of.get("feature_version"),
        "dossier.verdict": dossier.get("verdict"),
        "dossier.sha256": dossier.get("sha256"),
        **{f"record.{place}": value for place, value in leaves(of.get("record") or {})},
    }
    settings = {f"settings.{place}": value for place, value in leaves(of.get("settings") or {})}
    given = {**parameters, **settings}
    return Told(
        name,
        status,
        int(datetime.fromisoformat(started).timestamp() * 1000),
        {key: str(value)[:LONGEST] for key, value in given.items()},
        {
            f"{part}.{place}": float(value)
            for part in FIGURES
            for place, value in leaves(of.get(part) or {})
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        },
        {key: str(value)[:LONGEST] for key, value in words.items() if value is not None},
    )


def leaves(document: object, place: str = "") -> Iterator[tuple[str, Any]]:
    """Places and values of a document, as `test.auc`; a list's places are numbers."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield from leaves(value, f"{place}.{name}" if place else str(name))
    elif isinstance(document, list | tuple):
        for number, value in enumerate(document):
            yield from leaves(value, f"{place}.{number}")
    elif place:
        yield place, document


def require(uri: str) -> None:
    """Raises Refused for what is no database file: MLflow itself has given up its store of files."""
    if not uri.startswith(FORM) or uri == FORM:
        raise Refused(f"expected MLFLOW={FORM}<file>, such as {FORM}build/mlflow.db, got {uri!r}")


def write(uri: str, experiment: str, runs: Iterable[Told]) -> tuple[int, int]:
    """Returns how many runs were written, and how many stood there as they are. Raises Refused."""
    require(uri)
    try:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param, RunTag
    except ImportError:
        raise Refused(MISSING) from None
    client = MlflowClient(tracking_uri=uri)
    known = client.get_experiment_by_name(experiment)
    place = known.experiment_id if known else client.create_experiment(experiment)
    before = {run.data.tags[RUN]: run for run in all_runs(client, place) if RUN in run.data.tags}
    written = same = 0
    for one in runs:
        there = before.get(one.name)
        if there is not None and stands(there, one):
            same += 1
            continue
        run = there or client.create_run(place, start_time=one.started, run_name=one.name)
        client.log_batch(
            run.info.run_id,
            [Metric(key, value, one.started, 0) for key, value in one.metrics.items()],
            [Param(key, value) for key, value in one.params.items() if key not in run.data.params],
            [RunTag(key, value) for key, value in one.tags.items()],
        )
        client.update_run(run.info.run_id, status=ENDED.get(one.status, "RUNNING"))
        written += 1
    return written, same


def all_runs(client: Any, place: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_runs([place], page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def stands(there: Any, one: Told) -> bool:
    tags = {key: there.data.tags.get(key) for key in one.tags}
    return (tags, there.data.params, there.data.metrics) == (one.tags, one.params, one.metrics)
