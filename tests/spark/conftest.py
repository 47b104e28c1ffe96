"""What the tests of jobs and transforms may use."""

from __future__ import annotations

import pytest

from tests.plain import PLAINLY
from tests.spark.bank import Bank


@pytest.fixture(scope="module", autouse=True)
def plainly(spark):
    """Spark as PLAINLY says, while a module of this folder is tested."""
    usual = {name: spark.conf.get(name) for name in PLAINLY}
    for name, value in PLAINLY.items():
        spark.conf.set(name, value)
    yield
    for name, value in usual.items():
        spark.conf.set(name, value)


@pytest.fixture
def bank(spark, tmp_path):
    return Bank(spark, tmp_path)
