"""Credit by stratified cross-validation, as the pipeline learns it: settings, calibration and learner come from within
each training part. With peers: what others would use, on the same folds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd

from features.declared import UNDECLARED, Declared
from features.encoding import Encoding
from inference.runtimes import BLEND
from tools.quality.peers import PEERS, Peer
from tools.raw_data.files import Unusable
from tools.telling import Teller
from training.archive import Settled
from training.blend import Blend, blend
from training.calibration import reliability
from training.challenge import Judged, compared, judge
from training.credit_set import assemble, decided, states
from training.default import Told
from training.enough import require_columns
from training.folds import grouped
from training.fraud_set import NothingToLearn
from training.learners import LEARNERS
from training.metrics import chance_of_ece, expected_calibration_error, measures
from training.problems import PROBLEMS
from training.rows import Rows
from training.train import fitted_by, folds_for, settle, teaching

# As of which all is known: no split is by time. What pandas can hold lies 292 years on either side of 1970 at most, and
# the age of a loan has to fit, too.
END = pd.Timestamp("2100-01-01", tz="UTC")
SEED = 0
FOLDS = 5
FEWEST = 4  # loans of either outcome for each fold
REPORTED = ("auc", "ks", "brier", "ece")
LOANS = PROBLEMS["credit"]
OURS = "ours"
FREE = "xgboost without directions"


@dataclass
class Said:
    """What one way to learn said of every loan, in the order of the loans, and the processor's time that it took."""

    p: np.ndarray
    cpu_s: float = 0.0
    folds: list[dict] = field(default_factory=list)


def measure(
    features: pd.DataFrame, told: Told, teller: Teller, declared: Declared = UNDECLARED, peers: bool = False
) -> dict:
    """The report over all loans that may teach. Raises Unusable when a class has too few rows for the folds, or no
    column may be learnt from."""
    rows = assemble(features, told, END)
    y, customers = rows["label"].to_numpy(), rows["customer_id"].to_numpy()
    rarer = int(rows["label"].value_counts().min())
    if rarer < FOLDS * FEWEST:
        raise Unusable(f"expected at least {FOLDS * FEWEST} loans of either outcome, found {rarer} of the rarer one")
    try:
        require_columns(decided(rows, declared))
    except NothingToLearn as nothing:
        raise Unusable(str(nothing)) from None
    fold = grouped(y, customers, FOLDS, SEED)
    ways = [OURS, *([*PEERS, FREE] if peers else [])]
    said = {name: Said(np.empty(len(y))) for name in ways}
    work = {
        f"credit, fold {number + 1} of {FOLDS}": partial(measure_fold, rows, fold == number, declared, said)
        for number in range(FOLDS)
    }
    teller.through(work)
    found = {name: summed(one, y, customers) for name, one in said.items()}
    for name in ways[1:]:
        gap = compared(said[OURS].p, said[name].p, y, customers, SEED)
        found[name]["ours_above_by"] = gap.document()
    return {
        **found[OURS],
        "states": states(features, told, END),
        "feature_version": LOANS.feature_version,
        **({"peers": {name: found[name] for name in ways[1:]}} if peers else {}),
    }


def summed(said: Said, y: np.ndarray, customers: np.ndarray) -> dict:
    """The means over folds, and what can be said of all loans together only."""
    pooled = {
        "ece": expected_calibration_error(y, said.p),
        "ece_by_chance": chance_of_ece(said.p, SEED),
        **reliability(y, said.p).document(),
    }
    means = {name: float(np.mean([fold[name] for fold in said.folds])) for name in REPORTED}
    return {"folds": said.folds, "mean": means, "pooled": pooled, "cpu_s": round(said.cpu_s, 2)}


