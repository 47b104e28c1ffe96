"""Credit and fraud as two rows of one table: what differs between them is data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import FeatureSet
from features.declared import Declared
from features.fraud import FRAUD
from training import credit_set, fraud_set
from training.columns import Decisions
from training.frames import read_folder
from training.rows import Settings

AT_ONCE = pd.Timedelta(0)


@dataclass(frozen=True)
class Problem:
    """`told(folder)` reads what `assemble(features, told, as_of)` labels rows by, which gives a point-in-time frame:
    `identifier, at, label`, then columns. Where rows may be in several states, `states` counts them."""

    name: str
    features: FeatureSet
    told: Callable[[Path], Any]
    assemble: Callable[..., pd.DataFrame]
    decide: Callable[[pd.DataFrame, Declared], Decisions]  # on the rows that train, and what is declared
    rows_are: str  # the word for a row in what is said to users
    classes: tuple[str, str]  # and for rows of label 0 and of label 1
    has_policy: bool
    measure: Literal["ap", "auc"]  # what settings and learners are chosen by, on rows that no report is about
    candidates: Mapping[str, tuple[Settings, ...]]  # by learner, the simplest learner and its simplest settings first
    # Settings and calibration come from folds grouped by customer, and a paired test decides between learners. Else
    # they come from later rows, as what changes by the week needs.
    crossfitted: bool = False
    blended: tuple[
        str, ...
    ] = ()  # then also one whose margins are added up, as a challenger that is never the simplest
    # How long a label takes to be known: rows that had not matured when validation began do not train.
    maturity: pd.Timedelta = AT_ONCE
    reads: frozenset[str] | None = None  # columns of GOLD; none reads all of them
    unwatched: tuple[str, ...] = ()  # columns whose distribution changes with the clock: no drift
    states: Callable[..., dict[str, int]] | None = None  # then `assemble` and it take a definition of default, too
    known: Callable[..., pd.Index] | None = None  # identifiers that could teach by an instant; else `maturity` says it

    # Rows whose outcome nobody will ever know, which a training may infer: see training.rejects.
    declined: Callable[..., pd.DataFrame] | None = None

    @property
    def feature_version(self) -> str:
        return self.features.version

    @property
    def meanings(self) -> dict[str, str]:
        """What each feature means, for a reviewer."""
        return {f.name: f.description for f in self.features.features if f.name in self.features.columns}


PROBLEMS = {
    "fraud": Problem(
        "fraud",
        FRAUD,
        read_folder,
        fraud_set.assemble,
        fraud_set.decided,
        rows_are="payments",
        classes=("honest payments", "frauds"),
        has_policy=True,
        measure="ap",
        candidates={
            "xgboost": (
                Settings(200, parameters={"max_depth": 4}),
                Settings(200, parameters={"max_depth": 5}),
                Settings(200, "root", {"max_depth": 4}),
            ),
            "catboost": (Settings(300, parameters={"depth": 4}), Settings(300, parameters={"depth": 6})),
        },
        maturity=fraud_set.MATURITY,
        reads=fraud_set.READS,
        unwatched=tuple(f.name for f in FRAUD.calendar if f.name in FRAUD.columns),
    ),
    "credit": Problem(
        "credit",
        PAYMENT_BEHAVIOUR,
        credit_set.told_in,
        credit_set.assemble,
        credit_set.decided,
        rows_are="loans",
        classes=("repaid loans", "defaults"),
        has_policy=False,
        measure="auc",
        # A loan's columns have no edges as sharp as a payment's money: 256 bins rank as well in a fifth of the time.
        # One thread: on thousands of rows several wait for each other longer than they work.
        candidates={
            "logistic": tuple(Settings(1, parameters={"C": c}) for c in (0.001, 0.01, 0.1, 1.0)),
            "scorecard": (Settings(1, parameters={"C": 1.0}, inferred=True),),
            "xgboost": tuple(
                Settings(
                    300,
                    parameters={"max_depth": depth, "eta": 0.03, "max_bin": 256, "nthread": 1},
                    inferred=True,
                    by_risk=True,
                )
                for depth in (3, 4)
            ),
            "catboost": (Settings(400, parameters={"learning_rate": 0.04, "depth": 4, "thread_count": 1}),),
        },
        crossfitted=True,
        blended=("logistic", "xgboost", "catboost"),
        states=credit_set.states,
        known=credit_set.known,
        declined=credit_set.declined,
    ),
}
