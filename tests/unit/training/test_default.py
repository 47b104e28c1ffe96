"""Which loans may teach, as of an instant: what was known then, and of loans that had the whole window."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.contract import DECISION_WORDS
from training.default import DEFINITION, NO_LOAN, STATES, Definition, Told, counted, standing

APPLIED = "2020-01-20"
MONTH_ENDS = [f"2020-{m:02d}-28" for m in range(2, 13)] + ["2021-01-28", "2021-02-28"]


def at(*days: str) -> pd.Series:
    return pd.to_datetime(pd.Series(days, dtype="object"), utc=True, format="ISO8601")


def loans(*applied: str) -> pd.Series:
    return at(*applied).set_axis([f"l{n}" for n in range(len(applied))])


def performance(*rows: tuple) -> pd.DataFrame:
    """Rows of loan, day, days past due, and perhaps charged off, balance and paid."""
    cells = [(*row, *(0, 100, None)[len(row) - 3 :]) for row in rows]
    frame = pd.DataFrame(
        cells, columns=["loan_id", "observed_at", "days_past_due", "charged_off_cents", "balance_cents", "paid_cents"]
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


def beside(told: Told) -> Told:
    """Another loan, nobody knows of which month, to which the data reach."""
    other = performance(("other", "2021-03-01", 0, 0, 100, 0))
    return Told(told.outcomes, pd.concat([told.performance.astype({"paid_cents": "Int64"}), other]))


def test_a_loan_that_was_watched_for_part_of_its_window_is_unknown_unless_it_owed_nothing_any_more():
    for row, expected in ((0,), "unknown"), ((0, 0, 0), "good"), ((120, 0, 0), "bad"):
        told = beside(paying(("l0", MONTH_ENDS[5], *row), until=6))
        assert state(told, "2021-03-01") == (expected, expected != "unknown")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("l0", "2020-02-28", 0, 0, 0)], "unknown"),
        ([("l0", "2020-02-28", 0, 0, 0, 0), ("l0", "2020-03-28", 0, 0, 0)], "unknown"),
        ([("l0", "2020-02-28", 0, 0, 0), ("l0", "2020-03-28", 0, 0, 100)], "unknown"),
        ([("l0", "2020-02-28", 0, 0, 0), ("l0", "2020-03-28", 0, 0, 100), ("l0", "2020-04-28", 0, 0, 0)], "good"),
        ([("l0", "2020-02-28", 0, 0, 100), ("l0", "2020-03-28", 0, 0, 0), ("l0", "2020-04-28", 0, 0, None)], "good"),
        ([("l0", "2020-06-28", 0, 0, 0, 100)], "good"),
    ],
    ids=["not paid out", "still not", "paid out later", "repaid", "repaid and no longer told", "paid at once"],
)
def test_a_loan_is_repaid_when_the_last_balance_told_is_0_and_something_had_been_owed_or_paid(rows, expected):
    assert state(beside(Told(performance=performance(*rows))), "2021-03-01")[0] == expected


def test_an_outcome_is_one_more_observation_where_performance_is_told():
    rows = beside(paying(until=6)).performance
    for told, expected in (
        (("l0", "2020-11-30", 1), "bad"),
        (("l0", "2021-01-30", 0), "good"),
        (("l0", "2020-11-30", 0), "unknown"),
    ):
        assert state(Told(outcomes(told), rows), "2021-03-01")[0] == expected


def test_a_default_that_is_told_again_is_as_old_as_it_was_and_one_that_is_taken_back_is_none():
    rows = paying().performance
    first, again, back = ("l0", "2020-06-28", 1), ("l0", "2021-09-28", 1), ("l0", "2021-08-28", 0)

    assert state(Told(outcomes(first, again), rows), "2022-01-01") == ("bad", True)
    assert state(Told(outcomes(again, first), rows), "2022-01-01") == ("bad", True)
    assert state(Told(outcomes(first, back), rows), "2022-01-01") == ("good", True)
    assert state(Told(outcomes(first, back, again), rows), "2022-01-01") == ("good", True)


def test_a_window_is_over_only_as_far_as_the_data_reach():
    """Defaults are told early: where the data end in a window, all that is told of its loans is that some are bad."""
    applied = loans("2020-01-20", "2020-01-21", "2020-02-10", "2020-02-11")
    months_told = [(loan, day, 0) for day in MONTH_ENDS[:12] for loan in ("l0", "l2")]
    early = [(loan, "2020-06-28", 90) for loan in ("l1", "l3")]
    late = ("l3", "2021-03-28", 120)  # what becomes of a default is told on; of good loans nothing is
    for rows in (months_told + early, [*months_told, *early, late]):
        found = standing(applied, Told(performance=performance(*rows)), pd.Timestamp("2100-01-01", tz="UTC"))
        assert found["state"].tolist() == ["good", "bad", "immature", "bad"]
        assert found["labelled"].tolist() == [True, True, False, False]


def test_loans_of_a_month_of_which_few_are_told_to_the_end_do_not_teach():
    """The data end within a month, when one of ten of the good loans is told of it."""
    applied = loans(*["2020-01-20"] * 11)
    early = [("l10", "2020-06-28", 90), *((f"l{n}", "2020-12-28", 0) for n in range(10))]
    for told, teach in ((1, 0), (4, 0), (5, 6), (10, 11)):
        rows = [*early, *((f"l{n}", "2021-01-02", 0) for n in range(told))]
        found = standing(applied, Told(performance=performance(*rows)), pd.Timestamp("2021-02-01", tz="UTC"))
        assert found["labelled"].sum() == teach


def test_a_loan_that_was_declined_or_withdrawn_is_no_label_whatever_else_is_told():
    told = paying()
    said = decisions(
        ("l0", "2020-01-21", "approved"), ("l0", "2020-01-23", "Declined"), ("l0", "2020-01-22", "WITHDRAWN")
    )
    with_decisions = Told(outcomes(("l0", "2020-06-01", 1)), told.performance, said)

    assert state(with_decisions, "2021-03-01") == ("declined", False)
    assert state(with_decisions, "2020-01-22") == ("withdrawn", False)
    assert state(with_decisions, "2020-01-21") == ("immature", False)


def test_a_loan_that_was_applied_for_by_fraud_is_in_a_state_of_its_own_from_the_day_on_which_that_was_found():
    told = paying()
    said = decisions(("l0", "2020-01-21", "approved"), ("l0", "2020-09-01", "Fraud"))
    found = Told(outcomes(("l0", "2020-06-01", 1)), told.performance, said)

    assert state(found, "2020-08-01") == ("bad", False)
    assert state(found, "2021-03-01") == ("fraud", False)
    assert state(Told(found.outcomes, decisions=said), "2021-03-01") == ("fraud", False)


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


def test_verdicts_on_all_loans_of_one_day_are_all_learnt_from_where_no_window_was_over():
    applied, _ = monthly({})
    told = Told(outcomes(*((loan, "2020-12-31", int(n % 10 == 0)) for n, loan in enumerate(applied.index))))

    assert standing(applied, told, pd.Timestamp("2021-07-01", tz="UTC"))["labelled"].all()


def copies(*days: str, defaults_dated: bool = False) -> tuple[pd.Series, Told]:
    """100 loans of each month of 2020, of which 40 default in their 3rd to 12th month; on each day all are told."""
    applied, _ = monthly({})
    default = {
        loan: day + pd.DateOffset(months=3 + n % 10) for n, (loan, day) in enumerate(applied.items()) if n % 100 < 40
    }
    rows = {}
    for told in map(lambda day: pd.Timestamp(day, tz="UTC"), days):
        for loan in applied.index[applied < told]:
            bad = loan in default and default[loan] <= told
            at = default[loan] if bad and defaults_dated else told
            rows[loan, str(at)] = (loan, str(at), int(bad))
    return applied, Told(outcomes(*rows.values()))


@pytest.mark.parametrize(
    ("days", "defaults_dated"),
    [
        ([str(day.date()) for day in pd.date_range("2020-01-31", "2021-06-30", freq="ME")], False),
        (["2021-06-30"], False),
        (["2021-06-30"], True),
    ],
    ids=["every month", "once", "once, with defaults on their own days"],
)
def test_copies_of_the_book_teach_of_a_loan_only_once_it_is_observed_to_the_end_of_its_window(days, defaults_dated):
    """A 0 says that a loan had not defaulted by then: of a young one that is nothing."""
    applied, told = copies(*days, defaults_dated=defaults_dated)
    found = standing(applied, told, pd.Timestamp("2021-07-01", tz="UTC"))
    labelled = found[found["labelled"]]
    rate = labelled["state"].eq("bad").groupby(applied.dt.month).mean()

    assert rate.to_dict() == pytest.approx(dict.fromkeys(range(1, 7), 0.4))
    assert len(labelled) == 600
    assert set(found.loc[~found["labelled"], "state"]) == {"bad", "immature"}


def test_a_copy_of_a_young_book_teaches_nothing_where_defaults_have_days_of_their_own():
    applied, told = copies("2020-12-31", defaults_dated=True)

    assert not standing(applied, told, pd.Timestamp("2021-01-01", tz="UTC"))["labelled"].any()


def test_a_default_that_is_first_told_after_the_window_is_within_it_unless_the_loan_was_good_at_its_end():
    applied = loans(*["2020-01-10"] * 4)
    day, later = "2021-06-30", "2021-07-31"
    rows = [("l0", day, 0), ("l1", day, 1), ("l2", day, 0), ("l3", "2020-12-31", 0), ("l3", day, 1)]
    told = Told(outcomes(*rows, ("l0", later, 0), ("l1", later, 1), ("l2", later, 1), ("l3", later, 1)))

    assert standing(applied, told, pd.Timestamp("2021-08-01", tz="UTC"))["state"].tolist() == [
        *("good", "bad", "good", "bad")
    ]


def test_one_verdict_of_many_that_is_told_again_makes_no_copy_of_the_book():
    applied = loans(*(f"2020-01-{n:02d}" for n in range(1, 31)))
    rows = [(loan, str(day + pd.Timedelta(days=30)), n % 2) for n, (loan, day) in enumerate(applied.items())]

    told = Told(outcomes(*rows, ("l0", "2020-03-20", 0)))
    assert standing(applied, told, pd.Timestamp("2020-04-01", tz="UTC"))["labelled"].all()


def test_where_outcomes_end_the_newest_verdicts_do_not_teach_that_loans_are_bad():
    of_month = [(1 + n % 6, 1) for n in range(6)] + [(12, 0)] * 94
    applied, told = monthly(dict.fromkeys(range(1, 13), of_month))
    end = told.by(pd.Timestamp("2021-06-15", tz="UTC"))
    found = standing(applied, end, pd.Timestamp("2100-01-01", tz="UTC"))

    assert found["labelled"].sum() == 600
    assert (found.loc[found["labelled"], "state"] == "bad").mean() == 0.06


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
        "fraud": 0,
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
        st.sampled_from([0, 5, None]),
    ),
    max_size=25,
)
OUTCOMES = st.lists(st.tuples(LOANS, DAYS, st.sampled_from([0, 1])), max_size=6)
DECISIONS = st.lists(st.tuples(LOANS, DAYS, st.sampled_from(DECISION_WORDS)), max_size=4)
APPLICATIONS = st.tuples(DAYS, DAYS, DAYS)
OF_TWO_MONTHS = st.tuples(*[st.sampled_from(["2020-01-20", "2020-02-20"])] * 3)


@given(APPLICATIONS, PERFORMANCE, OUTCOMES, DECISIONS, DAYS, st.tuples(PERFORMANCE, OUTCOMES, DECISIONS))
def test_what_is_told_later_changes_nothing_of_how_loans_stood_before(applied, seen, verdicts, decided, as_of, later):
    then = pd.Timestamp(as_of, tz="UTC")
    before = standing(loans(*applied), Told(outcomes(*verdicts), performance(*seen), decisions(*decided)), then)
    more = [[row for row in rows if row[1] > as_of] for rows in later]
    told = Told(outcomes(*verdicts, *more[1]), performance(*seen, *more[0]), decisions(*decided, *more[2]))

    pd.testing.assert_frame_equal(standing(loans(*applied), told, then), before)


@given(OF_TWO_MONTHS, PERFORMANCE.filter(bool), OUTCOMES, st.lists(DAYS, min_size=2, max_size=5))
def test_a_bad_loan_never_becomes_a_good_one_and_what_is_learnt_stays(applied, seen, verdicts, days):
    first = {loan: min((r[1] for r in verdicts if r[0] == loan and r[2]), default="9") for loan, *_ in verdicts}
    lasting = [(loan, day, int(day >= first[loan])) for loan, day, _ in verdicts]  # none is taken back
    told = Told(outcomes(*lasting), performance(*seen))
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


@given(OF_TWO_MONTHS, PERFORMANCE, OUTCOMES, DECISIONS, DAYS | st.just("2100-01-01"))
def test_no_month_teaches_bad_loans_alone_while_its_others_are_not_told(applied, seen, verdicts, decided, as_of):
    told = Told(outcomes(*verdicts), performance(*seen), decisions(*decided))
    for some in (told, Told(told.outcomes, None, told.decisions)):
        found = standing(loans(*applied), some, pd.Timestamp(as_of, tz="UTC"))
        lent = found[~found["state"].isin(NO_LOAN)]
        for _, month in lent.groupby(pd.Series(applied, found.index).str[:7]):
            others = month["state"] != "bad"
            assert not month["labelled"].any() or not others.any() or month.loc[others, "labelled"].any()
