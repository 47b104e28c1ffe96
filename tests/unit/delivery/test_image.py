"""An image goes on by its digest."""

from __future__ import annotations

import pytest

from tools.delivery.image import NotByDigest, outputs

DIGEST = "sha256:" + "0a" * 32
NAME = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml"


@pytest.mark.parametrize("reference", [f"{NAME}@{DIGEST}", f"{NAME}:1@{DIGEST}\n", f" {NAME}:v1.2-x@{DIGEST}"])
def test_the_outputs_name_the_image_without_its_tag(reference):
    assert outputs(reference) == f"name={NAME}\ndigest={DIGEST}\nimage={NAME}@{DIGEST}"


def test_a_registry_with_a_port_keeps_it():
    assert outputs(f"localhost:5000/ml:1@{DIGEST}").splitlines()[0] == "name=localhost:5000/ml"


@pytest.mark.parametrize("reference", [NAME, f"{NAME}:1", f"{NAME}@sha256:0a", "", f"x@{DIGEST}\nimage=y"])
def test_a_tag_is_not_enough(reference):
    with pytest.raises(NotByDigest):
        outputs(reference)
