"""Writes what was learnt as an archive that serves itself, and proves that it scores as what was learnt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from features.encoding import Encoding
from inference.calibration import Calibration
from inference.runtimes import BLEND, COMPILED, NATIVE, Blend
from training import compiled
from training.columns import FILE, Decisions
from training.drift import baseline
from training.learners import LEARNERS, Recoded, recoded
from training.problems import Problem
from training.rows import Fitted, Rows
from training.selection import Choice

OUT_OF_FOLD = "out_of_fold.npy"  # margins of the newest rows of `train`, in their order
CODE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settled:
    """Settings, calibration, and margins of the newest rows by models of other customers; without folds there are
    none."""

    choice: Choice
    calibration: Calibration
    calibrated_by: dict
    out_of_fold: np.ndarray | None = None


@dataclass(frozen=True)
class Part:
    """A fitted model, and what its margins weigh among those of others."""

    choice: Choice
    fitted: Fitted
    weight: float = 1.0


@dataclass(frozen=True)
class Learnt:
    """One fitted model, or several that are blended, and how the score is calibrated."""

    parts: tuple[Part, ...]
    calibration: Calibration
    calibrated_by: dict
    out_of_fold: np.ndarray | None = None
    inferred: dict | None = None  # of declined loans that taught, too

    @property
    def learner(self) -> str:
        return self.parts[0].choice.learner if len(self.parts) == 1 else BLEND

    def margins(self, matrix: np.ndarray) -> np.ndarray:
        if len(self.parts) == 1:
            return self.parts[0].fitted.margins(matrix)
        return Blend([(part.weight, part.fitted) for part in self.parts]).margins(matrix)


@dataclass(frozen=True)
class About:
    """What an archive says of itself, beside what was learnt. `told` is added to its manifest."""

    name: str
    problem: Problem
    encoding: Encoding
    decided: Decisions
    told: Mapping
    seed: int
    unwatched: tuple[str, ...] = ()  # columns that drift says nothing of, beside those of the problem


def write(about: About, learnt: Learnt, learned: Rows, newest: np.ndarray, folder: Path) -> None:
    """The archive's files but its code. `newest` are rows, as `learned` has them, that drift is measured from.

    Raises compiled.Unfaithful.
    """
    encoding, x = about.encoding, learned.x
    orders = next((part.fitted.orders for part in learnt.parts if isinstance(part.fitted, Recoded)), {})
    if orders:  # from now on the codes of categories are those of the model
        encoding = reordered(encoding, orders)
        x, newest = recoded(x, orders), recoded(newest, orders)
        learnt = replace(learnt, parts=tuple(replace(part, fitted=within(part.fitted)) for part in learnt.parts))
    problem, alone = about.problem, len(learnt.parts) == 1
    saved = []
    for part in learnt.parts:
        prefix = "" if alone else f"{part.choice.learner}-"
        saved.append({**save(part, prefix, len(encoding.columns), folder), **described(part, problem)})
    manifest = {
        "name": about.name,
        "problem": problem.name,
        **(saved[0] if alone else {"learner": BLEND, "parts": saved}),
        "runtime": COMPILED if any("compiled" in part for part in saved) else NATIVE,
        "calibration": {**learnt.calibration.document(), "fitted": learnt.calibrated_by},
        "feature_version": problem.feature_version,
        "fingerprints": {n: f for n, f in problem.features.fingerprints.items() if n in encoding.names},
        "columns": encoding.document(),
        "directions": directions(learnt, learned, encoding),
        "protected_columns": {"kept_out": about.decided.protected, "trained_on": about.decided.declared},
        "meanings": {name: text for name, text in problem.meanings.items() if name in encoding.names},
        **about.told,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True, allow_nan=False))
    (folder / FILE).write_text(json.dumps(about.decided.document(), indent=1, allow_nan=False))
    if manifest["runtime"] == COMPILED:
        print(f"compiled within {compiled.require_faithful(folder, x, about.seed):.1e}")
    else:
        compiled.require_same(folder, learnt.margins, x)
    known = baseline(
        encoding.names,
        newest,
        learnt.calibration.probabilities(learnt.margins(newest)),
        (*problem.unwatched, *about.unwatched),
    )
    for name, code in commonest(encoding, newest).items():
        if name in known["columns"]:
            known["columns"][name]["commonest"] = code
    (folder / "baseline.json").write_text(json.dumps(known, allow_nan=False))
    if learnt.out_of_fold is not None:
        np.save(folder / OUT_OF_FOLD, learnt.out_of_fold, allow_pickle=False)


def commonest(encoding: Encoding, rows: np.ndarray) -> dict[str, int]:
    """The code that most of these rows, of shape (rows, columns), have in each category, the lowest of equals: bins of
    codes cannot tell it where one holds several. A column without a value in any row has none."""
    found = {}
    for place, column in enumerate(encoding.columns):
        codes = rows[:, place][~np.isnan(rows[:, place])].astype(int)
        if column.categories is not None and len(codes):
            found[column.name] = int(np.bincount(codes).argmax())
    return found


def within(fitted: Fitted) -> Fitted:
    return fitted.fitted if isinstance(fitted, Recoded) else fitted


def save(part: Part, prefix: str, columns: int, folder: Path) -> dict[str, str]:
    """The files of one model, and what the manifest calls them."""
    name = part.choice.learner
    file = prefix + LEARNERS[name].file
    part.fitted.save(folder / file)
    content = compiled.compile_model(name, folder / file, columns)
    if content is None:
        return {"learner": name, "file": file}
    (folder / (prefix + compiled.FILE)).write_bytes(content)
    return {"learner": name, "file": file, "compiled": prefix + compiled.FILE}


def described(part: Part, problem: Problem) -> dict:
    """How one model was learnt, and what it weighs where there are several."""
    return {
        "settings": part.choice.settings.document(),
        "chosen_by": {"measure": problem.measure, "mean": part.choice.measure},
        "weight": part.weight,
    }


def directions(learnt: Learnt, learned: Rows, encoding: Encoding) -> dict[str, dict[str, str]]:
    """In which direction the score may follow a number only, by column, and by whose word: what all parts keep to."""
    none = (0,) * learned.x.shape[1]
    kept = [LEARNERS[p.choice.learner].directions(learned, p.choice.settings) or none for p in learnt.parts]
    declared = learned.directions or none
    return {
        name: {"risk": "rising" if ways[0] > 0 else "falling", "by": "declared" if said else "found in the rows"}
        for name, ways, said in zip(encoding.names, zip(*kept, strict=True), declared, strict=True)
        if ways[0] and len(set(ways)) == 1
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
