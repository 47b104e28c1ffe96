"""Reject inference where the truth is known: outcomes of loans that a lender would have declined are hidden, inferred,
and what was learnt is held to all loans of the tested folds, the ones that would have been declined among them.

The lender's own score is a logistic regression of every second column, learnt from the training part; it declines the
worst 30 %. One lender sees no more than the model. The other knows more, as one that has met the applicant: its score
of a loan that will default is a whole log-odds higher. Its declined loans are worse than their score says, which is
what an uplift assumes, and nothing that the model sees says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd

from features.declared import UNDECLARED, Declared
from tools.quality.credit import END, FEWEST, FOLDS, LOANS, SEED
from tools.raw_data.files import Unusable
from tools.telling import Teller
from training.archive import Learnt
from training.calibration import reliability
from training.challenge import compared
from training.credit_set import assemble, decided
from training.default import Told
from training.folds import grouped
from training.learners import LEARNERS
from training.metrics import measures
from training.reject_method import Rejects
from training.rejects import LEAST_DECLINED, Declined, drawn
from training.rows import Rows, Settings
from training.train import crossfit, teaching

DECLINES = 0.3
LENDER = Settings(1, parameters={"C": 0.1})
LENDERS = {"sees what the model sees": 0.0, "knows more": 1.0}  # log-odds that a default adds to the lender's score
LEARNT_BY = ("logistic", "xgboost")
ALL, ALONE, INFERRED = "all outcomes", "accepted alone", "rejects inferred"  # what a learner may see
FIGURES = ("auc", "brier", "ece")


@dataclass
class Seen:
    """What became of the loans under one lender: who is declined, what was said of each loan by learner and way, and
    of each fold's training part how many were declined, how many of these were bad and were taken for bad."""

    refused: np.ndarray
    said: dict[tuple[str, str], np.ndarray]
    folds: list[dict] = field(default_factory=list)


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
    ways = [(learner, way) for learner in LEARNT_BY for way in (ALL, ALONE, INFERRED)]
    seen = {name: Seen(np.zeros(len(y), dtype=bool), {way: np.empty(len(y)) for way in ways}) for name in LENDERS}
    work = {
        f"rejects, fold {n + 1} of {FOLDS}": partial(measure_fold, rows, fold == n, declared, how, seen)
        for n in range(FOLDS)
    }
    teller.through(work)
    lenders: dict[str, dict] = {
        name: {
            "folds": one.folds,
            "learners": {learner: summed(one, learner, y, customers) for learner in LEARNT_BY},
        }
        for name, one in seen.items()
    }
    gains = {
        f"{learner} AUC gained where the lender {name}": one["gained"]["value"]
        for name, lender in lenders.items()
        for learner, one in lender["learners"].items()
    }
    return {
        "rejects": how.document(),
        "lender_declines": DECLINES,
        "loans": len(y),
        "lenders": lenders,
        "mean": gains,
        "folds": [int((fold == n).sum()) for n in range(FOLDS)],
    }


def measure_fold(
    rows: pd.DataFrame, tested: np.ndarray, declared: Declared, how: Rejects, seen: Mapping[str, Seen]
) -> dict:
    """Adds what each way says of the tested loans, and which of these each lender would have declined."""
    part = rows[~tested]
    encoding = decided(part, declared).encoding
    taught, given = teaching(part, encoding), teaching(rows[tested], encoding)
    customers = part["customer_id"].to_numpy()

    def says(learnt: Learnt) -> np.ndarray:
        return learnt.calibration.probabilities(learnt.margins(given.x))

    whole = {
        learner: says(crossfit(LOANS, learner, LOANS.candidates[learner], taught, customers, SEED))
        for learner in LEARNT_BY
    }
    own, others = lender(taught, taught.x), lender(taught, given.x)
    for name, knows in LENDERS.items():
        one, scored = seen[name], own + knows * taught.y
        cut = float(np.quantile(scored, 1 - DECLINES))
        hidden = scored > cut
        one.refused[tested] = others + knows * given.y > cut
        known = Rows(taught.x[~hidden], taught.y[~hidden], taught.directions, taught.categorical)
        declined = Declined(how, taught.x[hidden], drawn(part["identifier"][hidden]))
        taken = {}
        for learner in LEARNT_BY:
            learn = partial(crossfit, LOANS, learner, LOANS.candidates[learner], known, customers[~hidden], SEED)
            both = learn(declined=declined)
            taken[learner] = (both.inferred or {})["inferred_bad"] / int(hidden.sum())
            found = {ALL: whole[learner], ALONE: says(learn()), INFERRED: says(both)}
            for way, p in found.items():
                one.said[learner, way][tested] = p
        bad = float(taught.y[hidden].mean())
        one.folds.append({"declined": int(hidden.sum()), "bad_rate": bad, "inferred_rate": taken})
    return {}


