"""The credit training set: applications as they were when made, with outcomes known when the set was made."""

from __future__ import annotations

import json
import re

import pandas as pd

from features.credit import PAYMENT_BEHAVIOUR
from features.declared import UNDECLARED, Declared
from features.encoding import Encoding
from training.columns import SHADOWED, Decisions, decide
from training.fraud_set import NothingToLearn

HALVES = re.compile("[\ud800-\udfff]")
BOOKKEEPING = ("identifier", "at", "label", "customer_id")


def applications(features: pd.DataFrame) -> pd.DataFrame:
    """GOLD rows, one per loan, with the open attributes as columns of their own, protected ones too."""
    features = features.reset_index(drop=True)
    attributes = pd.DataFrame([further(text) for text in features["attributes"]], index=features.index)
    own = {
        "identifier": features["loan_id"],
        "customer_id": features["customer_id"],
        "at": features["applied_at"],
        "amount": features["amount_cents"] / 100,
        "term_months": features["term_months"],
        **{name: features[name] for name in PAYMENT_BEHAVIOUR.columns if name in features},
    }
    # A column that bears one of our names is no candidate: one called `label` is most likely the answer itself.
    taken = {*own, *BOOKKEEPING}
    brought = attributes[sorted(attributes.columns)].rename(columns={name: name + SHADOWED for name in taken})
    return pd.concat([pd.DataFrame(own), brought], axis=1)


def further(attributes: str | None) -> dict:
    """The open columns of one loan. Halves of characters, which JSON can hold and no file can, become blanks."""
    text = attributes or "{}"
    found = json.loads(text)
    if "\\ud" not in text.lower():
        return found
    return {HALVES.sub(" ", name): HALVES.sub(" ", cell) for name, cell in found.items()}


def assemble(features: pd.DataFrame, labels: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Applications made before `as_of` whose outcome was observed by then, each with the latest of its outcomes."""
    told = labels[labels["observed_at"] <= as_of].sort_values("observed_at").drop_duplicates("loan_id", keep="last")
    known = told.rename(columns={"loan_id": "identifier", "defaulted": "label"})
    rows = applications(features).merge(known[["identifier", "label"]], on="identifier", how="inner")
    rows = rows[rows["at"] < as_of]
    if rows.empty or rows["label"].nunique() < 2:
        raise NothingToLearn(f"no loans with both outcomes observed by {as_of}; bring older loans or outcomes")
    return rows.sort_values(["at", "identifier"], ignore_index=True)


def candidates(rows: pd.DataFrame) -> list[str]:
    """Names of the columns that a decision is made on: all but our bookkeeping."""
    return [name for name in rows.columns if name not in BOOKKEEPING]


def decided(train: pd.DataFrame, declared: Declared = UNDECLARED) -> Decisions:
    """What becomes of every column, found in the training rows alone."""
    return decide(train, candidates(train), declared)


def fit_encoding(train: pd.DataFrame) -> Encoding:
    """The columns that are used, when nothing is declared about protected ones."""
    return decided(train).encoding
