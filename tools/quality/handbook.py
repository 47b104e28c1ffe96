"""The Fraud Detection Handbook's protocol: which payments teach, and which ones test, in a weekly fold.

Le Borgne, Siblini, Lebichot, Bontempi (2022): "Reproducible Machine Learning for Credit Card Fraud Detection -
Practical Handbook", chapters 4 and 5. A fold starts on a day: one week teaches, a week passes until its labels are
known, one week tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

WEEK = 7  # days of teaching, of delay, and of test


@dataclass(frozen=True)
class Fold:
    """`start` is the first day that teaches."""

    start: date

    @property
    def test_start(self) -> date:
        return self.start + timedelta(days=2 * WEEK)

    @property
    def end(self) -> date:
        """The first day after the test."""
        return self.start + timedelta(days=3 * WEEK)

    def week_before(self, weeks: int) -> Fold:
        return Fold(self.start - timedelta(days=WEEK * weeks))


def consecutive(start: date, count: int) -> list[Fold]:
    """`count` folds, a week apart, of which the first starts on `start`."""
    return [Fold(start).week_before(-n) for n in range(count)]


def earlier(first: Fold, first_day: date, count: int) -> list[Fold]:
    """Up to `count` folds for choosing parameters, newest first: all of their labels are known when `first` trains.

    `first` trains a fortnight after its start and then knows the labels of its own first week: the test week of a fold
    for choosing ends with that week at the latest. None starts before `first_day`.
    """
    candidates = [first.week_before(2 + n) for n in range(count)]
    return [fold for fold in candidates if fold.start >= first_day]


def parts(day: np.ndarray, customer: np.ndarray, y: np.ndarray, fold: Fold) -> tuple[np.ndarray, np.ndarray]:
    """Masks of shape (rows,) of the payments that teach and of those that test.

    `day` is datetime64[D]. A card that is known to be compromised leaves the test: one with a fraud in the week that
    teaches, and from each test day on one whose fraud has become known by then, a week after it happened.
    """
    start = np.datetime64(fold.start, "D")
    since = (day - start).astype(int)
    teaches = (since >= 0) & (since < WEEK)
    compromised = set(customer[teaches & (y == 1)])
    tests = np.zeros(len(day), dtype=bool)
    for k in range(WEEK):
        compromised |= set(customer[(since == WEEK + k - 1) & (y == 1)])
        today = np.flatnonzero(since == 2 * WEEK + k)
        tests[today] = [c not in compromised for c in customer[today]]
    return teaches, tests
