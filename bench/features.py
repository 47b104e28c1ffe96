"""Features beside RANGE frames, DuckDB and Polars; the incremental engine on one core; the replay of both.

`platform` is what silver_to_gold does between reading and writing, from Parquet to Parquet like its peers; the whole
job, with history, gate and sorted files, is measured in the lake part. Speeds are rows by processor second: what else
the machine does meanwhile is not in them. `whole_runs` are ours over the peer's. Spark's start and the compilation of
our plan are some 50 processor seconds of such a run, so that few rows cost as much as RANGE frames or more, and many
cost less: `speedup_vs_range` compares what further rows cost, from a quarter of a size to all of it, on both sides.
`growth_4x` far below 4 says how much of a run the start is.

RANGE frames come to no end on large sizes: those peers are measured on at most RANGE and HOT_RANGE rows, and each is
shown with its own size.

`incremental_update_cost` and `incremental_decision_cost` hold the engine against reading and writing the payment as
JSON, which any function does with it, in processor time of the same process.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import replay
from bench.engine import decisions_per_second, events_per_second
from bench.measured import Cost, measured
from features.values import iso
from tools.telling import Teller

RANGE, HOT_RANGE = 1_000_000, 100_000  # rows
JSON = 50_000  # payments that are read and written as JSON


@dataclass(frozen=True)
class Sizes:
    """Rows by what they are for. All follow from how many were asked for; a peer gets what it comes to an end of."""

    rows: int
    grown: int  # the growth of time and memory is measured up to here
    range: int
    range_quarter: int
    hot: int  # payments of one merchant
    hot_range: int
    engine: int
    replayed: int

    @classmethod
    def of(cls, rows: int) -> Sizes:
        fifth, peer = max(1, rows // 5), min(rows, RANGE)
        return cls(rows, 4 * rows, peer, peer // 4, fifth, min(fifth, HOT_RANGE), fifth, rows // 10)


@dataclass(frozen=True)
class Speed:
    rows: int
    seconds: float
    rows_per_s: float
    rows_per_cpu_s: float

    @classmethod
    def of(cls, rows: int, cost: Cost) -> Speed:
        return cls(rows, cost.seconds, rows / cost.seconds, rows / cost.cpu_seconds)


def measure(rows: int, teller: Teller) -> dict:
    sizes = Sizes.of(rows)
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        costs = teller.through(runs(sizes, folder))
    finally:
        shutil.rmtree(folder)
    alone = teller.through(
        {
            "updates": lambda: events_per_second(sizes.engine),
            "decisions": lambda: decisions_per_second(sizes.engine),
            "JSON": json_per_second,
        }
    )
    return {
        **beside_peers(sizes, costs),
        "incremental_events_per_s": alone["updates"],
        "incremental_decisions_per_s": alone["decisions"],
        "json_per_s": alone["JSON"],
        "incremental_update_cost": alone["JSON"] / alone["updates"],
        "incremental_decision_cost": alone["JSON"] / alone["decisions"],
        "replay": replay.measure(sizes.replayed, teller),
    }


def runs(sizes: Sizes, folder: Path) -> dict[str, Callable[[], Cost]]:
    """Whole runs from Parquet to Parquet, each in a process of its own, in order; a population is there while it is
    needed."""

    def run(what: str, rows: int, place: str = "small") -> Callable[[], Cost]:
        (folder / place).mkdir(exist_ok=True)
        return lambda: measured(what, rows, folder / place)

    def last(what: str, rows: int, place: str) -> Callable[[], Cost]:
        asked = run(what, rows, place)

        def run_and_remove() -> Cost:
            cost = asked()
            shutil.rmtree(folder / place)
            return cost

        return run_and_remove

    own = sizes.range < sizes.rows  # RANGE frames need a smaller population of their own
    few = {"population_range": run("population", sizes.range, "few")} if own else {}
    return {
        "population": run("population", sizes.rows),
        "platform": run("platform", sizes.rows),
        "duckdb": run("duckdb", sizes.rows),
        "polars": run("polars", sizes.rows),
        **few,
        "range": last("plain_range", sizes.range, "few" if own else "small"),
        "population_quarter": run("population", sizes.range_quarter, "quarter"),
        "range_quarter": last("plain_range", sizes.range_quarter, "quarter"),
        "population_4x": run("population", sizes.grown, "large"),
        "platform_4x": last("platform", sizes.grown, "large"),
        "hot_platform": run("hot_platform", sizes.hot, "hot"),
        "hot_range": run("hot_range", sizes.hot_range, "hot"),
    }


def beside_peers(sizes: Sizes, costs: dict[str, Cost]) -> dict:
    ours, grown = costs["platform"], costs["platform_4x"]
    at = {"platform": sizes.rows, "duckdb": sizes.rows, "polars": sizes.rows, "range": sizes.range}
    at |= {
        "platform_4x": sizes.grown,
        "range_quarter": sizes.range_quarter,
        "hot_platform": sizes.hot,
        "hot_range": sizes.hot_range,
    }
    speeds = {name: Speed.of(rows, costs[name]) for name, rows in at.items()}
    own = speeds["platform"].rows_per_cpu_s
    return {
        "rows": sizes.rows,
        "rows_per_s": speeds["platform"].rows_per_s,
        "speedup_vs_range": further(speeds["platform"], speeds["platform_4x"])
        / further(speeds["range_quarter"], speeds["range"]),
        "whole_runs": {f"vs_{peer}": own / speeds[peer].rows_per_cpu_s for peer in ("range", "duckdb", "polars")},
        "hot_key_speedup": speeds["hot_platform"].rows_per_cpu_s / speeds["hot_range"].rows_per_cpu_s,
        "growth_4x": grown.cpu_seconds / ours.cpu_seconds,
        "peak_memory_gb": ours.memory_gb,
        "peak_memory_gb_4x": grown.memory_gb,
        "runs": {name: asdict(speed) for name, speed in speeds.items()},
    }


def further(small: Speed, large: Speed) -> float:
    """Rows by processor second that a larger run has more than a small one: both have started alike."""
    seconds = large.rows / large.rows_per_cpu_s - small.rows / small.rows_per_cpu_s
    return (large.rows - small.rows) / seconds


def json_per_second() -> float:
    """Payments that are read from JSON and written again, by processor second."""
    texts = [
        json.dumps(
            {
                "transaction_id": f"t{number}",
                "event_time": iso(1_748_736_000_000 + number),
                "customer_id": f"c{number % 1_000}",
                "merchant_id": f"m{number % 300}",
                "amount": f"{number % 500}.00",
            }
        )
        for number in range(JSON)
    ]
    begun = time.process_time()
    for text in texts:
        json.dumps(json.loads(text))
    return JSON / (time.process_time() - begun)
