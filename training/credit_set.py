"""The credit training set: applications as they were when made, with outcomes known when the set was made."""

from __future__ import annotations

import json

import pandas as pd

from features.contract import PROTECTED_PREFIX
from features.credit import PAYMENT_BEHAVIOUR
from features.encoding import Encoding, fit_column
from training.fraud_set import NothingToLearn

BOOKKEEPING = ("identifier", "at", "label", "customer_id")


def applications(features: pd.DataFrame) -> pd.DataFrame:
    """GOLD rows, one per loan, with the open attributes as columns of their own."""
    features = features.reset_index(drop=True)
    attributes = pd.DataFrame(
        [json.loads(text) if text else {} for text in features["attributes"]], index=features.index
    )
    own = {
        "identifier": features["loan_id"],
        "customer_id": features["customer_id"],
        "at": features["applied_at"],
        "amount": features["amount_cents"] / 100,
        "term_months": features["term_months"],
        **{name: features[name] for name in PAYMENT_BEHAVIOUR.columns if name in features},
    }
    # A column that bears one of our names is left out: one called `label` is most likely the answer itself.
    taken = {*own, *BOOKKEEPING}
    candidates = sorted(c for c in attributes.columns if c not in taken and not c.startswith(PROTECTED_PREFIX))
    return pd.concat([pd.DataFrame(own), attributes[candidates]], axis=1)


def assemble(features: pd.DataFrame, labels: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Applications made before `as_of` whose outcome was observed by then."""
    known = labels[labels["observed_at"] <= as_of].rename(columns={"loan_id": "identifier", "defaulted": "label"})
    rows = applications(features).merge(known[["identifier", "label"]], on="identifier", how="inner")
    rows = rows[rows["at"] < as_of]
    if rows.empty or rows["label"].nunique() < 2:
        raise NothingToLearn(f"no loans with both outcomes observed by {as_of}; bring older loans or outcomes")
    return rows.sort_values(["at", "identifier"], ignore_index=True)


def fit_encoding(train: pd.DataFrame) -> Encoding:
    """Numbers and categories found in the training rows alone."""
    names = [name for name in train.columns if name not in BOOKKEEPING]
    fitted = [fit_column(name, train[name].where(train[name].notna(), None)) for name in names]
    return Encoding(tuple(column for column in fitted if column is not None))
