"""A route takes as many requests as its stage says."""

from __future__ import annotations

import pytest

from local.plugins.api_gateway import Buckets, limits_of

ROUTE = ("api", "$default", "POST /v1/labels")
STAGE = {
    "defaultRouteSettings": {"throttlingRateLimit": 500, "throttlingBurstLimit": 400},
    "routeSettings": {"POST /v1/labels": {"throttlingRateLimit": 2, "throttlingBurstLimit": 3}},
}


def test_a_burst_is_taken_at_once_and_the_bucket_fills_again_with_time():
    clock = [0.0]
    buckets = Buckets(lambda: clock[0])
    assert [buckets.takes(ROUTE, 2, 3) for _ in range(4)] == [True, True, True, False]
    clock[0] = 0.5
    assert [buckets.takes(ROUTE, 2, 3) for _ in range(2)] == [True, False]
    clock[0] = 1000
    assert [buckets.takes(ROUTE, 2, 3) for _ in range(4)] == [True, True, True, False]


def test_one_route_takes_nothing_of_another():
    buckets = Buckets(lambda: 0.0)
    other = ("api", "$default", "POST /v1/decisions")
    assert buckets.takes(ROUTE, 1, 1)
    assert not buckets.takes(ROUTE, 1, 1)
    assert buckets.takes(other, 1, 1)


@pytest.mark.parametrize(
    ("stage", "route", "limits"),
    [
        (STAGE, "POST /v1/labels", (2.0, 3.0)),
        (STAGE, "POST /v1/decisions", (500.0, 400.0)),
        ({}, "POST /v1/decisions", None),
        ({"defaultRouteSettings": {"detailedMetricsEnabled": False}}, "POST /v1/decisions", None),
    ],
)
def test_a_routes_own_limit_comes_before_the_stages(stage, route, limits):
    assert limits_of(stage, route) == limits
