"""One vector before its model: what each feature did to the score, and what the score would be with other values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from features.fraud import FRAUD
from inference.model import Model

Vector = Sequence[float | None]  # in the order of FRAUD.columns; none is unknown


@dataclass(frozen=True)
class Explained:
    """A probability of fraud, and what each column of the model did to its log-odds, the most telling first.

    The contributions are exact (SHAP values of trees: Lundberg et al., 2020): with what all vectors have in common they
    add up to the log-odds.
    """

    score: float
    contributions: list[tuple[str, float]]


def explained(model: Model, vector: Vector) -> Explained:
    """Raises inference.model.OtherFeatures where the vector lacks a feature of the model."""
    rows = model.chosen([list(vector)], FRAUD.version, FRAUD.meanings)
    (found,) = model.contributions(rows)
    named = zip(model.encoding.names, map(float, found), strict=True)
    return Explained(model.score(rows)[0], sorted(named, key=lambda one: -abs(one[1])))


def with_values(vector: Vector, changes: Mapping[str, float | None]) -> list[float | None]:
    """The vector with other values by feature; the features that are computed from others stay as they were."""
    return [changes.get(name, value) for name, value in zip(FRAUD.columns, vector, strict=True)]
