"""Functions run as on AWS: what they can import, how they fail, and what they log."""

from __future__ import annotations

import pytest

from local import limits, pythons

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


LOOK_INSIDE = """
import os, sys
def handler(event, context):
    return {"python": sys.version_info[:2], "environment": sorted(os.environ)}
"""


def test_a_function_has_nothing_of_the_environment_of_who_started_the_server(aws):
    found = aws.invoke(aws.function(LOOK_INSIDE, Environment={"Variables": {"OURS": "1"}}))[0]["environment"]
    strange = {name for name in found if not name.startswith(("AWS_", "LAMBDA_", "_LAMBDA_", "LOCAL_LAMBDA_"))}
    assert strange <= {"OURS", "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR"}
    assert "OURS" in strange


def declared(aws, name: str, runtime: str) -> str:
    aws.client("lambda").update_function_configuration(FunctionName=name, Runtime=runtime)
    return name


@pytest.mark.skipif(pythons.interpreter("3.13") is None, reason="no Python 3.13 on this machine")
def test_a_function_runs_under_the_python_that_it_declares(aws):
    assert aws.invoke(declared(aws, aws.function(LOOK_INSIDE), "python3.13"))[0]["python"] == [3, 13]


def test_a_module_that_the_declared_python_no_longer_has_cannot_be_imported(aws):
    name = declared(aws, aws.function("import distutils\ndef handler(e, c): pass"), "python3.13")
    assert aws.invoke(name)[0] | {"requestId": "", "stackTrace": []} == {
        "errorType": "Runtime.ImportModuleError",
        "errorMessage": "Unable to import module 'function': No module named 'distutils'",
        "requestId": "",
        "stackTrace": [],
    }


def test_a_payload_that_is_too_large_is_refused(aws):
    name, client = aws.function("def handler(event, context): pass"), aws.client("lambda")
    refused = client.exceptions.RequestTooLargeException, client.exceptions.ClientError
    for kind, most in (("RequestResponse", limits.SYNCHRONOUS_PAYLOAD), ("Event", limits.ASYNCHRONOUS_PAYLOAD)):
        with pytest.raises(refused, match=f"too large for the {kind} invocation type"):
            client.invoke(FunctionName=name, InvocationType=kind, Payload=b'"' + b"x" * most + b'"')


def test_an_answer_that_is_too_large_fails_the_call(aws):
    name = aws.function(f"def handler(event, context): return 'x' * {limits.SYNCHRONOUS_PAYLOAD}")
    assert aws.invoke(name)[0]["errorType"] == "Function.ResponseSizeTooLarge"


def test_an_environment_that_is_too_large_is_refused(aws):
    with pytest.raises(aws.client("lambda").exceptions.InvalidParameterValueException, match="exceeded the 4KB limit"):
        aws.function("", Environment={"Variables": {"A": "x" * limits.FUNCTION_ENVIRONMENT}})
