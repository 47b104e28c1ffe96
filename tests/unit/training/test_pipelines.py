"""What the rendered pipelines ask of SageMaker when they run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import package


@pytest.fixture(scope="module")
def packaged() -> Path:
    """Where they lie for Terraform. The SDK takes seconds to render them: done once for all tests that deploy."""
    package.main()
    return package.BUILD / "pipelines"


def steps(among: list[dict]) -> Iterator[dict]:
    for step in among:
        yield step
        for branch in ("IfSteps", "ElseSteps"):
            yield from steps(step["Arguments"].get(branch, []))


@pytest.mark.parametrize("problem", ["credit", "fraud"])
def test_a_package_names_no_instance_types_for_the_release_chooses_its_own(packaged, problem):
    definition = json.loads((packaged / f"{problem}.json").read_text())
    (register,) = [step["Arguments"] for step in steps(definition["Steps"]) if step["Type"] == "RegisterModel"]

    assert register["InferenceSpecification"]["Containers"][0]["Image"] == "IMAGE-URI"
    assert not [name for name in register["InferenceSpecification"] if name.endswith("InstanceTypes")]
