"""What the local AWS takes is held against the same thing without it."""

from __future__ import annotations

import pytest

from bench import local


def test_each_figure_is_held_against_its_own_baseline():
    found = local.beside(
        {
            "call_us": 300,
            "bare_call_us": 200,
            "put_record_ms": 0.4,
            "function_call_ms": 1,
            "function_start_ms": 30,
            "process_start_ms": 10,
            "invoke_endpoint_p50_us": 500,
            "alone_p50_us": 50,
            "endpoint_start_s": 0.6,
            "server_start_alone_s": 0.4,
            "next_job_s": 1,
            "spark_submit_s": 8,
            "score_cpu_us": 75,
            "ping_cpu_us": 25,
        }
    )

    assert {name: value for name, value in found.items() if name.endswith("_ratio")} == pytest.approx(
        {
            "call_ratio": 1.5,
            "put_record_ratio": 2,
            "function_call_ratio": 5,
            "function_start_ratio": 3,
            "invoke_endpoint_ratio": 2,
            "endpoint_start_ratio": 1.5,
            "next_job_ratio": 0.125,
            "score_cpu_ratio": 3,
        }
    )
