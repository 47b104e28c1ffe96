"""The fraud training set: vectors of payments whose label had matured when the set was made."""

from __future__ import annotations

import pandas as pd

from features.columns import CONSTANT
from features.declared import UNDECLARED, Declared
from features.encoding import Encoding
from features.fraud import FRAUD
from training.columns import Decision, Decisions

READS = frozenset(
    {"transaction_id", "customer_id", "event_time", "feature_version", "blocked", *FRAUD.columns}
)  # of GOLD, which has much of a payment besides
MATURITY = pd.Timedelta(days=7)  # a younger payment is only labelled when it was fraud: it would bias the set


class NothingToLearn(ValueError):
    """No usable row is left; the text says why."""


def assemble(features: pd.DataFrame, labels: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Vectors with the label that was known at `as_of`: the latest report of each payment up to then.

    A matured payment that nobody has reported is honest: most banks report frauds only. A blocked one need not be, for
    nothing was paid: without a label it is left out. Sets from elsewhere have no `blocked`.
    """
    known = (
        labels[labels["reported_at"] <= as_of].sort_values("reported_at").drop_duplicates("transaction_id", keep="last")
    )
    rows = features[features["event_time"] < as_of - MATURITY].merge(
        known[["transaction_id", "is_fraud"]], on="transaction_id", how="left"
    )
    if "blocked" in rows:
        rows = rows[(rows["blocked"] != 1) | rows["is_fraud"].notna()].copy()
    rows["is_fraud"] = rows["is_fraud"].astype("Float64").fillna(0)
    if rows.empty or rows["is_fraud"].nunique() < 2:
        raise NothingToLearn(
            f"no payment before {as_of - MATURITY} has both kinds of labels known at {as_of}; "
            "bring older payments or labels"
        )
    rows = rows.sort_values(["event_time", "transaction_id"], ignore_index=True)
    return pd.DataFrame(
        {
            "identifier": rows["transaction_id"],
            "customer_id": rows["customer_id"],
            "at": rows["event_time"],
            "label": rows["is_fraud"].astype(int),
            **{name: rows[name] for name in FRAUD.columns},
        }
    )


def fit_encoding(train: pd.DataFrame) -> Encoding:
    """Every feature is a number; those that tell no row from another are left out."""
    return decided(train).encoding


def decided(train: pd.DataFrame, declared: Declared = UNDECLARED) -> Decisions:
    """All features are used that are not the same in every row, in the order in which they are served. What a bank does
    not tell, such as devices, would only take the place of what it does where a tree draws its columns."""
    counts = {name: (len(train), int(train[name].isna().sum()), 0, train[name].nunique()) for name in FRAUD.columns}
    telling = {name for name in FRAUD.columns if train[name].nunique(dropna=False) > 1} or {*FRAUD.columns}
    return Decisions(
        tuple(
            Decision(name, name in telling, "" if name in telling else CONSTANT, "number", None, *counts[name])
            for name in FRAUD.columns
        )
    )
