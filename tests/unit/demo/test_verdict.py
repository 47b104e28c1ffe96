"""A run that broke a promise ends with 1, and says which."""

from __future__ import annotations

import pytest

from demo.__main__ import verdict

FINE = {
    "fraud": {"missing": 0, "duplicated": 0},
    "parity": {"mismatches": 0},
    "attacks": {"played": 16, "hold": 16},
    "bad_release": {"rolled_back": True},
    "drift": {"alarm": True, "retrained": True},
}


@pytest.mark.parametrize(
    "nothing",
    [FINE, {"fraud": None, "parity": None, "attacks": None, "bad_release": None, "drift": None}],
    ids=["all", "loans alone"],
)
def test_a_run_that_kept_its_promises_ends_with_0(nothing):
    assert verdict(nothing) == 0


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"fraud": {"missing": 2, "duplicated": 0}}, "2 missing decisions"),
        ({"parity": {"mismatches": 3}}, "3 parity mismatches"),
        ({"attacks": {"played": 16, "hold": 15}}, "1 attacks that did not hold"),
        ({"drift": {"alarm": True, "retrained": False}}, "1 drift that nobody was told of"),
        ({"bad_release": {"rolled_back": False}}, "1 bad release that was not rolled back"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_run_that_broke_one_ends_with_1_and_names_it(broken, said, capsys):
    assert verdict({**FINE, **broken}) == 1
    assert said in capsys.readouterr().err
