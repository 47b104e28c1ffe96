"""Features beside RANGE frames, DuckDB and Polars; the incremental engine on one core; the replay of both.

`platform` is what silver_to_gold does between reading and writing, from Parquet to Parquet like its peers; the whole
job, with history, gate and sorted files, is measured in the lake part.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bench import replay
from bench.engine import decisions_per_second, events_per_second
from bench.measured import measured

HOT = 100_000  # payments of one merchant
REPLAYED = 1_000_000


def measure(rows: int) -> dict:
    """`rows` payments, and four times as many. Seconds are of whole runs from Parquet to Parquet."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        found = beside_peers(rows, folder)
    finally:
        shutil.rmtree(folder)
    return {
        **found,
        "incremental_events_per_s": events_per_second(),
        "incremental_decisions_per_s": decisions_per_second(),
        "replay": replay.measure(min(rows, REPLAYED)),
    }


def beside_peers(rows: int, folder: Path) -> dict:
    small, large = folder / "small", folder / "large"
    small.mkdir()
    measured("population", rows, small)
    ours = measured("platform", rows, small)
    plain = measured("plain_range", rows, small)
    duck = measured("duckdb", rows, small)
    polars = measured("polars", rows, small)
    shutil.rmtree(small)
    large.mkdir()
    measured("population", 4 * rows, large)
    grown = measured("platform", 4 * rows, large)
    shutil.rmtree(large)
    hot, hot_range = measured("hot_platform", HOT, folder), measured("hot_range", HOT, folder)
    return {
        "rows": rows,
        "rows_per_s": rows / ours.seconds,
        "speedup_vs_range": plain.seconds / ours.seconds,
        "speedup_vs_duckdb": duck.seconds / ours.seconds,
        "speedup_vs_polars": polars.seconds / ours.seconds,
        "hot_key_speedup": hot_range.seconds / hot.seconds,
        "growth_4x": grown.seconds / ours.seconds,
        "peak_memory_gb": ours.memory_gb,
        "peak_memory_gb_4x": grown.memory_gb,
        "seconds": {
            "platform": ours.seconds,
            "range": plain.seconds,
            "duckdb": duck.seconds,
            "polars": polars.seconds,
            "platform_4x": grown.seconds,
            "hot_platform": hot.seconds,
            "hot_range": hot_range.seconds,
        },
    }
