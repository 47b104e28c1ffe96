"""What a default is, and which loans can say so: one rule for training, reports and docs.

A loan is in default from the first time at which it was `days_past_due` days late, had a part written off, or was told
as defaulted. It is watched for a window of months on book: the months after that of its application, in UTC, so a loan
of any day of January with a window of 12 months is watched to the end of the next January. What was observed within a
month counts in it.

A label comes only from loans whose window is over. A default may be known early, a good loan never is: labels taken as
they come would make the newest loans bad ones.

Where nobody brings `loan_performance`, the outcomes are the lender's own verdicts, and nobody knows in which window
they were made. The window of a loan is then over when good loans of its age have been told, too: see `by_verdict`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import pandas as pd

State = Literal["good", "bad", "immature", "declined", "withdrawn", "unknown"]
STATES: dict[State, str] = {
    "good": "had the whole window without a default",
    "bad": "in default within the window, as was known by then",
    "immature": "no default known, and the window is not over",
    "declined": "never lent to",
    "withdrawn": "never lent to, by the applicant's wish",
    "unknown": "the window is over, and nobody has told how the loan stood at its end",
}
MOST = 1200  # days or months: more is a slip of the pen
USUAL = 0.9  # share of loans that stands for all: some are told late, or never
LONGEST = pd.Timedelta.max


class WrongDefinition(ValueError):
    """The definition of default cannot be used; the text says what was expected."""


@dataclass(frozen=True)
class Definition:
    """When a loan is in default, and for how many months on book it is watched."""

    days_past_due: int = 90
    months: int = 12

    @classmethod
    def parse(cls, text: str) -> Definition:
        """A JSON object with what differs from the usual. Raises WrongDefinition."""
        try:
            given = json.loads(text)
        except ValueError:
            given = None
        names = [field.name for field in fields(cls)]
        if (
            not isinstance(given, dict)
            or not set(given) <= set(names)
            or not all(type(value) is int and 1 <= value <= MOST for value in given.values())
        ):
            raise WrongDefinition(
                f"definition of default: expected an object with {' or '.join(names)}, whole numbers from 1 to {MOST}, "
                f"got {text[:100]!r}"
            )
        return cls(**given)


DEFINITION = Definition()


@dataclass(frozen=True)
class Told:
    """What was told of loans, rows as in SILVER; none of a file that nobody has brought."""

    outcomes: pd.DataFrame | None = None
    performance: pd.DataFrame | None = None
    decisions: pd.DataFrame | None = None

    def by(self, as_of: pd.Timestamp) -> Told:
        """What was known by then."""
        return Told(
            known(self.outcomes, "observed_at", as_of),
            known(self.performance, "observed_at", as_of),
            known(self.decisions, "decided_at", as_of),
        )


def known(rows: pd.DataFrame | None, at: str, as_of: pd.Timestamp) -> pd.DataFrame | None:
    """The rows up to an instant; none of none, which no column tells from a file that is not there."""
    rows = None if rows is None else rows[rows[at] <= as_of]
    return None if rows is None or rows.empty else rows


def standing(
    applied_at: pd.Series, told: Told, as_of: pd.Timestamp, definition: Definition = DEFINITION
) -> pd.DataFrame:
    """How each loan stands as of an instant: columns `state`, and `labelled`, whether it may teach.

    `applied_at` are instants by loan_id, one of each. Only good and bad loans whose window is over are labelled, and
    nothing that was told after `as_of` counts.
    """
    now = told.by(as_of)
    never = never_lent(applied_at, now.decisions)
    lent = applied_at[never.isna()]
    found = by_verdict(lent, now, as_of) if now.performance is None else by_window(lent, now, as_of, definition)
    found = found.reindex(applied_at.index)
    found["state"] = found["state"].fillna(never)
    found["labelled"] = found["state"].isin(("good", "bad")) & found["labelled"].eq(True)
    return found


def never_lent(applied_at: pd.Series, decisions: pd.DataFrame | None) -> pd.Series:
    """`declined` or `withdrawn` where that is the latest decision on a loan, and null elsewhere."""
    if decisions is None:
        return pd.Series(None, applied_at.index, dtype=object)
    latest = decisions.sort_values("decided_at", kind="stable").drop_duplicates("loan_id", keep="last")
    words = latest.set_index("loan_id")["decision"].str.lower().reindex(applied_at.index)
    return words.where(words.isin(("declined", "withdrawn")), None)


def by_window(applied_at: pd.Series, now: Told, as_of: pd.Timestamp, definition: Definition) -> pd.DataFrame:
    """Of loans whose performance is told: a default within the window, or the window to its end without one."""
    seen = observations(now, definition)
    seen = seen[seen["loan_id"].isin(applied_at.index)]
    on_book = months(seen["observed_at"]) - seen["loan_id"].map(months(applied_at))
    inside = seen["default"] & (on_book <= definition.months)
    bad = applied_at.index.isin(seen.loc[inside, "loan_id"])
    # A loan that is repaid is reported no more; one that is late at the end of its window is reported after it, too.
    to_the_end = seen["repaid"] | (on_book >= definition.months)
    watched = applied_at.index.isin(seen.loc[to_the_end, "loan_id"])
    over = np.asarray(months(applied_at) + definition.months < month(as_of))
    state = np.select([bad, ~over, watched], ["bad", "immature", "good"], "unknown")
    return pd.DataFrame({"state": state, "labelled": over}, applied_at.index)


def observations(now: Told, definition: Definition) -> pd.DataFrame:
    """`loan_id, observed_at, default, repaid`, from performance, and from the latest outcome of each loan."""
    seen = now.performance
    assert seen is not None
    late = (seen["days_past_due"] >= definition.days_past_due).fillna(False).astype(bool)
    written_off = (seen["charged_off_cents"] > 0).fillna(False).astype(bool)
    owes_nothing = (seen["balance_cents"] == 0).fillna(False).astype(bool)
    rows = [seen[["loan_id", "observed_at"]].assign(default=late | written_off, repaid=owes_nothing)]
    if now.outcomes is not None:
        verdicts = latest_outcomes(now.outcomes)
        rows.append(
            verdicts[["loan_id", "observed_at"]].assign(default=(verdicts["defaulted"] == 1).astype(bool), repaid=False)
        )
    return pd.concat(rows, ignore_index=True)


def by_verdict(applied_at: pd.Series, now: Told, as_of: pd.Timestamp) -> pd.DataFrame:
    """Of loans of which only outcomes are told: the latest of each is the lender's verdict.

    Defaults are often told sooner than that a loan is good: the young loans that are told already are then the bad ones
    among many of which nobody says so yet. So a loan teaches when it is as old as nine of ten good loans were when they
    were told, or when its month of application is told as fully as the months that are that old.
    """
    nothing = pd.DataFrame({"loan_id": [], "defaulted": [], "observed_at": pd.to_datetime([], utc=True)})
    outcomes = nothing if now.outcomes is None else latest_outcomes(now.outcomes)
    verdicts = outcomes.set_index("loan_id").reindex(applied_at.index)
    bad, good = verdicts["defaulted"] == 1, verdicts["defaulted"] == 0
    old = as_of - applied_at >= patience(applied_at[good], verdicts.loc[good, "observed_at"])
    told = bad | good
    full = told.groupby(months(applied_at)).transform("mean") >= USUAL * (told[old].mean() if old.any() else 1.0)
    over = (old | full).to_numpy(dtype=bool)
    state = np.select([bad, good, ~over], ["bad", "good", "immature"], "unknown")
    return pd.DataFrame({"state": state, "labelled": over}, applied_at.index)


def patience(applied_at: pd.Series, observed_at: pd.Series) -> pd.Timedelta:
    """How old nine of ten good loans were at most when they were told; longer than any window while none is."""
    ages = observed_at - applied_at
    return ages.quantile(USUAL, interpolation="lower") if len(ages) else LONGEST


def latest_outcomes(outcomes: pd.DataFrame) -> pd.DataFrame:
    """A lender that tells an outcome anew takes back what it told before."""
    return outcomes.sort_values("observed_at", kind="stable").drop_duplicates("loan_id", keep="last")


def months(instants: pd.Series) -> pd.Series:
    """Calendar months in UTC, counted from year 0."""
    return instants.dt.year * 12 + instants.dt.month - 1


def month(instant: pd.Timestamp) -> int:
    return instant.year * 12 + instant.month - 1


def counted(found: pd.DataFrame) -> dict[str, int]:
    """Loans by state, every state; and `labelled`, how many of them teach."""
    counts = found["state"].value_counts()
    return {**{state: int(counts.get(state, 0)) for state in STATES}, "labelled": int(found["labelled"].sum())}
