"""`make experiments` and `make reproduce`: what was trained from what, and the same training once more.

SageMaker keeps parameters and outcome of a pipeline's run, the evaluation has settings and figures, and digests of rows
and archive. So a run is compared with another, and made again, without a server that keeps experiments.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tools.operate import mlflow_runs
from tools.operate.platform import Platform, Refused
from tools.releases import PROBLEMS
from tools.telling import Teller

BEYOND = "2"  # an AUC that none reaches: nothing is registered
TOLD = ("auc", "ap", "ks", "ece")


@dataclass(frozen=True)
class Run:
    """A pipeline's run, by what its folder in the lake is called."""

    problem: str
    name: str
    status: str
    started: str
    parameters: dict[str, str]
    evaluation: dict | None

    def line(self) -> str:
        """Of a table of runs."""
        of, given = self.evaluation or {}, json.dumps(self.parameters, sort_keys=True)
        if not {"learner", "feature_version", "test"} <= of.keys():
            said = "no evaluation" if self.evaluation is None else "an evaluation of another form"
            return f"{self.name}  {self.started}  {self.status}: {said}  {given}"
        figures = "  ".join(f"{n} {of['test'][n]:.4f}" for n in TOLD if isinstance(of["test"].get(n), float))
        verdict = (of.get("dossier") or {}).get("verdict", "none")
        told = f"{of['learner']} of features {of['feature_version']}  {figures}  dossier {verdict}"
        return f"{self.name}  {self.started}  {self.status}  {told}  {given}"


def experiments(platform: Platform, teller: Teller, problem: str, mlflow: str = "") -> None:
    """A line for each run of a problem's training pipeline, the newest first; with `mlflow`, a database as MLflow names
    it, they are written there, too. Raises Refused."""
    if mlflow:
        mlflow_runs.require(mlflow)
    found = runs(platform, problem)
    for run in found:
        teller.say(run.line())
    if mlflow:
        said = [
            mlflow_runs.told(problem, run.name, run.status, run.started, run.parameters, run.evaluation)
            for run in reversed(found)
        ]
        with teller.watched("MLflow's database is written"):
            written, same = mlflow_runs.write(mlflow, f"{platform.prefix}-{problem}", said)
        teller.say(f"{written} runs written to {mlflow}, {same} stood there: mlflow ui --backend-store-uri {mlflow}")


def reproduce(platform: Platform, teller: Teller, problem: str, name: str) -> None:
    """Trains once more by the parameters of a run, registers nothing, and compares bit for bit.

    Raises Refused where the run is not known or has no evaluation, and where anything differs.
    """
    known = {run.name: run for run in runs(platform, problem)}
    if name not in known:
        raise Refused(f"expected RUN={' or '.join(known) or 'of one that was trained'}, got {name!r}")
    before = known[name]
    if before.evaluation is None or "record" not in before.evaluation:
        raise Refused(f"expected a run that was evaluated and has a record, but {name} is {before.status} without one")
    with teller.watched(f"the {problem} pipeline, by the parameters of {name}"):
        execution, _ = platform.run_pipeline(problem, {**before.parameters, "MinimumAuc": BEYOND})
    again = name_of(execution)
    after = evaluation(platform, problem, again)
    if after is None:
        raise Refused(f"{again} came to no evaluation: make status says what failed")
    differ = differences(comparable(before.evaluation, name), comparable(after, again))
    if differ:
        raise Refused(f"{again} is not what {name} was, it differs in {', '.join(differ)}: {why(differ)}")
    archive = before.evaluation["record"]["archive"]
    teller.say(f"{again} is bit for bit what {name} was: rows, {len(archive)} parts of the archive, all figures")


def runs(platform: Platform, problem: str) -> list[Run]:
    if problem not in PROBLEMS:
        raise Refused(f"expected PROBLEM={' or '.join(PROBLEMS)}, got {problem!r}")
    sagemaker: Any = platform.client("sagemaker")
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=f"{platform.prefix}-{problem}")
    found = [run for page in pages for run in page["PipelineExecutionSummaries"]]
    return [
        Run(
            problem,
            name_of(run["PipelineExecutionArn"]),
            run["PipelineExecutionStatus"],
            run["StartTime"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            parameters(sagemaker, run["PipelineExecutionArn"]),
            evaluation(platform, problem, name_of(run["PipelineExecutionArn"])),
        )
        for run in sorted(found, key=lambda run: run["StartTime"], reverse=True)
    ]


def parameters(sagemaker: Any, execution: str) -> dict[str, str]:
    pages = sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(PipelineExecutionArn=execution)
    return {p["Name"]: p["Value"] for page in pages for p in page["PipelineParameters"]}


def evaluation(platform: Platform, problem: str, name: str) -> dict | None:
    """None of a run that came to none: looked for first, for what may not be read is no such thing."""
    key = f"training/{problem}/{name}/evaluation/evaluation.json"
    if key not in platform.keys(key):
        return None
    try:
        return json.loads(platform.read(key))
    except ValueError:
        return {}


def name_of(execution: str) -> str:
    """`arn:...:pipeline/risk-dev-fraud/execution/abc` -> `abc`."""
    return execution.rpartition("/")[2]


def comparable(evaluation: dict, name: str) -> dict:
    """Without the names that a run gives its models, and the digest of a dossier that has them."""
    text = re.sub(rf"pipelines-{re.escape(name)}-([\w-]+)-\w+", r"\1", json.dumps(evaluation))
    found = json.loads(text)
    (found.get("dossier") or {}).pop("sha256", None)
    return found


def differences(before: object, after: object, place: str = "") -> list[str]:
    """Places of two documents that differ, as `test.auc`."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted(before.keys() | after.keys())
        missing = object()
        pairs = [(f"{place}.{n}" if place else n, before.get(n, missing), after.get(n, missing)) for n in names]
        return [found for at, a, b in pairs for found in differences(a, b, at)]
    return [] if before == after else [place]


def why(differ: list[str]) -> str:
    if any(place.startswith("record.rows") for place in differ):
        return "the lake says something else of that time by now, or another code prepares"
    if "record.archive.code" in differ:
        return "another version of the code trains and serves by now"
    return "other code, libraries or another machine train by now"
