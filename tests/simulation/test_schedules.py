"""Twenty thousand fixed schedules of the doors: after each of them every invariant holds."""

from __future__ import annotations

import pytest

from simulation.run import failures

SCHEDULES, EACH = 20_000, 1_000


@pytest.mark.parametrize("first", range(0, SCHEDULES, EACH))
def test_after_every_schedule_every_invariant_holds(first):
    found = failures(range(first, first + EACH))

    told = [f"python -m simulation --seed {one.seed}: {', '.join(one.broken)}" for one in found]
    assert told == []
