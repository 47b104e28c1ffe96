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


PROBLEMS = {
    "fraud": Problem("fraud", FRAUD.version, fraud_set.assemble, fraud_set.fit_encoding, has_policy=True),
    "credit": Problem(
        "credit", PAYMENT_BEHAVIOUR.version, credit_set.assemble, credit_set.fit_encoding, has_policy=False
    ),
}
