"""Reject inference: declined applications may teach, where a training says so, by outcomes that nobody has seen.

Parcelling (Siddiqi, 2006, Credit Risk Scorecards, chapter 6; Anderson, 2007, The Credit Scoring Toolkit, chapter 19).
A model of accepted loans alone scores the declined ones. Bands hold a tenth of both together each. Of a band's declined
loans as large a share is taken for bad as of its accepted ones, times a declared uplift: whoever was declined is
thought to be worse than those with the same score who were not. Where a band has hardly any accepted loans, the share
is what the model says, which extrapolates. Which of the declined are taken is drawn by a hash of the loan's identifier,
so that the same set gives the same outcomes, bit by bit.

The uplift is an assumption, and nothing in the data says whether it is right: accepted loans alone seldom tell how
declined ones would have done (Hand and Henley, 1993), and the gain is often nothing (Crook and Banasik, 2004). So
inferred outcomes add to what a model learns and to nothing else: settings, calibration, directions, the order of
categories, the choice of a learner and every figure come from loans whose outcome is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.calibration import reliability
from training.challenge import compared
from training.fraud_set import NothingToLearn
from training.metrics import measures
from training.reject_method import Rejects

FILE, DECLARED = "declined.parquet", "rejects.json"  # beside the rows that train
BANDS, ENOUGH = 10, 30  # of all loans that are scored; known loans of a band whose rate is a rate
APPROVED = (0.6, 0.8)  # shares of known loans that a cut-off approves
MEASURED = ("auc", "ks", "brier", "ece")
LEAST_DECLINED = 100  # that were applied for while the rows that train were


@dataclass(frozen=True)
class Declined:
    """Declined loans: what the model sees of shape (rows, columns), and the place of each in a draw, from 0 to 1."""

    rejects: Rejects
    x: np.ndarray
    draw: np.ndarray


@dataclass(frozen=True)
class Parcels:
    """Outcomes that are inferred, 0/1 of shape (declined,), and what each band is made of, the best first."""

    y: np.ndarray
    bands: tuple[dict, ...]

    def document(self, rejects: Rejects) -> dict:
        return {
            **rejects.document(),
            "declined": len(self.y),
            "inferred_bad": int(self.y.sum()),
            "bands": list(self.bands),
        }


def parcelled(known: np.ndarray, y: np.ndarray, declined: np.ndarray, draw: np.ndarray, uplift: float) -> Parcels:
    """`known` are probabilities of loans with outcomes `y`, `declined` those of others, with their `draw`.

    A band with too few known loans has the rate that the model says of its declined ones: beyond what was lent to, a
    rate can only be extrapolated.
    """
    edges = np.unique(np.quantile(np.concatenate([known, declined]), np.linspace(0, 1, BANDS + 1)[1:-1]))
    of_known, of_declined = (np.searchsorted(edges, scores, side="left") for scores in (known, declined))
    found, bands = np.zeros(len(declined), dtype=y.dtype), []
    for band in range(len(edges) + 1):
        outcomes, others = y[of_known == band], np.flatnonzero(of_declined == band)
        seen = len(outcomes) >= ENOUGH
        if not seen and not len(others):
            continue
        rate = float(outcomes.mean() if seen else declined[others].mean())
        taken = min(1.0, rate * uplift)
        count = round(taken * len(others))
        found[others[np.argsort(draw[others], kind="stable")[:count]]] = 1
        bands.append(
            {
                "known": len(outcomes),
                "bad_rate": rate,
                "observed": seen,
                "declined": len(others),
                "inferred_bad": count,
                "inferred_rate": taken,
            }
        )
    return Parcels(found, tuple(bands))


def drawn(identifiers: Iterable[str]) -> np.ndarray:
    """A number from 0 to 1 for each loan, by SHA-256 of its identifier: the same whatever else is there."""
    return np.array([int.from_bytes(hashlib.sha256(i.encode()).digest()[:8], "big") / 2**64 for i in identifiers])


def until(declined: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """The loans that were applied for up to an instant."""
    return declined[declined["at"] <= last]


def require_declined(declined: pd.DataFrame, last: pd.Timestamp, columns: Sequence[str]) -> pd.DataFrame:
    """The declined loans with these columns, in order of time.

    Raises NothingToLearn where too few were applied for while the rows that train were, up to `last`.
    """
    among = len(until(declined, last))
    if among < LEAST_DECLINED:
        raise NothingToLearn(
            f"REJECTS: expected at least {LEAST_DECLINED} loans that were applied for by {last:%Y-%m-%d}, as those "
            f"that train, and that loan_decisions says were declined; found {among} ({len(declined)} in all): bring "
            "loan_decisions of that time with their applications, or train without REJECTS"
        )
    return declined.reindex(columns=list(columns)).sort_values(["at", "identifier"], ignore_index=True)


def compare(
    y: np.ndarray,
    customers: np.ndarray,
    known: Mapping[str, np.ndarray],
    declined: Mapping[str, np.ndarray],
    seed: int,
) -> dict:
    """Of probabilities `with` inferred outcomes and `without` them: how both do on loans with known outcomes `y`, and
    how many of the declined loans either would approve, at cut-offs that approve given shares of the known ones."""
    apart = compared(known["with"], known["without"], y, customers, seed)
    return {
        "known": len(y),
        "bad": int(y.sum()),
        "auc_gain": apart.document(),
        "measures": {
            name: {**{m: measures(y, p)[m] for m in MEASURED}, **reliability(y, p).document()}
            for name, p in known.items()
        },
        "declined": len(next(iter(declined.values()))),
        "approved": [
            {
                "of_known": share,
                **{name: float(np.mean(p <= np.quantile(known[name], share))) for name, p in declined.items()},
            }
            for share in APPROVED
        ],
        "mean_pd_of_declined": {name: float(p.mean()) for name, p in declined.items()},
    }


def told(found: Mapping) -> str:
    """The effect in one line."""
    seen, gain = found["effect"], found["effect"]["auc_gain"]
    approved = "; ".join(
        f"a cut-off that approves {a['of_known']:.0%} of known loans would approve {a['with']:.1%} of "
        f"{seen['declined']} declined ones, without them {a['without']:.1%}"
        for a in seen["approved"]
    )
    return (
        f"rejects by {found['method']}, uplift {found['uplift']:g}: {found['inferred_bad']} of {found['declined']} "
        f"declined loans taken for bad; AUC on {seen['known']} known loans {gain['value']:+.4f} "
        f"[{gain['low']:+.4f}, {gain['high']:+.4f}] against the same learner without them; {approved}"
    )


def limit(found: Mapping) -> str:
    """What a reader has to know of a model that learnt from them."""
    return (
        f" It learnt from {found['declined']} declined loans whose outcomes are inferred ({found['method']}, uplift "
        f"{found['uplift']:g}): assumed, not observed; how right they are no figure here can say."
    )
