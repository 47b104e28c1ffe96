"""What turns a matrix into margins: the learners' own libraries, ONNX Runtime for compiled trees, NumPy for sums.

A margin is a log-odd before calibration. Libraries are imported only when used: a server loads one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from inference.additive import Terms

COMPILED = "onnx"
NATIVE = "native"
MOST_CODES = 2**31  # a number beyond them is no code
BLEND = "blend"  # the learner of an archive that has several
CONSTANT = "constant"  # that of one that knows nothing and says the same of all rows


class Booster(Protocol):
    """Scores a float32 matrix of shape (rows, columns) with NaN for missing."""

    def margins(self, matrix: np.ndarray) -> np.ndarray: ...


class Explainable(Booster, Protocol):
    """A learner's own library, which can also say what each column did to a margin."""

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Of shape (rows, columns), in log-odds (SHAP values of trees: Lundberg et al., 2020)."""


class XGBoost:
    def __init__(self, path: Path) -> None:
        import xgboost

        self.matrix_of = xgboost.DMatrix
        self.booster = xgboost.Booster(params={"nthread": 1})
        self.booster.load_model(path)

    def margins(self, matrix: np.ndarray) -> np.ndarray:
        return self.booster.inplace_predict(matrix, predict_type="margin")

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        return self.booster.predict(self.matrix_of(matrix), pred_contribs=True)[:, :-1]  # the last is the bias


class CatBoost:
    def __init__(self, path: Path) -> None:
        import catboost

        self.pool_of = catboost.Pool
        self.model = catboost.CatBoostClassifier()
        self.model.load_model(str(path))
        self.categorical = tuple(self.model.get_cat_feature_indices())

    def margins(self, matrix: np.ndarray) -> np.ndarray:
        given = by_name(matrix, self.categorical)
        return self.model.predict(given, prediction_type="RawFormulaVal", thread_count=1)

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        pool = self.pool_of(by_name(matrix, self.categorical), cat_features=list(self.categorical) or None)
        return self.model.get_feature_importance(pool, type="ShapValues", thread_count=1)[:, :-1]


def by_name(matrix: np.ndarray, categorical: Sequence[int]) -> Any:
    """What CatBoost takes: numbers as they are, codes of categories as whole numbers, -1 for a missing one."""
    if not categorical:
        return matrix
    import pandas  # which CatBoost brings

    table = pandas.DataFrame(matrix)
    for place in categorical:
        cells = matrix[:, place]
        table[place] = np.clip(np.where(np.isnan(cells), -1, cells), -1, MOST_CODES).astype(np.int64)
    return table


class Onnx:
    """The compiled trees: one input `x`, one output `margin`, both of one number type."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        self.type = np.float64 if self.session.get_inputs()[0].type == "tensor(double)" else np.float32

    def margins(self, matrix: np.ndarray) -> np.ndarray:
        return self.session.run(None, {"x": matrix.astype(self.type, copy=False)})[0][:, 0]


class Blend:
    """The weighted sum of several models' margins, and of what each column did to them."""

    def __init__(self, parts: Sequence[tuple[float, Any]]) -> None:
        self.parts = parts

    def margins(self, matrix: np.ndarray) -> np.ndarray:
        found = np.zeros(len(matrix))
        for weight, part in self.parts:
            found += weight * part.margins(matrix)
        return found

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        found = np.zeros(matrix.shape)
        for weight, part in self.parts:
            found += weight * part.contributions(matrix)
        return found


LIBRARIES: dict[str, Callable[[Path], Explainable]] = {
    "xgboost": XGBoost,
    "catboost": CatBoost,
    "logistic": Terms.read,
    "scorecard": Terms.read,
}
