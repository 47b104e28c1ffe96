"""What `make api-check` reports is what Schemathesis found, and that each route took something."""

from __future__ import annotations

from typing import Any

import pytest

from bench.api import main, report


def told(**other: Any) -> dict[str, Any]:
    rates = {"POST /labels": {"coverage": {"accepted": 0}, "fuzzing": {"accepted": 2}}}
    return {
        "seed": 7,
        "operations": {"tested": 1},
        "test_cases": {"generated": 9},
        "valid_rates": rates,
        "failures": [],
        "errors": [],
        "complete": True,
        "schemathesis_version": "4",
        **other,
    }


def test_a_run_without_findings_is_clean():
    found = report(told(), 0)
    assert found["clean"]
    assert found["accepted"] == {"POST /labels": 2}


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"failures": [{"title": "Server error", "code": "ST101", "operations": ["POST /labels"], "count": 1}]}, 0),
        ({"errors": [{"title": "Failed Health Check", "count": 1}]}, 0),
        ({"complete": False}, 0),
        ({"valid_rates": {"POST /labels": {"fuzzing": {"accepted": 0}}}}, 0),
        ({}, 1),
    ],
)
def test_anything_else_is_not(other, code):
    assert not report(told(**other), code)["clean"]


def test_an_environment_where_somebody_pays_is_not_asked():
    with pytest.raises(SystemExit, match="expected ENV=local or none, got prod"):
        main("prod", "schemathesis")
