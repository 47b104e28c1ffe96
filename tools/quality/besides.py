"""What a payment need not say: which features rest on it, and how many rings of fraud are found.

`truth.csv` beside a generated set names kind and episode of its payments, which nothing else reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.contract import TRANSACTIONS
from features.declaration import EntityName, Feature, FeatureSet, LocalPart, Prefix, Travel, made_of

REQUIRED = frozenset(TRANSACTIONS.required)
TRUTH = "truth.csv"
LEAST_MEMBERS = 5  # customers of a ring
PRECISION = 0.5  # of the alerts at which a ring counts as found


def resting_on_more(features: FeatureSet) -> frozenset[str]:
    """Columns of the set that a payment of required columns alone says nothing of, and what is made of them."""
    by_name = {feature.name: feature for feature in features.features}
    made = set(by_name) | {"amount"}

    def rests(feature: Feature) -> bool:
        if isinstance(feature, Prefix | LocalPart | Travel):
            return True
        entity: EntityName = getattr(feature, "entity", "customer")
        below = made_of(feature)
        read = {features.identifiers[entity], *(name for name in below if name not in made)}
        return not read <= REQUIRED or any(rests(by_name[name]) for name in below if name in by_name)

    return frozenset(name for name in features.columns if name in by_name and rests(by_name[name]))


def episodes(source: Path) -> pd.DataFrame | None:
    """Kind and episode by `transaction_id`; none where the set says nothing of them."""
    file = source / TRUTH
    return pd.read_csv(file, dtype=str).set_index("transaction_id") if file.is_file() else None


@dataclass(frozen=True)
class Scored:
    """What a fold tests: identifiers, customers, outcomes, and scores, larger for what looks more like fraud."""

    identifier: np.ndarray
    customer: np.ndarray
    y: np.ndarray
    p: np.ndarray

    def alerts(self, precision: float = PRECISION) -> np.ndarray:
        """The most payments, from the highest score down, of which this share are frauds; equal scores go together."""
        order = np.argsort(-self.p, kind="stable")
        ranked, frauds = self.p[order], np.cumsum(self.y[order])
        last_of_equal = np.append(ranked[1:] != ranked[:-1], True)
        enough = last_of_equal & (frauds >= precision * np.arange(1, len(order) + 1))
        many = int(np.flatnonzero(enough).max() + 1) if enough.any() else 0
        found = np.zeros(len(order), bool)
        found[order[:many]] = True
        return found


def rings(tested: Iterable[Scored], truth: pd.DataFrame) -> dict:
    """Of the rings of five customers and more among the tested payments, how many have an alert, and how many of their
    payments."""
    frames = []
    for fold, one in enumerate(tested):
        rows = pd.DataFrame({"customer": one.customer, "alert": one.alerts()}, index=one.identifier)
        frames.append(rows.join(truth, how="inner").assign(fold=fold))
    rows = pd.concat(frames)
    of_rings = rows[rows["kind"] == "ring"].groupby(["fold", "episode"])
    members = of_rings["customer"].nunique()
    whole = members[members >= LEAST_MEMBERS].index
    alerts = of_rings["alert"].agg(["any", "sum", "size"]).loc[whole]
    return {
        "precision": PRECISION,
        "rings": len(alerts),
        "found": int(alerts["any"].sum()),
        "payments": int(alerts["size"].sum()),
        "payments_found": int(alerts["sum"].sum()),
    }
