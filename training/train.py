"""Training job: rows of the channels -> a model archive that serves itself."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.encoding import Encoding
from inference.model import NUMERIC, single
from inference.runtimes import COMPILED
from training import calibration, compiled
from training.columns import FILE, Decisions
from training.drift import baseline
from training.frames import read_folder
from training.fraud_set import NothingToLearn
from training.learners import LEARNERS, Rows
from training.metrics import RANKING
from training.problems import PROBLEMS
from training.selection import choose, rolling, varies

ROOT = Path("/opt/ml")
CODE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Hyperparameters:
    """What the pipeline sets; SageMaker passes everything as text."""

    problem: str
    learner: str
    name: str
    seed: int = 0

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> Hyperparameters:
        """Raises ValueError naming what is missing or unknown."""
        values = {k: json.loads(v) if v.startswith('"') else v for k, v in values.items()}
        missing = [k for k in ("problem", "learner", "name") if k not in values]
        if missing:
            raise ValueError(f"hyperparameters {', '.join(missing)} are missing")
        if values["problem"] not in PROBLEMS or values["learner"] not in LEARNERS:
            raise ValueError(
                f"expected a problem of {sorted(PROBLEMS)} and a learner of {sorted(LEARNERS)}, "
                f"got {values['problem']!r} and {values['learner']!r}"
            )
        return cls(values["problem"], values["learner"], values["name"], int(values.get("seed", 0)))


def matrix(rows: pd.DataFrame, encoding: Encoding) -> np.ndarray:
    """Rows as the server will see them: through the same encoding, in single precision."""
    cells = rows[list(encoding.names)]
    if all(column.kind in NUMERIC for column in encoding.columns) and all(k.kind in "iuf" for k in cells.dtypes):
        numbers = cells.to_numpy(dtype=np.float64)
        return single(np.where(np.isinf(numbers), np.nan, numbers))
    cells = cells.astype(object).where(cells.notna(), None)
    encoded = [encoding.encode(row) for row in cells.itertuples(index=False, name=None)]
    return single(np.array(encoded, dtype=np.float64))


def train(hyperparameters: Hyperparameters, data: Path, model: Path) -> None:
    """Chooses settings within the channel `train`, fits on it, calibrates on `validation`, writes the archive's files
    to `model`. Raises NothingToLearn when the model gives every row the same score, and compiled.Unfaithful when the
    compiled form scores otherwise than the trained one."""
    problem, learner = PROBLEMS[hyperparameters.problem], LEARNERS[hyperparameters.learner]
    encoding = Encoding.parse(json.loads((data / "train" / "columns.json").read_text()))
    told = data / "train" / FILE  # sets of before have none
    decided = Decisions.parse(json.loads(told.read_text())) if told.is_file() else Decisions(())
    rows, held = read_folder(data / "train"), read_folder(data / "validation")
    learned = Rows(matrix(rows, encoding), rows["label"].to_numpy(), encoding.directions)
    judged = Rows(matrix(held, encoding), held["label"].to_numpy())

    nothing = (
        f"no column tells the outcomes of the {len(rows)} {problem.rows_are} apart that train: "
        "bring more of them, or further columns"
    )
    if not varies(learned):
        raise NothingToLearn(nothing)
    candidates = problem.candidates[hyperparameters.learner]
    choice = choose(
        hyperparameters.learner, candidates, rolling(learned), RANKING[problem.measure], hyperparameters.seed
    )
    fitted = learner.fit(learned, choice.settings, hyperparameters.seed)
    if np.ptp(fitted.margins(learned.x)) == 0:
        raise NothingToLearn(nothing)
    fitted.save(model / learner.file)
    content = compiled.compile_model(hyperparameters.learner, model / learner.file, len(encoding.columns))
    (model / compiled.FILE).write_bytes(content)
    margins = fitted.margins(judged.x)
    calibrated = calibration.fit(margins, judged.y)
    manifest = {
        "name": hyperparameters.name,
        "problem": problem.name,
        "learner": hyperparameters.learner,
        "file": learner.file,
        "compiled": compiled.FILE,
        "runtime": COMPILED,
        "calibration": calibrated.document(),
        "feature_version": problem.feature_version,
        "fingerprints": {n: f for n, f in problem.features.fingerprints.items() if n in encoding.names},
        "columns": encoding.document(),
        "protected_columns": {"kept_out": decided.protected, "trained_on": decided.declared},
        "meanings": {name: text for name, text in problem.meanings.items() if name in encoding.names},
        "settings": choice.settings.document(),
        "chosen_by": {"measure": problem.measure, "mean": choice.measure},
        "rows": {"train": len(rows), "validation": len(held)},
        "trained_until": str(held["at"].max()),
    }
    (model / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True, allow_nan=False))
    (model / FILE).write_text(json.dumps(decided.document(), indent=1, allow_nan=False))
    difference = compiled.require_faithful(model, learned.x, hyperparameters.seed)
    # The newest rows, not all of them: what drifts is measured from how things were when the model was made.
    known = baseline(encoding.names, judged.x, calibrated.probabilities(margins), problem.unwatched)
    (model / "baseline.json").write_text(json.dumps(known, allow_nan=False))
    include_server(model / "code")
    print(
        f"trained {problem.name} with {hyperparameters.learner}: {len(rows)} rows, {choice.settings.document()}, "
        f"compiled within {difference:.1e}"
    )


def include_server(target: Path) -> None:
    """The archive carries the code that serves it: a model can always be served as it was."""
    for package in ("features", "inference"):
        shutil.copytree(CODE / package, target / package, ignore=shutil.ignore_patterns("__pycache__", "serve.py"))
    shutil.copy(CODE / "inference" / "serve.py", target / "serve.py")


def main() -> None:
    values = json.loads((ROOT / "input/config/hyperparameters.json").read_text())
    job = os.environ.get("TRAINING_JOB_NAME", "local")
    train(Hyperparameters.parse({"name": job, **values}), ROOT / "input/data", ROOT / "model")


if __name__ == "__main__":
    main()
