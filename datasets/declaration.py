"""What is declared of a public set: everything that reading, writing and documenting it needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from datasets.origins import Origin
from features.contract import PROTECTED_PREFIX

ROW_NUMBERS = {"", "Unnamed: 0"}  # what tools call the column of row numbers that they add when they export


@dataclass(frozen=True)
class PublicSet:
    """One public set.

    `columns`: contract column -> where it may come from, first match wins; `optional`: those that a file may lack.
    `dropped`: pattern of a file's column ->
    why it goes no further. `protected`: file's columns kept for fairness reports under features.contract's prefix.
    Every other column is kept under `plain_name`. `stem`: the file to take out of a folder; every file when empty.
    """

    name: str
    title: str
    publisher: str
    licence: str
    columns: Mapping[str, tuple[Origin, ...]]
    optional: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    protected: tuple[str, ...] = ()
    stem: str = ""
    missing: tuple[str, ...] = ("",)
    notes: str = ""

    def reason_to_drop(self, column: str) -> str | None:
        if column in ROW_NUMBERS:
            return "row number"
        return next((why for pattern, why in self.dropped.items() if re.fullmatch(pattern, column)), None)

    def further_name(self, column: str) -> str:
        """The name that a column outside the contract goes by in the RAW file."""
        return PROTECTED_PREFIX + plain_name(column) if column in self.protected else plain_name(column)


@dataclass(frozen=True)
class PaymentSet(PublicSet):
    """Payments and their labels. `deal_over`: days from `calendar` that a set too short for the label delay fills.

    `companion`: stem of a second file of the folder with further columns, and the column that both share.
    """

    deal_over: int | None = None
    calendar: date = date(2013, 9, 1)
    companion: tuple[str, str] | None = None


@dataclass(frozen=True)
class LoanSet(PublicSet):
    """Loan applications and their outcomes. `headless`: columns of a publisher's file without a header, by suffix."""

    headless: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class DatedLoanSet(PublicSet):
    """Loans with a calendar of their own. `told` makes decisions, performance and outcomes of a batch, from `needs`:
    the file's columns that it looks at, as far as there are any. A row without `full_when` is a publisher's note."""

    told: Callable[..., Mapping[str, pd.DataFrame]] = field(kw_only=True)
    needs: tuple[str, ...] = field(kw_only=True)
    full_when: str = field(kw_only=True)


def plain_name(column: str) -> str:
    """`NumberOfTime30-59Days` -> `number_of_time30_59_days`: SQL engines fold case and dislike the rest."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
