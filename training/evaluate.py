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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from features.encoding import Encoding
from inference.archive import unpack
from inference.model import Model, open_library
from inference.runtimes import BLEND
from training import dossier, explained, fairness, record, rejects, vintages
from training.archive import OUT_OF_FOLD, About, Learnt, reordered, write
from training.blend import Blend, blend
from training.calibration import reliability
from training.challenge import Judged, compared, judge
from training.columns import FILE as DECIDED
from training.columns import Decisions
from training.enough import require_classes
from training.folds import grouped
from training.frames import read_folder
from training.fraud_set import NothingToLearn
from training.learners import by_risk
from training.metrics import RANKING, card_precision, chance_of_ece, measures
from training.policy import Costs, expected_cost, solve
from training.problems import PROBLEMS, Problem
from training.rows import Rows, Settings
from training.selection import WHOLE
from training.train import crossfit, declined_of, folds_for, matrix, teaching

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")
ARCHIVE = "model.tar.gz"
FAIRNESS = "fairness.json"
DOSSIER, PAGE = "dossier.json", "dossier.html"
SEED = 0
MOST_TAUGHT, MOST_EXPLAINED = 20_000, 1_000  # rows of which is asked what the model learned by heart, and rests on


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problem", choices=sorted(PROBLEMS), required=True)
    parser.add_argument("--costs", default="{}", help="what thresholds are solved for, as JSON")
    parser.add_argument("--fairness", default="{}", help="what differs from the usual fairness policy, as JSON")
    parser.add_argument("--trained_with", nargs=2, action="append", default=[], help="a parameter of the training")
    args = parser.parse_args(argv)
    costs, policy = Costs.parse(args.costs), fairness.Policy.parse(args.fairness)

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
    taught = read_folder(INPUT / "train", without=rejects.FILE) if problem.crossfitted else None
    refused = INPUT / "train" / rejects.FILE  # loans that were declined, where a training infers what became of them
    declined = read_folder(refused.parent, only=refused.name) if taught is not None and refused.is_file() else None
    known = [out_of_fold(folder) for folder in folders]
    won, report = evaluate(problem, models, parts["validation"], parts["test"], costs, taught, known)
    for name in ("evaluation", "model"):
        (OUTPUT / name).mkdir(parents=True, exist_ok=True)
    kept = OUTPUT / "model" / ARCHIVE
    if taught is None and won.place is not None:
        shutil.copyfile(archives[won.place], kept)
    elif taught is not None:
        report["refit"] = refit(problem, models, won, [taught, *parts.values()], kept, declined)
        if declined is not None:
            report["rejects"] = effect(problem, models, won, taught, parts, declined)
            print(report["rejects"]["told"])
        treated = treatment(models[won.place or 0], won, pd.concat(parts.values()), policy)
        (OUTPUT / "evaluation" / FAIRNESS).write_text(json.dumps(treated, indent=1, allow_nan=False))
        report["fairness"] = {name: treated[name] for name in ("verdict", "breaches")}
        print(f"fairness: {treated['verdict']}, {len(treated['breaches'])} breaches")
    signed = dossier_of(problem, models, won, report, parts["validation"], parts["test"], taught)
    for name, content in ((DOSSIER, json.dumps(signed, indent=1, allow_nan=False)), (PAGE, dossier.page(signed))):
        (OUTPUT / "evaluation" / name).write_text(content)
    failed = [test["name"] for test in signed["tests"] if test["verdict"] == "fail"]
    report["dossier"] = {"verdict": signed["verdict"], "sha256": signed["sha256"], "failed": failed}
    print(f"dossier: {signed['verdict']}{': ' if failed else ''}{', '.join(failed)}")
    rows = {name: INPUT / name for name in ("train", "validation", "test") if (INPUT / name).is_dir()}
    report["trained_with"] = dict(args.trained_with)
    report["record"] = record.of(rows, kept, {model.name: model.manifest["learner"] for model in models})
    (OUTPUT / "evaluation" / "evaluation.json").write_text(json.dumps(report, indent=1, allow_nan=False))
    shutil.rmtree(OUTPUT / "opened")
    print(json.dumps({"learner": report["learner"], **report["test"]}, allow_nan=False))


