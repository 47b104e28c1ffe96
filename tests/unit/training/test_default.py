"""Which loans may teach, as of an instant: what was known then, and of loans that had the whole window."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.default import DEFINITION, STATES, Definition, Told, counted, standing

APPLIED = "2020-01-20"
MONTH_ENDS = [f"2020-{m:02d}-28" for m in range(2, 13)] + ["2021-01-28", "2021-02-28"]


def at(*days: str) -> pd.Series:
    return pd.to_datetime(pd.Series(days, dtype="object"), utc=True, format="ISO8601")


def loans(*applied: str) -> pd.Series:
    return at(*applied).set_axis([f"l{n}" for n in range(len(applied))])


def performance(*rows: tuple) -> pd.DataFrame:
    """Rows of loan, day, days past due, and perhaps charged off and balance."""
    cells = [(*row, *(0, 100)[len(row) - 3 :]) for row in rows]
    frame = pd.DataFrame(
        cells, columns=["loan_id", "observed_at", "days_past_due", "charged_off_cents", "balance_cents"]
    )
    return frame.assign(observed_at=at(*frame["observed_at"]))


def outcomes(*rows: tuple[str, str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["loan_id", "observed_at", "defaulted"])
    return frame.assign(observed_at=at(*frame["observed_at"]))


def decisions(*rows: tuple[str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["loan_id", "decided_at", "decision"])
    return frame.assign(decided_at=at(*frame["decided_at"]))


def state(told: Told, as_of: str, definition: Definition = DEFINITION, applied: str = APPLIED) -> tuple[str, bool]:
    found = standing(loans(applied), told, pd.Timestamp(as_of, tz="UTC"), definition)
    return found["state"].iloc[0], bool(found["labelled"].iloc[0])


def paying(*other: tuple, until: int = len(MONTH_ENDS)) -> Told:
    """Twelve months on book and one more, with some rows instead of those of their day."""
    instead = {row[1]: row for row in other}
    return Told(performance=performance(*(instead.get(day, ("l0", day, 0)) for day in MONTH_ENDS[:until])))


def test_a_loan_that_paid_through_its_window_is_good_once_the_window_is_over_and_not_before():
    assert state(paying(), "2021-01-31T23:59:59.999") == ("immature", False)
    assert state(paying(), "2021-02-01") == ("good", True)


def test_the_window_ends_with_a_calendar_month_in_utc_whatever_the_day_of_application():
    for day in ("2020-01-01", "2020-01-31T23:59:59.999Z"):
        assert state(paying(), "2021-01-31", applied=day)[0] == "immature"
        assert state(paying(), "2021-02-01", applied=day)[0] == "good"
    told = Told(
        performance=paying().performance.assign(
            observed_at=lambda rows: rows["observed_at"].dt.tz_convert("Asia/Tokyo")
        )
    )
    assert state(told, "2021-02-01")[0] == "good"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("l0", "2020-06-28", 89), "good"),
        (("l0", "2020-06-28", 90), "bad"),
        (("l0", "2020-06-28", None, 1), "bad"),
        (("l0", "2021-01-28", 90), "bad"),
        (("l0", "2021-02-28", 90), "good"),
        (("l0", "2021-02-28", 0, 500), "good"),
    ],
    ids=["89 days", "90 days", "charged off", "in the last month", "a month later", "charged off a month later"],
)
def test_a_default_is_90_days_past_due_or_a_part_written_off_within_the_window(row, expected):
    assert state(paying(row), "2021-03-01") == (expected, True)


def test_days_past_due_and_months_are_the_lenders_to_choose():
    told = paying(("l0", "2020-06-28", 60))
    assert state(told, "2021-03-01", Definition(days_past_due=60)) == ("bad", True)
    assert state(told, "2021-03-01", Definition(days_past_due=60, months=4)) == ("good", True)
    assert state(told, "2020-06-01", Definition(months=4)) == ("good", True)


def test_a_default_that_is_known_early_teaches_only_when_good_loans_of_its_age_may():
    told = paying(("l0", "2020-03-28", 90))
    assert state(told, "2020-03-28") == ("bad", False)
    assert state(told, "2021-01-31") == ("bad", False)
    assert state(told, "2021-02-01") == ("bad", True)


def test_a_loan_that_was_watched_for_part_of_its_window_is_unknown_unless_it_owed_nothing_any_more():
    assert state(paying(until=6), "2021-03-01") == ("unknown", False)
    assert state(paying(("l0", MONTH_ENDS[5], 0, 0, 0), until=6), "2021-03-01") == ("good", True)
    assert state(paying(("l0", MONTH_ENDS[5], 120, 0, 0), until=6), "2021-03-01") == ("bad", True)


def test_an_outcome_is_one_more_observation_where_performance_is_told():
    rows = paying(until=6).performance
    for told, expected in (
        (("l0", "2020-11-30", 1), "bad"),
        (("l0", "2021-01-30", 0), "good"),
        (("l0", "2020-11-30", 0), "unknown"),
    ):
        assert state(Told(outcomes(told), rows), "2021-03-01")[0] == expected


def test_a_loan_that_was_declined_or_withdrawn_is_no_label_whatever_else_is_told():
    told = paying()
    said = decisions(
        ("l0", "2020-01-21", "approved"), ("l0", "2020-01-23", "Declined"), ("l0", "2020-01-22", "WITHDRAWN")
    )
    with_decisions = Told(outcomes(("l0", "2020-06-01", 1)), told.performance, said)

    assert state(with_decisions, "2021-03-01") == ("declined", False)
    assert state(with_decisions, "2020-01-22") == ("withdrawn", False)
    assert state(with_decisions, "2020-01-21") == ("immature", False)


# Without performance: the lender's own verdicts


def monthly(told: dict[int, list[tuple[int, int]]], count: int = 100) -> tuple[pd.Series, Told]:
    """So many loans in each month of 2020 of which, by month, some are told: months after, and whether defaulted."""
    start = [f"2020-{m:02d}-10" for m in range(1, 13) for _ in range(count)]
    applied = loans(*start)
    rows = [
        (f"l{(m - 1) * count + n}", str(pd.Timestamp(f"2020-{m:02d}-10") + pd.DateOffset(months=after)), bad)
        for m, of_month in told.items()
        for n, (after, bad) in enumerate(of_month)
    ]
    return applied, Told(outcomes(*rows))


def test_defaults_that_are_told_before_good_loans_do_not_make_the_newest_loans_bad():
    """Defaults after 1 to 6 months, good loans after 12: all that is told of the newest loans is that some are bad."""
    of_month = [(1 + n % 6, 1) for n in range(6)] + [(12, 0)] * 94
    applied, told = monthly(dict.fromkeys(range(1, 13), of_month))
    found = standing(applied, told, pd.Timestamp("2021-06-15", tz="UTC"))
    labelled = found[found["labelled"]]

    assert len(labelled) == 600, "January to June"
    assert (labelled["state"] == "bad").mean() == 0.06
    assert (found.loc[~found["labelled"], "state"].value_counts()).to_dict() == {"immature": 564, "bad": 36}


def test_verdicts_on_all_loans_of_one_day_are_all_learnt_from():
    applied, _ = monthly({})
    told = Told(outcomes(*((loan, "2021-06-01", int(n % 10 == 0)) for n, loan in enumerate(applied.index))))

    assert standing(applied, told, pd.Timestamp("2021-07-01", tz="UTC"))["labelled"].all()


def test_verdicts_that_all_take_as_long_are_learnt_from_as_they_come():
    applied = loans(*(f"2020-01-{n:02d}" for n in range(1, 31)))
    told = Told(
        outcomes(*((loan, str(day + pd.Timedelta(days=30)), n % 2) for n, (loan, day) in enumerate(applied.items())))
    )
    found = standing(applied, told, pd.Timestamp("2020-02-15", tz="UTC"))

    assert found["labelled"].tolist() == [day <= 16 for day in range(1, 31)]
    assert counted(found) == {
        "good": 8,
        "bad": 8,
        "immature": 14,
        "declined": 0,
        "withdrawn": 0,
        "unknown": 0,
        "labelled": 16,
    }


# Properties

DAYS = st.dates(pd.Timestamp("2020-01-01").date(), pd.Timestamp("2022-12-31").date()).map(str)
LOANS = st.sampled_from(["l0", "l1", "l2"])
PERFORMANCE = st.lists(
    st.tuples(
        LOANS,
        DAYS,
        st.sampled_from([0, 30, 89, 90, 200, None]),
        st.sampled_from([0, 0, 0, 5]),
        st.sampled_from([0, 7, None]),
    ),
    max_size=25,
)
OUTCOMES = st.lists(st.tuples(LOANS, DAYS, st.sampled_from([0, 1])), max_size=6)
DECISIONS = st.lists(st.tuples(LOANS, DAYS, st.sampled_from(["approved", "declined", "withdrawn"])), max_size=4)
APPLICATIONS = st.tuples(DAYS, DAYS, DAYS)


@given(APPLICATIONS, PERFORMANCE, OUTCOMES, DECISIONS, DAYS, st.tuples(PERFORMANCE, OUTCOMES, DECISIONS))
def test_what_is_told_later_changes_nothing_of_how_loans_stood_before(applied, seen, verdicts, decided, as_of, later):
    then = pd.Timestamp(as_of, tz="UTC")
    before = standing(loans(*applied), Told(outcomes(*verdicts), performance(*seen), decisions(*decided)), then)
    more = [[row for row in rows if row[1] > as_of] for rows in later]
    told = Told(outcomes(*verdicts, *more[1]), performance(*seen, *more[0]), decisions(*decided, *more[2]))

    pd.testing.assert_frame_equal(standing(loans(*applied), told, then), before)


@given(APPLICATIONS, PERFORMANCE.filter(bool), st.lists(DAYS, min_size=2, max_size=5))
def test_a_bad_loan_never_becomes_a_good_one_and_what_is_learnt_stays(applied, seen, days):
    told = Told(performance=performance(*seen))
    found = [
        standing(loans(*applied), told, pd.Timestamp(day, tz="UTC"))
        for day in sorted(days)
        if day >= min(r[1] for r in seen)
    ]
    for earlier, later in pairwise(found):
        bad, learnt = earlier["state"] == "bad", earlier["labelled"]
        assert (later.loc[bad, "state"] == "bad").all()
        assert later.loc[learnt, "labelled"].all()
        assert (later.loc[learnt, "state"] == earlier.loc[learnt, "state"]).all()


@given(APPLICATIONS, PERFORMANCE, OUTCOMES, DECISIONS, DAYS, st.permutations(range(25)))
def test_every_loan_is_in_one_state_whatever_the_order_of_the_rows(applied, seen, verdicts, decided, as_of, order):
    then = pd.Timestamp(as_of, tz="UTC")
    once = {row[:2]: row for row in verdicts}, {row[:2]: row for row in decided}  # one row of a key, as in SILVER
    told = Told(outcomes(*once[0].values()), performance(*seen), decisions(*once[1].values()))
    found = standing(loans(*applied), told, then)
    shuffled = Told(
        *(rows.iloc[[i for i in order if i < len(rows)]] for rows in (told.outcomes, told.performance, told.decisions))
    )

    assert set(found["state"]) <= set(STATES)
    assert sum(counted(found).values()) - counted(found)["labelled"] == len(applied)
    assert found.loc[found["labelled"], "state"].isin(["good", "bad"]).all()
    pd.testing.assert_frame_equal(standing(loans(*applied), shuffled, then), found)
