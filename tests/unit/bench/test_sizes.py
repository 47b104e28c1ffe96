"""ROWS scales every measurement, and a peer that comes to no end gets a size where it does, by which it is judged."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from bench import features, lake
from bench.features import HOT_RANGE, RANGE, Sizes
from bench.measured import Cost


def test_ten_times_the_rows_are_ten_times_of_everything_while_peers_come_to_an_end():
    small, large = Sizes.of(10_000), Sizes.of(100_000)

    assert astuple(large) == tuple(10 * size for size in astuple(small))


def test_range_frames_stop_growing_where_they_would_come_to_no_end():
    sizes = Sizes.of(20 * RANGE)

    assert (sizes.range, sizes.hot_range) == (RANGE, HOT_RANGE)
    assert sizes.rows == 20 * RANGE
    assert sizes.hot == 4 * RANGE


def costs(sizes: Sizes, **seconds: float) -> dict[str, Cost]:
    names = ("platform", "duckdb", "polars", "range", "range_quarter", "platform_4x", "hot_platform", "hot_range")
    return {name: Cost(1.0, seconds.get(name, 1.0), 1.0) for name in names}


def test_whole_runs_are_held_against_each_other_by_row_each_at_its_own_size():
    sizes = Sizes.of(2 * RANGE)
    found = features.beside_peers(sizes, costs(sizes, platform=10.0, range=20.0, duckdb=5.0, platform_4x=40.0))

    assert found["whole_runs"]["vs_range"] == pytest.approx(4.0), "half of the rows in twice the time"
    assert found["whole_runs"]["vs_duckdb"] == pytest.approx(0.5)
    assert found["growth_4x"] == pytest.approx(4.0)
    assert found["runs"]["range"] == {
        "rows": RANGE,
        "seconds": 1.0,
        "rows_per_s": RANGE,
        "rows_per_cpu_s": RANGE / 20,
    }


def test_what_further_rows_cost_is_compared_without_either_start():
    sizes = Sizes.of(RANGE)
    start, other_start = 50.0, 7.0
    taken = {
        "platform": start + 10,
        "platform_4x": start + 40,
        "range_quarter": other_start + 6,
        "range": other_start + 24,
    }
    found = features.beside_peers(sizes, costs(sizes, **taken))

    assert found["speedup_vs_range"] == pytest.approx(2.4), "24 seconds by size and 10"


def test_a_smaller_population_is_made_for_range_frames_only_where_it_is_needed(tmp_path):
    assert "population_range" not in features.runs(Sizes.of(RANGE), tmp_path)
    assert "population_range" in features.runs(Sizes.of(RANGE + 1), tmp_path)


def test_jobs_are_held_against_those_that_a_peer_has():
    found = lake.ratios({"bronze": 20.0, "silver": 10.0, "gold": 60.0}, {"bronze": 5.0, "silver": 10.0})

    assert found == pytest.approx({"bronze": 4.0, "silver": 1.0, "all": 2.0})


def test_further_rows_are_those_that_the_larger_run_has_more():
    small, large = (features.Speed.of(rows, Cost(1.0, seconds, 1.0)) for rows, seconds in ((100, 60.0), (400, 90.0)))

    assert features.further(small, large) == pytest.approx(300 / 30)