def dossier_of(
    problem: Problem,
    models: Sequence[Model],
    won: Won,
    report: dict,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    taught: pd.DataFrame | None = None,
) -> dict:
    """What a validation team asks of the winner, on validation and test rows; with the rows that it learned from,
    whether it knows them by heart."""
    used = [m for m in models if won.blend and m.manifest["learner"] in won.blend.weights] or [models[won.place or 0]]
    seen = [model.matrix(cells(model, test)) for model in used]

    def says(matrices: Sequence[np.ndarray]) -> np.ndarray:
        if won.blend is None:
            return used[0].probabilities(matrices[0])
        pairs = zip(used, matrices, strict=True)
        return won.blend.probabilities(
            won.blend.margins({m.manifest["learner"]: m.booster.margins(matrix) for m, matrix in pairs})
        )

    def again(change: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
        return says([change(matrix[rows]) for matrix in seen])

    def scored(rows: pd.DataFrame, p: np.ndarray, matrix: np.ndarray) -> dossier.Scored:
        return dossier.Scored(labels(rows), rows["customer_id"].to_numpy(), matrix, p)

    columns = used[0].encoding.columns
    answers = dossier.asked(
        scored(validation, won.validation, used[0].matrix(cells(used[0], validation))),
        scored(test, won.test, seen[0]),
        [column.name for column in columns],
        [i for i, column in enumerate(columns) if column.kind == "number"],
        again,
        SEED,
    )
    judged = pd.concat([validation, test])
    answers.extend(vintages.asked(judged["at"], labels(judged), np.concatenate([won.validation, won.test])))
    if taught is not None:
        newest = taught.iloc[-MOST_TAUGHT:]
        if newest["label"].nunique() > 1:
            p = says([model.matrix(cells(model, newest)) for model in used])
            answers.append(dossier.learnt_by_heart(auc(newest, p), auc(test, won.test)))
    if problem.has_policy and "policy" in report:
        costs = Costs(**report["policy"]["costs"])
        none = expected_cost(labels(test), won.test, units(test), costs, np.inf, np.inf)
        answers.append(dossier.saved(report["test"]["expected_cost_per_1000"], none))
    elif "amount" in test:
        answers.append(dossier.worth(labels(test), won.test, units(test), test["customer_id"].to_numpy(), SEED))
    if "fairness" in report:
        breaches = report["fairness"]["breaches"]
        said = ", ".join(f"{b['column']} {b['group']}: {b['of']}" for b in breaches)
        verdict: dossier.Verdict = "warn" if breaches else "pass"
        answers.append(dossier.Answer("fairness", float(len(breaches)), "within policy", verdict, detail=said))
    limits = "Measured before the last fit on all rows, and on what was accepted, not on what was declined."
    if "rejects" in report:
        answers.extend(dossier.inferred(report["rejects"]))
        limits += rejects.limit(report["rejects"])
    about = {
        "problem": problem.name,
        "learner": won.learner,
        "models": [model.name for model in used],
        "feature_version": used[0].feature_version,
        "rows": {"validation": len(validation), "test": len(test)},
        "window": [str(validation["at"].min()), str(test["at"].max())],
        "chosen": report.get("decided_by"),
        "refit": report.get("refit"),
        **explained_by(used, won, seen, labels(test)),
        **({"rejects": report["rejects"]} if "rejects" in report else {}),
        "limits": limits,
    }
    return dossier.document(about, answers)


def explained_by(used: Sequence[Model], won: Won, seen: Sequence[np.ndarray], y: np.ndarray) -> dict:
    """What the winner rests on, and what each of its columns says of the outcomes `y` of the test rows."""
    columns = used[0].encoding.columns
    rows = np.unique(np.linspace(0, len(y) - 1, min(len(y), MOST_EXPLAINED)).astype(int))
    weights = [won.blend.weights[model.manifest["learner"]] if won.blend else 1.0 for model in used]
    parts = (
        weight * open_library(model.manifest, model.folder).contributions(matrix[rows])
        for weight, model, matrix in zip(weights, used, seen, strict=True)
    )
    return {
        "importance": explained.importance(sum(parts, np.zeros((len(rows), len(columns)))), used[0].encoding.names),
        "weight_of_evidence": {
            column.name: explained.weight_of_evidence(y, seen[0][:, i].astype(np.float64), column.categories)
            for i, column in enumerate(columns)
        },
    }


def treatment(model: Model, won: Won, rows: pd.DataFrame, policy: fairness.Policy) -> dict:
    """How the winner treats protected groups among the validation and the test rows, in this order. `model` is one of
    its parts: all of them see the same columns."""
    protected = [d.name for d in decisions(model).columns if d.protected and d.name in rows]
    p = np.concatenate([won.validation, won.test])
    seen = model.matrix(cells(model, rows))
    return fairness.report(rows, p, seen, model.encoding.names, protected, policy)


def decisions(model: Model) -> Decisions:
    """What became of every column of the set that a model learned from."""
    return Decisions.parse(json.loads((model.folder / DECIDED).read_text()))


def out_of_fold(folder: Path) -> np.ndarray | None:
    """What an archive's learner said of rows that it did not learn from; none where no folds were made."""
    path = folder / OUT_OF_FOLD
    return np.load(path, allow_pickle=False) if path.is_file() else None


class NoScore(ValueError):
    """A model gives rows no number; the text says how many."""


@dataclass(frozen=True)
class Won:
    """Which model is the better one, or the blend of all of them, what it says of the validation and the test rows, and
    how that was decided where a paired test did."""

    learner: str
    place: int | None  # among the models; none for the blend
    validation: np.ndarray
    test: np.ndarray
    judged: Judged | None = None
    blend: Blend | None = None
    unknown: tuple[np.ndarray, np.ndarray] | None = None  # outcomes, and what it said, of all rows that it did not know
    simplest: np.ndarray | None = None  # what the simplest learner says of the test rows


def evaluate(
    problem: Problem,
    models: Sequence[Model],
    validation: pd.DataFrame,
    test: pd.DataFrame,
    costs: Costs,
    taught: pd.DataFrame | None = None,
    known: Sequence[np.ndarray | None] = (),
) -> tuple[Won, dict]:
    """Which of the models is better, and the report about it.

    With the rows that `taught`, and what each model says of those that it did not learn from, by a paired test over
    these and the validation rows; the first of `problem.candidates` wins a tie, a blend of them never does. Else by its
    measure on validation rows.
    """
    said = [scores(model, validation) for model in models]
    found = [
        {
            "learner": model.manifest["learner"],
            "settings": model.manifest.get("settings"),
            "validation": measured(problem, validation, p),
        }
        for model, p in zip(models, said, strict=True)
    ]
    if taught is None:
        best = max(range(len(models)), key=lambda i: found[i]["validation"][problem.measure])
        won = Won(found[best]["learner"], best, said[best], scores(models[best], test))
    else:
        won = challenged(problem, models, said, validation, test, taught, known)
    if np.ptp(np.concatenate([won.validation, won.test])) == 0:
        raise NothingToLearn(
            f"{won.learner} says the same of all {len(validation) + len(test)} {problem.rows_are}, and nothing does "
            f"better: bring more {problem.rows_are} with their outcomes, or further columns"
        )
    report: dict = {
        "problem": problem.name,
        "learner": won.learner,
        "feature_version": models[0].feature_version,
        "test": measured(problem, test, won.test),
        "validation": measured(problem, validation, won.validation),
        "candidates": found,
    }
    if won.judged is not None:
        report["decided_by"] = won.judged.document()
        report["set_aside"] = [{"name": d.name, "reason": d.reason} for d in decisions(models[0]).columns if not d.used]
    if won.unknown is not None:
        y, p = (np.concatenate([a, b]) for a, b in zip(won.unknown, (labels(test), won.test), strict=True))
        report["pooled"] = {
            **measures(y, p),
            "ece_by_chance": chance_of_ece(p, SEED),
            "reliability": reliability(y, p).document(),
        }
    if won.simplest is not None:
        gap = compared(won.test, won.simplest, labels(test), test["customer_id"].to_numpy(), SEED)
        simplest = next(iter(problem.candidates))
        report["beside_simplest"] = {"learner": simplest, "auc": auc(test, won.simplest), "gain": gap.document()}
    if won.blend is not None:
        report["blended"] = dict(won.blend.weights)
    if problem.has_policy and won.place is not None:
        policy = solve(labels(validation), won.validation, units(validation), costs)
        report["policy"] = {**policy, "model": models[won.place].name, "costs": asdict(costs)}
        report["test"]["expected_cost_per_1000"] = expected_cost(
            labels(test), won.test, units(test), costs, policy["review_at"], policy["block_at"]
        )
    return won, report


def challenged(
    problem: Problem,
    models: Sequence[Model],
    scored: Sequence[np.ndarray],
    validation: pd.DataFrame,
    test: pd.DataFrame,
    taught: pd.DataFrame,
    known: Sequence[np.ndarray | None],
) -> Won:
    """Champion and challengers, the blend of them one more, on rows that none of them knew: the newest of those that
    taught, by folds, and the validation rows. Without folds there is no blend, and validation rows decide alone."""
    names = [model.manifest["learner"] for model in models]
    by_name, said = dict(zip(names, models, strict=True)), dict(zip(names, scored, strict=True))
    ordered = [name for name in problem.candidates if name in by_name]
    folds = {name: margins for name, margins in zip(names, known, strict=True) if margins is not None}
    rows, mixed = validation, None
    judged = {name: said[name] for name in ordered}
    if len(folds) == len(models):
        newest = taught.iloc[len(taught) - len(folds[ordered[0]]) :]
        rows = pd.concat([newest, validation])
        y, customers = newest["label"].to_numpy(), newest["customer_id"].to_numpy()
        fold = grouped(y, customers, folds_for(y), SEED)
        mixed = blend({name: folds[name] for name in ordered if name in problem.blended}, y, fold)
        for name in ordered:
            judged[name] = np.concatenate([by_name[name].calibration.probabilities(folds[name]), said[name]])
        if mixed is not None:
            later = blended(mixed, by_name, validation)
            judged[BLEND] = np.concatenate([mixed.probabilities(mixed.out_of_fold), later])
    found = judge(judged, labels(rows), rows["customer_id"].to_numpy(), SEED)
    name, unknown = found.winner, (labels(rows), judged[found.winner])
    simplest = scores(by_name[ordered[0]], test)
    if name == BLEND and mixed is not None:
        later = blended(mixed, by_name, test)
        return Won(name, None, blended(mixed, by_name, validation), later, found, mixed, unknown, simplest)
    own = scores(by_name[name], test)
    return Won(name, names.index(name), said[name], own, found, unknown=unknown, simplest=simplest)


def blended(mixed: Blend, models: Mapping[str, Model], rows: pd.DataFrame) -> np.ndarray:
    """What the blend says of rows, of shape (rows,)."""
    of = {name: models[name] for name in mixed.weights}
    margins = {name: model.booster.margins(model.matrix(cells(model, rows))) for name, model in of.items()}
    return mixed.probabilities(mixed.margins(margins))


def refit(
    problem: Problem,
    models: Sequence[Model],
    won: Won,
    parts: Sequence[pd.DataFrame],
    archive: Path,
    declined: pd.DataFrame | None = None,
) -> dict:
    """The winner's learner and settings once more, on all rows, as an archive. Returns what to tell of it."""
    model = parts_of(models, won)[0]
    folder = archive.parent / "refit"
    folder.mkdir(parents=True)
    rows = pd.concat([part[["identifier", "customer_id", "at", "label", *model.encoding.names]] for part in parts])
    learnt, learned, encoding = learnt_again(problem, models, won, rows, declined)
    told = {
        "rows": {**model.manifest["rows"], "refit": len(rows)},
        "trained_until": str(rows["at"].max()),
        **({"default": model.manifest["default"]} if "default" in model.manifest else {}),
        **({"rejects": learnt.inferred} if learnt.inferred else {}),
    }
    name = model.name if won.blend is None else f"{model.name}-and-others"
    newest = teaching(parts[-1], encoding).x
    write(About(name, problem, encoding, decisions(model), told, SEED), learnt, learned, newest, folder)
    shutil.copytree(model.folder / "code", folder / "code")
    (folder / OUT_OF_FOLD).unlink(missing_ok=True)
    with tarfile.open(archive, "w:gz") as packed:
        for path in sorted(folder.iterdir()):
            packed.add(path, path.name)
    shutil.rmtree(folder)
    return {**told, "calibration": learnt.calibrated_by, "weights": {p.choice.learner: p.weight for p in learnt.parts}}


def parts_of(models: Sequence[Model], won: Won) -> list[Model]:
    """The winner, or the models that it blends."""
    by_name = {model.manifest["learner"]: model for model in models}
    return [by_name[name] for name in (won.blend.weights if won.blend else [won.learner])]


def learnt_again(
    problem: Problem, models: Sequence[Model], won: Won, rows: pd.DataFrame, declined: pd.DataFrame | None = None
) -> tuple[Learnt, Rows, Encoding]:
    """The winner's learners by the settings that they have, from other rows and what is inferred of `declined` loans;
    the rows as they saw them, and by which encoding."""
    used = parts_of(models, won)
    encoding, settings = used[0].encoding, {m.manifest["learner"]: Settings(**m.manifest["settings"]) for m in used}
    learned = teaching(rows, encoding)
    if any(one.by_risk for one in settings.values()):  # all parts shall know categories by the same codes
        encoding = reordered(encoding, by_risk(learned))
        learned = teaching(rows, encoding)
    refused = None if declined is None else declined_of(INPUT / "train", declined, encoding)
    return once_more(problem, settings, learned, rows["customer_id"].to_numpy(), refused), learned, encoding


def effect(
    problem: Problem,
    models: Sequence[Model],
    won: Won,
    taught: pd.DataFrame,
    parts: Mapping[str, pd.DataFrame],
    declined: pd.DataFrame,
) -> dict:
    """What inferring changed: the winner beside the same learner and settings from known outcomes alone, both on the
    validation and test rows that neither of them knew; and how many declined loans either would have approved."""
    without, _, encoding = learnt_again(problem, models, won, taught)
    known = pd.concat([parts["validation"], parts["test"]])

    def alone(rows: pd.DataFrame) -> np.ndarray:
        return without.calibration.probabilities(without.margins(matrix(rows, encoding)))

    used = parts_of(models, won)
    by_name = {model.manifest["learner"]: model for model in used}
    later = declined[declined["at"] > taught["at"].max()]  # of which nothing was inferred for this model
    judged = later if len(later) >= rejects.LEAST_DECLINED else declined
    both = scores(used[0], judged) if won.blend is None else blended(won.blend, by_name, judged)
    seen = rejects.compare(
        labels(known),
        known["customer_id"].to_numpy(),
        {"with": np.concatenate([won.validation, won.test]), "without": alone(known)},
        {"with": both, "without": alone(judged)},
        SEED,
    )
    found = {**used[0].manifest["rejects"], "effect": seen}
    return {"told": rejects.told(found), **found}


def once_more(
    problem: Problem,
    settings: Mapping[str, Settings],
    learned: Rows,
    customers: np.ndarray,
    declined: rejects.Declined | None = None,
) -> Learnt:
    """One learner, or a blend of several, from all rows by settings that are chosen already."""
    alone = {
        name: crossfit(problem, name, [one], learned, customers, SEED, WHOLE, declined)
        for name, one in settings.items()
    }
    first = next(iter(alone.values()))
    margins = {name: learnt.out_of_fold for name, learnt in alone.items() if learnt.out_of_fold is not None}
    if len(alone) == 1 or len(margins) < len(alone):
        return first
    y = learned.y[len(learned.y) - len(next(iter(margins.values()))) :]
    fold = grouped(y, customers[len(learned.y) - len(y) :], folds_for(y), SEED)
    mixed = blend(margins, y, fold)
    if mixed is None:  # with all rows one of them says all
        return max(alone.values(), key=lambda learnt: learnt.parts[0].choice.measure or 0.0)
    parts = tuple(replace(alone[name].parts[0], weight=weight) for name, weight in mixed.weights.items())
    return Learnt(parts, mixed.calibration, {"on": "folds, with the weights"}, inferred=first.inferred)


def labels(rows: pd.DataFrame) -> np.ndarray:
    return rows["label"].to_numpy()


def auc(rows: pd.DataFrame, p: np.ndarray) -> float:
    return float(RANKING["auc"](labels(rows), p))


def measured(problem: Problem, rows: pd.DataFrame, p: np.ndarray) -> dict[str, float]:
    found = measures(labels(rows), p)
    if problem.has_policy:
        day = rows["at"].dt.floor("D").to_numpy()
        found["cp100"] = card_precision(day, rows["customer_id"].to_numpy(), rows["label"].to_numpy(), p)
    return found


def units(rows: pd.DataFrame) -> np.ndarray:
    """Amounts in units of the currency."""
    return rows["amount"].to_numpy() / 100


def scores(model: Model, rows: pd.DataFrame) -> np.ndarray:
    """Through the server's own path, so that what is measured is what will serve."""
    found = np.array(model.score(cells(model, rows)))
    lost = len(found) - int(np.isfinite(found).sum())
    if lost:
        raise NoScore(f"{model.name} gives {lost} of {len(found)} rows no number: it cannot be judged, train it anew")
    return found


def cells(model: Model, rows: pd.DataFrame) -> list[list[object]]:
    """Rows of cells in the order of the model's columns."""
    found = rows[list(model.encoding.names)].astype(object)
    return found.where(found.notna(), None).values.tolist()


if __name__ == "__main__":
    main(sys.argv[1:])
