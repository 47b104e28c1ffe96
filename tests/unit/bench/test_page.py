"""The page of figures says which of them miss their targets."""

from __future__ import annotations

import math

import pytest

from bench import page

SOUND = {"measured_on": "2026-01-01", "rows": 5, "growth_4x": 4.4, "stream_tps": 500, "missing": 0}


def test_a_figure_on_its_target_meets_it():
    assert page.missed(SOUND) == []
    assert "missed" not in page.of({"doors": SOUND})


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("api_p99_ratio", 3.462, "| `api_p99_ratio` | **3.46** | <= 1.5 missed |"),
        ("incremental_update_cost", 13.5, "| `incremental_update_cost` | **13.5** | <= 13 missed |"),
        ("mismatches", 1, "| `mismatches` | **1** | 0 missed |"),
        ("stream_ratio", math.nan, "| `stream_ratio` | **nan** | >= 0.04 missed |"),
        ("rps_ratio", None, "| `rps_ratio` | **None** | >= 5 missed |"),
    ],
)
def test_a_missed_target_is_marked_on_the_page_and_listed(name, value, shown):
    assert shown in page.of({"part": {**SOUND, name: value}}).splitlines()
    (said,) = page.missed({**SOUND, name: value})
    assert said.startswith(f"{name} is ")


def test_a_figure_below_a_heading_is_held_against_the_target_of_its_own_name():
    (said,) = page.missed({"replay": {"mismatches": 2}})

    assert said == "replay.mismatches is 2, not 0"


def test_a_figure_without_a_target_misses_none():
    assert page.missed({"api_p50_ms": 1e9, "seconds": {"range": 1e9}}) == []


def test_the_page_says_how_long_each_part_took_and_all_that_a_plain_run_measures():
    results = {
        "doors": {"seconds_it_took": 90},
        "lake": {"seconds_it_took": 150},
        "doors-long": {"seconds_it_took": 900},
    }

    assert "Minutes: doors 1.5, lake 2.5; together 4.0." in page.of(results).splitlines()
