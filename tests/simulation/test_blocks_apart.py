"""Where blocks are a kind of their own every invariant holds as well: the doors of a set that counts them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECLARED = Path(__file__).with_name("declared")
SCHEDULES, EACH = 3_000, 1_000


@pytest.mark.parametrize("first", range(0, SCHEDULES, EACH))
def test_after_every_schedule_every_invariant_holds_though_blocks_are_apart(first):
    played = subprocess.run(
        [sys.executable, "-m", "simulation", "--schedules", str(EACH), "--first", str(first)],
        env={**os.environ, "FEATURES": str(DECLARED), "PYTHONPATH": f"{ROOT}:{ROOT / 'lambda'}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert played.returncode == 0, played.stdout[-2000:] + played.stderr[-2000:]
