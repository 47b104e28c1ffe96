"""What the scoring machine makes of its input: as_of, a month or a day, and nothing else that somebody hands in."""

from __future__ import annotations

import json
import re

import jsonata
import pytest

from tests.architecture.source import ROOT

MACHINE = ROOT / "terraform/modules/orchestration/machines/score-loans.asl.json"


def planned(**given: object) -> dict:
    expression = json.loads(MACHINE.read_text())["States"]["Plan"]["Output"].removeprefix("{%").removesuffix("%}")
    asked = jsonata.Jsonata(expression)
    context = {"Execution": {"Name": "an-execution-of-a-night", "StartTime": "2026-11-30T07:00:01.250Z"}}
    frame = asked.create_frame()
    told = {name: value for name, value in {"as_of": "2026-12-01T00:00:00Z", **given}.items() if value is not None}
    frame.bind("states", {"input": told, "context": context})
    return asked.evaluate({}, frame)


def test_a_month_is_that_before_as_of_and_a_day_the_day_before():
    assert planned()["period"] == "2026-11"
    assert planned(by="day")["period"] == "2026-11-30"
    assert planned(month="2025-06")["arguments"] == ["--month", "2025-06"]
    assert planned(day="2025-06-03")["table"] == "daily_predictions"


def test_a_days_run_is_told_where_daily_runs_have_left_what_they_scored():
    assert planned(day="2025-06-03")["arguments"] == ["--day", "2025-06-03", "--lake", "${lake}"]


def test_outcomes_are_those_that_are_known_when_the_run_starts_where_nobody_says_as_of():
    assert planned()["as_of"] == "2026-12-01T00:00:00Z"
    assert planned(as_of=None, month="2025-06")["as_of"] == "2026-11-30T07:00:01.250Z"


def test_what_the_machine_computes_is_nobodys_to_hand_in():
    own = {"rows": "raw/", "scores": "raw/", "unread": "raw/", "table": "x; DROP TABLE y", "started_at": "9999"}

    assert planned(**own, run="mine", current={"Item": {}}, arguments=["--month", "1"]) == planned()


def test_every_state_finds_what_it_names_in_the_plan_or_in_a_result_before_it():
    """What the input alone has never reaches a state."""
    text = MACHINE.read_text()
    results = set(re.findall(r'"ResultPath": "\$\.(\w+)"', text))
    named = set(re.findall(r"\$\.([a-z]\w*)", text))  # in capitals they are of an answer of AWS

    assert named <= planned().keys() | results


@pytest.mark.parametrize(
    "given", [{"month": "2025"}, {"day": "2025-06"}, {"month": "2025-06/../x"}, {"day": "20250603"}]
)
def test_a_period_of_another_form_ends_the_run(given):
    with pytest.raises(jsonata.jexception.JException, match="expected month as YYYY-MM, or day as YYYY-MM-DD"):
        planned(**given)