def measure_fold(rows: pd.DataFrame, tested: np.ndarray, declared: Declared, said: Mapping[str, Said]) -> dict:
    """Adds what each way says of the tested loans, having learnt from the others."""
    learned = rows[~tested]
    encoding = decided(learned, declared).encoding
    taught, given = teaching(learned, encoding), teaching(rows[tested], encoding)
    begun = time.process_time()
    won, settled, mixed = champion(taught, learned["customer_id"].to_numpy())
    names = list(mixed.weights) if won.winner == BLEND and mixed else [won.winner]
    fitted = {name: fitted_by(LOANS, settled[name].choice, taught, SEED).margins(given.x) for name in names}
    if won.winner == BLEND and mixed:
        p, about = mixed.probabilities(mixed.margins(fitted)), {"weights": dict(mixed.weights)}
    else:
        learnt = settled[won.winner]
        p, about = learnt.calibration.probabilities(fitted[won.winner]), {"calibrated": learnt.calibrated_by}
    noted(said[OURS], tested, p, given.y, begun)
    said[OURS].folds[-1] |= {
        "train_rows": len(taught.y),
        "test_rows": len(given.y),
        "learner": won.winner,
        "settings": {name: settled[name].choice.settings.document() for name in names},
        **about,
        "decided_by": won.document(),
    }
    for name, peer in PEERS.items():
        if name in said:
            measure_peer(peer, taught, given, encoding, tested, said[name])
    if FREE in said:
        begun, choice = time.process_time(), settled["xgboost"].choice
        free = replace(choice.settings, inferred=False)
        found = LEARNERS["xgboost"].fit(taught, free, SEED).margins(given.x)
        p = settled["xgboost"].calibration.probabilities(found)
        noted(said[FREE], tested, p, given.y, begun)
        bound = LEARNERS["xgboost"].fit(taught, choice.settings, SEED).margins(given.x)
        said[FREE].folds[-1]["with_directions"] = measures(given.y, 1 / (1 + np.exp(-bound)))["auc"]
    return {}


def measure_peer(peer: Peer, taught: Rows, given: Rows, encoding: Encoding, tested: np.ndarray, said: Said) -> None:
    begun = time.process_time()
    noted(said, tested, peer(taught, given.x, encoding), given.y, begun)


def noted(said: Said, tested: np.ndarray, p: np.ndarray, y: np.ndarray, begun: float) -> None:
    said.cpu_s += time.process_time() - begun
    said.p[tested] = p
    found = measures(y, p)
    said.folds.append({name: found[name] for name in REPORTED})


def champion(rows: Rows, customers: np.ndarray) -> tuple[Judged, dict[str, Settled], Blend | None]:
    """Each learner with its settings and calibration, the blend of them, and which of them wins."""
    settled = {
        learner: settle(LOANS, learner, candidates, rows, customers, SEED)
        for learner, candidates in LOANS.candidates.items()
    }
    margins = {name: learnt.out_of_fold for name, learnt in settled.items() if learnt.out_of_fold is not None}
    count = len(next(iter(margins.values())))
    y, customers = rows.y[len(rows.y) - count :], customers[len(rows.y) - count :]
    fold = grouped(y, customers, folds_for(y), SEED)
    mixed = blend({name: margins[name] for name in LOANS.blended}, y, fold)
    if mixed is not None:
        margins[BLEND] = mixed.out_of_fold
    return judge(margins, y, customers, SEED), settled, mixed


def told(report: dict) -> list[str]:
    """The report as a table: one line for each way to learn."""
    head = f"{'':26}{'AUC':>7}{'KS':>7}{'Brier':>8}{'ECE':>7}{'slope':>7}{'CPU s':>8}  AUC of ours above by"
    ways = {OURS: report, **report.get("peers", {})}
    return [head, *(line(name, one) for name, one in ways.items()), *learners(report)]


def line(name: str, one: dict) -> str:
    mean, pooled, gap = one["mean"], one["pooled"], one.get("ours_above_by")
    above = f"  {gap['value']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}]" if gap else ""
    figures = f"{mean['auc']:7.4f}{mean['ks']:7.4f}{mean['brier']:8.4f}{pooled['ece']:7.4f}{pooled['slope']:7.3f}"
    return f"{name:26}{figures}{one['cpu_s']:8.1f}{above}"


def learners(report: dict) -> list[str]:
    """What won in each fold, and how well calibrated all folds are together."""
    pooled = report["pooled"]
    return [
        f"won: {', '.join(fold['learner'] for fold in report['folds'])}",
        f"calibration slope {pooled['slope']:.3f} [{pooled['slope_low']:.3f}, {pooled['slope_high']:.3f}], intercept "
        f"{pooled['intercept']:+.3f} [{pooled['intercept_low']:+.3f}, {pooled['intercept_high']:+.3f}], pooled ECE "
        f"{pooled['ece']:.4f}, of which {pooled['ece_by_chance']:.4f} is what a perfect score has by chance",
    ]
