"""How a credit score treats protected groups: approvals, errors and calibration at cut-offs, and what tells a group.

Protected columns lie in the rows that judge a model, never in those that teach it. Everything is measured on rows that
the model did not know; intervals are of 95 %, by bootstrap over customers. Disparate impact as a ratio of approvals:
29 CFR 1607.4(D), the four-fifths rule; errors by group: Hardt, Price, Srebro (2016).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from features.columns import category, number
from training.folds import grouped
from training.learners import LEARNERS
from training.rows import Rows, Settings

DRAWS = 200
MOST_GROUPS = 12  # different cells of a column; numbers with more are told by quarters
PROXY = Settings(100, parameters={"max_depth": 3, "eta": 0.1, "max_bin": 256, "nthread": 1})
PROXY_FOLDS = 3
MISSING, OTHERS = "missing", "others"


class WrongPolicy(ValueError):
    """A fairness policy cannot be used; the text says what was expected."""


@dataclass(frozen=True)
class Policy:
    """At which shares of approved applications groups are compared, and what is reported as a breach.

    `least_ratio`: of a group's approval rate to that of the most approved group. `most_error_gap`: between groups, of
    the share of good loans that is declined, and of bad ones. `most_calibration_gap`: between what is predicted and
    what came true, of a group. `proxy_auc`: from which on columns that the model uses tell a group. `fewest`: rows of a
    group, and `fewest_of_a_class` bad or good ones, below which nothing is said of it.
    """

    approved_shares: tuple[float, ...] = (0.6, 0.8)
    least_ratio: float = 0.8
    most_error_gap: float = 0.1
    most_calibration_gap: float = 0.05
    proxy_auc: float = 0.7
    fewest: int = 30
    fewest_of_a_class: int = 10

    @classmethod
    def parse(cls, text: str) -> Policy:
        """A JSON object with what differs from the usual. Raises WrongPolicy."""
        names = [field.name for field in fields(cls)]
        try:
            given = json.loads(text)
            if not isinstance(given, dict) or not given.keys() <= set(names):
                raise ValueError
            shares = tuple(float(share) for share in given.pop("approved_shares", cls.approved_shares))
            if not shares or any(isinstance(v, bool) or not isinstance(v, int | float) for v in given.values()):
                raise ValueError
            found = cls(shares, **given)
        except (ValueError, TypeError):
            raise WrongPolicy(f"fairness: expected a JSON object with some of {', '.join(names)}, got {text}") from None
        ratios = (*shares, found.least_ratio, found.most_error_gap, found.most_calibration_gap, found.proxy_auc)
        if not all(0 < ratio < 1 for ratio in ratios) or min(found.fewest, found.fewest_of_a_class) < 1:
            raise WrongPolicy(
                f"fairness: expected shares, gaps and ratios between 0 and 1 and counts from 1, got {text}"
            )
        return found


def report(
    rows: pd.DataFrame, p: np.ndarray, matrix: np.ndarray, names: tuple[str, ...], protected: list[str], policy: Policy
) -> dict:
    """`rows` with `label`, `customer_id` and the protected columns, `p` what the model says of them, `matrix` what it
    sees of them, of shape (rows, columns), whose columns bear `names`."""
    y, customers = rows["label"].to_numpy(dtype=int), rows["customer_id"].to_numpy()
    cutoffs = [float(np.quantile(p, share)) for share in policy.approved_shares]
    columns, breaches = {}, []
    for name in protected:
        groups = grouped_by(rows[name], policy.fewest)
        columns[name] = judged(groups, y, p, customers, cutoffs, policy)
        columns[name]["proxies"] = proxies(groups, matrix, names, customers, policy)
        breaches += [{"column": name, **breach} for breach in breached(columns[name], policy)]
    return {
        "rows": len(rows),
        "policy": asdict(policy),
        "cutoffs": [{"approved": s, "below": c} for s, c in zip(policy.approved_shares, cutoffs, strict=True)],
        "columns": columns,
        "breaches": breaches,
        "verdict": "breach" if breaches else "no protected column" if not protected else "within policy",
    }


def grouped_by(cells: pd.Series, fewest: int) -> np.ndarray:
    """The group of each row, in words. Groups with too few rows are told together."""
    given = [None if cell is None or cell != cell else cell for cell in cells.tolist()]
    words = np.array([(category(cell) or MISSING) if cell is not None else MISSING for cell in given], dtype=object)
    if len(set(words)) > MOST_GROUPS:
        numbers = np.array([number(cell) if cell is not None else None for cell in given], dtype=np.float64)
        present = numbers[~np.isnan(numbers)]
        if len(present) > len(numbers) / 2:
            edges = np.unique(np.quantile(present, (0.25, 0.5, 0.75)))
            bands = [f"up to {edges[0]:g}", *(f"{a:g} to {b:g}" for a, b in pairwise(edges))]
            named = np.array([*bands, f"above {edges[-1]:g}"], dtype=object)
            words = np.where(
                np.isnan(numbers), MISSING, named[np.searchsorted(edges, numbers, side="left").clip(0, len(edges))]
            )
    sizes = pd.Series(words).map(pd.Series(words).value_counts()).to_numpy()
    return np.where(sizes < fewest, OTHERS, words)


def judged(
    groups: np.ndarray, y: np.ndarray, p: np.ndarray, customers: np.ndarray, cutoffs: list[float], policy: Policy
) -> dict:
    """Of each group: rows, calibration, and at each cut-off approvals and errors, with intervals."""
    names, of = np.unique(groups, return_inverse=True)
    approved = [p <= cutoff for cutoff in cutoffs]
    masks = [of == i for i in range(len(names))]
    seen = [drawn(masks, y, p, approved, weights) for weights in draws(customers)]
    found = {}
    for i, name in enumerate(names):
        size, bad = int(masks[i].sum()), int(y[masks[i]].sum())
        enough = size >= policy.fewest and min(bad, size - bad) >= policy.fewest_of_a_class
        found[str(name)] = {
            "rows": size,
            "bad": bad,
            "enough": enough,
            "predicted": bounds(seen, i, "predicted"),
            "calibration_gap": bounds(seen, i, "calibration_gap"),
            "at": [
                {key: bounds(seen, i, f"{key}_{n}") for key in ("approved", "ratio", "good_declined", "bad_declined")}
                for n in range(len(cutoffs))
            ],
        }
    return {"groups": found}


def draws(customers: np.ndarray) -> list[np.ndarray]:
    """Weights of the rows: all of them once, then as many customers with replacement."""
    who = np.unique(customers, return_inverse=True)[1]
    count, rng = int(who.max()) + 1, np.random.default_rng(0)
    drawn = [np.bincount(rng.integers(0, count, count), minlength=count)[who] for _ in range(DRAWS)]
    return [np.ones(len(who)), *drawn]


def drawn(
    masks: list[np.ndarray], y: np.ndarray, p: np.ndarray, approved: list[np.ndarray], weights: np.ndarray
) -> list[dict[str, float]]:
    """Figures of each group in one draw; NaN where it has no row to tell from."""
    found: list[dict[str, float]] = [{} for _ in masks]
    for mask, one in zip(masks, found, strict=True):
        w = weights * mask
        one["predicted"] = share(p, w)
        one["calibration_gap"] = one["predicted"] - share(y, w)
        for n, passed in enumerate(approved):
            one[f"approved_{n}"] = share(passed, w)
            one[f"good_declined_{n}"] = share(~passed, w * (1 - y))
            one[f"bad_declined_{n}"] = share(~passed, w * y)
    for n in range(len(approved)):
        most = np.nanmax([one[f"approved_{n}"] for one in found])
        for one in found:
            one[f"ratio_{n}"] = one[f"approved_{n}"] / most if most else float("nan")
    return found


def share(values: np.ndarray, weights: np.ndarray) -> float:
    total = weights.sum()
    return float((values * weights).sum() / total) if total else float("nan")


def bounds(seen: list[list[dict[str, float]]], group: int, name: str) -> dict[str, float | None]:
    """What was measured, and its interval; none where there is nothing to tell from."""
    values = np.array([draw[group][name] for draw in seen])
    if np.isnan(values[0]):
        return {"value": None, "low": None, "high": None}
    low, high = np.nanquantile(values[1:], [0.025, 0.975])
    return {"value": float(values[0]), "low": float(low), "high": float(high)}


def proxies(
    groups: np.ndarray, matrix: np.ndarray, names: tuple[str, ...], customers: np.ndarray, policy: Policy
) -> dict:
    """How well the columns that the model uses tell each group from the others, together and the best of them alone."""
    found = {}
    for name in np.unique(groups):
        is_one = (groups == name).astype(int)
        if name in (MISSING, OTHERS) or min(is_one.sum(), len(is_one) - is_one.sum()) < policy.fewest:
            continue
        fold = grouped(is_one, customers, PROXY_FOLDS, 0)
        margins = np.empty(len(is_one))
        for n in range(PROXY_FOLDS):
            told = fold == n
            fitted = LEARNERS["xgboost"].fit(Rows(matrix[~told], is_one[~told]), PROXY, 0)
            margins[told] = fitted.margins(matrix[told])
        alone = {names[i]: alone_auc(matrix[:, i], is_one) for i in range(matrix.shape[1])}
        best = sorted(alone, key=alone.__getitem__, reverse=True)[:3]
        found[str(name)] = {
            "auc": float(roc_auc_score(is_one, margins)),
            "columns": [{"name": column, "auc": alone[column]} for column in best],
        }
    return found


def alone_auc(x: np.ndarray, is_one: np.ndarray) -> float:
    """Of a column's order, missing cells first; either way round."""
    ranked = np.unique(np.where(np.isnan(x), -np.inf, x), return_inverse=True)[1]
    auc = float(roc_auc_score(is_one, ranked))
    return max(auc, 1 - auc)


def breached(column: Mapping, policy: Policy) -> list[dict]:
    """What is beyond the policy by more than chance, of groups with enough rows."""
    groups = {name: group for name, group in column["groups"].items() if group["enough"]}
    found = []
    for name, group in groups.items():
        gap = group["calibration_gap"]
        if gap["low"] > policy.most_calibration_gap or gap["high"] < -policy.most_calibration_gap:
            found.append({"group": name, "of": "calibration_gap", **gap})
        for n, at in enumerate(group["at"]):
            if at["ratio"]["high"] < policy.least_ratio:
                found.append({"group": name, "of": "ratio", "approved": policy.approved_shares[n], **at["ratio"]})
            for kind in ("good_declined", "bad_declined"):
                least = min(other["at"][n][kind]["high"] for other in groups.values())
                if at[kind]["low"] - least > policy.most_error_gap:
                    found.append({"group": name, "of": kind, "approved": policy.approved_shares[n], **at[kind]})
    for name, proxy in column["proxies"].items():
        if proxy["auc"] >= policy.proxy_auc:
            found.append({"group": name, "of": "proxies", "value": proxy["auc"], "columns": proxy["columns"]})
    return found
