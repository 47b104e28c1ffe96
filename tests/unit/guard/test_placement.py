"""Where a plan makes a network, functions, Glue jobs and SageMaker's jobs stand in it."""

from __future__ import annotations

import json

import pytest

from tests.unit.guard.pieces import change, plan, said
from tools.guard import placement

NETWORK = change("module.network.aws_vpc.this", {"cidr_block": "10.20.0.0/20"})
VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}


def found(*changes):
    return said(placement.findings(plan(*changes)))


def machine(request):
    states = {"Compare": {"Type": "Task", "Parameters": request}}
    return change("aws_sfn_state_machine.this", {"definition": json.dumps({"States": states})})


def pipeline(request):
    steps = [{"Name": "Train", "Type": "Training", "Arguments": request}]
    return change("aws_sagemaker_pipeline.this", {"pipeline_definition": json.dumps({"Steps": steps})})


OUTSIDE = {
    "a function": change("aws_lambda_function.this", {"vpc_config": []}),
    "a Glue job": change("aws_glue_job.this", {"connections": []}),
    "a job of a machine": machine({"ProcessingResources": {}}),
    "a job of a machine that names no subnet": machine(
        {"ProcessingResources": {}, "NetworkConfig": {"VpcConfig": {"Subnets": [""]}}}
    ),
    "a job of a pipeline": pipeline({"AlgorithmSpecification": {}}),
}
INSIDE = {
    "a function": change("aws_lambda_function.this", {"vpc_config": [{"subnet_ids": ["subnet-1"]}]}),
    "a Glue job": change("aws_glue_job.this", {"connections": ["risk-dev-network-1"]}),
    "a job of a machine": machine({"ProcessingResources": {}, "NetworkConfig": {"VpcConfig": VPC}}),
    "a job of a pipeline": pipeline({"AlgorithmSpecification": {}, "VpcConfig": VPC}),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_what_stands_outside_a_network_that_there_is_does_not_pass(what):
    (finding,) = found(NETWORK, OUTSIDE[what])

    assert "outside the network" in finding


@pytest.mark.parametrize("what", OUTSIDE)
def test_without_a_network_nothing_stands_outside_it(what):
    assert found(OUTSIDE[what]) == []


@pytest.mark.parametrize("what", INSIDE)
def test_what_stands_in_the_network_passes(what):
    assert found(NETWORK, INSIDE[what]) == []


def test_subnets_that_the_same_apply_makes_pass():
    function = change("aws_lambda_function.this", {"vpc_config": [{}]}, unknown={"vpc_config": [{"subnet_ids": True}]})
    pipelines = change("aws_sagemaker_pipeline.this", {}, unknown={"pipeline_definition": True})

    assert found(NETWORK, function, pipelines) == []


def test_a_finding_says_which_step_it_is():
    (finding,) = found(NETWORK, OUTSIDE["a job of a pipeline"])

    assert finding.startswith("aws_sagemaker_pipeline.this: Steps[Train].Arguments stands outside")
