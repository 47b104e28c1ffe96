"""Processing job: scores the test rows with the archive's own server code, measures, and solves the policy."""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inference.model import Model
from training.frames import read_folder
from training.metrics import measures
from training.policy import Costs, solve
from training.problems import PROBLEMS

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problem", choices=sorted(PROBLEMS), required=True)
    args = parser.parse_args(argv)
    problem = PROBLEMS[args.problem]

    folder = OUTPUT / "opened"
    with tarfile.open(INPUT / "model" / "model.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    model = Model(folder)
    test, validation = read_folder(INPUT / "test"), read_folder(INPUT / "validation")
    report = {
        "problem": problem.name,
        "learner": model.manifest["learner"],
        "feature_version": model.feature_version,
        "test": measures(test["label"].to_numpy(), scores(model, test)),
        "validation": measures(validation["label"].to_numpy(), scores(model, validation)),
    }
    if problem.has_policy:
        amounts = validation["amount"].to_numpy() / 100
        report["policy"] = solve(validation["label"].to_numpy(), scores(model, validation), amounts, Costs())
    target = OUTPUT / "evaluation" / "evaluation.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(report, indent=1))
    print(json.dumps(report["test"]))


def scores(model: Model, rows) -> np.ndarray:
    """Through the server's own path, so that what is measured is what will serve."""
    cells = rows[list(model.encoding.names)].astype(object)
    return np.array(model.score(cells.where(cells.notna(), None).values.tolist()))


if __name__ == "__main__":
    main(sys.argv[1:])
