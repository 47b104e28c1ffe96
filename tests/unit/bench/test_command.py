"""The command that measures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_command_finds_everything_that_it_measures():
    python = os.path.relpath(sys.executable, ROOT)  # the folder's own path may hold a space
    told = subprocess.run(
        ["make", "-n", "bench", f"PYTHON={python}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (command,) = (line for line in told.stdout.splitlines() if line.rstrip().endswith("-m bench"))

    done = subprocess.run([*command.split(), "--help"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "--only" in done.stdout
