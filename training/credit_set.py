"""The credit training set: applications as they were when made, labelled by what was known when the set was made."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd

from features.application import BOOKKEEPING, known_as
from features.credit import PAYMENT_BEHAVIOUR
from features.declared import UNDECLARED, Declared
from features.encoding import Encoding
from training.columns import Decisions, decide
from training.default import DEFINITION, Definition, Told, counted, standing
from training.frames import read_kinds
from training.fraud_set import NothingToLearn

HALVES = re.compile("[\ud800-\udfff]")
# Columns that are read, by table; each has one that the others have not.
TOLD = {
    "outcomes": ("loan_id", "observed_at", "defaulted"),
    "performance": ("loan_id", "observed_at", "days_past_due", "charged_off_cents", "balance_cents", "paid_cents"),
    "decisions": ("loan_id", "decided_at", "decision"),
}


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
    brought = attributes[sorted(attributes.columns)].rename(columns=known_as)
    return pd.concat([pd.DataFrame(own), brought], axis=1)


def further(attributes: str | None) -> dict:
    """The open columns of one loan. Halves of characters, which JSON can hold and no file can, become blanks."""
    text = attributes or "{}"
    found = json.loads(text)
    if "\\ud" not in text.lower():
        return found
    return {HALVES.sub(" ", name): HALVES.sub(" ", cell) for name, cell in found.items()}


def told_in(folder: Path) -> Told:
    """What SILVER's tables of a lender say of loans. Raises NoRows when there is none of them."""
    return Told(**read_kinds(folder, TOLD))


def assemble(
    features: pd.DataFrame, told: Told, as_of: pd.Timestamp, definition: Definition = DEFINITION
) -> pd.DataFrame:
    """Applications made before `as_of` that may teach by then: good and bad loans whose window is over."""
    found = standings(features, told, as_of, definition)
    known = found.loc[found["labelled"], "state"].eq("bad").astype(int)
    rows = applications(features[features["loan_id"].isin(known.index)])
    rows.insert(2, "label", rows["identifier"].map(known))
    if rows.empty or rows["label"].nunique() < 2:
        states = ", ".join(f"{count} {state}" for state, count in counted(found).items() if count)
        raise NothingToLearn(
            f"no loans with both outcomes that were over by {as_of} (of {len(found)} loans: {states or 'none'}); "
            "bring older loans or outcomes"
        )
    return rows.sort_values(["at", "identifier"], ignore_index=True)


def standings(
    features: pd.DataFrame, told: Told, as_of: pd.Timestamp, definition: Definition = DEFINITION
) -> pd.DataFrame:
    """How the loans that were applied for before `as_of` stand by then: see training.default."""
    made = features[features["applied_at"] < as_of]
    return standing(made.set_index("loan_id")["applied_at"], told, as_of, definition)


def declined(
    features: pd.DataFrame, told: Told, as_of: pd.Timestamp, definition: Definition = DEFINITION
) -> pd.DataFrame:
    """Applications that the lender had declined by then, as `assemble` gives others, without labels."""
    found = standings(features, told, as_of, definition)
    never = found.index[found["state"] == "declined"]
    return applications(features[features["loan_id"].isin(never)])


def known(features: pd.DataFrame, told: Told, as_of: pd.Timestamp, definition: Definition = DEFINITION) -> pd.Index:
    """Identifiers of the loans that could teach by then."""
    found = standings(features, told, as_of, definition)
    return found.index[found["labelled"]]


def states(
    features: pd.DataFrame, told: Told, as_of: pd.Timestamp, definition: Definition = DEFINITION
) -> dict[str, int]:
    """Loans by state, and how many of them teach."""
    return counted(standings(features, told, as_of, definition))


def candidates(rows: pd.DataFrame) -> list[str]:
    """Names of the columns that a decision is made on: all but our bookkeeping."""
    return [name for name in rows.columns if name not in BOOKKEEPING]


def decided(train: pd.DataFrame, declared: Declared = UNDECLARED) -> Decisions:
    """What becomes of every column, found in the training rows alone."""
    return decide(train, candidates(train), declared)


def fit_encoding(train: pd.DataFrame) -> Encoding:
    """The columns that are used, when nothing is declared about protected ones."""
    return decided(train).encoding
