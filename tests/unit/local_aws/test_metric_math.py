"""Metric math joins series on the period."""

from __future__ import annotations

import pytest

from local.plugins.metric_math import BadExpression, evaluate

PERIODS = [0.0, 60.0, 120.0]
SERIES = {"errors": {0.0: 1.0, 60.0: 2.0}, "calls": {0.0: 10.0, 120.0: 4.0}, "none": {}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("100 * errors / calls", {0.0: 10.0}),
        ("FILL(errors, 0) + 1", {0.0: 2.0, 60.0: 3.0, 120.0: 1.0}),
        ("FILL(calls, REPEAT)", {0.0: 10.0, 60.0: 10.0, 120.0: 4.0}),
        ("IF(errors > 1, errors, 0)", {0.0: 0.0, 60.0: 2.0}),
        ("SUM([errors, calls])", {0.0: 11.0, 60.0: 2.0, 120.0: 4.0}),
        ("MAX(METRICS())", {0.0: 10.0, 60.0: 2.0, 120.0: 4.0}),
        ("errors / (errors - errors)", {}),
        ("-errors", {0.0: -1.0, 60.0: -2.0}),
        ("none", {}),
        ("errors > 0 && errors < 2", {0.0: 1.0, 60.0: 0.0}),
    ],
)
def test_an_expression_has_the_value_that_cloudwatch_gives_it(expression: str, expected: dict[float, float]):
    assert evaluate(expression, SERIES, PERIODS) == expected


@pytest.mark.parametrize("expression", ["unknown + 1", "ANOMALY_DETECTION_BAND(errors)", "1 +", "errors.x"])
def test_what_is_not_supported_is_refused(expression: str):
    with pytest.raises(BadExpression):
        evaluate(expression, SERIES, PERIODS)
