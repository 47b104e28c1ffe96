"""A model archive, opened: what it is, and how to score rows with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from features.encoding import Encoding


class BrokenArchive(ValueError):
    """The archive lacks a file or its manifest does not fit; the text names what."""


class OtherFeatures(ValueError):
    """The caller's vectors were made by another feature version than the model's."""


class Booster(Protocol):
    """A learner's runtime: probabilities of the positive class for a float32 matrix with NaN for missing."""

    def probabilities(self, matrix: np.ndarray) -> np.ndarray: ...


class Model:
    """One opened archive. `score` takes rows of cells in the order of the manifest's columns."""

    def __init__(self, folder: Path) -> None:
        manifest = folder / "manifest.json"
        if not manifest.is_file():
            raise BrokenArchive(f"{manifest} is missing: the archive was not made by training")
        self.manifest = json.loads(manifest.read_text())
        self.encoding = Encoding.parse(self.manifest["columns"])
        self.feature_version: str = self.manifest["feature_version"]
        self.name: str = self.manifest["name"]
        self.booster = open_booster(self.manifest, folder)

    def score(self, rows: Sequence[Sequence[object]]) -> list[float]:
        """One probability per row. Raises features.encoding.InvalidRow."""
        if not rows:
            return []
        matrix = np.array([self.encoding.encode(row) for row in rows], dtype=np.float64).astype(np.float32)
        return [float(p) for p in self.booster.probabilities(matrix)]

    def require(self, feature_version: str) -> None:
        """Raises OtherFeatures unless the caller's features are the model's."""
        if feature_version != self.feature_version:
            raise OtherFeatures(
                f"the model was trained on features {self.feature_version}, the request has {feature_version}; "
                "deploy the code and the model of one release"
            )


def open_booster(manifest: dict, folder: Path) -> Booster:
    """The runtime that the manifest's learner needs; libraries are imported only when used."""
    learner = manifest["learner"]
    if learner == "constant":
        return Constant(manifest["base_rate"])
    path = folder / manifest["file"]
    if not path.is_file():
        raise BrokenArchive(f"{path} is missing")
    if learner == "xgboost":
        return XGBoost(path)
    if learner == "catboost":
        return CatBoost(path)
    raise BrokenArchive(f"expected learner xgboost, catboost or constant, got {learner!r}")


class Constant:
    """The bootstrap model: the base rate for everyone, until a trained model is approved."""

    def __init__(self, base_rate: float) -> None:
        self.base_rate = base_rate

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        return np.full(len(matrix), self.base_rate)


class XGBoost:
    def __init__(self, path: Path) -> None:
        import xgboost

        self.booster = xgboost.Booster(params={"nthread": 1})
        self.booster.load_model(path)

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        return self.booster.inplace_predict(matrix)


class CatBoost:
    def __init__(self, path: Path) -> None:
        import catboost

        self.model = catboost.CatBoostClassifier()
        self.model.load_model(str(path))

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(matrix, thread_count=1)[:, 1]
