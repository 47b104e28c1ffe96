"""Training job: rows of the channels -> a model archive that serves itself."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from features.encoding import Encoding
from inference.calibration import Calibration
from inference.model import NUMERIC, single
from inference.runtimes import COMPILED, NATIVE
from training import calibration, compiled
from training.columns import FILE, Decisions
from training.drift import baseline
from training.folds import grouped
from training.frames import read_folder
from training.fraud_set import NothingToLearn
from training.learners import LEARNERS, Recoded, recoded
from training.metrics import RANKING
from training.problems import PROBLEMS, Problem
from training.rows import Fitted, Rows, Settings
from training.selection import LARGEST, STOPS, Choice, choose, crossfitted, rolling, varies

OUT_OF_FOLD = "out_of_fold.npy"  # margins of the newest rows of `train`, in their order
FOLDS = 5
MANY, FEWER = 10_000, 3  # rows from which on fewer folds say enough
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
    """Chooses settings within the channel `train`, fits on it, calibrates, writes the archive's files to `model`.

    Where the problem says so, settings and calibration come from folds of `train` grouped by customer, and what the
    model said of rows that it did not learn from lies in the archive. Else the newest rows of `train` choose, and
    `validation` calibrates. Raises NothingToLearn when the model gives every row the same score, and
    compiled.Unfaithful when the archive scores otherwise than the trained model.
    """
    problem = PROBLEMS[hyperparameters.problem]
    encoding = Encoding.parse(json.loads((data / "train" / "columns.json").read_text()))
    told = data / "train" / FILE  # sets of before have none
    decided = Decisions.parse(json.loads(told.read_text())) if told.is_file() else Decisions(())
    rows, held = read_folder(data / "train"), read_folder(data / "validation")
    learned, judged = teaching(rows, encoding), teaching(held, encoding)
    if not varies(learned):
        raise NothingToLearn(nothing_told(problem, len(rows)))
    learn = by_folds if problem.crossfitted else by_later_rows
    learnt = learn(problem, hyperparameters, learned, rows, judged)
    told_of = {"rows": {"train": len(rows), "validation": len(held)}, "trained_until": str(held["at"].max())}
    # The newest rows, not all of them: what drifts is measured from how things were when the model was made.
    write(problem, hyperparameters, learnt, learned, judged.x, encoding, decided, told_of, model)
    include_server(model / "code")
    chosen = learnt.settled.choice.settings.document()
    print(f"trained {problem.name} with {hyperparameters.learner}: {len(rows)} rows, {chosen}")


@dataclass(frozen=True)
class Settled:
    """Settings, calibration, and margins of the newest rows by models of other customers; without folds there are
    none."""

    choice: Choice
    calibration: Calibration
    calibrated_by: dict
    out_of_fold: np.ndarray | None = None


@dataclass(frozen=True)
class Learnt:
    """A fitted model, and how it was learnt and calibrated."""

    settled: Settled
    fitted: Fitted


def by_later_rows(problem: Problem, asked: Hyperparameters, learned: Rows, rows: pd.DataFrame, judged: Rows) -> Learnt:
    """Chosen on the newest rows that teach, and calibrated on those that came after all of them."""
    candidates = problem.candidates[asked.learner]
    choice = choose(asked.learner, candidates, rolling(learned), RANKING[problem.measure], asked.seed)
    fitted = fitted_by(problem, choice, learned, asked.seed)
    calibrated = calibration.fit(fitted.margins(judged.x), judged.y)
    return Learnt(Settled(choice, calibrated, {"on": "validation"}), fitted)


def by_folds(problem: Problem, asked: Hyperparameters, learned: Rows, rows: pd.DataFrame, judged: Rows) -> Learnt:
    """Chosen and calibrated on what models of other customers say of each row."""
    customers = rows["customer_id"].to_numpy()
    return crossfit(problem, asked.learner, problem.candidates[asked.learner], learned, customers, asked.seed)


def crossfit(
    problem: Problem,
    learner: str,
    candidates: Sequence[Settings],
    learned: Rows,
    customers: np.ndarray,
    seed: int,
    shares: Sequence[float] = STOPS,
) -> Learnt:
    """A model of all rows, with settings and calibration from folds of the newest of them. Raises NothingToLearn."""
    settled = settle(problem, learner, candidates, learned, customers, seed, shares)
    return Learnt(settled, fitted_by(problem, settled.choice, learned, seed))


def settle(
    problem: Problem,
    learner: str,
    candidates: Sequence[Settings],
    learned: Rows,
    customers: np.ndarray,
    seed: int,
    shares: Sequence[float] = STOPS,
) -> Settled:
    """Settings and calibration, and nothing fitted to all rows yet."""
    newest = slice(max(0, len(learned.y) - LARGEST), None)
    among = replace(learned, x=learned.x[newest], y=learned.y[newest])
    count = folds_for(among.y)
    if count < 2:
        choice = Choice(learner, candidates[0], None)
        return Settled(choice, Calibration(), {"on": "nothing: too few rows of a class"})
    fold = grouped(among.y, customers[newest], count, seed)
    choice, margins = crossfitted(learner, candidates, among, fold, RANKING[problem.measure], seed, shares)
    found = calibration.crossfitted(margins, among.y, customers[newest], seed)
    return Settled(choice, found.calibration, {"on": f"{count} folds", **found.document()}, margins)


def folds_for(y: np.ndarray) -> int:
    """Fewer where there are many rows, for they say enough, and where a fold would have no row of either outcome."""
    return int(min(FEWER if len(y) > MANY else FOLDS, y.sum(), len(y) - y.sum()))


def fitted_by(problem: Problem, choice: Choice, learned: Rows, seed: int) -> Fitted:
    fitted = LEARNERS[choice.learner].fit(learned, choice.settings, seed)
    if np.ptp(fitted.margins(learned.x)) == 0:
        raise NothingToLearn(nothing_told(problem, len(learned.y)))
    return fitted


def nothing_told(problem: Problem, count: int) -> str:
    return (
        f"no column tells the outcomes of the {count} {problem.rows_are} apart that train: "
        "bring more of them, or further columns"
    )


def teaching(rows: pd.DataFrame, encoding: Encoding) -> Rows:
    categorical = tuple(i for i, column in enumerate(encoding.columns) if column.categories is not None)
    return Rows(matrix(rows, encoding), rows["label"].to_numpy(), encoding.directions, categorical)


def write(
    problem: Problem,
    asked: Hyperparameters,
    learnt: Learnt,
    learned: Rows,
    newest: np.ndarray,
    encoding: Encoding,
    decided: Decisions,
    told: Mapping,
    model: Path,
) -> None:
    """The archive's files but its code. `newest` are rows, as `learned` has them, that drift is measured from; `told`
    is added to the manifest. Raises compiled.Unfaithful."""
    learner, settled, fitted, x = LEARNERS[asked.learner], learnt.settled, learnt.fitted, learned.x
    if isinstance(fitted, Recoded):  # from now on the codes of categories are those of the model
        encoding = reordered(encoding, fitted.orders)
        x, newest = (recoded(matrix, fitted.orders) for matrix in (x, newest))
        fitted = fitted.fitted
    fitted.save(model / learner.file)
    content = compiled.compile_model(asked.learner, model / learner.file, len(encoding.columns))
    if content is not None:
        (model / compiled.FILE).write_bytes(content)
    manifest = {
        "name": asked.name,
        "problem": problem.name,
        "learner": asked.learner,
        "file": learner.file,
        **({"compiled": compiled.FILE, "runtime": COMPILED} if content is not None else {"runtime": NATIVE}),
        "calibration": {**settled.calibration.document(), "fitted": settled.calibrated_by},
        "feature_version": problem.feature_version,
        "fingerprints": {n: f for n, f in problem.features.fingerprints.items() if n in encoding.names},
        "columns": encoding.document(),
        "directions": directions(settled.choice, learned, encoding),
        "protected_columns": {"kept_out": decided.protected, "trained_on": decided.declared},
        "meanings": {name: text for name, text in problem.meanings.items() if name in encoding.names},
        "settings": settled.choice.settings.document(),
        "chosen_by": {"measure": problem.measure, "mean": settled.choice.measure},
        **told,
    }
    (model / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True, allow_nan=False))
    (model / FILE).write_text(json.dumps(decided.document(), indent=1, allow_nan=False))
    if content is not None:
        difference = compiled.require_faithful(model, x, asked.seed)
        print(f"compiled within {difference:.1e}")
    else:
        compiled.require_same(model, fitted.margins, x)
    probabilities = settled.calibration.probabilities(fitted.margins(newest))
    known = baseline(encoding.names, newest, probabilities, problem.unwatched)
    (model / "baseline.json").write_text(json.dumps(known, allow_nan=False))
    if settled.out_of_fold is not None:
        np.save(model / OUT_OF_FOLD, settled.out_of_fold, allow_pickle=False)


def directions(choice: Choice, learned: Rows, encoding: Encoding) -> dict[str, dict[str, str]]:
    """In which direction the score may follow a number only, by column, and by whose word."""
    followed = LEARNERS[choice.learner].directions(learned, choice.settings)
    declared = learned.directions or (0,) * len(followed)
    return {
        name: {"risk": "rising" if way > 0 else "falling", "by": "declared" if said else "found in the rows"}
        for name, way, said in zip(encoding.names, followed, declared, strict=True)
        if way
    }


def reordered(encoding: Encoding, orders: Mapping[int, tuple[int, ...]]) -> Encoding:
    """The encoding whose codes are those of a model that learned from categories in the order of their risk."""
    columns = list(encoding.columns)
    for place, order in orders.items():
        known = columns[place].categories or ()
        columns[place] = replace(columns[place], categories=tuple(known[code] for code in order))
    return Encoding(tuple(columns))


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
