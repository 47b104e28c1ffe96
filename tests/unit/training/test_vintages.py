"""The dossier sees a stretch of time in which a score does not hold, and takes chance for nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training.vintages import LEVEL, RANKS, asked, vintages

SIZE = 6000


def scored(days: int, seed: int = 0) -> tuple[pd.Series, np.ndarray, np.ndarray]:
    """Moments over so many days, outcomes, and probabilities that are true."""
    rng = np.random.default_rng(seed)
    at = pd.Series(pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.sort(rng.random(SIZE)) * days, unit="D"))
    p = 1 / (1 + np.exp(-rng.normal(-1.5, 1.2, SIZE)))
    return at, (rng.random(SIZE) < p).astype(int), p


def answers(at: pd.Series, y: np.ndarray, p: np.ndarray) -> dict:
    return {answer.name: answer for answer in asked(at, y, p)}


@pytest.mark.parametrize("seed", range(20))
def test_a_true_score_holds_in_every_vintage(seed):
    assert {a.verdict for a in answers(*scored(180, seed)).values()} == {"pass"}


def test_a_month_that_came_out_riskier_than_was_said_is_named():
    at, y, p = scored(180)
    march = (at.dt.month == 3).to_numpy()
    said = p.copy()
    said[march] = 1 / (1 + np.exp(-(np.log(p / (1 - p))[march] - 1)))
    level = answers(at, y, said)[LEVEL]
    assert (level.verdict, level.detail) == ("warn", "2025-03-01")
    assert level.value == pytest.approx(1, abs=0.2)


def test_a_month_in_which_the_score_ranks_nothing_is_named():
    at, y, p = scored(180)
    march = (at.dt.month == 3).to_numpy()
    said = p.copy()
    said[march] = np.random.default_rng(1).permutation(p[march])
    ranks = answers(at, y, said)[RANKS]
    assert (ranks.verdict, ranks.detail.split(";")[0]) == ("warn", "2025-03-01")


@pytest.mark.parametrize(
    ("days", "first", "second"),
    [
        (180, "2025-01-01", "2025-02-01"),
        (28, "2024-12-30", "2025-01-06"),
        (5, "2025-01-01", "2025-01-02"),
    ],
    ids=["months", "weeks", "days"],
)
def test_vintages_are_the_longest_spans_of_which_three_have_enough_rows(days, first, second):
    assert [one.name for one in vintages(*scored(days))][:2] == [first, second]


def test_of_too_little_time_nothing_is_said():
    at, y, p = scored(1)
    told = answers(at, y, p)[RANKS]
    assert (told.value, told.verdict) == (None, "told")
    assert "no span of time has 3 vintages" in told.detail
