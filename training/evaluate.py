"""Processing job: scores held-out rows with each archive's own server code, keeps the better one, solves the policy.

The better one is chosen on the validation rows; what is reported of it comes from the test rows.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from inference.archive import unpack
from inference.model import Model
from training.enough import require_classes
from training.frames import read_folder
from training.metrics import card_precision, measures
from training.policy import Costs, expected_cost, solve
from training.problems import PROBLEMS, Problem

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")
ARCHIVE = "model.tar.gz"


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problem", choices=sorted(PROBLEMS), required=True)
    parser.add_argument("--costs", default="{}", help="what thresholds are solved for, as JSON")
    args = parser.parse_args(argv)
    costs = Costs.parse(args.costs)

    archives = sorted(INPUT.glob(f"model*/{ARCHIVE}"))
    folders = [OUTPUT / "opened" / path.parent.name for path in archives]
    for path, folder in zip(archives, folders, strict=True):
        with tarfile.open(path) as archive:
            unpack(archive, folder)
    problem = PROBLEMS[args.problem]
    parts = {name: read_folder(INPUT / name) for name in ("validation", "test")}
    for name, part in parts.items():  # of one class nothing can be measured
        require_classes(name, part, problem.rows_are, problem.classes)
    best, report = evaluate(problem, [Model(folder) for folder in folders], parts["validation"], parts["test"], costs)
    for name in ("evaluation", "model"):
        (OUTPUT / name).mkdir(parents=True, exist_ok=True)
    (OUTPUT / "evaluation" / "evaluation.json").write_text(json.dumps(report, indent=1, allow_nan=False))
    shutil.copyfile(archives[best], OUTPUT / "model" / ARCHIVE)
    shutil.rmtree(OUTPUT / "opened")
    print(json.dumps({"learner": report["learner"], **report["test"]}, allow_nan=False))


def evaluate(
    problem: Problem, models: Sequence[Model], validation: pd.DataFrame, test: pd.DataFrame, costs: Costs
) -> tuple[int, dict]:
    """Which of the models is better on the validation rows, and the report about it."""
    found = [
        {
            "learner": model.manifest["learner"],
            "settings": model.manifest.get("settings"),
            "validation": measured(problem, validation, scores(model, validation)),
        }
        for model in models
    ]
    best = max(range(len(models)), key=lambda i: found[i]["validation"][problem.measure])
    model, tested = models[best], scores(models[best], test)
    report = {
        "problem": problem.name,
        "learner": model.manifest["learner"],
        "feature_version": model.feature_version,
        "test": measured(problem, test, tested),
        "validation": found[best]["validation"],
        "candidates": found,
    }
    if problem.has_policy:
        judged = scores(model, validation)
        policy = solve(validation["label"].to_numpy(), judged, units(validation), costs)
        report["policy"] = {**policy, "model": model.name, "costs": asdict(costs)}
        report["test"]["expected_cost_per_1000"] = expected_cost(
            test["label"].to_numpy(), tested, units(test), costs, policy["review_at"], policy["block_at"]
        )
    return best, report


def measured(problem: Problem, rows: pd.DataFrame, p: np.ndarray) -> dict[str, float]:
    found = measures(rows["label"].to_numpy(), p)
    if problem.has_policy:
        day = rows["at"].dt.floor("D").to_numpy()
        found["cp100"] = card_precision(day, rows["customer_id"].to_numpy(), rows["label"].to_numpy(), p)
    return found


def units(rows: pd.DataFrame) -> np.ndarray:
    """Amounts in units of the currency."""
    return rows["amount"].to_numpy() / 100


def scores(model: Model, rows: pd.DataFrame) -> np.ndarray:
    """Through the server's own path, so that what is measured is what will serve."""
    cells = rows[list(model.encoding.names)].astype(object)
    return np.array(model.score(cells.where(cells.notna(), None).values.tolist()))


if __name__ == "__main__":
    main(sys.argv[1:])
