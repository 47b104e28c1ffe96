"""What the rendered pipelines ask of SageMaker when they run. `make check` holds them to what the code renders."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from training.pipelines.render import FOLDER


def steps(among: list[dict]) -> Iterator[dict]:
    for step in among:
        yield step
        for branch in ("IfSteps", "ElseSteps"):
            yield from steps(step["Arguments"].get(branch, []))


@pytest.mark.parametrize("problem", ["credit", "fraud"])
def test_a_package_names_no_instance_types_for_the_release_chooses_its_own(problem):
    definition = json.loads((FOLDER / f"{problem}.json").read_text())
    (register,) = [step["Arguments"] for step in steps(definition["Steps"]) if step["Type"] == "RegisterModel"]

    assert register["InferenceSpecification"]["Containers"][0]["Image"] == "IMAGE-URI"
    assert not [name for name in register["InferenceSpecification"] if name.endswith("InstanceTypes")]


@pytest.mark.parametrize("problem", ["credit", "fraud"])
def test_every_job_of_a_pipeline_runs_as_the_role_of_its_step_and_is_encrypted(problem):
    definition = json.loads((FOLDER / f"{problem}.json").read_text())
    jobs = [step for step in steps(definition["Steps"]) if step["Type"] in ("Processing", "Training")]

    roles = {step["Name"].partition("-")[0]: step["Arguments"]["RoleArn"].rpartition("/")[2] for step in jobs}
    assert roles == {"Prepare": "PREPARE-ROLE", "Train": "TRAIN-ROLE", "Evaluate": "EVALUATE-ROLE"}
    for step in jobs:
        text = json.dumps(step["Arguments"])
        assert text.count('KmsKeyId": "arn:aws:kms:eu-west-1:000000000000:key/LAKE"') >= 2, step["Name"]


@pytest.mark.parametrize("problem", ["credit", "fraud"])
def test_a_pipeline_asks_for_no_experiment(problem):
    definition = json.loads((FOLDER / f"{problem}.json").read_text())
    assert definition.get("PipelineExperimentConfig") is None


@pytest.mark.parametrize("problem", ["credit", "fraud"])
def test_every_job_of_a_pipeline_says_where_its_network_goes_and_lies_where_terraform_can_take_that_out(problem):
    """A network is an option: where there is none, `modules/learning` leaves out NetworkConfig and VpcConfig of the
    first steps. A job within a branch would keep its placeholders."""
    definition = json.loads((FOLDER / f"{problem}.json").read_text())
    jobs = [step for step in steps(definition["Steps"]) if step["Type"] in ("Processing", "Training")]
    left_open = {"SecurityGroupIds": ["NETWORK-SECURITY-GROUP"], "Subnets": ["NETWORK-SUBNET"]}

    assert jobs == [step for step in definition["Steps"] if step["Type"] in ("Processing", "Training")]
    for step in jobs:
        said = step["Arguments"]["NetworkConfig"] if step["Type"] == "Processing" else step["Arguments"]
        assert said["VpcConfig"] == left_open, step["Name"]
    assert json.dumps(definition).count("NETWORK-SUBNET") == len(jobs)
