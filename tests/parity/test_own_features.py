"""What a user may declare is proven as ours is: the same tests, with a folder of features of every other kind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DECLARED = Path(__file__).with_name("declared")
ENGINES = "tests/parity/test_spark_and_incremental.py"
PROVEN_BY = (
    f"{ENGINES}::test_both_engines_give_every_payment_the_same_bits[some of everything]",
    f"{ENGINES}::test_the_logs_hold_every_case_that_the_proof_is_about",
    f"{ENGINES}::test_a_day_needs_no_more_history_than_the_set_declares",
    "tests/parity/test_through_the_lake.py::"
    "test_whoever_was_quiet_for_longer_than_any_window_is_known_as_the_doors_know_him",
    "tests/parity/test_why.py",
    "tests/spark/test_publication_records.py::test_a_record_after_weeks_of_quiet_holds_all_that_its_windows_reach",
)


def test_features_of_a_users_own_are_the_same_bits_in_both_engines(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'own'}", *PROVEN_BY],
        env={**os.environ, "FEATURES": str(DECLARED)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout[-4000:]
