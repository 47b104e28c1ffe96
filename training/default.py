"""What a default is, and which loans can say so: one rule for training, reports and docs.

A loan is in default from the first time at which it was `days_past_due` days late, had a part written off, or was told
as defaulted. It is watched for a window of months on book: the months after that of its application, in UTC, so a loan
of any day of January with a window of 12 months is watched to the end of the next January. What was observed within a
month counts in it.

A label comes only from loans whose window is over. A default may be known early, a good loan never is: labels taken as
they come would make the newest loans bad ones. So a window is over only as far as the data reach, and the loans of a
month teach together: see `peers_told`.

Where nobody brings `loan_performance`, the outcomes are the lender's own verdicts, and nobody knows in which window
they were made. The window of a loan is then over when good loans of its age have been told, too: see `by_verdict`.
Outcomes that are told of the same loans again and again, or of all of them at once, are no verdicts: they are
observations, as performance is. See `repeated`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import pandas as pd

State = Literal["good", "bad", "immature", "declined", "withdrawn", "fraud", "unknown"]
STATES: dict[State, str] = {
    "good": "had the whole window without a default",
    "bad": "in default within the window, as was known by then",
    "immature": "no default known, and the window is not over, or not told to its end",
    "declined": "never lent to",
    "withdrawn": "never lent to, by the applicant's wish",
    "fraud": "applied for by fraud: how it was paid says nothing of who can pay",
    "unknown": "the window is over, and nobody has told how the loan stood at its end",
}
NO_LOAN: tuple[State, ...] = ("declined", "withdrawn", "fraud")  # decisions after which nothing else counts
MOST = 1200  # days or months: more is a slip of the pen
USUAL = 0.9  # share of loans that stands for all: some are told late, or never
MOST_OF_THEM = 0.5
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
    never = no_loan(applied_at, now.decisions)
    lent = applied_at[never.isna()]
    if now.performance is None and not repeated(lent, now.outcomes, definition):
        found = by_verdict(lent, now, as_of)
    else:
        found = by_window(lent, now, as_of, definition)
    found = found.reindex(applied_at.index)
    found["state"] = found["state"].fillna(never)
    found["labelled"] = found["state"].isin(("good", "bad")) & found["labelled"].eq(True)
    return found


def no_loan(applied_at: pd.Series, decisions: pd.DataFrame | None) -> pd.Series:
    """`declined`, `withdrawn` or `fraud` where that is the latest decision on a loan, and null elsewhere."""
    if decisions is None:
        return pd.Series(None, applied_at.index, dtype=object)
    latest = decisions.sort_values("decided_at", kind="stable").drop_duplicates("loan_id", keep="last")
    words = latest.set_index("loan_id")["decision"].str.lower().reindex(applied_at.index)
    return words.where(words.isin(NO_LOAN), None)


def by_window(applied_at: pd.Series, now: Told, as_of: pd.Timestamp, definition: Definition) -> pd.DataFrame:
    """Of loans that are observed: a default within the window, or the window to its end without one."""
    seen = observations(now, definition)
    reach = seen.loc[~seen["default"], "observed_at"].max()  # a default may be told long before good loans are
    seen = seen[seen["loan_id"].isin(applied_at.index)]
    on_book = months(seen["observed_at"]) - seen["loan_id"].map(months(applied_at))
    inside = seen["default"] & (on_book <= definition.months)
    if now.performance is None:
        # Outcomes say that a loan had defaulted by then, and not when: after its window only if it was good at its end.
        lasted = seen.loc[~seen["default"] & (on_book >= definition.months), "loan_id"]
        inside = seen["default"] & ~seen["loan_id"].isin(lasted)
    bad = applied_at.index.isin(seen.loc[inside, "loan_id"])
    # A loan that is repaid is reported no more; one that is late at the end of its window is reported after it, too.
    to_the_end = seen["repaid"] | (on_book >= definition.months)
    watched = applied_at.index.isin(seen.loc[to_the_end, "loan_id"])
    last = months(applied_at) + definition.months
    over = np.asarray((last < month(as_of)) & (False if pd.isna(reach) else last <= month(reach)))
    state = np.select([bad, ~over, watched], ["bad", "immature", "good"], "unknown")
    fair = peers_told(applied_at, bad, applied_at.index.isin(seen["loan_id"]), watched)
    return pd.DataFrame({"state": state, "labelled": over & fair}, applied_at.index)


def peers_told(applied_at: pd.Series, bad: np.ndarray, seen: np.ndarray, watched: np.ndarray) -> np.ndarray:
    """Whether most of the other loans of a loan's month of application are told to the end, of those told at all.

    Where data lag behind or end, the bad loans of a month are known, and the good ones are not: labels of it would all
    be bad. True for a month without other loans. What is told later makes no month less told.
    """
    others = pd.DataFrame({"all": ~bad, "seen": ~bad & seen, "watched": ~bad & watched}, applied_at.index)
    count = others.groupby(months(applied_at)).transform("sum")
    fair = (count["watched"] > 0) & (count["watched"] >= MOST_OF_THEM * count["seen"])
    return np.asarray(fair | (count["all"] == 0), dtype=bool)


def observations(now: Told, definition: Definition) -> pd.DataFrame:
    """`loan_id, observed_at, default, repaid`, from performance and from the outcomes that stand."""
    rows = []
    if now.performance is not None:
        seen = now.performance
        late = (seen["days_past_due"] >= definition.days_past_due).fillna(False).astype(bool)
        written_off = (seen["charged_off_cents"] > 0).fillna(False).astype(bool)
        rows.append(seen[["loan_id", "observed_at"]].assign(default=late | written_off, repaid=repaid(seen)))
    if now.outcomes is not None:
        stand = standing_outcomes(now.outcomes)
        rows.append(stand[["loan_id", "observed_at"]].assign(default=(stand["defaulted"] == 1), repaid=False))
    return pd.concat(rows, ignore_index=True).astype({"default": bool, "repaid": bool})


def repaid(performance: pd.DataFrame) -> pd.Series:
    """The rows with which a loan owed nothing any more: its last balance that is told, 0 after it had owed or paid.

    A balance of 0 alone may be that of a loan that is not yet paid out.
    """
    rows = performance[["loan_id", "observed_at", "balance_cents", "paid_cents"]]
    rows = rows.sort_values(["observed_at", "balance_cents"], kind="stable")
    moved = (rows["balance_cents"] > 0).fillna(False) | (rows["paid_cents"] > 0).fillna(False)
    lent = moved.astype(bool).groupby(rows["loan_id"]).cummax()
    told = rows["balance_cents"].notna()
    last = told & ~rows["loan_id"].where(told).duplicated(keep="last")
    nothing = (rows["balance_cents"] == 0).fillna(False).astype(bool)
    return (last & lent & nothing).reindex(performance.index)


def repeated(applied_at: pd.Series, outcomes: pd.DataFrame | None, definition: Definition) -> bool:
    """Whether a 0 of the outcomes says no more than that a loan had not defaulted yet.

    It does where many loans have one after the other, as with a copy of the book every month; and where most of the
    newest are of one instant, as with one such copy. A file in which every outcome is of one instant, before the end of
    any window, can only be one of verdicts: its loans are shorter, or its calendar is invented.
    """
    if outcomes is None:
        return False
    rows = by_time(outcomes[outcomes["loan_id"].isin(applied_at.index)])
    good = rows["defaulted"] == 0
    again = good & good.groupby(rows["loan_id"]).shift(fill_value=False)
    if rows.loc[again, "loan_id"].nunique() > (1 - USUAL) * rows.loc[good, "loan_id"].nunique():
        return True
    latest = latest_outcomes(rows)
    zeros = latest[latest["defaulted"] == 0]
    most = zeros["observed_at"].value_counts().max() if len(zeros) else 0
    if most < 2 or most <= MOST_OF_THEM * len(zeros):
        return False
    on_book = months(zeros["observed_at"]) - zeros["loan_id"].map(months(applied_at))
    return latest["observed_at"].nunique() > 1 or bool((on_book >= definition.months).any())


def by_verdict(applied_at: pd.Series, now: Told, as_of: pd.Timestamp) -> pd.DataFrame:
    """Of loans of which only outcomes are told: the latest of each is the lender's verdict.

    Defaults are often told sooner than that a loan is good: the young loans that are told already are then the bad ones
    among many of which nobody says so yet. So a loan teaches when it is as old as nine of ten good loans were when they
    were told, or when its month of application is told as fully as the months that are that old. Ages are counted up to
    the newest outcome, after which nobody has told anything, unless all are of one instant: none of these is early.
    """
    nothing = pd.DataFrame({"loan_id": [], "defaulted": [], "observed_at": pd.to_datetime([], utc=True)})
    outcomes = nothing if now.outcomes is None else latest_outcomes(now.outcomes)
    verdicts = outcomes.set_index("loan_id").reindex(applied_at.index)
    bad, good = verdicts["defaulted"] == 1, verdicts["defaulted"] == 0
    reach = outcomes["observed_at"].max() if outcomes["observed_at"].nunique() > 1 else as_of
    old = reach - applied_at >= patience(applied_at[good], verdicts.loc[good, "observed_at"])
    told = bad | good
    full = told.groupby(months(applied_at)).transform("mean") >= USUAL * (told[old].mean() if old.any() else 1.0)
    over = (old | full).to_numpy(dtype=bool)
    state = np.select([bad, good, ~over], ["bad", "good", "immature"], "unknown")
    fair = peers_told(applied_at, bad.to_numpy(), told.to_numpy(), good.to_numpy())
    return pd.DataFrame({"state": state, "labelled": over & fair}, applied_at.index)


def patience(applied_at: pd.Series, observed_at: pd.Series) -> pd.Timedelta:
    """How old nine of ten good loans were at most when they were told; longer than any window while none is."""
    ages = observed_at - applied_at
    return ages.quantile(USUAL, interpolation="lower") if len(ages) else LONGEST


def standing_outcomes(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Every 0, and of a loan that is in default by its latest outcome the row that said so first.

    A lender that tells a default again dates it no later, and one that tells a 0 after it takes it back.
    """
    rows = by_time(outcomes)
    good = rows["defaulted"] == 0
    good_later = good[::-1].groupby(rows["loan_id"][::-1]).cumsum()[::-1] > 0
    since = ~good & ~good_later
    return rows[good | (since & ~rows["loan_id"].where(since).duplicated())]


def latest_outcomes(outcomes: pd.DataFrame) -> pd.DataFrame:
    """One row of a loan: a lender that tells an outcome anew takes back what it told before."""
    return standing_outcomes(outcomes).drop_duplicates("loan_id", keep="last")


def by_time(outcomes: pd.DataFrame) -> pd.DataFrame:
    return outcomes.sort_values(["observed_at", "defaulted"], kind="stable")


def months(instants: pd.Series) -> pd.Series:
    """Calendar months in UTC, counted from year 0."""
    return instants.dt.year * 12 + instants.dt.month - 1


def month(instant: pd.Timestamp) -> int:
    return instant.year * 12 + instant.month - 1


def counted(found: pd.DataFrame) -> dict[str, int]:
    """Loans by state, every state; and `labelled`, how many of them teach."""
    counts = found["state"].value_counts()
    return {**{state: int(counts.get(state, 0)) for state in STATES}, "labelled": int(found["labelled"].sum())}
