"""The learners by name: fit on matrices with NaN for missing, save in a portable format of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chi2

from inference.runtimes import by_name
from training.additive import logistic, scorecard
from training.directions import inferred
from training.rows import Fitted, Rows, Settings

FEW = 10.0  # rows at the rate of all that are added to each category before they are put in order
BY_CHANCE = 0.01  # probability below which rates are told apart

XGBOOST = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_bin": 8192,  # money has sharp edges: a coarser bin, as the default of 256 gives, holds both sides of one
    # XGBoost 3 estimates a base score when none is given: on rare positives that costs several points of average
    # precision.
    "base_score": 0.5,
    "max_depth": 5,
    "eta": 0.05,
    "min_child_weight": 5,
    "subsample": 0.8,
    "colsample_bytree": 0.7,
    "lambda": 2.0,
    "nthread": 2,
}


class FittedXGBoost:
    def __init__(self, rows: Rows, settings: Settings, seed: int) -> None:
        import xgboost

        parameters: dict[str, Any] = {**XGBOOST, **settings.parameters, "seed": seed}
        parameters["scale_pos_weight"] = settings.positive_weight(rows.y)
        if rows.directed:
            parameters["monotone_constraints"] = rows.directions
        train = xgboost.QuantileDMatrix(rows.x, rows.y, max_bin=parameters["max_bin"])
        self.booster = xgboost.train(parameters, train, num_boost_round=settings.rounds)

    def margins(self, matrix: np.ndarray, rounds: int | None = None) -> np.ndarray:
        span = (0, rounds or self.booster.num_boosted_rounds())
        return self.booster.inplace_predict(matrix, iteration_range=span, predict_type="margin")

    def save(self, path: Path) -> None:
        self.booster.save_model(path)


CATBOOST = {"learning_rate": 0.05, "depth": 6, "l2_leaf_reg": 5, "thread_count": 2}
OF_A_RUN = ("model_guid", "train_finish_time")  # CatBoost writes them into a model: two trainings of the same differed


class FittedCatBoost:
    def __init__(self, rows: Rows, settings: Settings, seed: int) -> None:
        import catboost

        parameters: dict[str, Any] = {
            **CATBOOST,
            **settings.parameters,
            "scale_pos_weight": settings.positive_weight(rows.y),
        }
        if rows.directed:
            parameters["monotone_constraints"] = list(rows.directions)
        self.categorical = rows.categorical
        self.model = catboost.CatBoostClassifier(
            **parameters, iterations=settings.rounds, random_seed=seed, allow_writing_files=False, verbose=False
        )
        self.model.fit(by_name(rows.x, rows.categorical), rows.y, cat_features=list(rows.categorical) or None)

    def margins(self, matrix: np.ndarray, rounds: int | None = None) -> np.ndarray:
        given = by_name(matrix, self.categorical)
        return self.model.predict(given, prediction_type="RawFormulaVal", ntree_end=rounds or 0)

    def save(self, path: Path) -> None:
        told = self.model.get_metadata()
        for name in OF_A_RUN:
            told[name] = ""
        self.model.save_model(str(path), format="cbm")


class Recoded:
    """A model that learned from codes of categories in the order of their risk, for matrices in the order of before."""

    def __init__(self, fitted: Fitted, orders: Mapping[int, tuple[int, ...]]) -> None:
        self.fitted = fitted
        self.orders = orders  # by place of a column: the codes of before, the least risk first

    def margins(self, matrix: np.ndarray, rounds: int | None = None) -> np.ndarray:
        return self.fitted.margins(recoded(matrix, self.orders), rounds)

    def save(self, path: Path) -> None:
        self.fitted.save(path)


def recoded(matrix: np.ndarray, orders: Mapping[int, tuple[int, ...]]) -> np.ndarray:
    """The matrix with other codes for its categories; a code that nobody had when the order was made is missing."""
    changed = matrix.copy()
    for place, order in orders.items():
        codes = np.full(max(order) + 2, np.nan, dtype=matrix.dtype)
        codes[list(order)] = np.arange(len(order))
        cells = matrix[:, place]
        changed[:, place] = codes[np.where(np.isnan(cells), -1, np.minimum(cells, len(codes) - 1)).astype(int)]
    return changed


def by_risk(rows: Rows) -> dict[int, tuple[int, ...]]:
    """Codes of each category in the order of their rates, which few rows pull towards the rate of all.

    A category whose rates differ by no more than chance keeps its order: rates of many small ones would be learnt by
    heart.
    """
    base = float(rows.y.mean())
    orders = {}
    for place in rows.categorical:
        cells = rows.x[:, place]
        present = ~np.isnan(cells)
        size = np.bincount(cells[present].astype(int))
        bad = np.bincount(cells[present].astype(int), weights=rows.y[present])
        if differ(size, bad):
            rates = (bad + FEW * base) / (size + FEW)
            orders[place] = tuple(int(code) for code in np.argsort(rates, kind="stable"))
    return orders


def differ(size: np.ndarray, bad: np.ndarray) -> bool:
    """Whether rates differ by more than chance, by Pearson's chi-squared test of `bad` rows out of `size` rows each."""
    size, bad = size[size > 0], bad[size > 0]
    if len(size) < 2 or not 0 < bad.sum() < size.sum():
        return False
    rate = bad.sum() / size.sum()
    distance = float(np.sum((bad - size * rate) ** 2 / (size * rate * (1 - rate))))
    return bool(chi2.sf(distance, len(size) - 1) < BY_CHANCE)


@dataclass(frozen=True)
class Learner:
    """How to learn, and the name of the file in the archive."""

    learn: Callable[[Rows, Settings, int], Fitted]
    file: str

    def fit(self, rows: Rows, settings: Settings, seed: int, besides: Rows | None = None) -> Fitted:
        """What a setting takes from rows, it takes from these: nothing else has to be kept apart.

        `besides` are rows whose outcomes are inferred. They add to what is learnt, and say nothing of directions and of
        the order of categories.
        """
        orders = by_risk(rows) if settings.by_risk else {}
        if orders:
            rows = replace(rows, x=recoded(rows.x, orders))
        taught = replace(rows, directions=self.directions(rows, settings))
        if besides is not None:
            taught = taught.and_besides(recoded(besides.x, orders) if orders else besides.x, besides.y)
        fitted = self.learn(taught, settings, seed)
        return Recoded(fitted, orders) if orders else fitted

    def directions(self, rows: Rows, settings: Settings) -> tuple[int, ...]:
        """In which direction the score may follow each column only: as declared, or as the rows say."""
        if not settings.inferred:
            return rows.directions
        return inferred(rows.x, rows.y, rows.directions, rows.categorical)


LEARNERS = {
    "logistic": Learner(logistic, "terms.json"),
    "scorecard": Learner(scorecard, "terms.json"),
    "xgboost": Learner(FittedXGBoost, "model.json"),
    "catboost": Learner(FittedCatBoost, "model.cbm"),
}