def lender(rows: Rows, matrix: np.ndarray) -> np.ndarray:
    """A lender's own score of the rows of a matrix, in log-odds, of shape (rows,): it knows every second column."""
    blind = np.arange(rows.x.shape[1]) % 2 == 1

    def known(x: np.ndarray) -> np.ndarray:
        return np.where(blind, np.float32("nan"), x)

    fitted = LEARNERS["logistic"].fit(Rows(known(rows.x), rows.y, rows.directions, rows.categorical), LENDER, SEED)
    return fitted.margins(known(matrix))


def summed(seen: Seen, learner: str, y: np.ndarray, customers: np.ndarray) -> dict:
    """How each way does on all tested loans, and its level on those that would have been declined."""
    found: dict = {}
    said = {way: p for (name, way), p in seen.said.items() if name == learner}
    for way, p in said.items():
        figures, level = measures(y, p), reliability(y[seen.refused], p[seen.refused])
        found[way] = {
            **{name: figures[name] for name in FIGURES},
            "declined": {
                "loans": int(seen.refused.sum()),
                "bad_rate": float(y[seen.refused].mean()),
                "mean_pd": float(p[seen.refused].mean()),
                "intercept": level.intercept,
                "intercept_low": level.intercept_low,
                "intercept_high": level.intercept_high,
            },
        }
    gained = compared(said[INFERRED], said[ALONE], y, customers, SEED).document()
    lost = compared(said[ALL], said[ALONE], y, customers, SEED).document()
    return {"ways": found, "gained": gained, "lost_by_not_knowing": lost}


def told(report: dict) -> list[str]:
    """The report as a table: one line for each learner and what it was told."""
    how = report["rejects"]
    lines = [
        f"{how['method']}, uplift {how['uplift']:g}, of the {report['lender_declines']:.0%} that a lender declines"
    ]
    for name, one in report["lenders"].items():
        folds = one["folds"]
        true = np.mean([f["bad_rate"] for f in folds])
        lines += [
            "",
            f"The lender {name}: {sum(f['declined'] for f in folds)} declined in {len(folds)} training parts, "
            f"{true:.1%} of them bad",
            f"{'':28}{'AUC':>7}{'Brier':>8}{'ECE':>7}  of the declined: bad rate, mean PD, log-odds that PD is too low",
        ]
        for learner, found in one["learners"].items():
            lines += [line(f"{learner}, {way}", figures) for way, figures in found["ways"].items()]
            for what, gap in (("inferring", found["gained"]), ("all outcomes", found["lost_by_not_knowing"])):
                lines.append(f"  AUC by {what} {gap['value']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}]")
            taken = np.mean([f["inferred_rate"][learner] for f in folds])
            lines.append(f"  taken for bad {taken:.1%} of the declined")
    return lines


def line(name: str, figures: Mapping) -> str:
    refused = figures["declined"]
    level = f"{refused['intercept']:+.3f} [{refused['intercept_low']:+.3f}, {refused['intercept_high']:+.3f}]"
    return (
        f"{name:28}{figures['auc']:7.4f}{figures['brier']:8.4f}{figures['ece']:7.4f}  "
        f"{refused['bad_rate']:.3f} {refused['mean_pd']:.3f} {level}"
    )
