"""What the rendered pipelines ask of SageMaker when they run. `make check` holds them to what the code renders."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sagemaker.core.shapes.model_card_shapes import ModelCardContent

from local.sagemaker.pipelines.definition import resolve
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


@pytest.mark.parametrize("problem", ["credit", "fraud"])
def test_a_package_has_a_card_of_awss_form_that_bears_the_figures_and_the_hash_of_its_dossier(problem):
    definition = json.loads((FOLDER / f"{problem}.json").read_text())
    (register,) = [step["Arguments"] for step in steps(definition["Steps"]) if step["Type"] == "RegisterModel"]
    told = {"test": {"auc": 0.75, "ap": 0.5}, "dossier": {"verdict": "warn", "sha256": "ab" * 32}}

    card = resolve(register["ModelCard"], lambda of: f"s3://lake/{of.rpartition('.')[0]}", lambda _: told)

    assert card["ModelCardStatus"] == "PendingReview"
    content = ModelCardContent.model_validate(json.loads(card["ModelCardContent"]))
    (evaluated,) = content.evaluation_details
    assert evaluated.evaluation_observation == "warn"
    (group,) = evaluated.metric_groups
    assert {metric.name: metric.value for metric in group.metric_data} == {"AUC": 0.75, "average precision": 0.5}
    details = content.additional_information.custom_details
    assert details["dossier_sha256"] == "ab" * 32
    assert details["dossier"].startswith("s3://lake/")
    assert details["dossier"].endswith("/dossier.json")
    (archive,) = content.model_overview.model_artifact
    assert archive.endswith("/model.tar.gz")
