"""`make bench [ROWS=5000000]`: the feature job beside its peers, in one run. Leaves build/bench/features.json.

Ratios are what to read: the machine's own speed cancels out of them.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from bench.engine import events_per_second
from bench.measured import measured

HOT = 100_000  # payments of one merchant


def main(rows: int, target: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        found = of_features(rows, folder)
    finally:
        shutil.rmtree(folder)
    found["incremental_events_per_s"] = events_per_second()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def of_features(rows: int, folder: Path) -> dict:
    small, large = folder / "small", folder / "large"
    for size, where in ((rows, small), (4 * rows, large)):
        where.mkdir()
        measured("population", size, where)
    ours = measured("platform", rows, small)
    plain = measured("plain_range", rows, small)
    duck = measured("duckdb", rows, small)
    grown = measured("platform", 4 * rows, large)
    hot, hot_range = measured("hot_platform", HOT, folder), measured("hot_range", HOT, folder)
    return {
        "rows": rows,
        "rows_per_s": rows / ours.seconds,
        "speedup_vs_range": plain.seconds / ours.seconds,
        "speedup_vs_duckdb": duck.seconds / ours.seconds,
        "hot_key_speedup": hot_range.seconds / hot.seconds,
        "growth_4x": grown.seconds / ours.seconds,
        "peak_memory_gb": ours.memory_gb,
        "peak_memory_gb_4x": grown.memory_gb,
        "seconds": {"platform": ours.seconds, "range": plain.seconds, "duckdb": duck.seconds, "4x": grown.seconds},
    }


if __name__ == "__main__":
    main(int(sys.argv[1]), Path("build/bench/features.json"))
