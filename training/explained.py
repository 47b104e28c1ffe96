"""What a model rests on, for its dossier: what each column says of the outcome, and how much of the score it makes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

BINS = 10
MOST_CATEGORIES = 20  # by number of rows; the others stand together


def weight_of_evidence(y: np.ndarray, x: np.ndarray, categories: Sequence[str] | None = None) -> dict:
    """Rows, bad ones, bad rate and weight of evidence by bin of one column, and its information value.

    `x` of shape (rows,) holds numbers, cut at tenths, or codes of `categories`; NaN is missing, a bin of its own. The
    weight of evidence is ln(share of the good in the bin / share of the bad in the bin), with half a row added to each
    count so that no bin is infinite; the information value adds up (share of good - share of bad) * weight (Siddiqi,
    Credit Risk Scorecards, 2006).
    """
    bins = codes(x, categories) if categories is not None else tenths(x)
    bad_in_all, good_in_all = float(y.sum()), float(len(y) - y.sum())
    found, value = [], 0.0
    for name, inside in bins:
        rows, bad = int(inside.sum()), int(y[inside].sum())
        if not rows:
            continue
        of_good = (rows - bad + 0.5) / (good_in_all + 0.5)
        of_bad = (bad + 0.5) / (bad_in_all + 0.5)
        weight = float(np.log(of_good / of_bad))
        value += (of_good - of_bad) * weight
        found.append({"bin": name, "rows": rows, "bad": bad, "bad_rate": bad / rows, "weight_of_evidence": weight})
    return {"information_value": float(value), "bins": found}


def tenths(x: np.ndarray) -> list[tuple[str, np.ndarray]]:
    known = x[~np.isnan(x)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.empty(0)
    places = np.searchsorted(edges, x, side="left")
    names = [
        *([f"up to {edges[0]:g}"] if len(edges) else []),
        *(f"above {low:g} to {high:g}" for low, high in pairwise(edges)),
        f"above {edges[-1]:g}" if len(edges) else "all",
    ]
    missing = np.isnan(x)
    return [*((name, (places == n) & ~missing) for n, name in enumerate(names)), ("missing", missing)]


def codes(x: np.ndarray, categories: Sequence[str]) -> list[tuple[str, np.ndarray]]:
    missing = np.isnan(x) | (x < 0)
    counts = [(int((x == code).sum()), code) for code in range(len(categories))]
    shown = sorted(code for _, code in sorted(counts, key=lambda c: (-c[0], c[1]))[:MOST_CATEGORIES])
    others = ~missing & ~np.isin(x, shown)
    return [*((categories[code], x == code) for code in shown), ("others", others), ("missing", missing)]


def importance(contributions: np.ndarray, names: Sequence[str]) -> list[dict]:
    """Columns by what they add to the score, the largest first: the mean size of a row's contribution in log-odds, and
    its share of all columns' (global SHAP; Lundberg and Lee, 2017). `contributions` has shape (rows, columns)."""
    size = np.abs(contributions).mean(axis=0)
    whole = float(size.sum())
    order = sorted(range(len(names)), key=lambda i: (-size[i], names[i]))
    return [
        {"column": names[i], "log_odds": float(size[i]), "share": float(size[i] / whole) if whole else 0.0}
        for i in order
    ]
