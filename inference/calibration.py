"""From a margin to a probability: two numbers of the manifest (Platt, 1999)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import exp

import numpy as np

FURTHEST = 700.0  # beyond it the exponential overflows


@dataclass(frozen=True)
class Calibration:
    """p = 1 / (1 + exp(-(slope * margin + intercept))). The slope is positive: who scores higher stays higher."""

    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.slope < float("inf") and abs(self.intercept) < float("inf")):
            raise ValueError(f"expected a finite calibration with a positive slope, got {self}")

    def probabilities(self, margins: np.ndarray) -> np.ndarray:
        """In double precision, of the shape of `margins`, which is (rows,).

        One by one: NumPy's exponential depends in its last bit on how many it computes, and is slower for one payment.
        """
        return np.array([self.probability(margin) for margin in margins.tolist()], dtype=np.float64)

    def probability(self, margin: float) -> float:
        odds = self.slope * margin + self.intercept
        return 1.0 / (1.0 + exp(-min(max(odds, -FURTHEST), FURTHEST)))

    def document(self) -> dict:
        return {"method": "platt", **asdict(self)}

    @classmethod
    def parse(cls, document: Mapping) -> Calibration:
        return cls(float(document["slope"]), float(document["intercept"]))
