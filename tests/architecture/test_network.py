"""The network has no way out: what runs in it reaches the services that it has an endpoint for, and no other."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.source import ROOT, block, modules

INSIDE = ("glue", "inference", "lambda", "training")  # rooms whose code runs in it
# What boto3 calls a service, where the endpoint is named otherwise; the first two are gateways.
NAMED = {
    "dynamodb": "dynamodb",
    "s3": "s3",
    "cloudwatch": "monitoring",
    "kinesis": "kinesis-streams",
    "sagemaker": "sagemaker.api",
    "sagemaker-featurestore-runtime": "sagemaker.featurestore-runtime",
    "sagemaker-runtime": "sagemaker.runtime",
}
# What no code of ours calls, and what runs our code does.
BENEATH = {
    "ecr.api": "images",
    "ecr.dkr": "images",
    "kms": "bookmarks of Glue jobs are encrypted where they run",
    "logs": "of jobs",
    "sts": "credentials of jobs",
    "xray": "traces of functions",
}
NETWORK = (ROOT / "terraform" / "modules" / "network" / "main.tf").read_text()


def clients(room: str) -> set[str]:
    """Services that a room's code makes a client for."""
    calls = [
        node for path in modules(room) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
    ]
    return {
        call.args[0].value
        for call in calls
        if ast.unparse(call.func) in ("boto3.client", "boto3.resource") and isinstance(call.args[0], ast.Constant)
    }


def endpoints() -> set[str]:
    interfaces = block(NETWORK, "called = toset([")
    gateways = re.search(r'"gateway" {\s+for_each = toset\(\[(.*?)\]\)', NETWORK)
    return set(re.findall(r'"([a-z0-9.-]+)"', interfaces + gateways[1]))


@pytest.mark.parametrize("room", INSIDE)
def test_every_service_that_code_in_the_network_calls_has_an_endpoint(room):
    assert {NAMED.get(service, service) for service in clients(room)} <= endpoints()


def test_no_endpoint_is_paid_for_that_nothing_in_the_network_calls():
    called = {NAMED.get(service, service) for room in INSIDE for service in clients(room)}

    assert endpoints() == called | set(BENEATH)
