"""The learners by name: fit on matrices with NaN for missing, save in the learner's own portable format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

# How a rare class is weighed. `root`: positives weigh the square root of the ratio of negatives to positives; the full
# ratio would make every score a guess at even odds. Calibration takes the weight out of the probabilities again.
Imbalance = Literal["equal", "root"]


@dataclass(frozen=True)
class Rows:
    """`x` of shape (rows, columns) in single precision with NaN for missing, `y` 0/1 of shape (rows,).

    `directions` has 1 or -1 for each column with which the score may only rise or fall, 0 for others; none at all is 0
    for all.
    """

    x: np.ndarray
    y: np.ndarray
    directions: tuple[int, ...] = ()

    @property
    def directed(self) -> bool:
        return any(self.directions)


@dataclass(frozen=True)
class Settings:
    """One way to learn: how many rounds, how a rare class weighs, and what is added to the learner's own defaults."""

    rounds: int
    imbalance: Imbalance = "equal"
    parameters: Mapping[str, float] = field(default_factory=dict)

    def document(self) -> dict:
        return {"rounds": self.rounds, "imbalance": self.imbalance, "parameters": dict(self.parameters)}

    def positive_weight(self, y: np.ndarray) -> float:
        positives = int(y.sum())
        return ((len(y) - positives) / max(1, positives)) ** 0.5 if self.imbalance == "root" else 1.0


class Fitted(Protocol):
    """A trained model. Its margins are log-odds, of shape (rows,), before calibration."""

    def margins(self, matrix: np.ndarray, rounds: int | None = None) -> np.ndarray:
        """Of the first `rounds` only, when given."""

    def save(self, path: Path) -> None: ...


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
        self.model = catboost.CatBoostClassifier(
            **parameters, iterations=settings.rounds, random_seed=seed, allow_writing_files=False, verbose=False
        )
        self.model.fit(rows.x, rows.y)

    def margins(self, matrix: np.ndarray, rounds: int | None = None) -> np.ndarray:
        return self.model.predict(matrix, prediction_type="RawFormulaVal", ntree_end=rounds or 0)

    def save(self, path: Path) -> None:
        self.model.save_model(str(path), format="cbm")


@dataclass(frozen=True)
class Learner:
    """How to fit, and the name of the file in the archive."""

    fit: Callable[[Rows, Settings, int], Fitted]
    file: str


LEARNERS = {"xgboost": Learner(FittedXGBoost, "model.json"), "catboost": Learner(FittedCatBoost, "model.cbm")}
