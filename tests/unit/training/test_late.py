"""A loan that comes after its day's run is of one later daily run, and of no other."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from training.late import SCORES, due, first_month, scored


class Lake:
    """What daily runs have left: loans by `day=<day>/run=<run>`."""

    def __init__(self, runs: dict[str, list[str]]) -> None:
        self.bodies = {
            f"{SCORES}{place}/applications.csv.out": "".join(f'"c, {loan}",{loan},0.1\n' for loan in loans)
            for place, loans in runs.items()
        }

    def get_paginator(self, name: str) -> Lake:
        return self

    def paginate(self, Bucket: str, Prefix: str, StartAfter: str) -> list[dict]:
        keys = sorted(key for key in self.bodies if key.startswith(Prefix) and key > StartAfter)
        return [{"Contents": [{"Key": key}]} for key in keys] or [{}]

    def get_object(self, Bucket: str, Key: str) -> dict:
        return {"Body": io.BytesIO(self.bodies[Key].encode())}


def applications(**at: str) -> pd.DataFrame:
    return pd.DataFrame({"identifier": list(at), "at": pd.to_datetime(list(at.values()), utc=True, format="ISO8601")})


def asked(day: str, every: pd.DataFrame, runs: dict[str, list[str]]) -> list[str]:
    instant = pd.Timestamp(day, tz="UTC")
    return list(due(every, instant, scored(Lake(runs), "lake", instant))["identifier"])


EVERY = applications(
    before="2025-04-30T23:59:59Z",
    first="2025-05-01",
    a="2025-05-20",
    late="2025-05-20T10:00Z",
    b="2025-06-03",
    c="2025-06-04",
)
RUNS = {"day=2025-05-01/run=a": ["first"], "day=2025-05-20/run=b": ["a"]}


def test_a_loan_that_no_daily_run_has_scored_is_of_the_next_one():
    assert asked("2025-06-03", EVERY, RUNS) == ["late", "b"]


def test_the_same_run_again_has_the_same_loans_and_the_day_after_has_none_of_them():
    runs = {**RUNS, "day=2025-06-03/run=c": ["late", "b"]}

    assert asked("2025-06-03", EVERY, runs) == ["late", "b"]
    assert asked("2025-06-04", EVERY, runs) == ["c"]


def test_an_old_day_that_runs_again_takes_no_loan_that_a_later_day_has():
    assert asked("2025-05-20", EVERY, {**RUNS, "day=2025-06-03/run=c": ["late", "b"]}) == ["a"]


def test_what_lies_behind_the_month_before_or_the_first_daily_run_waits_for_its_month():
    assert asked("2025-06-03", EVERY, {**RUNS, "day=2025-04-30/run=z": []}) == ["late", "b"], "before is of April"
    assert asked("2025-06-03", EVERY, {"day=2025-06-01/run=a": ["x"]}) == ["b"], "nobody ran by the day in May"
    assert asked("2025-06-03", EVERY, {}) == ["b"], "the first daily run has its own day alone"


def test_what_is_no_days_output_is_passed_over():
    lake = Lake(RUNS)
    lake.bodies |= {f"{SCORES}day=2025-05-02/run=a/other.csv": "c,late\n", f"{SCORES}day=2025-05-03/x.out": "c,late\n"}

    assert scored(lake, "lake", pd.Timestamp("2025-06-03", tz="UTC")) == {"2025-05-01": {"first"}, "2025-05-20": {"a"}}


@pytest.mark.parametrize(("day", "first"), [("2025-01-31", "2024-12-01"), ("2025-03-01", "2025-02-01")])
def test_a_day_looks_back_to_the_first_of_the_month_before(day, first):
    assert first_month(pd.Timestamp(day, tz="UTC")) == pd.Timestamp(first, tz="UTC")
