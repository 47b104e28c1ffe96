"""Rows that teach, one way to learn from them, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

# How a rare class is weighed. `root`: positives weigh the square root of the ratio of negatives to positives; the full
# ratio would make every score a guess at even odds. Calibration takes the weight out of the probabilities again.
Imbalance = Literal["equal", "root"]


@dataclass(frozen=True)
class Rows:
    """`x` of shape (rows, columns) in single precision with NaN for missing, `y` 0/1 of shape (rows,).

    `directions` has 1 or -1 for each column with which the score may only rise or fall, 0 for others; none at all is 0
    for all. `categorical` are the places of columns whose numbers are codes of categories, from 0.
    """

    x: np.ndarray
    y: np.ndarray
    directions: tuple[int, ...] = ()
    categorical: tuple[int, ...] = ()

    @property
    def directed(self) -> bool:
        return any(self.directions)

    def and_besides(self, x: np.ndarray, y: np.ndarray) -> Rows:
        """These rows, and further ones of the same columns behind them."""
        return replace(self, x=np.concatenate([self.x, x]), y=np.concatenate([self.y, y]))


@dataclass(frozen=True)
class Settings:
    """One way to learn: how many rounds, how a rare class weighs, and what is added to the learner's own defaults.

    `inferred`: the score follows a number in the direction that the rows say, where none is declared. `by_risk`: the
    codes of a category are put in the order of its rates, as they are in the rows that it learns from.
    """

    rounds: int
    imbalance: Imbalance = "equal"
    parameters: Mapping[str, float] = field(default_factory=dict)
    inferred: bool = False
    by_risk: bool = False

    def document(self) -> dict:
        return {**asdict(self), "parameters": dict(self.parameters)}

    def positive_weight(self, y: np.ndarray) -> float:
        positives = int(y.sum())
        return ((len(y) - positives) / max(1, positives)) ** 0.5 if self.imbalance == "root" else 1.0


class Fitted(Protocol):
    """A trained model. Its margins are log-odds, of shape (rows,), before calibration."""

    def margins(self, matrix: np.ndarray, rounds: int | None = None) -> np.ndarray:
        """Of the first `rounds` only, when given."""

    def save(self, path: Path) -> None: ...
