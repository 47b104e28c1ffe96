"""The learners by name: fit on matrices with NaN for missing, save in the learner's own portable format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROUNDS = 600
PATIENCE = 50


@dataclass(frozen=True)
class Fitted:
    """A trained model: how to score with it, how to save it, how many rounds it kept."""

    probabilities: Callable[[np.ndarray], np.ndarray]
    save: Callable[[Path], None]
    rounds: int


def fit_xgboost(x: np.ndarray, y: np.ndarray, vx: np.ndarray, vy: np.ndarray, seed: int) -> Fitted:
    """Histogram trees fine enough for money (`max_bin`), and the neutral `base_score`: XGBoost 3's defaults for both
    cost several points of average precision on rare positives."""
    import xgboost

    parameters = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "max_bin": 1024,
        "base_score": 0.5,
        "eta": 0.05,
        "max_depth": 5,
        "min_child_weight": 5,
        "subsample": 0.8,
        "colsample_bytree": 0.7,
        "lambda": 2.0,
        "seed": seed,
        "nthread": 2,
    }
    train = xgboost.QuantileDMatrix(x, y, max_bin=parameters["max_bin"])
    valid = xgboost.QuantileDMatrix(vx, vy, ref=train, max_bin=parameters["max_bin"])
    booster = xgboost.train(
        parameters,
        train,
        num_boost_round=ROUNDS,
        evals=[(valid, "validation")],
        early_stopping_rounds=PATIENCE,
        verbose_eval=100,
    )
    kept = booster.best_iteration + 1
    booster = booster[:kept]
    return Fitted(lambda m: booster.inplace_predict(m), booster.save_model, kept)


def fit_catboost(x: np.ndarray, y: np.ndarray, vx: np.ndarray, vy: np.ndarray, seed: int) -> Fitted:
    import catboost

    model = catboost.CatBoostClassifier(
        iterations=ROUNDS,
        learning_rate=0.05,
        depth=6,
        l2_leaf_reg=5,
        random_seed=seed,
        thread_count=2,
        od_type="Iter",
        od_wait=PATIENCE,
        allow_writing_files=False,
        verbose=100,
    )
    model.fit(x, y, eval_set=(vx, vy), use_best_model=True)
    return Fitted(
        lambda m: model.predict_proba(m)[:, 1],
        lambda path: model.save_model(str(path), format="cbm"),
        model.tree_count_,
    )


LEARNERS = {"xgboost": (fit_xgboost, "model.json"), "catboost": (fit_catboost, "model.cbm")}
