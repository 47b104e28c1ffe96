"""The learners by name: fit on matrices with NaN for missing, save in the learner's own portable format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROUNDS = 600
PATIENCE = 50


@dataclass(frozen=True)
class Rows:
    """`x` of shape (rows, columns) in single precision with NaN for missing, `y` 0/1 of shape (rows,)."""

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """A trained model: how to score with it, how to save it, how many rounds it kept."""

    probabilities: Callable[[np.ndarray], np.ndarray]
    save: Callable[[Path], None]
    rounds: int


XGBOOST = {
    "objective": "binary:logistic",
    "eval_metric": "logloss",
    "tree_method": "hist",
    "max_bin": 1024,  # fine enough for money: the default of 256 blurs amounts
    "min_child_weight": 5,
    "subsample": 0.8,
    "colsample_bytree": 0.7,
    "lambda": 2.0,
    "nthread": 2,
}


def fit_xgboost(rows: Rows, held: Rows, seed: int, settings: Mapping[str, float]) -> Fitted:
    """`settings` are added to XGBOOST; the round with the least loss on `held` is kept."""
    import xgboost

    parameters = {**XGBOOST, **settings, "seed": seed}
    train = xgboost.QuantileDMatrix(rows.x, rows.y, max_bin=XGBOOST["max_bin"])
    valid = xgboost.QuantileDMatrix(held.x, held.y, ref=train, max_bin=XGBOOST["max_bin"])
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


def fit_catboost(rows: Rows, held: Rows, seed: int, settings: Mapping[str, float]) -> Fitted:
    """CatBoost's own defaults for what is not set here; `settings` are XGBoost's and not used."""
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
    model.fit(rows.x, rows.y, eval_set=(held.x, held.y), use_best_model=True)
    return Fitted(
        lambda m: model.predict_proba(m)[:, 1],
        lambda path: model.save_model(str(path), format="cbm"),
        model.tree_count_,
    )


LEARNERS = {"xgboost": (fit_xgboost, "model.json"), "catboost": (fit_catboost, "model.cbm")}
