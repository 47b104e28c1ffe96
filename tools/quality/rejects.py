"""Reject inference where the truth is known: outcomes of loans that a lender would have declined are hidden, inferred,
and what was learnt is held to all loans of the tested folds, the ones that would have been declined among them.

The lender's own score is a logistic regression of every second column, learnt from the training part; it declines the
worst 30 %. What it decides by the model sees too, which is the easier case: a lender who knows more than the model
makes declined loans worse than their score, and no data tell by how much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd

from features.declared import UNDECLARED, Declared
from tools.quality.credit import END, FEWEST, FOLDS, LOANS, SEED
from tools.raw_data.files import Unusable
from tools.telling import Teller
from training.calibration import reliability
from training.challenge import compared
from training.credit_set import assemble, decided
from training.default import Told
from training.folds import grouped
from training.learners import LEARNERS
from training.metrics import measures
from training.rejects import LEAST_DECLINED, Declined, Rejects, drawn
from training.rows import Rows, Settings
from training.train import crossfit, teaching

DECLINES = 0.3
LENDER = Settings(1, parameters={"C": 0.1})
LEARNT_BY = ("logistic", "xgboost")
WAYS = ("all outcomes", "accepted alone", "rejects inferred")  # what each learner may see of the training part
FIGURES = ("auc", "brier", "ece")


def measure(features: pd.DataFrame, told: Told, teller: Teller, how: Rejects, declared: Declared = UNDECLARED) -> dict:
    """The report. Raises Unusable where a set is too small."""
    rows = assemble(features, told, END)
    y, customers = rows["label"].to_numpy(), rows["customer_id"].to_numpy()
    least = int(LEAST_DECLINED / DECLINES * FOLDS / (FOLDS - 1)) + 1
    if len(rows) < least or min(y.sum(), len(y) - y.sum()) < FOLDS * FEWEST:
        raise Unusable(
            f"REJECTS: expected at least {least} loans and {FOLDS * FEWEST} of either outcome, got {len(rows)}"
        )
    fold = grouped(y, customers, FOLDS, SEED)
    said = {learner: {way: np.empty(len(y)) for way in WAYS} for learner in LEARNT_BY}
    refused = np.zeros(len(y), dtype=bool)
    folds: list[dict] = []
    work = {
        f"rejects, fold {n + 1} of {FOLDS}": partial(measure_fold, rows, fold == n, declared, how, said, refused, folds)
        for n in range(FOLDS)
    }
    teller.through(work)
    learners = {name: summed(one, y, customers, refused) for name, one in said.items()}
    gains = {f"{name} auc gained": one["gained"]["value"] for name, one in learners.items()}
    return {
        "rejects": how.document(),
        "lender_declines": DECLINES,
        "loans": len(y),
        "learners": learners,
        "mean": gains,
        "folds": folds,
    }


def measure_fold(
    rows: pd.DataFrame,
    tested: np.ndarray,
    declared: Declared,
    how: Rejects,
    said: Mapping[str, Mapping[str, np.ndarray]],
    refused: np.ndarray,
    folds: list[dict],
) -> dict:
    """Adds what each way says of the tested loans, and which of these the lender would have declined."""
    part = rows[~tested]
    encoding = decided(part, declared).encoding
    taught, given = teaching(part, encoding), teaching(rows[tested], encoding)
    score, cut = lender(taught)
    hidden = score(taught.x) > cut
    refused[tested] = score(given.x) > cut
    known = Rows(taught.x[~hidden], taught.y[~hidden], taught.directions, taught.categorical)
    customers = part["customer_id"].to_numpy()
    declined = Declined(how, taught.x[hidden], drawn(part["identifier"][hidden]))
    inferred = {}
    for learner in LEARNT_BY:
        settings = LOANS.candidates[learner]
        ways = {
            "all outcomes": crossfit(LOANS, learner, settings, taught, customers, SEED),
            "accepted alone": crossfit(LOANS, learner, settings, known, customers[~hidden], SEED),
            "rejects inferred": crossfit(LOANS, learner, settings, known, customers[~hidden], SEED, declined=declined),
        }
        for way, learnt in ways.items():
            said[learner][way][tested] = learnt.calibration.probabilities(learnt.margins(given.x))
        inferred[learner] = (ways["rejects inferred"].inferred or {})["inferred_bad"] / max(1, int(hidden.sum()))
    folds.append({"declined": int(hidden.sum()), "bad_rate": float(taught.y[hidden].mean()), "inferred_rate": inferred})
    return {}


def lender(rows: Rows) -> tuple[Callable[[np.ndarray], np.ndarray], float]:
    """The score by which loans are declined, of matrices, and the score above which they are."""
    blind = np.arange(rows.x.shape[1]) % 2 == 1

    def seen(x: np.ndarray) -> np.ndarray:
        return np.where(blind, np.float32("nan"), x)

    fitted = LEARNERS["logistic"].fit(Rows(seen(rows.x), rows.y, rows.directions, rows.categorical), LENDER, SEED)
    cut = float(np.quantile(fitted.margins(seen(rows.x)), 1 - DECLINES))
    return lambda x: fitted.margins(seen(x)), cut


def summed(said: Mapping[str, np.ndarray], y: np.ndarray, customers: np.ndarray, refused: np.ndarray) -> dict:
    """How each way does on all tested loans, and its level on those that would have been declined."""
    found: dict = {}
    for way, p in said.items():
        figures, level = measures(y, p), reliability(y[refused], p[refused])
        found[way] = {
            **{name: figures[name] for name in FIGURES},
            "declined": {
                "loans": int(refused.sum()),
                "bad_rate": float(y[refused].mean()),
                "mean_pd": float(p[refused].mean()),
                "intercept": level.intercept,
                "intercept_low": level.intercept_low,
                "intercept_high": level.intercept_high,
            },
        }
    gained = compared(said["rejects inferred"], said["accepted alone"], y, customers, SEED).document()
    lost = compared(said["all outcomes"], said["accepted alone"], y, customers, SEED).document()
    return {"ways": found, "gained": gained, "lost_by_not_knowing": lost}


def told(report: dict) -> list[str]:
    """The report as a table: one line for each learner and what it was told."""
    how, folds = report["rejects"], report["folds"]
    declined, true = sum(f["declined"] for f in folds), np.mean([f["bad_rate"] for f in folds])
    lines = [
        f"{how['method']}, uplift {how['uplift']:g}; a lender declines {report['lender_declines']:.0%}: {declined} "
        f"loans in {len(folds)} training parts, {true:.1%} of them bad",
        f"{'':28}{'AUC':>7}{'Brier':>8}{'ECE':>7}  of the declined: bad rate, mean PD, log-odds that PD is too low",
    ]
    for learner, one in report["learners"].items():
        inferred = np.mean([f["inferred_rate"][learner] for f in folds])
        for way, found in one["ways"].items():
            refused = found["declined"]
            level = f"{refused['intercept']:+.3f} [{refused['intercept_low']:+.3f}, {refused['intercept_high']:+.3f}]"
            lines.append(
                f"{f'{learner}, {way}':28}{found['auc']:7.4f}{found['brier']:8.4f}{found['ece']:7.4f}  "
                f"{refused['bad_rate']:.3f} {refused['mean_pd']:.3f} {level}"
            )
        for name, gap in (("inferring gained", one["gained"]), ("all outcomes would gain", one["lost_by_not_knowing"])):
            lines.append(f"  AUC, {name} {gap['value']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}]")
        lines.append(f"  taken for bad {inferred:.1%} of the declined loans, of which {true:.1%} were")
    return lines
