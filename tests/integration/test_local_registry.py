"""ECR of the local AWS: what stands for an image that nobody pushed, and what does not."""

from __future__ import annotations

import boto3
import pytest

import local


@pytest.fixture(scope="module")
def ecr(tmp_path_factory):
    with local.running(tmp_path_factory.mktemp("aws"), port=0) as aws:
        yield boto3.client(
            "ecr",
            endpoint_url=aws.endpoint_url,
            region_name=aws.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


def described(ecr, repository: str, tag: str) -> list[dict]:
    return ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]


def test_an_empty_repository_of_ours_holds_this_machines_environment_under_every_tag(ecr):
    ecr.create_repository(repositoryName="risk-a-ml")
    (one,), (other,) = described(ecr, "risk-a-ml", "1"), described(ecr, "risk-a-ml", "2")
    assert one["imageDigest"] == other["imageDigest"]
    assert one["imageTags"] == ["1"]


def test_once_something_was_pushed_another_tag_is_not_there(ecr):
    ecr.create_repository(repositoryName="risk-b-ml")
    ecr.put_image(repositoryName="risk-b-ml", imageManifest="{}", imageTag="1")
    assert described(ecr, "risk-b-ml", "1")
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        described(ecr, "risk-b-ml", "2")


def test_a_repository_of_another_kind_holds_only_what_was_pushed(ecr):
    ecr.create_repository(repositoryName="other")
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        described(ecr, "other", "1")
