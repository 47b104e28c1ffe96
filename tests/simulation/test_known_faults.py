"""What is known not to hold is still found. Whoever mends it takes the entry out of simulation/known.py."""

from __future__ import annotations

import pytest

from simulation.invariants import INVARIANTS
from simulation.known import KNOWN
from simulation.plan import drawn
from simulation.run import held, outcome


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_fault_is_found_by_its_seed(name):
    found = outcome(drawn(KNOWN[name].seed), {name: INVARIANTS[name]})

    assert list(found.broken) == [name], f"{name} holds now: take it out of KNOWN, and it holds in every schedule"


def test_all_other_invariants_are_asked_for():
    assert set(held()) == set(INVARIANTS) - set(KNOWN)
    assert set(KNOWN) <= set(INVARIANTS)
