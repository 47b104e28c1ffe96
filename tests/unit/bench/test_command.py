"""The command that measures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_command_finds_everything_that_it_measures():
    told = subprocess.run(
        ["make", "-n", "bench", f"PYTHON={sys.executable}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (command,) = (line for line in told.stdout.splitlines() if line.rstrip().endswith("-m bench"))

    done = subprocess.run([*command.split(), "--help"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "--only" in done.stdout
