"""Processor time is told apart by what it was spent on."""

from __future__ import annotations

from collections import Counter

import pytest

from bench import doors
from bench.processor import per_call, spender

PYTHON = "/usr/bin/python3.13"


@pytest.mark.parametrize(
    ("command", "whose"),
    [
        (f"{PYTHON} /run/tmp/ministack-lambda-risk-local-decide-zcwh8k_1/worker.py", "risk-local-decide"),
        (f"{PYTHON} /run/tmp/ministack-lambda-risk-local-decide-ab/worker.py", "risk-local-decide"),
        ("python /opt/ml/model/code/serve.py", "model_server"),
        (f"{PYTHON} -m local.server {{}} 5 6", "local_aws"),
        (f"{PYTHON} -I -S /w/local/sagemaker/supervisor.py /run/spec.json", "local_aws"),
    ],
)
def test_a_process_belongs_to_a_function_the_model_server_or_the_local_aws(command, whose):
    assert spender(command) == whose


def test_a_payment_costs_its_own_function_the_server_and_the_local_aws_and_no_other_function():
    taken = Counter({"decide": 2.0, "model_server": 1.0, "local_aws": 3.0, "stream": 50.0})

    assert per_call(taken, "decide", 1_000) == {"function": 2.0, "model_server": 1.0, "local_aws": 3.0, "path": 6.0}


def test_one_disturbed_turn_does_not_make_the_ratio():
    quiet, disturbed = [10.0] * 100, [1_000.0] * 100
    found = doors.by_turn([[12.0] * 100, disturbed, [12.0] * 100], [quiet, quiet, quiet])

    assert found == {"p50": pytest.approx(1.2), "p99": pytest.approx(1.2)}


def test_waits_are_those_of_the_middle_turn_and_the_worst_is_shown_beside_them():
    found = doors.over_turns([[12.0] * 100, [1_000.0] * 100, [14.0] * 100])

    assert found == {"p50": 14.0, "p99": 14.0, "worst_p99": 1_000.0}
