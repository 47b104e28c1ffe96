"""A SageMaker server's parts without any AWS around them."""

from __future__ import annotations

import pytest

from local.sagemaker.context import Context
from local.sagemaker.settings import Settings
from local.sagemaker.surroundings import Surroundings


class Nothing:
    """Any service: every call is answered with nothing."""

    def __getattr__(self, name):
        return lambda **members: {}


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings("http://127.0.0.1:9", "eu-west-1", "000000000000", tmp_path, offline_flush_seconds=0.02)


@pytest.fixture
def context(settings):
    context = Context(settings, Surroundings())
    context.aws.client = lambda service: Nothing()
    yield context
    context.closing.set()
    context.close()
