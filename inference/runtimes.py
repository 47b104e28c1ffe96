"""What turns a matrix into margins: the learners' own libraries, and ONNX Runtime for the compiled form of either.

A margin is a log-odd before calibration. Libraries are imported only when used: a server loads one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

COMPILED = "onnx"
NATIVE = "native"


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

    def margins(self, matrix: np.ndarray) -> np.ndarray:
        return self.model.predict(matrix, prediction_type="RawFormulaVal", thread_count=1)

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        found = self.model.get_feature_importance(self.pool_of(matrix), type="ShapValues", thread_count=1)
        return found[:, :-1]


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


LIBRARIES: dict[str, Callable[[Path], Explainable]] = {"xgboost": XGBoost, "catboost": CatBoost}
