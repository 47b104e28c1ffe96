"""The seal as the night calls it, over a bucket that keeps what is written once."""

from __future__ import annotations

import json

import pytest

from tests.integration.conftest import LocalAws
from tools import package
from tools.archives import files_below, zipped
from tools.verify.__main__ import verified

DAY = "2026-03-01"


class Platform:
    """The seal's own zip behind a state machine, as Terraform writes the step."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws, self.lake = aws, aws.bucket()
        root = package.ROOT
        code = {**files_below(root, "features"), **files_below(root / "lambda", *package.FUNCTIONS["seal"])}
        function = aws.client("lambda").create_function(
            FunctionName=aws.name("seal"),
            Runtime="python3.13",
            Role=aws.role(),
            Handler="seal.handler.handle",
            Code={"ZipFile": zipped(code)},
            Timeout=60,
            Environment={"Variables": {"LAKE_BUCKET": self.lake}},
        )
        step = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": function["FunctionArn"], "Payload": {"day.$": "$.day"}},
            "End": True,
        }
        self.machine = aws.client("stepfunctions").create_state_machine(
            name=aws.name("night"),
            roleArn=aws.role(),
            definition=json.dumps({"StartAt": "Seal", "States": {"Seal": step}}),
        )["stateMachineArn"]

    def log(self, name: str, body: bytes = b"{}\n") -> str:
        key = f"decisions/decision_date={DAY}/{name}.json"
        self.aws.client("s3").put_object(Bucket=self.lake, Key=key, Body=body)
        return key

    def night(self) -> list[dict]:
        states = self.aws.client("stepfunctions")
        started = states.start_execution(stateMachineArn=self.machine, input=json.dumps({"day": DAY}))["executionArn"]

        def ended():
            run = states.describe_execution(executionArn=started)
            return run if run["status"] != "RUNNING" else None

        run = self.aws.wait(ended)
        assert run["status"] == "SUCCEEDED", run
        return json.loads(run["output"])["Payload"]["seals"]

    def faults(self) -> list[tuple[str, str]]:
        return [(f.kind, f.key) for f in verified(self.aws.client("s3"), self.lake).faults]


@pytest.fixture(scope="module")
def platform(aws):
    return Platform(aws)


def test_a_night_seals_the_day_once_and_what_is_changed_afterwards_is_named(platform):
    first, second = platform.log("a"), platform.log("b")
    (seal,) = platform.night()
    assert (seal["key"], seal["objects"]) == (f"seals/decision_date={DAY}.json", 2)
    assert platform.night() == []
    assert platform.faults() == []

    late = platform.log("c")
    assert platform.faults() == [("added", late)]
    (addition,) = platform.night()
    assert addition["key"] == f"seals/decision_date={DAY}.1.json"
    assert platform.faults() == []

    platform.log("a", b"{ }\n")
    platform.aws.client("s3").delete_object(Bucket=platform.lake, Key=second)
    assert platform.faults() == [("changed", first), ("removed", second)]
