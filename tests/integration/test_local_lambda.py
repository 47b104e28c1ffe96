"""Functions run as on AWS: what they can import, how they fail, what they log, and how fast."""

from __future__ import annotations

import time

import pytest

LOOK_AROUND = """
import sys
def handler(event, context):
    found = []
    for name in event:
        try:
            __import__(name)
            found.append(name)
        except ImportError:
            pass
    return found
"""
RAISES = """
import logging
class OutOfMoney(Exception): pass
calls = 0
def handler(event, context):
    global calls
    calls += 1
    print("call", calls)
    logging.warning("careful")
    raise OutOfMoney(f"{calls}")
"""


def test_a_function_sees_boto3_and_neither_this_repository_nor_this_machine(aws):
    name = aws.function(LOOK_AROUND)
    assert aws.invoke(name, ["json", "boto3", "botocore", "numpy", "pandas", "local", "features", "ministack"])[0] == [
        "json",
        "boto3",
        "botocore",
    ]


def test_an_exception_surfaces_its_class_and_keeps_the_environment(aws):
    name = aws.function(RAISES)
    first, kind = aws.invoke(name)
    second, _ = aws.invoke(name)
    assert kind == "Unhandled"
    assert (first["errorType"], first["errorMessage"], second["errorMessage"]) == ("OutOfMoney", "1", "2")
    assert "raise OutOfMoney" in first["stackTrace"][-1]


def test_what_a_function_prints_and_logs_is_in_its_log_group(aws):
    name = aws.function(RAISES)
    aws.invoke(name)
    log = "\n".join(aws.log(f"/aws/lambda/{name}"))
    assert "call 1" in log
    assert "[WARNING]" in log
    assert "[ERROR] OutOfMoney: 1" in log


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import missing_module\ndef handler(e, c): pass", "Runtime.ImportModuleError"),
        ("x = 1", "Runtime.HandlerNotFound"),
        ("def handler(e, c): return {1}", "Runtime.MarshalError"),
        ("import os\ndef handler(e, c): os._exit(3)", "Runtime.ExitError"),
        ("import time\ndef handler(e, c): time.sleep(9)", "Sandbox.Timedout"),
    ],
)
def test_each_way_to_fail_has_the_name_that_aws_gives_it(aws, source: str, kind: str):
    assert aws.invoke(aws.function(source, Timeout=1))[0]["errorType"] == kind


def test_a_warm_call_takes_milliseconds(aws):
    name = aws.function("def handler(event, context): return event")
    aws.invoke(name)
    taken = []
    for _ in range(50):
        started = time.perf_counter()
        aws.invoke(name, {"a": 1})
        taken.append(time.perf_counter() - started)
    assert sorted(taken)[25] < 0.03
