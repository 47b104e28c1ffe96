"""Training job: rows of the channels -> a model archive that serves itself."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.encoding import Encoding
from inference.calibration import Calibration
from inference.model import NUMERIC, single
from training import calibration, rejects
from training.archive import About, Learnt, Part, Settled, include_server, write
from training.columns import FILE, Decisions
from training.drift import growing
from training.folds import grouped
from training.frames import read_folder
from training.fraud_set import NothingToLearn
from training.learners import LEARNERS
from training.metrics import RANKING
from training.prepare import STATES
from training.problems import PROBLEMS, Problem
from training.reject_method import Rejects
from training.rows import Fitted, Rows, Settings
from training.selection import LARGEST, STOPS, Choice, choose, crossfitted, only, part, rolling, varies

FOLDS = {20_000: 2, 10_000: 3, 0: 5}  # by rows from which on: of many rows few folds say enough
ROOT = Path("/opt/ml")


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
        learners = sorted(PROBLEMS[values["problem"]].candidates)
        if values["learner"] not in learners:
            raise ValueError(f"expected a learner of {learners} for {values['problem']}, got {values['learner']!r}")
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
    rows, held = read_folder(data / "train", without=rejects.FILE), read_folder(data / "validation")
    learned, judged = teaching(rows, encoding), teaching(held, encoding)
    if not varies(learned):
        raise NothingToLearn(nothing_told(problem, len(rows)))
    if problem.crossfitted:
        learnt = by_folds(problem, hyperparameters, learned, rows, declined_among(data / "train", rows, encoding))
    else:
        learnt = by_later_rows(problem, hyperparameters, learned, judged)
    told_of = {"rows": {"train": len(rows), "validation": len(held)}, "trained_until": str(held["at"].max())}
    if (counted := data / "train" / STATES).is_file():
        told_of["default"] = json.loads(counted.read_text())["default"]
    if learnt.inferred:
        told_of["rejects"] = learnt.inferred
    # The newest rows, not all of them: what drifts is measured from how things were when the model was made.
    grows = growing(encoding.names, (held["at"].min() - rows["at"].min()).days)
    about = About(hyperparameters.name, problem, encoding, decided, told_of, hyperparameters.seed, grows)
    write(about, learnt, learned, judged.x, model)
    include_server(model / "code")
    chosen = learnt.parts[0].choice.settings.document()
    print(f"trained {problem.name} with {hyperparameters.learner}: {len(rows)} rows, {chosen}")


def by_later_rows(problem: Problem, asked: Hyperparameters, learned: Rows, judged: Rows) -> Learnt:
    """Chosen on the newest rows that teach, and calibrated on those that came after all of them."""
    candidates = problem.candidates[asked.learner]
    choice = choose(asked.learner, candidates, rolling(learned), RANKING[problem.measure], asked.seed)
    fitted = fitted_by(problem, choice, learned, asked.seed)
    calibrated = calibration.fit(fitted.margins(judged.x), judged.y)
    return Learnt((Part(choice, fitted),), calibrated, {"on": "validation"})


def by_folds(
    problem: Problem,
    asked: Hyperparameters,
    learned: Rows,
    rows: pd.DataFrame,
    declined: rejects.Declined | None = None,
) -> Learnt:
    """Chosen and calibrated on what models of other customers say of each row."""
    customers, candidates = rows["customer_id"].to_numpy(), problem.candidates[asked.learner]
    return crossfit(problem, asked.learner, candidates, learned, customers, asked.seed, declined=declined)


def declined_among(train: Path, rows: pd.DataFrame, encoding: Encoding) -> rejects.Declined | None:
    """The declined loans that were applied for while the rows that train were; none where they shall not teach."""
    if not (train / rejects.DECLARED).is_file():
        return None
    found = rejects.until(read_folder(train, only=rejects.FILE), rows["at"].max())
    return declined_of(train, found, encoding)


def declined_of(train: Path, found: pd.DataFrame, encoding: Encoding) -> rejects.Declined:
    how = Rejects(**json.loads((train / rejects.DECLARED).read_text()))
    return rejects.Declined(how, matrix(found, encoding), rejects.drawn(found["identifier"]))


def crossfit(
    problem: Problem,
    learner: str,
    candidates: Sequence[Settings],
    learned: Rows,
    customers: np.ndarray,
    seed: int,
    shares: Sequence[float] = STOPS,
    declined: rejects.Declined | None = None,
) -> Learnt:
    """A model of all rows, with settings and calibration from folds of the newest of them. Raises NothingToLearn.

    Where `declined` loans shall teach too, settings come from the rows alone; folds are then learnt once more with what
    is inferred of these loans, and what that says of the rows calibrates.
    """
    settled = settle(problem, learner, candidates, learned, customers, seed, shares)
    fitted = fitted_by(problem, settled.choice, learned, seed)
    inferred = None
    if declined is not None:
        settled, parcels = with_declined(settled, fitted, learned, customers, declined, seed)
        besides = Rows(declined.x, parcels.y)
        fitted = LEARNERS[learner].fit(learned, settled.choice.settings, seed, besides)
        inferred = parcels.document(declined.rejects)
    parts = (Part(settled.choice, fitted),)
    return Learnt(parts, settled.calibration, settled.calibrated_by, settled.out_of_fold, inferred)


def with_declined(
    settled: Settled, fitted: Fitted, learned: Rows, customers: np.ndarray, declined: rejects.Declined, seed: int
) -> tuple[Settled, rejects.Parcels]:
    """What is inferred of declined loans by a model that learnt from the others alone, `fitted`; and the calibration
    and the margins of rows by models that learnt from both. For a fold's rows it is inferred by a model and by rates of
    others; into bands these others are put by scores of models that knew the fold's rows.

    Raises NothingToLearn where there are no folds.
    """
    newest, fold = folds_of(learned.y, customers, seed)
    if settled.out_of_fold is None or fold is None:
        raise NothingToLearn("REJECTS: too few loans of either outcome for folds, from which bad rates are inferred")
    among, alone, choice = part(learned, newest.start, len(learned.y)), settled.out_of_fold, settled.choice
    learner, who, margins = LEARNERS[choice.learner], customers[newest], np.empty(len(alone))

    def inferred(by: Fitted, level: Calibration, rows: np.ndarray) -> rejects.Parcels:
        known, others = (level.probabilities(said) for said in (alone[rows], by.margins(declined.x)))
        return rejects.parcelled(known, among.y[rows], others, declined.draw, declined.rejects.uplift)

    for number in range(fold.max() + 1):
        judged = fold == number
        others = only(among, ~judged)
        level = calibration.crossfitted(alone[~judged], others.y, who[~judged], seed).calibration
        parcels = inferred(learner.fit(others, choice.settings, seed), level, ~judged)
        both = learner.fit(others, choice.settings, seed, Rows(declined.x, parcels.y))
        margins[judged] = both.margins(among.x[judged])
    found = calibration.crossfitted(margins, among.y, who, seed)
    told = {**settled.calibrated_by, **found.document()}
    every = np.ones(len(alone), dtype=bool)
    return Settled(choice, found.calibration, told, margins), inferred(fitted, settled.calibration, every)


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
    newest, fold = folds_of(learned.y, customers, seed)
    if fold is None:
        choice = Choice(learner, candidates[0], None)
        return Settled(choice, Calibration(), {"on": "nothing: too few rows of a class"})
    among, count = part(learned, newest.start, len(learned.y)), int(fold.max()) + 1
    choice, margins = crossfitted(learner, candidates, among, fold, RANKING[problem.measure], seed, shares)
    found = calibration.crossfitted(margins, among.y, customers[newest], seed)
    return Settled(choice, found.calibration, {"on": f"{count} folds", **found.document()}, margins)


def folds_of(y: np.ndarray, customers: np.ndarray, seed: int) -> tuple[slice, np.ndarray | None]:
    """The newest rows, and the number of the fold of each; none where a class has too few rows."""
    newest = slice(max(0, len(y) - LARGEST), len(y))
    count = folds_for(y[newest])
    return newest, None if count < 2 else grouped(y[newest], customers[newest], count, seed)


def folds_for(y: np.ndarray) -> int:
    """Fewer where there are many rows, for they say enough, and where a fold would have no row of either outcome."""
    count = next(count for least, count in FOLDS.items() if len(y) >= least)
    return int(min(count, y.sum(), len(y) - y.sum()))


def fitted_by(problem: Problem, choice: Choice, learned: Rows, seed: int) -> Fitted:
    """Raises NothingToLearn where the model says the same of every row, unless others challenge it: then it loses."""
    fitted = LEARNERS[choice.learner].fit(learned, choice.settings, seed)
    if not problem.crossfitted and np.ptp(fitted.margins(learned.x)) == 0:
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


def main() -> None:
    values = json.loads((ROOT / "input/config/hyperparameters.json").read_text())
    job = os.environ.get("TRAINING_JOB_NAME", "local")
    train(Hyperparameters.parse({"name": job, **values}), ROOT / "input/data", ROOT / "model")


if __name__ == "__main__":
    main()
