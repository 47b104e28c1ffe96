"""Processing job: scores held-out rows with each archive's own server code, keeps the better one, solves the policy.

The better one is chosen on the validation rows; what is reported of it comes from the test rows. Where folds chose
settings, a paired test decides on all rows that no learner knew when it scored them, and the winner then learns once
more, from all rows: what is registered is that, and what is reported of it is what the same learner reached when the
test rows were the future.
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
from training.calibration import reliability
from training.challenge import Judged, judge
from training.columns import FILE as DECIDED
from training.columns import Decisions
from training.enough import require_classes
from training.frames import read_folder
from training.metrics import card_precision, measures
from training.policy import Costs, expected_cost, solve
from training.problems import PROBLEMS, Problem
from training.rows import Settings
from training.selection import WHOLE
from training.train import OUT_OF_FOLD, Hyperparameters, crossfit, teaching, write

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")
ARCHIVE = "model.tar.gz"
SEED = 0


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
    models = [Model(folder) for folder in folders]
    taught = read_folder(INPUT / "train") if problem.crossfitted else None
    known = [out_of_fold(folder) for folder in folders]
    best, report = evaluate(problem, models, parts["validation"], parts["test"], costs, taught, known)
    for name in ("evaluation", "model"):
        (OUTPUT / name).mkdir(parents=True, exist_ok=True)
    kept = OUTPUT / "model" / ARCHIVE
    if taught is None:
        shutil.copyfile(archives[best], kept)
    else:
        report["refit"] = refit(problem, models[best], [taught, *parts.values()], kept)
    (OUTPUT / "evaluation" / "evaluation.json").write_text(json.dumps(report, indent=1, allow_nan=False))
    shutil.rmtree(OUTPUT / "opened")
    print(json.dumps({"learner": report["learner"], **report["test"]}, allow_nan=False))


def out_of_fold(folder: Path) -> np.ndarray | None:
    """What an archive's learner said of rows that it did not learn from; none where no folds were made."""
    path = folder / OUT_OF_FOLD
    return np.load(path, allow_pickle=False) if path.is_file() else None


def evaluate(
    problem: Problem,
    models: Sequence[Model],
    validation: pd.DataFrame,
    test: pd.DataFrame,
    costs: Costs,
    taught: pd.DataFrame | None = None,
    known: Sequence[np.ndarray | None] = (),
) -> tuple[int, dict]:
    """Which of the models is better, and the report about it.

    With the rows that `taught`, and what each model says of those that it did not learn from, by a paired test over
    these and the validation rows; the first of `problem.candidates` wins a tie. Else by its measure on validation rows.
    """
    judged = [scores(model, validation) for model in models]
    found = [
        {
            "learner": model.manifest["learner"],
            "settings": model.manifest.get("settings"),
            "validation": measured(problem, validation, p),
        }
        for model, p in zip(models, judged, strict=True)
    ]
    decided = None
    if taught is not None:
        decided = paired(problem, models, judged, validation, taught, known)
        best = [model.manifest["learner"] for model in models].index(decided.winner)
    else:
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
    if decided is not None:
        report["decided_by"] = decided.document()
        report["test"]["reliability"] = reliability(test["label"].to_numpy(), tested).document()
    if problem.has_policy:
        policy = solve(validation["label"].to_numpy(), judged[best], units(validation), costs)
        report["policy"] = {**policy, "model": model.name, "costs": asdict(costs)}
        report["test"]["expected_cost_per_1000"] = expected_cost(
            test["label"].to_numpy(), tested, units(test), costs, policy["review_at"], policy["block_at"]
        )
    return best, report


def paired(
    problem: Problem,
    models: Sequence[Model],
    judged: Sequence[np.ndarray],
    validation: pd.DataFrame,
    taught: pd.DataFrame,
    known: Sequence[np.ndarray | None],
) -> Judged:
    """Champion and challengers on rows that none of them knew: the newest of those that taught, by folds, and the
    validation rows. Without folds these alone."""
    folds = [margins for margins in known if margins is not None]
    rows, before = validation, [np.empty(0)] * len(models)
    if len(folds) == len(models):
        rows = pd.concat([taught.iloc[-len(folds[0]) :], validation])
        before = [model.calibration.probabilities(m) for model, m in zip(models, folds, strict=True)]
    said = {
        model.manifest["learner"]: np.concatenate([earlier, p])
        for model, earlier, p in zip(models, before, judged, strict=True)
    }
    ordered = {name: said[name] for name in problem.candidates if name in said}
    return judge(ordered, rows["label"].to_numpy(), rows["customer_id"].to_numpy(), SEED)


def refit(problem: Problem, model: Model, parts: Sequence[pd.DataFrame], archive: Path) -> dict:
    """The winner's learner and settings once more, on all rows, as an archive. Returns what to tell of it."""
    encoding, settings = model.encoding, Settings(**model.manifest["settings"])
    rows = pd.concat([part[["identifier", "customer_id", "at", "label", *encoding.names]] for part in parts])
    asked = Hyperparameters(problem.name, model.manifest["learner"], model.name, SEED)
    learned = teaching(rows, encoding)
    learnt = crossfit(problem, asked.learner, [settings], learned, rows["customer_id"].to_numpy(), SEED, WHOLE)
    folder = archive.parent / "refit"
    folder.mkdir(parents=True)
    told = {
        "rows": {**model.manifest["rows"], "refit": len(rows)},
        "trained_until": str(rows["at"].max()),
    }
    decided = Decisions.parse(json.loads((model.folder / DECIDED).read_text()))
    newest = teaching(parts[-1], encoding).x
    write(problem, asked, learnt, learned, newest, encoding, decided, told, folder)
    shutil.copytree(model.folder / "code", folder / "code")
    (folder / OUT_OF_FOLD).unlink(missing_ok=True)
    with tarfile.open(archive, "w:gz") as packed:
        for path in sorted(folder.iterdir()):
            packed.add(path, path.name)
    shutil.rmtree(folder)
    return {**told, "calibration": learnt.settled.calibrated_by}


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
