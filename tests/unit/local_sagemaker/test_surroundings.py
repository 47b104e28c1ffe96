"""The server alone, and what it believes of an AWS around it."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from local.sagemaker import images
from local.sagemaker.aws import Aws
from local.sagemaker.context import Context
from local.sagemaker.errors import ApiError
from local.sagemaker.featurestore.groups import FeatureGroups
from local.sagemaker.hosting.models import Models
from local.sagemaker.jobs.lifecycle import Places
from local.sagemaker.jobs.training import TrainingJobs
from local.sagemaker.pipelines.api import Pipelines
from local.sagemaker.pipelines.definition import Step
from local.sagemaker.pipelines.steps import StepFailed, StepRunner
from local.sagemaker.registry import Registry
from local.sagemaker.surroundings import Surroundings
from tools.package import ROOT

ROLE = "arn:aws:iam::000000000000:role/for-glue-only"


def test_nothing_of_an_emulator_is_imported_with_the_server_its_app_and_its_fixture():
    code = """
import sys
import local.sagemaker.app, local.sagemaker.pytest_plugin
print([name for name in sys.modules if name.startswith(("ministack", "local.plugins", "local.server"))])
"""
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "[]"


@pytest.fixture
def choosy(settings):
    """A server's parts in an AWS where no role trusts SageMaker and no image was pushed."""
    surroundings = Surroundings(trusts=lambda role: False, has_image=lambda image: False)
    context = Context(settings, surroundings)
    yield context
    context.closing.set()
    context.close()


def test_a_role_that_does_not_trust_sagemaker_is_refused_by_all_that_take_one(choosy):
    places = Places(1)
    models = Models(choosy, Registry(choosy))
    types = [{"FeatureName": name, "FeatureType": "String"} for name in ("id", "at")]
    group = {"FeatureGroupName": "g", "RecordIdentifierFeatureName": "id", "EventTimeFeatureName": "at"}
    group |= {"FeatureDefinitions": types, "OnlineStoreConfig": {"EnableOnlineStore": True}}
    algorithm = {"TrainingImage": "x-ml:1", "TrainingInputMode": "File"}
    for create, request in (
        (TrainingJobs(choosy, places).create, {"TrainingJobName": "t", "AlgorithmSpecification": algorithm}),
        (FeatureGroups(choosy, None).create_feature_group, group),
        (Pipelines(choosy, None).create_pipeline, {"PipelineName": "p"}),
    ):
        with pytest.raises(ApiError, match=f"Could not assume role {ROLE}.*'sagemaker.amazonaws.com'"):
            create({**request, "RoleArn": ROLE})
    with pytest.raises(ApiError, match="Could not assume role"):
        models.create_model({"ModelName": "m", "PrimaryContainer": {"Image": "x-ml:1"}, "ExecutionRoleArn": ROLE})
    places.close()


def test_a_model_of_an_image_that_was_not_pushed_or_that_nothing_here_stands_for_is_refused(choosy):
    models = Models(choosy, Registry(choosy))
    for image, said in (("x-ml:1", "not found. Its repository has no such image: push it"), ("python:3", "stands in")):
        with pytest.raises(ApiError, match=said):
            models.create_model({"ModelName": "m", "PrimaryContainer": {"Image": image}})


def test_a_step_and_an_image_that_a_role_may_not_have_fail_with_what_iam_said(settings):
    def denied(*asked: object) -> None:
        raise PermissionError("User: x is not authorized")

    context = Context(settings, Surroundings(asks=denied, pulls=denied))
    step = Step("Register", "RegisterModel", {"Arguments": {}}, None, frozenset())
    runner = StepRunner(context, {}, Models(context, Registry(context)), Registry(context))
    try:
        with pytest.raises(StepFailed, match=r"CreateModelPackage.*User: x is not authorized"):
            runner.run(step, "execution", ROLE, lambda value: value, threading.Event(), lambda metadata: None)
        with pytest.raises(images.ImageUnavailable, match=r"Cannot pull image x-ml:1.*User: x is not authorized"):
            images.command("x-ml:1", None, None, "train", context.surroundings, ROLE)
    finally:
        context.closing.set()
        context.close()


def test_a_client_of_a_role_has_its_session_and_any_other_the_server_s_own_key(settings):
    session = {"AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
    aws = Aws(settings, lambda role: session if role == ROLE else {})

    def keys(role: str | None) -> tuple:
        return aws.client("s3", role)._request_signer._credentials.get_frozen_credentials()

    assert tuple(keys(ROLE))[:3] == ("ASIA1", "secret", "token")
    assert keys(None).access_key == keys("arn:aws:iam::1:role/other").access_key == settings.access_key
