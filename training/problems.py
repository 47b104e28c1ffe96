"""Credit and fraud as two rows of one table: what differs between them is data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from features.credit import PAYMENT_BEHAVIOUR
from features.encoding import Encoding
from features.fraud import FRAUD
from training import credit_set, fraud_set


@dataclass(frozen=True)
class Problem:
    """`assemble(features, labels, as_of)` gives a point-in-time frame: `identifier, at, label`, then columns."""

    name: str
    feature_version: str
    assemble: Callable[[pd.DataFrame, pd.DataFrame, pd.Timestamp], pd.DataFrame]
    fit_encoding: Callable[[pd.DataFrame], Encoding]
    has_policy: bool
    xgboost: dict[str, float]  # what this problem wants of the learner, beside learners.XGBOOST
    unwatched: tuple[str, ...] = ()  # columns whose distribution changes with the clock: no drift


PROBLEMS = {
    "fraud": Problem(
        "fraud",
        FRAUD.version,
        fraud_set.assemble,
        fraud_set.fit_encoding,
        has_policy=True,
        # On rare positives XGBoost 3's estimated base score costs several points of average precision.
        xgboost={"max_depth": 5, "eta": 0.05, "base_score": 0.5},
        unwatched=tuple(feature.name for feature in FRAUD.calendar),
    ),
    "credit": Problem(
        "credit",
        PAYMENT_BEHAVIOUR.version,
        credit_set.assemble,
        credit_set.fit_encoding,
        has_policy=False,
        xgboost={"max_depth": 4, "eta": 0.03},
    ),
}
