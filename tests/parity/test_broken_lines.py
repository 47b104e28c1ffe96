"""One broken line in either engine, and the proof of parity is no longer one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("broken.py")

# file, a line of it, the same line broken. What only matters where two events share a moment is not among them: no door
# counts payments so. tests/unit/features/test_state.py and tests/spark/test_moments.py break for it.
MUTANTS = (
    ("features/state.py", "head = (at - self.delay) // tile", "head = at // tile"),
    ("features/state.py", "return head - self.tiles, head if", "return head - self.tiles + 1, head if"),
    ("features/state.py", "head if self.open_head else head - 1", "head"),
    (
        "features/state.py",
        "self.where.flag in event.flags) != self.where.holds",
        "self.where.flag in event.flags) == 0",
    ),
    (
        "features/state.py",
        "for key, kept_ring in self.layout.rings.items():\n                kind, tile",
        "for key, kept_ring in [*self.layout.rings.items()][1:]:\n                kind, tile",
    ),
    ("features/state.py", "tiles[index] = merged(kept_ring.columns, slot, values)", "tiles[index] = values"),
    ("features/state.py", "elif len(day) < most:", "elif len(day) < 0:"),
    ("features/state.py", "at - last > feature.horizon", "at - last > 0 * feature.horizon"),
    (
        "features/state.py",
        "return left is not None and right is not None and left > flag",
        "return left is not None and right is not None and left >= flag",
    ),
    ("features/state.py", '{"max": max, "min": min, "tiles": max}', '{"max": max, "min": min, "tiles": int.__add__}'),
    ("features/state.py", "last + 1 - max(holding)", "last + 1 - min(holding)"),
    ("features/state.py", "first <= index <= head and index != settling", "first <= index <= head"),
    ("features/state.py", "head -= not feature.open_head", "head -= 0"),
    ("features/vector.py", "None if tiles is None else int(not tiles)", "int(not tiles)"),
    ("features/vector.py", "(at // part.unit + part.shift)", "(at // part.unit)"),
    ("features/vector.py", "calendar(FRAUD, at, ", "calendar(FRAUD, counted_at, "),
    ("glue/transforms/trailing.py", "tail = (self.at // tile - length // tile) * tile", "tail = self.at - length"),
    (
        "glue/transforms/trailing.py",
        "return running[last] - running[first]",
        "return running[last] - running[first] + (last > first)",
    ),
    ("glue/transforms/trailing.py", "so_far - before_tile <= feature.kept", "so_far - before_tile < feature.kept"),
    ("glue/transforms/trailing.py", "table[last[chosen] - (1 << power)])", "table[first[chosen]])"),
    ("glue/transforms/trailing.py", "some = asked.last > timeline", "some = asked.last >= timeline"),
    ("glue/transforms/trailing.py", "self.before >= first", "self.before >= 0"),
    ("glue/transforms/trailing.py", "newcomer = counted > 0", "newcomer = np.ones(size, bool)"),
    (
        "glue/transforms/trailing.py",
        "own_first = self.links - self.chain + first",
        "own_first = 0 * self.links + first",
    ),
    ("glue/transforms/events.py", "return F.crc32(said", "return F.xxhash64(said"),
    (
        "glue/transforms/trailing.py",
        "low = np.where(up, zeros + low - low_zeros, low_zeros)",
        "low = np.where(up, low, low_zeros)",
    ),
    ("glue/transforms/windows.py", '/ bottom.cast("double"))', '/ bottom.cast("double")).otherwise(0.0)'),
    ("glue/transforms/windows.py", 'tile_of(F.col("at"), part.unit)', 'tile_of(F.col("counted_at"), part.unit)'),
    ("glue/transforms/windows.py", '(F.col("_tile") * distinct.tile)', '((F.col("_tile") + 1) * distinct.tile)'),
    ("glue/transforms/windows.py", "F.coalesce(f.name, nothing(f))", "F.col(f.name)"),
    ("glue/transforms/windows.py", "isin(list(feature.values))", "isin(list(feature.values)[1:])"),
    ("glue/transforms/windows.py", 'F.col("counted_at") - delay, tile', 'F.col("counted_at"), tile'),
    ("glue/transforms/windows.py", "rangeBetween(-window.tiles, -1)", "rangeBetween(-window.tiles, 0)"),
    ("glue/transforms/windows.py", "F.when(held > 0, ", "F.when(held >= 0, "),
    ("glue/transforms/events.py", 'F.coalesce("_told", of_day)', "of_day"),
    ("features/moments.py", "return max(at, clock + 1)", "return max(at, clock)"),
    (
        "glue/transforms/events.py",
        'F.greatest(F.unix_millis("reported_at"), F.col("at"))',
        'F.unix_millis("reported_at")',
    ),
    ("glue/transforms/events.py", 'F.min("reported_at")', 'F.max("reported_at")'),
    ("glue/transforms/events.py", '- F.col("at") <= LABEL_PATIENCE', '- F.col("at") <= LABEL_PATIENCE * 2'),
)


def test_each_of_these_lines_broken_makes_vectors_differ(tmp_path):
    for room in ("bench", "features", "glue", "raw", "tests"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests" / "__init__.py").touch()  # else an installed package of that name comes first
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",  # a line broken within the second of its writing would be read from bytecode
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(tmp_path / "spark"),
    }
    ran = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path)],
        input=json.dumps(MUTANTS),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    sound, *broken, sound_again = map(json.loads, (tmp_path / "found.jsonl").read_text().splitlines())

    assert (sound, sound_again) == (0, 0)
    differing = dict(zip(MUTANTS, broken, strict=True))
    unseen = [mutant for mutant, found in differing.items() if not isinstance(found, int) or found == 0]
    assert not unseen, "these lines can be broken without a value differing, or end in an error"
