"""Credit by stratified cross-validation: settings and calibration come from within each training part."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from features.declared import UNDECLARED, Declared
from tools.raw_data.files import Unusable
from tools.telling import Teller
from training import calibration
from training.credit_set import assemble, decided, states
from training.default import Told
from training.learners import LEARNERS, Rows
from training.metrics import RANKING, measures
from training.problems import PROBLEMS
from training.selection import Choice, Fold, choose
from training.train import matrix

# As of which all is known: no split is by time. What pandas can hold lies 292 years on either side of 1970 at most, and
# the age of a loan has to fit, too.
END = pd.Timestamp("2100-01-01", tz="UTC")
SEED = 0
FOLDS = 5
INNER = 4
REPORTED = ("auc", "ks", "brier", "ece")
LOANS = PROBLEMS["credit"]


def measure(features: pd.DataFrame, told: Told, teller: Teller, declared: Declared = UNDECLARED) -> dict:
    """The report over all loans that may teach. Raises Unusable when a class has fewer rows than folds."""
    rows = assemble(features, told, END)
    rarer = int(rows["label"].value_counts().min())
    if rarer < FOLDS * INNER:
        raise Unusable(f"expected at least {FOLDS * INNER} loans of either outcome, found {rarer} of the rarer one")
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(rows, rows["label"])
    folds = {
        f"credit, fold {number} of {FOLDS}": partial(measure_fold, rows.iloc[learned], rows.iloc[tested], declared)
        for number, (learned, tested) in enumerate(split, 1)
    }
    found = [*teller.through(folds).values()]
    return {
        "folds": found,
        "states": states(features, told, END),
        "mean": {name: float(np.mean([fold[name] for fold in found])) for name in REPORTED},
        "feature_version": LOANS.feature_version,
    }


def measure_fold(learned: pd.DataFrame, tested: pd.DataFrame, declared: Declared = UNDECLARED) -> dict:
    encoding = decided(learned, declared).encoding
    rows = Rows(matrix(learned, encoding), learned["label"].to_numpy(), encoding.directions)
    choice, margins = chosen(rows)
    fitted = LEARNERS[choice.learner].fit(rows, choice.settings, SEED)
    p = calibration.fit(margins, rows.y).probabilities(fitted.margins(matrix(tested, encoding)))
    found = measures(tested["label"].to_numpy(), p)
    return {
        **{name: found[name] for name in REPORTED},
        "train_rows": len(learned),
        "test_rows": len(tested),
        "learner": choice.learner,
        "settings": choice.settings.document(),
    }


def chosen(rows: Rows) -> tuple[Choice, np.ndarray]:
    """The best learner and settings by inner cross-validation, and the margins of rows that it did not learn from."""
    inner = list(StratifiedKFold(INNER, shuffle=True, random_state=SEED).split(rows.x, rows.y))
    folds = [Fold(*(replace(rows, x=rows.x[some], y=rows.y[some]) for some in pair)) for pair in inner]
    choices = [
        choose(learner, candidates, folds, RANKING[LOANS.measure], SEED)
        for learner, candidates in LOANS.candidates.items()
    ]
    best = max(choices, key=lambda choice: choice.measure or 0.0)
    margins = np.empty(len(rows.y))
    for fold, (_, judged) in zip(folds, inner, strict=True):
        margins[judged] = LEARNERS[best.learner].fit(fold.learned, best.settings, SEED).margins(fold.judged.x)
    return best, margins
