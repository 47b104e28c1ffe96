"""Loans that reach the lake after their day's run has scored: the next daily run takes them.

A loan is of one day: the first whose run has scored it. So a run has the loans of its day and of those before, but for
what runs of other days have scored; what runs of its own day have scored does not count, and the same run again has the
same loans. It looks back to the first daily run, and never behind the month before its own.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Mapping

import pandas as pd

SCORES = "predictions/daily_predictions/"
OF_A_DAY = re.compile(re.escape(SCORES) + r"day=(\d{4}-\d{2}-\d{2})/run=[^/]+/.+\.out")


def first_month(day: pd.Timestamp) -> pd.Timestamp:
    """When the month before that of a day begins."""
    return (day.replace(day=1) - pd.Timedelta(days=1)).replace(day=1)


def scored(s3: object, lake: str, day: pd.Timestamp) -> dict[str, set[str]]:
    """Loans that daily runs have scored, by the day that they ran for, from the first day that may be looked back to.

    Days after `day` are read, too: who runs an old day again takes no loan that a later one has. A late loan may be of
    any day since, so all of them are read.
    """
    found: dict[str, set[str]] = {}
    after = f"{SCORES}day={first_month(day):%Y-%m-%d}"
    pages = s3.get_paginator("list_objects_v2").paginate(  # type: ignore[attr-defined]
        Bucket=lake, Prefix=SCORES, StartAfter=after
    )
    for key in (one["Key"] for page in pages for one in page.get("Contents", ())):
        if of_day := OF_A_DAY.fullmatch(key):
            body = s3.get_object(Bucket=lake, Key=key)["Body"].read()  # type: ignore[attr-defined]
            lines = csv.reader(io.StringIO(body.decode("utf-8"), newline=""))
            found.setdefault(of_day[1], set()).update(line[1] for line in lines if len(line) > 1)
    return found


def due(every: pd.DataFrame, day: pd.Timestamp, scored_by_day: Mapping[str, Collection[str]]) -> pd.DataFrame:
    """Of applications (`at`, `identifier`) those that a run for a day has to score: its own, and late ones before."""
    asked = f"{day:%Y-%m-%d}"
    others = {loan for other, loans in scored_by_day.items() if other != asked for loan in loans}
    first = max(first_month(day), pd.Timestamp(min([*scored_by_day, asked]), tz="UTC"))
    within = (every["at"] >= first) & (every["at"] < day + pd.Timedelta(days=1))
    return every[within & ~every["identifier"].isin(others)]
