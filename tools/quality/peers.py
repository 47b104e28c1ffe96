"""What others would use on the same rows: each is fitted on a training part and gives probabilities of a tested one."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from features.encoding import Encoding
from training.rows import Rows

Peer = Callable[[Rows, np.ndarray, Encoding], np.ndarray]
SEED = 0


def named(matrix: np.ndarray, encoding: Encoding) -> pd.DataFrame:
    """The matrix as a table: numbers with NaN for missing, categories as words."""
    table = pd.DataFrame(matrix.astype(np.float64), columns=[f"c{i}" for i in range(matrix.shape[1])])
    for name, column in zip(table.columns, encoding.columns, strict=True):
        if column.categories is not None:
            words = np.array([*column.categories, "missing"], dtype=object)
            table[name] = words[np.where(np.isnan(matrix[:, int(name[1:])]), -1, matrix[:, int(name[1:])]).astype(int)]
    return table


def logistic(rows: Rows, tested: np.ndarray, encoding: Encoding) -> np.ndarray:
    """scikit-learn's logistic regression on standardised numbers and one column for each category."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    table = named(rows.x, encoding)
    words = [table.columns[i] for i in rows.categorical]
    numbers = [name for name in table.columns if name not in words]
    prepared = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore"), words),
        ]
    )
    model = make_pipeline(prepared, LogisticRegression(max_iter=2000))
    return model.fit(table, rows.y).predict_proba(named(tested, encoding))[:, 1]


def catboost(rows: Rows, tested: np.ndarray, encoding: Encoding) -> np.ndarray:
    """CatBoost with its own handling of categories and ordinary settings."""
    from catboost import CatBoostClassifier, Pool

    table = named(rows.x, encoding)
    words = [table.columns[i] for i in rows.categorical]
    model = CatBoostClassifier(
        iterations=500, learning_rate=0.03, random_seed=SEED, verbose=False, allow_writing_files=False, thread_count=2
    )
    model.fit(Pool(table, rows.y, cat_features=words))
    return model.predict_proba(Pool(named(tested, encoding), cat_features=words))[:, 1]


def optbinning(rows: Rows, tested: np.ndarray, encoding: Encoding) -> np.ndarray:
    """optbinning's scorecard: optimal monotone bins, their weights of evidence, logistic regression."""
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    table = named(rows.x, encoding)
    names = list(table.columns)
    words = [names[i] for i in rows.categorical]
    binning = BinningProcess(names, categorical_variables=words)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        card = Scorecard(binning_process=binning, estimator=LogisticRegression(max_iter=2000))
        card.fit(table, rows.y)
        return card.predict_proba(named(tested, encoding))[:, 1]


PEERS: dict[str, Peer] = {"logistic": logistic, "catboost": catboost, "optbinning": optbinning}
